//! The structure of the system database: its versions, and what the database itself can't say of its columns.

use super::sealing::SEALED;
use antiphon_model::{Object, Result, json};
use antiphon_sql::database::Database;
use antiphon_sql::extras::{Extra, MemoryExtras, Subject};
use antiphon_sql::value::Stored;

/// Each step leads from the version before it to its own: the first makes version 1.
const MIGRATIONS: [&str; 8] = [
    concat!(include_str!("schema.sql"), include_str!("seed.sql")),
    include_str!("migrations/changes.sql"),
    include_str!("migrations/cors_changes.sql"),
    include_str!("migrations/confirmation_codes.sql"),
    include_str!("migrations/limits.sql"),
    include_str!("migrations/script_libraries.sql"),
    include_str!("migrations/linked_scripts.sql"),
    include_str!("migrations/schedules.sql"),
];

/// Columns that no answer shows and no filter can ask about.
const HIDDEN: [(&str, &str); 15] = [
    ("limit_cache", "user_id"),
    ("limit_cache", "ends"),
    ("limit_cache", "announced"),
    ("user", "password"),
    ("user", "security_answer"),
    ("user", "remember_token"),
    ("user", "confirm_code"),
    ("user", "confirm_code_date"),
    ("user", "is_sys_admin"),
    ("user", "token_generation"),
    ("schedule", "last_run_ms"),
    ("schedule", "since_ms"),
    ("event_script", "version"),
    ("event_script", "linked_file"),
    ("event_script", "link_error"),
];

/// Columns that answers show to those who may know them, and that no filter can find out piece by piece.
const INCOMPARABLE: [(&str, &str); 1] = [("app", "api_key")];

/// Tables whose records carry the time of their making and of their last change.
const STAMPED: [&str; 16] = [
    "limits",
    "service",
    "service_doc",
    "role",
    "role_service_access",
    "app",
    "app_group",
    "user",
    "lookup",
    "event_script",
    "schedule",
    "script_library",
    "cors_config",
    "email_template",
    "system_custom",
    "user_custom",
];

/// Brings the database to the newest version; a new one gets its seed rows. One transaction for each step.
///
/// # Errors
/// When a step fails; the database stays at the version before it.
pub(super) fn migrate(database: &Database) -> Result<()> {
    let mut version = 0;
    database.query("PRAGMA user_version", &[], &mut |row| {
        if let Stored::Integer(stored) = row.stored(0) {
            version = usize::try_from(stored).unwrap_or(0);
        }
        Ok(())
    })?;
    for (index, step) in MIGRATIONS.iter().enumerate().skip(version) {
        database.run(&format!("BEGIN IMMEDIATE; {step} PRAGMA user_version = {}; COMMIT;", index + 1))?;
    }
    Ok(())
}

/// What is to be laid over the discovered structure.
pub(super) fn extras() -> MemoryExtras {
    let hidden = HIDDEN.iter().map(|(table, column)| extra(table, column, json!({ "is_hidden": true })));
    let stamps = STAMPED.iter().flat_map(|table| {
        [("created_date", "timestamp_on_create"), ("last_modified_date", "timestamp_on_update")]
            .map(|(column, kind)| extra(table, column, json!({ "extra_type": kind })))
    });
    let sealed =
        SEALED.iter().chain(&INCOMPARABLE).map(|(table, column)| extra(table, column, json!({ "is_sealed": true })));
    MemoryExtras::new(hidden.chain(stamps).chain(sealed).collect())
}

fn extra(table: &str, column: &str, values: antiphon_model::Value) -> Extra {
    let values = match values {
        antiphon_model::Value::Object(values) => values,
        _ => Object::new(),
    };
    Extra { table: table.to_owned(), subject: Subject::Field(column.to_owned()), values }
}
