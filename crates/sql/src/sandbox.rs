//! A real database in a file of its own for the tests: the tables of a small business, and requests as paths.

use crate::database::{Database, DatabaseConfig};
use crate::dialect::sqlite::Location;
use crate::extras::{Extra, MemoryExtras};
use crate::outbox::Followup;
use crate::records::{Caller, NoRule, RecordRequest, RecordRule, RowFilters, handle};
use crate::relations::{RelatedTables, SameDatabase};
use crate::schema::{self, Member, SchemaCaller, SchemaRequest};
use antiphon_model::{Error, Limits, Object, Result, Value, Verb, VerbMask, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The user who asks.
pub const USER: i64 = 7;

pub struct Sandbox {
    pub database: Arc<Database>,
    pub row_filters: RowFilters,
    pub rule: &'static dyn RecordRule,
    pub followup: Option<&'static dyn Followup>,
    path: PathBuf,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _gone = std::fs::remove_file(format!("{}{end}", self.path.display()));
        }
    }
}

impl Sandbox {
    pub fn empty() -> Sandbox {
        Sandbox::open(|_| {}, Vec::new())
    }

    pub fn open(configure: impl FnOnce(&mut DatabaseConfig), extras: Vec<Extra>) -> Sandbox {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("antiphon-sql-{}-{number}.sqlite3", std::process::id()));
        let mut config = DatabaseConfig::at(Location::File(path.clone()));
        configure(&mut config);
        let database = Database::open(config, Arc::new(MemoryExtras::new(extras)), &Limits::default()).unwrap();
        Sandbox { database, row_filters: RowFilters::new(), rule: &NoRule, followup: None, path }
    }

    /// Accounts, contacts, their addresses and groups, and a list of things to do.
    pub fn with_tables() -> Sandbox {
        Sandbox::empty().fill()
    }

    pub fn fill(self) -> Sandbox {
        self.run(
            "CREATE TABLE account (id integer PRIMARY KEY AUTOINCREMENT, name varchar(64) NOT NULL UNIQUE, balance decimal(10,2));
             CREATE TABLE contact (id integer PRIMARY KEY AUTOINCREMENT, name varchar(40) NOT NULL, age integer,
                account_id integer REFERENCES account(id) ON DELETE SET NULL);
             CREATE TABLE info (id integer PRIMARY KEY AUTOINCREMENT, phone varchar(32) NOT NULL,
                contact_id integer REFERENCES contact(id) ON DELETE CASCADE);
             CREATE TABLE badge (code varchar(10) PRIMARY KEY, contact_id integer UNIQUE REFERENCES contact(id));
             CREATE TABLE team (id integer PRIMARY KEY AUTOINCREMENT, title varchar(20) NOT NULL);
             CREATE TABLE member (id integer PRIMARY KEY AUTOINCREMENT, contact_id integer NOT NULL REFERENCES contact(id),
                team_id integer NOT NULL REFERENCES team(id));
             CREATE TABLE todo (id integer PRIMARY KEY AUTOINCREMENT, name varchar(80) NOT NULL, complete tinyint(1) NOT NULL DEFAULT 0,
                priority integer NOT NULL DEFAULT 1, note text, owner_id integer);
             INSERT INTO account (name, balance) VALUES ('Acme', 100.5), ('Globex', 0);
             INSERT INTO contact (name, age, account_id) VALUES ('Jon', 24, 1), ('Arya', 18, 1), ('Tyrion', 39, 2), ('Sansa', NULL, NULL);
             INSERT INTO info (phone, contact_id) VALUES ('555-1', 1), ('555-2', 1), ('555-3', 2);
             INSERT INTO badge VALUES ('B1', 1);
             INSERT INTO team (title) VALUES ('North'), ('Kings');
             INSERT INTO member (contact_id, team_id) VALUES (1, 1), (2, 1), (1, 2);
             INSERT INTO todo (name, priority, complete, owner_id) VALUES ('one', 1, 0, 7), ('two', 2, 1, 7), ('three', 2, 0, 8),
                ('four', 3, 1, 8), ('five', 3, 0, NULL);",
        );
        self
    }

    /// Runs SQL behind the product's back.
    pub fn run(&self, sql: &str) {
        self.database.backend().writer().unwrap().run(sql).unwrap();
        self.database.refresh();
    }

    pub fn get(&self, path: &str) -> Value {
        self.call(Verb::Get, path, Value::Null).unwrap()
    }

    pub fn post(&self, path: &str, payload: Value) -> Value {
        self.call(Verb::Post, path, payload).unwrap()
    }

    pub fn patch(&self, path: &str, payload: Value) -> Value {
        self.call(Verb::Patch, path, payload).unwrap()
    }

    pub fn delete(&self, path: &str) -> Value {
        self.call(Verb::Delete, path, Value::Null).unwrap()
    }

    /// The error of a request that must fail.
    pub fn refused(&self, verb: Verb, path: &str, payload: Value) -> Error {
        self.call(verb, path, payload).unwrap_err()
    }

    /// A request for records: `table[/id][?name=value&...]`, or for structure: `_schema/...`.
    pub fn call(&self, verb: Verb, path: &str, payload: Value) -> Result<Value> {
        let lookups = |name: &str, _private: bool| (name == "user.id").then(|| USER.to_string());
        let related = SameDatabase { database: &self.database, lookups: &lookups };
        self.call_with(verb, path, payload, &related)
    }

    pub fn call_with(&self, verb: Verb, path: &str, payload: Value, related: &dyn RelatedTables) -> Result<Value> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parameters: Object = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        let parts: Vec<&str> = path.splitn(4, '/').collect();
        if parts[0] == "_schema" {
            let member = match (parts.get(2), parts.get(3)) {
                (Some(&"_field"), name) => Some(Member::Field(name.copied())),
                (Some(&"_related"), name) => Some(Member::Relation(name.copied())),
                _ => None,
            };
            let table = parts.get(1).copied();
            let request = SchemaRequest { verb, table, member, parameters: &parameters, payload: &payload };
            return schema::handle(&self.database, &request, &SchemaCaller { is_admin: true, ..anybody() });
        }
        let lookups = |name: &str, _private: bool| (name == "user.id").then(|| USER.to_string());
        let caller = Caller {
            lookups: &lookups,
            user_id: Some(USER),
            row_filters: self.row_filters.clone(),
            related,
            rule: self.rule,
            is_admin: self.row_filters.is_empty(),
            followup: self.followup,
        };
        let (table, id) = path.split_once('/').map_or((path, None), |(table, id)| (table, Some(id)));
        let request = RecordRequest { verb, table, id, parameters: &parameters, payload: &payload };
        handle(&self.database, &request, &caller)
    }
}

/// Somebody who may use every table and knows one other service, number 12.
pub fn anybody() -> SchemaCaller<'static> {
    SchemaCaller {
        access: &|_| VerbMask::ALL,
        is_admin: false,
        service_name: &|id| (id == 12).then(|| "crm".to_owned()),
    }
}

/// The values of one field over the records of an answer.
pub fn column(answer: &Value, name: &str) -> Vec<Value> {
    answer["resource"].as_array().unwrap().iter().map(|record| record[name].clone()).collect()
}
