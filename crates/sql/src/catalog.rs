//! What is known of a database: tables, fields, relations (reference: database-service 3, 4, 15.1).

use crate::schema::labels::label;
use antiphon_model::{Object, Value};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::sync::Arc;

/// The type of a field on the wire (4.1), with what the product knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are the wire names of section 4.1")]
pub enum FieldType {
    Id,
    String,
    Text,
    Integer,
    Bigint,
    Boolean,
    Decimal,
    Double,
    Float,
    Money,
    Date,
    Time,
    Datetime,
    Timestamp,
    TimestampOnCreate,
    TimestampOnUpdate,
    UserId,
    UserIdOnCreate,
    UserIdOnUpdate,
    Reference,
    Binary,
    Json,
    Uuid,
}

impl FieldType {
    /// The wire names, aliases included; the first name of a type is the one that is written.
    const NAMES: [(&'static str, FieldType); 43] = [
        ("id", FieldType::Id),
        ("pk", FieldType::Id),
        ("smallid", FieldType::Id),
        ("mediumid", FieldType::Id),
        ("bigid", FieldType::Id),
        ("string", FieldType::String),
        ("text", FieldType::Text),
        ("mediumtext", FieldType::Text),
        ("longtext", FieldType::Text),
        ("integer", FieldType::Integer),
        ("tinyint", FieldType::Integer),
        ("smallint", FieldType::Integer),
        ("mediumint", FieldType::Integer),
        ("int", FieldType::Integer),
        ("bigint", FieldType::Bigint),
        ("boolean", FieldType::Boolean),
        ("bool", FieldType::Boolean),
        ("decimal", FieldType::Decimal),
        ("numeric", FieldType::Decimal),
        ("double", FieldType::Double),
        ("float", FieldType::Float),
        ("money", FieldType::Money),
        ("date", FieldType::Date),
        ("time", FieldType::Time),
        ("timetz", FieldType::Time),
        ("datetime", FieldType::Datetime),
        ("datetimetz", FieldType::Datetime),
        ("timestamp", FieldType::Timestamp),
        ("timestamptz", FieldType::Timestamp),
        ("timestamp_on_create", FieldType::TimestampOnCreate),
        ("timestamp_on_update", FieldType::TimestampOnUpdate),
        ("user_id", FieldType::UserId),
        ("user_id_on_create", FieldType::UserIdOnCreate),
        ("user_id_on_update", FieldType::UserIdOnUpdate),
        ("reference", FieldType::Reference),
        ("fk", FieldType::Reference),
        ("binary", FieldType::Binary),
        ("blob", FieldType::Binary),
        ("json", FieldType::Json),
        ("jsonb", FieldType::Json),
        ("array", FieldType::Json),
        ("object", FieldType::Json),
        ("uuid", FieldType::Uuid),
    ];

    /// The type of that wire name, in any case.
    pub fn parse(name: &str) -> Option<FieldType> {
        Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
    }

    /// Its wire name.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("string", |(name, _)| name)
    }

    /// Whether its values are whole numbers.
    pub fn is_integer(self) -> bool {
        matches!(
            self,
            FieldType::Id
                | FieldType::Integer
                | FieldType::Bigint
                | FieldType::UserId
                | FieldType::UserIdOnCreate
                | FieldType::UserIdOnUpdate
                | FieldType::Reference
        )
    }

    /// Whether the server sets its values itself, whatever the client sends (14.2).
    pub fn is_automatic(self) -> bool {
        matches!(
            self,
            FieldType::TimestampOnCreate
                | FieldType::TimestampOnUpdate
                | FieldType::UserIdOnCreate
                | FieldType::UserIdOnUpdate
        )
    }
}

/// One column, or a virtual field.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Column name.
    pub name: String,
    /// Name on the wire, when another.
    pub alias: Option<String>,
    /// Label for people.
    pub label: String,
    /// Text for people.
    pub description: Option<String>,
    /// Type on the wire.
    pub kind: FieldType,
    /// Type as declared in the database.
    pub db_type: String,
    /// Declared length or display width.
    pub length: Option<u32>,
    /// Declared digits.
    pub precision: Option<u32>,
    /// Declared digits after the point.
    pub scale: Option<u32>,
    /// Declared default: a literal's value, or `{"expression": "..."}`.
    pub default: Value,
    /// Whether a record without it is refused.
    pub required: bool,
    /// Whether null may be stored.
    pub allow_null: bool,
    /// The database makes its values.
    pub auto_increment: bool,
    /// Part of the primary key.
    pub is_primary_key: bool,
    /// Alone in a unique constraint.
    pub is_unique: bool,
    /// Leads an index.
    pub is_index: bool,
    /// Where it refers to.
    pub foreign_key: Option<ForeignKey>,
    /// Allowed values.
    pub picklist: Option<Vec<String>>,
    /// Checks on writing (14.3).
    pub validation: Option<Object>,
    /// Free data of clients.
    pub client_info: Value,
    /// SQL wrapped around the column (5.2): list of `{use, function, function_type}`.
    pub db_function: Option<Value>,
    /// Not stored; a `db_function` computes it.
    pub is_virtual: bool,
    /// Only answered when named.
    pub is_aggregate: bool,
    /// Never answered and never filtered by: secrets of the system's own tables.
    pub is_hidden: bool,
    /// Stored encrypted: answered, but never compared, ordered or grouped by.
    pub is_sealed: bool,
}

