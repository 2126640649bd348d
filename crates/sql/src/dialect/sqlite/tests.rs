//! Connections: settings, limits, errors.

use super::{Location, Sqlite, SqliteDialect, SqliteOptions};
use crate::dialect::{Backend, Connection};
use crate::error::DatabaseError;
use crate::statement::Statement;
use crate::value::Stored;
use antiphon_model::Limits;

fn memory(statements: &[&str], limits: &Limits) -> Sqlite {
    let statements = statements.iter().map(|text| (*text).to_owned()).collect();
    Sqlite::open(SqliteOptions { location: Location::Memory, statements, read_only: false }, limits).unwrap()
}

fn integer(connection: &dyn Connection, sql: &str) -> Result<i64, DatabaseError> {
    let mut statement = Statement::new(&SqliteDialect);
    statement.push(sql);
    let mut found = 0;
    connection.query(&statement, &mut |row| {
        if let Stored::Integer(value) = row.stored(0) {
            found = value;
        }
        Ok(())
    })?;
    Ok(found)
}

#[test]
fn foreign_keys_are_enforced_and_configured_statements_run_while_blank_ones_are_skipped() {
    let database = memory(&["", "  ", "PRAGMA cache_size=-4321"], &Limits::default());
    let connection = database.writer().unwrap();
    assert_eq!(integer(&*connection, "PRAGMA foreign_keys"), Ok(1));
    assert_eq!(integer(&*connection, "PRAGMA cache_size"), Ok(-4321));
}

#[test]
fn a_statement_that_runs_too_long_is_stopped_and_the_connection_goes_on() {
    let limits = Limits { sql_statement_ms: 30, ..Limits::default() };
    let database = memory(&[], &limits);
    let connection = database.writer().unwrap();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    assert_eq!(integer(&*connection, endless), Err(DatabaseError::TimedOut));
    assert_eq!(integer(&*connection, "SELECT 5"), Ok(5));
}

#[test]
fn identifiers_are_quoted_with_quotes_doubled() {
    let mut statement = Statement::new(&SqliteDialect);
    statement.identifier("a\"b; --");
    assert_eq!(statement.sql(), "\"a\"\"b; --\"");
}

#[test]
fn readers_are_bounded_and_come_back() {
    let path = std::env::temp_dir().join(format!("antiphon-pool-{}.sqlite3", std::process::id()));
    let limits = Limits { sqlite_readers: 2, sqlite_busy_ms: 50, ..Limits::default() };
    let options = SqliteOptions { location: Location::File(path.clone()), statements: Vec::new(), read_only: false };
    let database = Sqlite::open(options, &limits).unwrap();
    let first = database.reader().unwrap();
    let second = database.reader().unwrap();
    assert_eq!(database.reader().err(), Some(DatabaseError::Busy));
    drop(second);
    let third = database.reader().unwrap();
    assert_eq!(integer(&*third, "SELECT 1"), Ok(1));
    assert_eq!(third.run("CREATE TABLE t (a)"), Err(DatabaseError::ReadOnly));
    drop((first, third));
    drop(database);
    for end in ["", "-wal", "-shm"] {
        let _gone = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}

#[test]
fn a_folder_that_is_not_there_is_unreachable() {
    let location = Location::File("/nonexistent/antiphon/x.sqlite3".into());
    let options = SqliteOptions { location, statements: Vec::new(), read_only: false };
    assert!(matches!(Sqlite::open(options, &Limits::default()).err(), Some(DatabaseError::Unreachable(_))));
}
