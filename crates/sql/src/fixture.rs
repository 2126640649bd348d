//! What the tests of this crate share: fields, tables, and a real SQLite to ask.

use crate::catalog::{Field, FieldType, Table};
use crate::statement::{Bound, Dialect, Statement};
use rusqlite::Connection;
use rusqlite::types::Value as Sqlite;

/// A plain field that allows null.
pub fn field(name: &str, kind: FieldType) -> Field {
    Field::new(name, kind)
}

/// A table of those fields.
pub fn table(name: &str, fields: Vec<Field>) -> Table {
    Table {
        name: name.to_owned(),
        alias: None,
        label: name.to_owned(),
        plural: name.to_owned(),
        description: None,
        name_field: None,
        is_view: false,
        primary_key: vec!["id".to_owned()],
        fields,
        relations: Vec::new(),
        constraints: indexmap::IndexMap::new(),
    }
}

/// SQLite's quoting and placeholders.
pub struct Quoting;

impl Dialect for Quoting {
    fn identifier(&self, sql: &mut String, name: &str) {
        sql.push('"');
        sql.push_str(&name.replace('"', "\"\""));
        sql.push('"');
    }

    fn placeholder(&self, sql: &mut String, position: usize) {
        sql.push_str(&format!("?{position}"));
    }
}

/// The value as SQLite binds it.
pub fn sqlite_value(bound: &Bound) -> Sqlite {
    match bound {
        Bound::Null => Sqlite::Null,
        Bound::Boolean(value) => Sqlite::Integer(i64::from(*value)),
        Bound::Integer(value) => Sqlite::Integer(*value),
        Bound::Real(value) => Sqlite::Real(*value),
        Bound::Text(text) => Sqlite::Text(text.clone()),
        Bound::Blob(bytes) => Sqlite::Blob(bytes.clone()),
    }
}

/// The integers in the first column of what the statement answers.
pub fn ids(connection: &Connection, statement: &Statement<'_>) -> Vec<i64> {
    let values = statement.values().iter().map(sqlite_value);
    let mut prepared = connection.prepare(statement.sql()).unwrap();
    let rows = prepared.query_map(rusqlite::params_from_iter(values), |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The table of the recorded exchanges: 25 tasks.
pub fn todo() -> Table {
    let mut name = field("name", FieldType::String);
    name.allow_null = false;
    let mut id = field("id", FieldType::Id);
    id.allow_null = false;
    let mut secret = field("secret", FieldType::String);
    secret.is_hidden = true;
    let mut alias = field("weight_kg", FieldType::Decimal);
    alias.alias = Some("gross weight".to_owned());
    table(
        "todo",
        vec![
            id,
            name,
            field("complete", FieldType::Boolean),
            field("priority", FieldType::Integer),
            field("due", FieldType::Datetime),
            field("note", FieldType::Text),
            alias,
            secret,
        ],
    )
}

/// Its rows in a database in memory, declared as the product declares them.
pub fn todo_rows() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE todo (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, name varchar(80) NOT NULL,
                 complete tinyint(1) DEFAULT 0, priority integer DEFAULT 1, due datetime, note text,
                 weight_kg decimal(10,2), secret varchar(255) DEFAULT 'x');
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)
             INSERT INTO todo (name, complete, priority, due, note, weight_kg)
                 SELECT printf('Task %02d', i), i % 3 = 0, i % 5,
                     CASE WHEN i % 2 = 1 THEN printf('2026-01-%02d 08:00:00', i) END,
                     CASE WHEN i % 4 = 0 THEN 'note ' || i END, i * 1.5 - 3
                 FROM n;",
        )
        .unwrap();
    connection
}

/// The identifiers of the rows for which the condition holds.
pub fn ids_where(connection: &Connection, condition: &crate::condition::Condition) -> Vec<i64> {
    let mut statement = Statement::new(&Quoting);
    statement.push("SELECT id FROM todo WHERE ");
    condition.write(&mut statement);
    statement.push(" ORDER BY id");
    ids(connection, &statement)
}
