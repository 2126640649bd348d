//! Everything that is bounded, in one place, with the reason for its default.

use serde::{Deserialize, Serialize};

/// Every limit of the product. Times are in milliseconds, sizes in bytes unless the name says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest request body: 16 MiB holds the largest script (16 MB) and any sensible batch.
    pub body_bytes: usize,
    /// Largest header block of a request: proxies commonly allow 8 to 64 KiB.
    pub header_bytes: usize,
    /// Open client connections at one time; further ones wait in the system's queue. Each holds a file descriptor.
    pub connections: usize,
    /// Longest that reading one request may take, against clients that trickle.
    pub request_read_ms: u64,
    /// Longest that a shutdown waits for calls in flight.
    pub shutdown_ms: u64,
    /// Wall time of one script run, nested calls included: the reference's 30 s.
    pub script_wall_ms: u64,
    /// Processor time of one script run: event scripts are short, 5 s is far beyond honest work.
    pub script_cpu_ms: u64,
    /// Memory of one script run, its event included.
    pub script_memory_bytes: usize,
    /// Stack of one script run.
    pub script_stack_bytes: usize,
    /// What one script run may print before the rest is cut.
    pub script_output_bytes: usize,
    /// Largest script text: 16 MB as the original's column.
    pub script_source_bytes: usize,
    /// Nested calls above each other: the reference's 8.
    pub call_depth: u8,
    /// Times that one script may be on the stack of nested calls: the reference's 3.
    pub script_reentry: u8,
    /// Calls with scripts at one time; each holds a thread.
    pub script_concurrency: usize,
    /// Longest wait for one of those threads before 503.
    pub script_wait_ms: u64,
    /// Memory that idle, ready-made script worlds may hold together.
    pub script_idle_bytes: usize,
    /// Records that one read answers with when a service sets no `max_records`.
    pub max_records: u64,
    /// Cap on any service's `max_records`.
    pub max_records_cap: u64,
    /// Longest filter text.
    pub filter_bytes: usize,
    /// Deepest nesting of a filter.
    pub filter_depth: usize,
    /// Most values in one filter.
    pub filter_values: usize,
    /// Deepest nesting of `related` reads.
    pub related_depth: usize,
    /// Read connections for each SQLite database.
    pub sqlite_readers: usize,
    /// Longest wait for a SQLite lock before the call fails.
    pub sqlite_busy_ms: u64,
    /// Longest that one SQL statement may run.
    pub sql_statement_ms: u64,
    /// Life of a session token in minutes.
    pub token_minutes: u64,
    /// Time in minutes after issue in which a token can be refreshed.
    pub token_refresh_minutes: u64,
    /// Failed log-ins for one account before it must wait.
    pub login_failures: u32,
    /// How long it must wait.
    pub login_wait_ms: u64,
    /// Shortest password.
    pub password_min_chars: usize,
    /// Longest password: 72 bytes are all that bcrypt hashes look at.
    pub password_max_bytes: usize,
    /// Ledgers of past calls that are kept in memory.
    pub ledger_entries: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: 16 << 20,
            header_bytes: 64 << 10,
            connections: 8192,
            request_read_ms: 30_000,
            shutdown_ms: 30_000,
            script_wall_ms: 30_000,
            script_cpu_ms: 5_000,
            script_memory_bytes: 64 << 20,
            script_stack_bytes: 512 << 10,
            script_output_bytes: 64 << 10,
            script_source_bytes: 16 << 20,
            call_depth: 8,
            script_reentry: 3,
            script_concurrency: 256,
            script_wait_ms: 5_000,
            script_idle_bytes: 64 << 20,
            max_records: 1000,
            max_records_cap: 100_000,
            filter_bytes: 16 << 10,
            filter_depth: 64,
            filter_values: 5000,
            related_depth: 3,
            sqlite_readers: 4,
            sqlite_busy_ms: 5_000,
            sql_statement_ms: 30_000,
            token_minutes: 60,
            token_refresh_minutes: 20_160,
            login_failures: 10,
            login_wait_ms: 60_000,
            password_min_chars: 8,
            password_max_bytes: 72,
            ledger_entries: 1000,
        }
    }
}
