-- Status: 0 waiting, 1 running, 2 succeeded, 3 dead, 4 cancelled.

-- Jobs that may run alike: those of a queue without a limit on their concurrency, or with the same limit for the same script. A claim
-- looks at the head of each lane, so that lanes that may not go on cost nothing, however many jobs stand in them.
CREATE TABLE lane (
    lane INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    script TEXT NOT NULL,          -- empty when there is no limit
    concurrency INTEGER NOT NULL,  -- 0 when there is no limit
    UNIQUE (queue, script, concurrency)
);

CREATE TABLE job (
    seq INTEGER PRIMARY KEY,       -- the order in which they were taken in
    id TEXT NOT NULL UNIQUE,
    status INTEGER NOT NULL,
    lane INTEGER NOT NULL,         -- there is a row for it while the job waits or runs
    queue TEXT NOT NULL,
    script TEXT NOT NULL,
    event TEXT NOT NULL,
    priority INTEGER NOT NULL,
    delay_ms INTEGER NOT NULL,
    order_key TEXT,
    blocked INTEGER NOT NULL,      -- 1 while another job has the turn of its order key
    dedup_key TEXT,
    concurrency INTEGER,
    tries INTEGER NOT NULL,
    backoff_ms INTEGER NOT NULL,
    backoff_max_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    attempt INTEGER NOT NULL,      -- number of the latest attempt; never falls
    failed INTEGER NOT NULL,       -- failed attempts that count
    beat INTEGER NOT NULL,         -- changes with every renewal
    waits_from_ms INTEGER,         -- when the wait began, and when it ends; both or none
    run_at_ms INTEGER,
    started_ms INTEGER,
    ended_ms INTEGER,
    worker TEXT,
    last_error TEXT
);

-- Waiting, and its time has come: in the order of claims, and all that the overview of queues needs.
CREATE INDEX job_ready ON job (lane, blocked, priority DESC, seq, created_ms) WHERE status = 0 AND run_at_ms IS NULL;
-- Waiting for its time.
CREATE INDEX job_delayed ON job (run_at_ms, lane) WHERE status = 0 AND run_at_ms IS NOT NULL;
CREATE INDEX job_delayed_from ON job (waits_from_ms) WHERE status = 0 AND run_at_ms IS NOT NULL;
CREATE INDEX job_running ON job (script) WHERE status = 1;
CREATE INDEX job_ordered ON job (queue, order_key, seq) WHERE order_key IS NOT NULL AND status IN (0, 1);
CREATE INDEX job_deduplicated ON job (queue, dedup_key) WHERE dedup_key IS NOT NULL AND status IN (0, 1);
CREATE INDEX job_ended ON job (status, ended_ms) WHERE ended_ms IS NOT NULL;
CREATE INDEX job_created ON job (created_ms, seq);

-- Apart from the job, so that a change of the job does not write its payload again.
CREATE TABLE payload (
    seq INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
);

-- What is kept of attempts, as JSON.
CREATE TABLE attempt (
    seq INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (seq, attempt)
) WITHOUT ROWID;

-- Identifiers of forgotten jobs, so that they are not taken in again.
CREATE TABLE known (
    id TEXT PRIMARY KEY,
    until_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX known_until ON known (until_ms);

CREATE TABLE paused (
    queue TEXT PRIMARY KEY
) WITHOUT ROWID;
