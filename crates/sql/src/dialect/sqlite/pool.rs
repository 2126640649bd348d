//! Connections of one SQLite database: one for writing behind a lock, a bounded number for reading.
//!
//! A database in memory has a single connection for both; its lock may be taken again by the thread that holds it.

use super::connection::{Lent, SqliteConnection};
use crate::dialect::Connection;
use crate::error::DatabaseError;
use crate::watch::Probe;
use antiphon_model::Limits;
use parking_lot::{Condvar, Mutex, ReentrantMutex};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where a SQLite database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file, created when it is not there.
    File(PathBuf),
    /// In memory, gone with the last connection.
    Memory,
}

/// How a SQLite database is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// Where it is.
    pub location: Location,
    /// Statements to run on every new connection, after our own settings; blank ones are skipped.
    pub statements: Vec<String>,
    /// Refuse every change.
    pub read_only: bool,
}

/// The connections.
pub(super) struct Pool {
    options: SqliteOptions,
    statement_limit: Duration,
    wait_limit: Duration,
    reader_limit: usize,
    writer: ReentrantMutex<SqliteConnection>,
    readers: Mutex<Readers>,
    returned: Condvar,
}

#[derive(Default)]
struct Readers {
    idle: Vec<SqliteConnection>,
    open: usize,
}

impl Pool {
    pub(super) fn open(options: SqliteOptions, limits: &Limits) -> Result<Pool, DatabaseError> {
        let statement_limit = Duration::from_millis(limits.sql_statement_ms);
        let wait_limit = Duration::from_millis(limits.sqlite_busy_ms);
        let writer = SqliteConnection::open(&options, options.read_only, statement_limit, wait_limit)?;
        Ok(Pool {
            statement_limit,
            wait_limit,
            reader_limit: limits.sqlite_readers.max(1),
            writer: ReentrantMutex::new(writer),
            readers: Mutex::default(),
            returned: Condvar::new(),
            options,
        })
    }

    pub(super) fn writer(&self) -> Result<Box<dyn Connection + '_>, DatabaseError> {
        let guard = self.writer.try_lock_for(self.wait_limit).ok_or(DatabaseError::Busy)?;
        Ok(Box::new(guard))
    }

    pub(super) fn reader(&self) -> Result<Box<dyn Connection + '_>, DatabaseError> {
        if self.options.location == Location::Memory {
            return self.writer();
        }
        let deadline = Instant::now() + self.wait_limit;
        let mut readers = self.readers.lock();
        loop {
            if let Some(connection) = readers.idle.pop() {
                return Ok(Box::new(Lent::new(self, connection)));
            }
            if readers.open < self.reader_limit {
                readers.open += 1;
                drop(readers);
                return match SqliteConnection::open(&self.options, true, self.statement_limit, self.wait_limit) {
                    Ok(connection) => Ok(Box::new(Lent::new(self, connection))),
                    Err(error) => {
                        self.readers.lock().open -= 1;
                        self.returned.notify_one();
                        Err(error)
                    }
                };
            }
            if self.returned.wait_until(&mut readers, deadline).timed_out() {
                return Err(DatabaseError::Busy);
            }
        }
    }

    /// A connection that only looks for commits of the others.
    pub(super) fn probe(&self) -> Result<Box<dyn Probe>, DatabaseError> {
        if self.options.location == Location::Memory {
            return Err(DatabaseError::Unreachable("a database in memory can't be watched".to_owned()));
        }
        Ok(Box::new(SqliteConnection::open(&self.options, true, self.statement_limit, self.wait_limit)?))
    }

    pub(super) fn give_back(&self, connection: SqliteConnection) {
        self.readers.lock().idle.push(connection);
        self.returned.notify_one();
    }
}
