//! SQL text under construction: identifiers quoted, values bound, never spliced.

use antiphon_model::Value;

/// A value on its way into the database.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Bound {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl From<Option<i64>> for Bound {
    fn from(value: Option<i64>) -> Bound {
        value.map_or(Bound::Null, Bound::Integer)
    }
}

impl From<&Value> for Bound {
    /// The natural binding of a JSON value; arrays and objects as compact JSON text.
    fn from(value: &Value) -> Bound {
        match value {
            Value::Null => Bound::Null,
            Value::Bool(value) => Bound::Boolean(*value),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => Bound::Integer(integer),
                None => Bound::Real(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => Bound::Text(text.clone()),
            other => Bound::Text(other.to_string()),
        }
    }
}

/// What differs between databases in the text of a statement.
pub trait Dialect: Send + Sync {
    /// Appends an identifier, quoted, with quote characters inside doubled.
    fn identifier(&self, sql: &mut String, name: &str);
    /// Appends the placeholder of the value with this one-based position.
    fn placeholder(&self, sql: &mut String, position: usize);
}

/// A statement under construction.
pub struct Statement<'d> {
    dialect: &'d dyn Dialect,
    sql: String,
    values: Vec<Bound>,
}

impl<'d> Statement<'d> {
    /// An empty statement.
    pub fn new(dialect: &'d dyn Dialect) -> Statement<'d> {
        Statement { dialect, sql: String::with_capacity(128), values: Vec::new() }
    }

    /// Appends text of our own; never text of a client's.
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Appends a quoted identifier.
    pub fn identifier(&mut self, name: &str) -> &mut Self {
        self.dialect.identifier(&mut self.sql, name);
        self
    }

    /// Appends a placeholder and keeps its value.
    pub fn bind(&mut self, value: impl Into<Bound>) -> &mut Self {
        self.values.push(value.into());
        self.dialect.placeholder(&mut self.sql, self.values.len());
        self
    }

    /// Keeps a value whose placeholder is already in the text.
    pub fn attach(&mut self, value: impl Into<Bound>) -> &mut Self {
        self.values.push(value.into());
        self
    }

    /// The dialect that it is written in.
    pub fn dialect(&self) -> &'d dyn Dialect {
        self.dialect
    }

    /// Appends items with `, ` between.
    pub fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut item: impl FnMut(&mut Self, T)) -> &mut Self {
        for (index, each) in items.into_iter().enumerate() {
            if index > 0 {
                self.sql.push_str(", ");
            }
            item(self, each);
        }
        self
    }

    /// The text so far.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The bound values in order.
    pub fn values(&self) -> &[Bound] {
        &self.values
    }
}
