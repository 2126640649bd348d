//! One SQLite connection: its settings, its statement cache, its time limit.

use super::error::translate;
use super::like;
use super::pool::{Location, Pool, SqliteOptions};
use crate::dialect::{Connection, EachRow, Row};
use crate::error::DatabaseError;
use crate::statement::{Bound, Statement};
use crate::value::Stored;
use crate::watch::Probe;
use parking_lot::ReentrantMutexGuard;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, OpenFlags, ToSql};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Prepared statements kept by each connection: the shapes of requests are few.
const STATEMENT_CACHE: usize = 128;
/// Instructions of SQLite's machine between two looks at the clock: well below a millisecond.
const CLOCK_INTERVAL: i32 = 20_000;
/// Longest statement text: far above what the limits on filters and records allow.
const STATEMENT_BYTES: i32 = 4 << 20;
/// Texts up to this length are transaction control, worth keeping prepared: they frame every record of a batch.
const TRANSACTION_CONTROL: usize = 20;
/// Milliseconds that mean: no statement is running.
const NO_DEADLINE: u64 = u64::MAX;

pub(super) struct SqliteConnection {
    connection: rusqlite::Connection,
    clock: Instant,
    deadline: Arc<AtomicU64>,
    statement_limit: Duration,
}

impl SqliteConnection {
    pub(super) fn open(
        options: &SqliteOptions,
        read_only: bool,
        statement_limit: Duration,
        wait_limit: Duration,
    ) -> Result<SqliteConnection, DatabaseError> {
        let unreachable = |error: rusqlite::Error| DatabaseError::Unreachable(error.to_string());
        let connection = match &options.location {
            Location::Memory => rusqlite::Connection::open_in_memory(),
            Location::File(path) => {
                let access = match read_only {
                    true => OpenFlags::SQLITE_OPEN_READ_ONLY,
                    false => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
                };
                rusqlite::Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            }
        }
        .map_err(unreachable)?;
        let mut opened = SqliteConnection {
            connection,
            clock: Instant::now(),
            deadline: Arc::new(AtomicU64::new(NO_DEADLINE)),
            statement_limit,
        };
        opened.settle(options, read_only, wait_limit).map_err(unreachable)?;
        Ok(opened)
    }

    fn settle(&mut self, options: &SqliteOptions, read_only: bool, wait: Duration) -> rusqlite::Result<()> {
        self.connection.busy_timeout(wait)?;
        self.connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        // Else every new value of a bound LIMIT, pattern or range has the statement compiled again.
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // Else a column that is gone would be read as a text with its name.
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        if !read_only && options.location != Location::Memory {
            self.connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")?;
        }
        self.connection.execute_batch("PRAGMA foreign_keys=1; PRAGMA trusted_schema=0;")?;
        let (clock, deadline) = (self.clock, Arc::clone(&self.deadline));
        let is_over = move || clock.elapsed().as_millis() as u64 >= deadline.load(Ordering::Relaxed);
        like::install(&self.connection, is_over.clone())?;
        for statement in options.statements.iter().filter(|text| !text.trim().is_empty()) {
            self.connection.execute_batch(statement)?;
        }
        self.connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, STATEMENT_BYTES)?;
        self.connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
        self.connection.progress_handler(CLOCK_INTERVAL, Some(is_over))
    }

    fn watch(&self) -> Watch<'_> {
        let end = self.clock.elapsed() + self.statement_limit;
        self.deadline.store(end.as_millis() as u64, Ordering::Relaxed);
        Watch(&self.deadline)
    }

    fn prepare(&self, statement: &Statement<'_>) -> rusqlite::Result<CachedStatement<'_>> {
        let mut prepared = self.connection.prepare_cached(statement.sql())?;
        for (index, value) in statement.values().iter().enumerate() {
            prepared.raw_bind_parameter(index + 1, Parameter(value))?;
        }
        Ok(prepared)
    }
}

/// The deadline of the running statement; no deadline once it is over.
struct Watch<'c>(&'c AtomicU64);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.store(NO_DEADLINE, Ordering::Relaxed);
    }
}

