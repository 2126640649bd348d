-- Status: 0 waiting, 1 running, 2 succeeded, 3 dead, 4 cancelled, 5 forgotten: only the identifier is known.

-- Columns of fixed size that are never null come first, since they are found fastest.
CREATE TABLE antiphon_queue.job (
    id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,  -- the order in which they were taken in
    status smallint NOT NULL,
    priority smallint NOT NULL,
    blocked boolean NOT NULL,                 -- while another job has the turn of its order key
    attempt bigint NOT NULL DEFAULT 0,        -- number of the latest attempt; never falls
    failed bigint NOT NULL DEFAULT 0,         -- failed attempts that count
    beat bigint NOT NULL DEFAULT 0,           -- changes with every renewal
    created_ms bigint NOT NULL,
    delay_ms bigint NOT NULL,
    tries bigint NOT NULL,
    backoff_ms bigint NOT NULL,
    backoff_max_ms bigint NOT NULL,
    queue text COLLATE "C" NOT NULL,
    -- Jobs of a queue that may run alike: those without a limit on their concurrency, whose lane is empty, or with the same limit for the
    -- same script. A claim looks at the head of each lane, so that lanes that may not go on cost nothing, however many jobs stand in them.
    lane text COLLATE "C" NOT NULL,
    script text COLLATE "C" NOT NULL,
    event text NOT NULL,
    concurrency bigint,
    order_key text COLLATE "C",
    dedup_key text COLLATE "C",
    waits_from_ms bigint,                     -- when the wait began, and when it ends; both or none
    run_at_ms bigint,
    started_ms bigint,
    ended_ms bigint,
    worker text,
    last_error text,
    payload bytea,
    attempts text[] NOT NULL DEFAULT '{}'     -- what is kept of attempts, as JSON
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

-- Payloads are sealed: there is nothing to compress.
ALTER TABLE antiphon_queue.job ALTER COLUMN payload SET STORAGE EXTERNAL;

-- Waiting, and its time has come: in the order of claims.
CREATE INDEX job_ready ON antiphon_queue.job (blocked, queue, lane, priority DESC, seq)
    WHERE status = 0 AND run_at_ms IS NULL;
-- Waiting for its time.
CREATE INDEX job_delayed ON antiphon_queue.job (run_at_ms) WHERE status = 0 AND run_at_ms IS NOT NULL;
CREATE INDEX job_delayed_from ON antiphon_queue.job (waits_from_ms) WHERE status = 0 AND run_at_ms IS NOT NULL;
CREATE INDEX job_running ON antiphon_queue.job (script) WHERE status = 1;
CREATE INDEX job_ordered ON antiphon_queue.job (queue, order_key, blocked, seq)
    WHERE order_key IS NOT NULL AND status IN (0, 1);
CREATE INDEX job_deduplicated ON antiphon_queue.job (queue, dedup_key, seq)
    WHERE dedup_key IS NOT NULL AND status IN (0, 1);
-- For lists, latest created first, and for what is kept long enough; those that run are few. A job is in one of them at a time, and in
-- none while it runs, because every change of its status writes all indexes anew that it is in.
CREATE INDEX job_waiting ON antiphon_queue.job (created_ms, seq) WHERE status = 0;
CREATE INDEX job_ended ON antiphon_queue.job (status, created_ms, seq) WHERE status >= 2;

CREATE TABLE antiphon_queue.paused (
    queue text COLLATE "C" PRIMARY KEY
);