impl Field {
    /// A field of which nothing is known but name and type: it may be null, need not be given, and is labelled by its name.
    pub fn new(name: &str, kind: FieldType) -> Field {
        Field {
            name: name.to_owned(),
            alias: None,
            label: label(name),
            description: None,
            kind,
            db_type: String::new(),
            length: None,
            precision: None,
            scale: None,
            default: Value::Null,
            required: false,
            allow_null: true,
            auto_increment: false,
            is_primary_key: false,
            is_unique: false,
            is_index: false,
            foreign_key: None,
            picklist: None,
            validation: None,
            client_info: Value::Null,
            db_function: None,
            is_virtual: false,
            is_aggregate: false,
            is_hidden: false,
            is_sealed: false,
        }
    }

    /// Name on the wire.
    pub fn wire_name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

/// What a column refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Table.
    pub table: String,
    /// Column there.
    pub field: String,
    /// `NO ACTION`, `CASCADE`, `SET NULL` ...
    pub on_update: String,
    /// Likewise.
    pub on_delete: String,
}

/// How two tables belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the field's own terms")]
pub enum RelationType {
    BelongsTo,
    HasOne,
    HasMany,
    ManyMany,
}

impl RelationType {
    /// Its wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            RelationType::BelongsTo => "belongs_to",
            RelationType::HasOne => "has_one",
            RelationType::HasMany => "has_many",
            RelationType::ManyMany => "many_many",
        }
    }
}

/// A relation of a table to another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Generated name, such as `contact_info_by_contact_id`.
    pub name: String,
    /// Name on the wire, when another.
    pub alias: Option<String>,
    /// Label for people.
    pub label: String,
    /// Text for people.
    pub description: Option<String>,
    /// Kind.
    pub kind: RelationType,
    /// Columns of this table.
    pub fields: Vec<String>,
    /// The other table.
    pub ref_table: String,
    /// Columns there, as many.
    pub ref_fields: Vec<String>,
    /// Service of the other table; none = this one.
    pub ref_service_id: Option<i64>,
    /// What the constraint does.
    pub ref_on_update: Option<String>,
    /// Likewise.
    pub ref_on_delete: Option<String>,
    /// The table in between (`many_many`).
    pub junction: Option<Junction>,
    /// Stored and described, without effect on reading (5.1).
    pub flatten: bool,
    /// Likewise.
    pub flatten_drop_prefix: bool,
    /// Made by an administrator, not by a constraint.
    pub is_virtual: bool,
    /// Read even when nobody asks.
    pub always_fetch: bool,
}

impl Relation {
    /// Name on the wire.
    pub fn wire_name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

/// The table between two others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Junction {
    /// Table.
    pub table: String,
    /// Its column that refers to this table.
    pub field: String,
    /// Its column that refers to the other table.
    pub ref_field: String,
}

/// A table or view.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Name in the database.
    pub name: String,
    /// Name on the wire of records, when another.
    pub alias: Option<String>,
    /// Label for people.
    pub label: String,
    /// Plural of the label.
    pub plural: String,
    /// Text for people.
    pub description: Option<String>,
    /// Field that names a record.
    pub name_field: Option<String>,
    /// A view.
    pub is_view: bool,
    /// Column names of the primary key, in its order.
    pub primary_key: Vec<String>,
    /// Fields in declared order.
    pub fields: Vec<Field>,
    /// Relations in discovery order.
    pub relations: Vec<Relation>,
    /// Constraints by lower-case name, as described on the wire.
    pub constraints: IndexMap<String, Value>,
}

impl Table {
    /// Name on the wire of records.
    pub fn wire_name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }

    /// The field of that name or alias, in any case; hidden fields are not found.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| !field.is_hidden && same(field.wire_name(), name))
            .or_else(|| self.fields.iter().find(|field| !field.is_hidden && same(&field.name, name)))
    }

    /// The field of that name or alias, if what it holds may be compared: by a filter, an order, a group, an expression.
    pub fn comparable_field(&self, name: &str) -> Option<&Field> {
        self.field(name).filter(|field| !field.is_sealed)
    }

    /// The relation of that name or alias, in any case.
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| same(relation.wire_name(), name))
    }
}

/// Every table, found by its names.
#[derive(Debug, Default)]
pub struct Catalog {
    tables: Vec<Arc<Table>>,
    by_name: HashMap<String, usize>,
    by_wire_name: HashMap<String, usize>,
}

impl Catalog {
    /// A catalogue of these tables, in this order.
    pub fn new(tables: Vec<Table>) -> Catalog {
        let tables: Vec<Arc<Table>> = tables.into_iter().map(Arc::new).collect();
        let index = |name: fn(&Table) -> &str| {
            tables.iter().enumerate().map(|(position, table)| (name(table).to_ascii_lowercase(), position)).collect()
        };
        Catalog { by_name: index(|table| &table.name), by_wire_name: index(Table::wire_name), tables }
    }

    /// The tables in listing order.
    pub fn tables(&self) -> &[Arc<Table>] {
        &self.tables
    }

    /// The table of that name in the database, in any case.
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        find(&self.by_name, name).map(|position| &self.tables[position])
    }

    /// The table that records are reached by under that name, in any case: the alias where there is one.
    pub fn table_by_wire_name(&self, name: &str) -> Option<&Arc<Table>> {
        find(&self.by_wire_name, name).map(|position| &self.tables[position])
    }
}

/// Only ASCII letters have a case here, as in the databases and in the components of roles: a letter that merely folds to one
/// of them must not name a table that a role's row doesn't name by it.
fn find(names: &HashMap<String, usize>, name: &str) -> Option<usize> {
    names.get(name).or_else(|| names.get(name.to_ascii_lowercase().as_str())).copied()
}

fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}
