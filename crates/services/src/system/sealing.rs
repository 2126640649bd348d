//! Which columns of the system database are stored encrypted, and keeping them so.

use super::store::{SystemStore, integer, required_text};
use crate::vault::Vault;
use antiphon_model::{Error, Object, Result, Value};
use antiphon_sql::database::Database;
use antiphon_sql::statement::Bound;

/// Columns whose values are sealed: what services need to know to reach others, and the values of lookups.
pub(super) const SEALED: [(&str, &str); 2] = [("service", "config"), ("lookup", "value")];

/// Row of the table `instance` that tells whether the key is the right one: a known text, sealed.
const PROOF: &str = "vault";
const PROOF_TEXT: &str = "This text can be read with the right key.";

fn purpose(table: &str, column: &str) -> String {
    format!("{table}.{column}")
}

fn columns<'t>(table: &'t str) -> impl Iterator<Item = &'static str> + 't {
    SEALED.iter().filter(move |(known, _)| *known == table).map(|(_, column)| *column)
}

/// Seals what a record is about to store.
///
/// # Errors
/// When the system has no random numbers.
pub(super) fn seal(vault: &Vault, table: &str, record: &mut Object) -> Result<()> {
    for column in columns(table) {
        let Some(value) = record.get_mut(column).filter(|value| !value.is_null()) else { continue };
        let sealed = match value.as_str() {
            Some(text) => vault.seal(&purpose(table, column), text),
            None => vault.seal(&purpose(table, column), &value.to_string()),
        };
        *value = Value::String(sealed?);
    }
    Ok(())
}

/// Opens what was read of a table. What can't be read becomes null, so that the record can be looked at and repaired.
pub(super) fn open(vault: &Vault, table: &str, row: &mut Object) {
    for column in columns(table) {
        let Some(value) = row.get_mut(column) else { continue };
        let Some(sealed) = value.as_str() else { continue };
        *value = match vault.open(&purpose(table, column), sealed) {
            Ok(plain) => Value::String(plain),
            Err(error) => {
                tracing::error!(%error, table, column, "a stored secret is damaged; store it again");
                Value::Null
            }
        };
    }
}

impl SystemStore {
    /// The plain text of a stored value.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn opened(&self, table: &str, column: &str, stored: &str) -> Result<String> {
        self.vault().open(&purpose(table, column), stored)
    }
}

/// Whether the database holds anything sealed.
///
/// # Errors
/// When it can't be read.
pub(super) fn is_in_use(database: &Database) -> Result<bool> {
    Ok(proof(database)?.is_some())
}

fn proof(database: &Database) -> Result<Option<String>> {
    let mut found = None;
    let sql = "SELECT value FROM instance WHERE name = ?";
    database.query(sql, &[Bound::Text(PROOF.to_owned())], &mut |row| {
        found = Some(required_text(row, 0));
        Ok(())
    })?;
    Ok(found)
}

/// Makes sure that the key is the one that the database was sealed with, and seals what is not sealed yet: everything, the
/// first time. Afterwards the file holds no trace of the plain values.
///
/// # Errors
/// When the key is another one; nothing is changed then.
pub(super) fn establish(database: &Database, vault: &Vault) -> Result<()> {
    if proof(database)?.is_none() {
        // Another server over the same data may be starting, too: the first one's proof is everybody's.
        let values = [PROOF.to_owned(), vault.seal(PROOF, PROOF_TEXT)?].map(Bound::Text);
        database.execute("INSERT INTO instance (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", &values)?;
    }
    vault.open(PROOF, &proof(database)?.unwrap_or_default()).map_err(|_| wrong_key())?;
    let mut sealed = 0;
    for (table, column) in SEALED {
        sealed += seal_column(database, vault, table, column)?;
    }
    if sealed > 0 {
        // Rows that were written over stay in free pages and in the write-ahead log until somebody needs the room.
        if let Err(error) = database.run("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);") {
            tracing::warn!(%error, "free pages of the system database may still hold secrets; run VACUUM on it");
        }
        tracing::info!(sealed, "secrets of the system database are encrypted now");
    }
    Ok(())
}

fn seal_column(database: &Database, vault: &Vault, table: &str, column: &str) -> Result<usize> {
    let mut plain = Vec::new();
    database.query(&format!("SELECT id, {column} FROM {table} WHERE {column} IS NOT NULL"), &[], &mut |row| {
        plain.push((integer(row, 0), required_text(row, 1)));
        Ok(())
    })?;
    plain.retain(|(_, value)| !Vault::is_sealed(value));
    for (id, value) in &plain {
        let sealed = vault.seal(&purpose(table, column), value)?;
        let sql = format!("UPDATE {table} SET {column} = ? WHERE id = ? AND {column} = ?");
        database.execute(&sql, &[Bound::Text(sealed), Bound::Integer(*id), Bound::Text(value.clone())])?;
    }
    Ok(plain.len())
}

fn wrong_key() -> Error {
    Error::new(
        500,
        "The secrets in the system database were encrypted with another key than the one in the secret key file. Put the \
         file that belongs to this data folder back in its place (secret.key in the data folder, or where secret_key_file \
         says). Nothing was changed",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::schema;
    use antiphon_gateway::identity::Secret;
    use antiphon_model::Limits;
    use antiphon_sql::database::DatabaseConfig;
    use antiphon_sql::dialect::sqlite::Location;
    use std::sync::Arc;

    /// A system database whose secrets are plain, as they were before there was a vault.
    fn plain_database(folder: &std::path::Path) -> Arc<Database> {
        let config = DatabaseConfig::at(Location::File(folder.join("system.sqlite3")));
        let database = Database::open(config, Arc::new(schema::extras()), &Limits::default()).unwrap();
        schema::migrate(&database).unwrap();
        let service = r#"INSERT INTO service (name, type, config) VALUES ('old', 'pgsql', '{"password":"hunter2"}')"#;
        database.run(service).unwrap();
        database.run("INSERT INTO lookup (name, value) VALUES ('a', 'hunter2'), ('b', NULL)").unwrap();
        database
    }

    fn traces(folder: &std::path::Path) -> bool {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.into_iter().any(|bytes| bytes.windows(7).any(|window| window == b"hunter2"))
    }

    #[test]
    fn plain_values_are_sealed_once_and_leave_no_trace_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let database = plain_database(folder.path());
        let vault = Vault::new(&Secret([1; 32])).unwrap();
        assert!(traces(folder.path()) && !is_in_use(&database).unwrap());
        establish(&database, &vault).unwrap();
        assert!(!traces(folder.path()) && is_in_use(&database).unwrap());
        let read = || {
            let mut values = Vec::new();
            let sql = "SELECT config FROM service WHERE name = 'old' UNION ALL SELECT value FROM lookup WHERE value IS NOT NULL";
            let mut each = |row: &dyn antiphon_sql::dialect::Row| {
                values.push(required_text(row, 0));
                Ok(())
            };
            database.query(sql, &[], &mut each).unwrap();
            values
        };
        let sealed = read();
        assert_eq!(vault.open("service.config", &sealed[0]).unwrap(), r#"{"password":"hunter2"}"#);
        assert_eq!(vault.open("lookup.value", &sealed[1]).unwrap(), "hunter2");
        establish(&database, &vault).unwrap();
        assert_eq!(read(), sealed, "what is sealed stays as it is");
        let other = Vault::new(&Secret([2; 32])).unwrap();
        let error = establish(&database, &other).unwrap_err();
        assert!(error.message.contains("another key"), "{error}");
        assert_eq!(read(), sealed, "nothing was changed");
    }
}
