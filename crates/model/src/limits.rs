//! Everything that is bounded, in one place, with the reason for its default.

use serde::{Deserialize, Serialize};

/// Declares the limits once: meaning and reason, name, type, default.
macro_rules! limits {
    ($($(#[doc = $reason:literal])+ $name:ident: $kind:ty = $default:expr,)+) => {
        /// Every limit of the product. Times are in milliseconds, sizes in bytes unless the name says otherwise.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $($(#[doc = $reason])+ pub $name: $kind,)+
        }

        impl Default for Limits {
            fn default() -> Limits {
                Limits { $($name: $default,)+ }
            }
        }

        impl Limits {
            /// The name of each limit, and what it bounds and why, in the order of their declaration.
            pub const REASONS: &[(&str, &str)] = &[$((stringify!($name), concat!($($reason),+)),)+];
        }
    };
}

limits! {
    /// Largest request body: 16 MiB holds the largest script (16 MB) and any sensible batch.
    body_bytes: usize = 16 << 20,
    /// Largest header block of a request: proxies commonly allow 8 to 64 KiB.
    header_bytes: usize = 64 << 10,
    /// CORS rules; each costs every call from a web page a comparison.
    cors_rules: usize = 256,
    /// Memory of one compiled pattern in a CORS rule: expressions that repeat repetitions grow without sense.
    cors_pattern_bytes: usize = 256 << 10,
    /// Open client connections, and calls behind them, at one time; further connections wait in the system's queue.
    connections: usize = 8192,
    /// Longest that reading one request may take, against clients that trickle.
    request_read_ms: u64 = 30_000,
    /// Longest that a client may take nothing of its answer, against answers that nobody reads.
    response_stall_ms: u64 = 60_000,
    /// Longest that a shutdown waits for calls in flight.
    shutdown_ms: u64 = 30_000,
    /// Wall time of one script run, nested calls included: the reference's 30 s.
    script_wall_ms: u64 = 30_000,
    /// Processor time of one script run: event scripts are short, 5 s is far beyond honest work.
    script_cpu_ms: u64 = 5_000,
    /// Memory of one script run, its event included.
    script_memory_bytes: usize = 64 << 20,
    /// Stack of one script run.
    script_stack_bytes: usize = 512 << 10,
    /// What one script run may print before the rest is cut.
    script_output_bytes: usize = 64 << 10,
    /// Largest script text: 16 MB as the original's column.
    script_source_bytes: usize = 16 << 20,
    /// Texts of stored libraries that are kept in memory: two of the largest.
    script_library_bytes: usize = 32 << 20,
    /// Largest settings of a script in a file of their own: a document of an API may be among them.
    script_settings_bytes: usize = 1 << 20,
    /// Nested calls above each other: the reference's 8.
    call_depth: u8 = 8,
    /// Times that one script may be on the stack of nested calls: the reference's 3.
    script_reentry: u8 = 3,
    /// Calls with scripts at one time; each holds a thread.
    script_concurrency: usize = 256,
    /// Longest wait for one of those threads before 503.
    script_wait_ms: u64 = 5_000,
    /// Memory that idle, ready-made script worlds may hold together.
    script_idle_bytes: usize = 64 << 20,
    /// What the kept answers of one service may hold in memory; the oldest go first.
    service_cache_bytes: usize = 8 << 20,
    /// Processes of one interpreter that run scripts at one time: each takes 10 to 60 MB and, at work, a processor.
    workers_per_language: usize = 8,
    /// Further ones for each depth of nested calls: outer scripts hold theirs while inner ones run.
    workers_nested: usize = 2,
    /// Calls that wait for one; each holds a thread. The wait is bounded by `script_wait_ms`.
    workers_waiting: usize = 256,
    /// Processes of one interpreter that start at one time: a start takes a processor for 20 to 60 ms.
    worker_starts: usize = 2,
    /// Longest that an interpreter may take to start.
    worker_start_ms: u64 = 10_000,
    /// Runs after which a process is replaced: whatever an interpreter loses in a run stays little.
    worker_runs: u64 = 10_000,
    /// How long a process that nobody needs is kept.
    worker_idle_ms: u64 = 60_000,
    /// Resident memory of a process: the interpreter's own 10 to 60 MB, and a script's share.
    worker_memory_bytes: usize = 256 << 20,
    /// Files that a process may have in its scratch folder, together.
    worker_scratch_bytes: usize = 64 << 20,
    /// Files that a process may have open: its own few, and a script's.
    worker_files: u64 = 128,
    /// Largest message to or from a process: an event holds a body of 16 MiB twice, parsed and raw.
    worker_frame_bytes: usize = 64 << 20,
    /// Script texts that one process keeps compiled.
    worker_texts: usize = 128,
    /// Records that one read answers with when a service sets no `max_records`.
    max_records: u64 = 1000,
    /// Cap on any service's `max_records`.
    max_records_cap: u64 = 100_000,
    /// Longest filter text.
    filter_bytes: usize = 16 << 10,
    /// Deepest nesting of a filter.
    filter_depth: usize = 64,
    /// Most values in one filter.
    filter_values: usize = 5000,
    /// Deepest nesting of `related` reads.
    related_depth: usize = 3,
    /// Tables whose records one API document describes: browsers choke on more.
    documented_tables: usize = 500,
    /// Tables that one data model (`_spec?model=true`) tells of; each takes several reads.
    modelled_tables: usize = 50,
    /// Read connections for each SQLite database.
    sqlite_readers: usize = 4,
    /// Databases that one service keeps open where lookups name them: each has connections and its structure in memory.
    databases_of_a_service: usize = 64,
    /// Longest wait for a SQLite lock before the call fails.
    sqlite_busy_ms: u64 = 5_000,
    /// Longest that one SQL statement may run.
    sql_statement_ms: u64 = 30_000,
    /// Life of a session token in minutes.
    token_minutes: u64 = 60,
    /// Time in minutes after issue in which a token can be refreshed.
    token_refresh_minutes: u64 = 20_160,
    /// Longest session token that is looked at: ours have some 300 bytes.
    token_bytes: usize = 4096,
    /// Failed log-ins for one account from one address before they must wait.
    login_failures: u32 = 10,
    /// Failed log-ins from one address, whatever the account, before it must wait: many people may share an address.
    login_failures_per_address: u32 = 100,
    /// Failed log-ins for one account, whatever the address, before strangers must wait.
    login_failures_per_account: u32 = 200,
    /// How long they must wait.
    login_wait_ms: u64 = 60_000,
    /// Counters of `system/limit` in memory, about 100 bytes each; beyond that those whose windows end first are forgotten.
    rate_buckets: usize = 100_000,
    /// Changes to services that `system/service_report` tells of; beyond that the oldest are forgotten.
    service_report_rows: usize = 10_000,
    /// Accounts and addresses whose failures are remembered at one time; beyond that the oldest are forgotten.
    login_watched: usize = 20_000,
    /// Registrations and requests to reset a password that one address may send within `account_requests_ms`.
    account_requests_per_address: u32 = 60,
    /// Mails that requests of strangers may send to one account within `account_requests_ms`.
    account_mails: u32 = 5,
    /// The span of time for both.
    account_requests_ms: u64 = 3_600_000,
    /// Life of a confirmation code in minutes.
    confirm_code_minutes: u64 = 1440,
    /// Password hashes computed at one time: each takes 19 MiB and all of a processor.
    password_hashes: usize = 4,
    /// Calls that wait to compute one; each holds a thread.
    password_waiting: usize = 64,
    /// Shortest password.
    password_min_chars: usize = 8,
    /// Longest password: 72 bytes are all that bcrypt hashes look at.
    password_max_bytes: usize = 72,
    /// Values that one user keeps in `user/custom`.
    user_custom_values: usize = 1000,
    /// Largest such value, as JSON text: settings of a page have a few thousand bytes.
    user_custom_bytes: usize = 1 << 20,
    /// Files in one package: a few for each service, and far from what a directory made to exhaust memory has.
    package_files: usize = 2000,
    /// Largest file in a package, unpacked: as large as a request body, because it is read like one.
    package_file_bytes: usize = 16 << 20,
    /// Everything in a package, unpacked.
    package_bytes: usize = 64 << 20,
    /// Times that a package may unpack to more than its size: honest JSON packs to a tenth or a fiftieth.
    package_ratio: u64 = 200,
    /// Longest that connecting to another server may take, name and TLS included.
    outbound_connect_ms: u64 = 5_000,
    /// Longest that a script's call to another server may take, redirects included; a script's own time limit may end before.
    outbound_total_ms: u64 = 30_000,
    /// Largest body that a script sends to another server.
    outbound_request_bytes: usize = 16 << 20,
    /// Largest body that a script is answered by another server: it has to fit into the script's memory several times.
    outbound_response_bytes: usize = 8 << 20,
    /// Largest header block that a script is answered by another server.
    outbound_header_bytes: usize = 64 << 10,
    /// Redirects that a script's call follows.
    outbound_redirects: u8 = 5,
    /// Calls of scripts to other servers at one time.
    outbound_concurrency: usize = 64,
    /// Calls to other servers that one run of a script may make.
    outbound_calls: u32 = 100,
    /// Attempts of a job that are remembered with their errors and output: beyond that the oldest go.
    job_attempts: usize = 20,
    /// What of an attempt's output, and of its error, is kept.
    job_output_bytes: usize = 8 << 10,
    /// Largest payload of a job: an event holds a request and a response of a body each.
    job_payload_bytes: usize = 40 << 20,
    /// How long a worker may be silent before another takes its jobs.
    job_lease_ms: u64 = 30_000,
    /// How often workers look for jobs that nobody told them of: those of other processes, and those whose time comes.
    job_poll_ms: u64 = 100,
    /// How long a job that ended well, or was cancelled, is told of: an hour, because a busy queue ends millions a day.
    job_keep_ended_ms: u64 = 3_600_000,
    /// How long a dead letter is kept: two weeks, longer than any holiday's absence of who looks after them.
    job_keep_dead_ms: u64 = 1_209_600_000,
    /// How long the identifier of an ended job is remembered, so that what is taken in twice runs once.
    job_memory_ms: u64 = 86_400_000,
    /// Jobs that one list of them looks at, the latest first.
    job_list: usize = 10_000,
    /// What of a job's last error a list of them tells; the job by itself tells it whole.
    job_list_error_bytes: usize = 500,
    /// Lists of jobs that one process puts together at one time, because each may be of many jobs.
    job_lists: usize = 2,
    /// Longest that a call waits for its turn to list jobs.
    job_list_wait_ms: u64 = 5_000,
    /// Memory that one process takes for its view of the jobs that are kept in NATS, roughly: beyond it the oldest ended ones are forgotten
    /// early, then new ones are refused.
    job_view_bytes: usize = 256 << 20,
    /// By how much the log of the jobs that are kept in NATS grows, at least, before it is summed up and cut off: a starting process reads
    /// that much.
    job_log_bytes: usize = 16 << 20,
    /// Jobs that one process runs at one time.
    job_concurrency: usize = 8,
    /// Jobs that one look into the queue brings, together with those that run.
    job_claim: usize = 64,
    /// What the jobs may hold that a process has ready to begin, judging by the size of those before: they are in memory.
    job_ready_bytes: usize = 64 << 20,
    /// Jobs that wait in memory to be written to the queue; beyond that, calls wait.
    job_backlog: usize = 4096,
    /// Connections of one process to each PostgreSQL database that holds a queue, besides the one that listens: operations are short and
    /// come in batches, so few serve many workers.
    queue_connections: usize = 8,
    /// How long one operation of a queue in PostgreSQL may take before it is given up and tried again later.
    queue_timeout_ms: u64 = 10_000,
    /// Bytes of jobs that wait in memory to be written to the queue; beyond that they wait where their writes left them.
    job_backlog_bytes: usize = 64 << 20,
    /// Bytes of jobs that are written to the queue at one time, if there is more than one.
    job_relay_bytes: usize = 8 << 20,
    /// Longest that a call waits for the queue to take its job; after that the job is kept in the data folder for the time when the queue answers.
    job_enqueue_ms: u64 = 1000,
    /// Longest name of a queue, key of order or key against duplicates.
    job_key_bytes: usize = 255,
    /// Longest delay of a job: a year.
    job_delay_ms: u64 = 31_536_000_000,
    /// Most tries of a job.
    job_tries: u32 = 100,
    /// Schedules; each costs every process a little at each of its moments.
    schedules: usize = 1000,
    /// How often each process looks which schedules are due.
    schedule_tick_ms: u64 = 250,
    /// How late a moment of a schedule may be noticed without counting as missed: longer than a busy machine holds up a thread.
    schedule_grace_ms: u64 = 10_000,
    /// Moments of one schedule that one look makes jobs for.
    schedule_moments: usize = 100,
}
