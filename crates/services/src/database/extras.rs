//! What a service's database can't hold of its own tables, kept in the system database.

use crate::system::SystemStore;
use antiphon_model::{Error, Object, Result};
use antiphon_sql::extras::{Extra, Extras, Subject};
use antiphon_sql::statement::Bound;
use antiphon_sql::value::Stored;
use std::sync::Arc;

/// The extras of one database service.
pub struct SystemExtras {
    store: Arc<SystemStore>,
    service_id: i64,
}

impl SystemExtras {
    /// Those of the service with that identifier.
    pub fn new(store: Arc<SystemStore>, service_id: i64) -> SystemExtras {
        SystemExtras { store, service_id }
    }
}

impl Extras for SystemExtras {
    fn load(&self) -> Result<Vec<Extra>> {
        let mut extras = Vec::new();
        self.store.database().query(
            "SELECT table_name, subject, name, details FROM database_extra WHERE service_id = ? ORDER BY rowid",
            &[Bound::Integer(self.service_id)],
            &mut |row| {
                let text = |column| match row.stored(column) {
                    Stored::Text(text) => text.to_owned(),
                    _ => String::new(),
                };
                let values: Object = serde_json::from_str(&text(3))
                    .map_err(|error| Error::internal("What is known of a table is damaged.", error))?;
                extras.push(Extra { table: text(0), subject: subject(&text(1), text(2)), values });
                Ok(())
            },
        )?;
        Ok(extras)
    }

    fn store(&self, extra: Extra) -> Result<()> {
        let (subject, name) = spelled(&extra.subject);
        let key = [
            Bound::Integer(self.service_id),
            Bound::Text(extra.table.clone()),
            Bound::Text(subject.to_owned()),
            Bound::Text(name.to_owned()),
        ];
        if extra.values.is_empty() {
            self.store.database().execute(
                "DELETE FROM database_extra WHERE service_id = ? AND table_name = ? AND subject = ? AND name = ?",
                &key,
            )?;
            return Ok(());
        }
        let values = Bound::Text(serde_json::Value::Object(extra.values).to_string());
        self.store.database().execute(
            "INSERT OR REPLACE INTO database_extra (service_id, table_name, subject, name, details) VALUES (?, ?, ?, ?, ?)",
            &[&key[..], &[values]].concat(),
        )?;
        Ok(())
    }

    fn forget_table(&self, table: &str) -> Result<()> {
        self.store.database().execute(
            "DELETE FROM database_extra WHERE service_id = ? AND table_name = ?",
            &[Bound::Integer(self.service_id), Bound::Text(table.to_owned())],
        )?;
        Ok(())
    }
}

fn spelled(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::Table => ("table", ""),
        Subject::Field(name) => ("field", name),
        Subject::Relation(name) => ("relation", name),
    }
}

fn subject(kind: &str, name: String) -> Subject {
    match kind {
        "field" => Subject::Field(name),
        "relation" => Subject::Relation(name),
        _ => Subject::Table,
    }
}