impl Connection for SqliteConnection {
    fn query(&self, statement: &Statement<'_>, each: EachRow<'_>) -> Result<(), DatabaseError> {
        let _watch = self.watch();
        let mut prepared = self.prepare(statement).map_err(translate)?;
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(translate)? {
            each(&SqliteRow(row)).map_err(|error| DatabaseError::Row(Box::new(error)))?;
        }
        Ok(())
    }

    fn execute(&self, statement: &Statement<'_>) -> Result<u64, DatabaseError> {
        let _watch = self.watch();
        let mut prepared = self.prepare(statement).map_err(translate)?;
        prepared.raw_execute().map(|changed| changed as u64).map_err(translate)
    }

    fn run(&self, sql: &str) -> Result<(), DatabaseError> {
        let _watch = self.watch();
        if sql.len() <= TRANSACTION_CONTROL && !sql.contains(';') {
            let mut prepared = self.connection.prepare_cached(sql).map_err(translate)?;
            return prepared.raw_execute().map(drop).map_err(translate);
        }
        self.connection.execute_batch(sql).map_err(translate)
    }
}

impl Probe for SqliteConnection {
    /// SQLite counts the commits of other connections, in this process and in others.
    fn commits(&self) -> Result<i64, DatabaseError> {
        let mut prepared = self.connection.prepare_cached("PRAGMA data_version").map_err(translate)?;
        prepared.query_row([], |row| row.get(0)).map_err(translate)
    }
}

impl Connection for ReentrantMutexGuard<'_, SqliteConnection> {
    fn query(&self, statement: &Statement<'_>, each: EachRow<'_>) -> Result<(), DatabaseError> {
        (**self).query(statement, each)
    }

    fn execute(&self, statement: &Statement<'_>) -> Result<u64, DatabaseError> {
        (**self).execute(statement)
    }

    fn run(&self, sql: &str) -> Result<(), DatabaseError> {
        (**self).run(sql)
    }
}

/// A reader that goes back to its pool.
pub(super) struct Lent<'p> {
    pool: &'p Pool,
    connection: Option<SqliteConnection>,
}

impl<'p> Lent<'p> {
    pub(super) fn new(pool: &'p Pool, connection: SqliteConnection) -> Lent<'p> {
        Lent { pool, connection: Some(connection) }
    }

    fn connection(&self) -> Result<&SqliteConnection, DatabaseError> {
        self.connection.as_ref().ok_or(DatabaseError::Busy)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.give_back(connection);
        }
    }
}

impl Connection for Lent<'_> {
    fn query(&self, statement: &Statement<'_>, each: EachRow<'_>) -> Result<(), DatabaseError> {
        self.connection()?.query(statement, each)
    }

    fn execute(&self, statement: &Statement<'_>) -> Result<u64, DatabaseError> {
        self.connection()?.execute(statement)
    }

    fn run(&self, sql: &str) -> Result<(), DatabaseError> {
        self.connection()?.run(sql)
    }
}

struct SqliteRow<'r>(&'r rusqlite::Row<'r>);

impl Row for SqliteRow<'_> {
    fn stored(&self, column: usize) -> Stored<'_> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Integer(value)) => Stored::Integer(value),
            Ok(ValueRef::Real(value)) => Stored::Real(value),
            // SQLite does not check the encoding of text; text that is no UTF-8 is shown as bytes.
            Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).map_or(Stored::Blob(bytes), Stored::Text),
            Ok(ValueRef::Blob(bytes)) => Stored::Blob(bytes),
            Ok(ValueRef::Null) | Err(_) => Stored::Null,
        }
    }
}

struct Parameter<'v>(&'v Bound);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Bound::Null => ValueRef::Null,
            Bound::Boolean(value) => ValueRef::Integer(i64::from(*value)),
            Bound::Integer(value) => ValueRef::Integer(*value),
            Bound::Real(value) => ValueRef::Real(*value),
            Bound::Text(text) => ValueRef::Text(text.as_bytes()),
            Bound::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
