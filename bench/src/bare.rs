//! The yardstick: an axum handler that reads one row by its key and answers with JSON, and does nothing else.
//!
//! It is a process of its own as Antiphon is, reads the same file, with the settings that Antiphon gives its readers,
//! and uses everything that makes such a handler quick: kept connections, prepared statements, a typed record.

use crate::error::{Result, attempt};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, Row};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the row is found.
pub const TARGET: &str = "/todo/1";

const SELECT: &str = "SELECT id, name, complete, priority, due, owner, email, project, place, phone, estimate, spent, \
     note, reason FROM todo WHERE id = ?";

#[derive(Serialize)]
struct Todo {
    id: i64,
    name: String,
    complete: bool,
    priority: i64,
    due: Option<String>,
    owner: Option<String>,
    email: Option<String>,
    project: Option<String>,
    place: Option<String>,
    phone: Option<String>,
    estimate: Option<f64>,
    spent: Option<f64>,
    note: Option<String>,
    reason: Option<String>,
}

struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// Serves the row until the process ends.
///
/// # Errors
/// When the address is taken or the database can't be read.
pub fn serve(listen: SocketAddr, file: PathBuf) -> Result<()> {
    let readers = Readers { idle: Mutex::new(vec![open(&file)?]), file };
    let router = Router::new()
        .route("/todo/{id}", get(read))
        .route("/status", get(|| async { "{}" }))
        .with_state(Arc::new(readers));
    let runtime = attempt("starting the runtime", tokio::runtime::Builder::new_multi_thread().enable_all().build())?;
    runtime.block_on(async {
        let listener = attempt("listening", tokio::net::TcpListener::bind(listen).await)?;
        attempt("serving", axum::serve(listener, router).await)
    })
}

async fn read(State(readers): State<Arc<Readers>>, Path(id): Path<i64>) -> Result<Json<Todo>, StatusCode> {
    let idle = readers.idle.lock().pop();
    let connection = match idle {
        Some(connection) => connection,
        None => open(&readers.file).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?,
    };
    let found = connection.prepare_cached(SELECT).and_then(|mut statement| statement.query_one([id], todo));
    readers.idle.lock().push(connection);
    found.map(Json).map_err(|error| match error {
        rusqlite::Error::QueryReturnedNoRows => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    })
}

fn open(file: &std::path::Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA foreign_keys=1; PRAGMA trusted_schema=0;")?;
    Ok(connection)
}

fn todo(row: &Row<'_>) -> rusqlite::Result<Todo> {
    Ok(Todo {
        id: row.get(0)?,
        name: row.get(1)?,
        complete: row.get(2)?,
        priority: row.get(3)?,
        due: row.get(4)?,
        owner: row.get(5)?,
        email: row.get(6)?,
        project: row.get(7)?,
        place: row.get(8)?,
        phone: row.get(9)?,
        estimate: row.get(10)?,
        spent: row.get(11)?,
        note: row.get(12)?,
        reason: row.get(13)?,
    })
}
