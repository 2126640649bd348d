-- Each operation is one call of a function, and so one transaction and one round trip.
--
-- Locks, in this order, so that no two operations wait for each other: rows of jobs without order key by identifier; keys (advisory, by
-- number), one for each order key and deduplication key and for each script with a limit; rows of jobs with order key. Whoever changes
-- which job of an order key has its turn holds the key. Claims and renewals never wait for rows.

-- Joins with identifiers look each of them up, whatever the planner has been told of the table, which grows and shrinks all the time:
-- that is what `enable_hashjoin = off` is for.

-- The time that waits are told by: this server's, which is the same for all nodes, however theirs are set.
CREATE FUNCTION antiphon_queue.now_ms(shift_ms bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + shift_ms
$$;

-- The lock that stands for a key; kinds are 'order', 'dedup' and 'script'.
CREATE FUNCTION antiphon_queue.key_lock(kind text, queue text, key text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended(kind || ' ' || length(queue) || ' ' || queue || key, 4711)
$$;

-- Holds these locks until the end of the transaction; nulls are left out.
CREATE FUNCTION antiphon_queue.hold(locks bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    FOR number IN SELECT DISTINCT l FROM unnest(locks) AS l WHERE l IS NOT NULL ORDER BY l LOOP
        PERFORM pg_advisory_xact_lock(number);
    END LOOP;
END
$$;

-- Gives the turn of an order key to the first job that waits for it, unless another one has it. The key is held.
CREATE FUNCTION antiphon_queue.pass_turn(its_queue text, its_key text) RETURNS void LANGUAGE sql AS $$
    UPDATE antiphon_queue.job SET blocked = false
    WHERE id = (
        SELECT id FROM antiphon_queue.job
        WHERE queue = its_queue AND order_key = its_key AND status IN (0, 1) AND blocked ORDER BY seq LIMIT 1
    ) AND NOT EXISTS (
        SELECT FROM antiphon_queue.job
        WHERE queue = its_queue AND order_key = its_key AND status IN (0, 1) AND NOT blocked
    )
$$;

-- Takes jobs in. Tells for each place (from 1) 0 stored, 1 known, or 2 a duplicate, and of which other job.
CREATE FUNCTION antiphon_queue.enqueue(
    ids uuid[], queues text[], scripts text[], events text[], priorities smallint[], delays bigint[], order_keys text[],
    dedup_keys text[], concurrencies bigint[], tries_each bigint[], backoffs bigint[], backoffs_max bigint[],
    created bigint[], payloads bytea[], shift_ms bigint
) RETURNS TABLE (place bigint, outcome int, other uuid) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := antiphon_queue.now_ms(shift_ms);
    turn record;
BEGIN
    PERFORM antiphon_queue.hold(array(
        SELECT antiphon_queue.key_lock('order', q, k) FROM unnest(queues, order_keys) AS g(q, k) WHERE k IS NOT NULL
        UNION ALL
        SELECT antiphon_queue.key_lock('dedup', q, k) FROM unnest(queues, dedup_keys) AS g(q, k) WHERE k IS NOT NULL
    ));
    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT g.* FROM unnest(
            ids, queues, scripts, events, priorities, delays, order_keys, dedup_keys, concurrencies, tries_each,
            backoffs, backoffs_max, created, payloads
        ) WITH ORDINALITY AS g(
            id, queue, script, event, priority, delay_ms, order_key, dedup_key, concurrency, tries, backoff_ms,
            backoff_max_ms, created_ms, payload, place
        )
    ), fresh AS MATERIALIZED (
        SELECT g.*, row_number() OVER (PARTITION BY g.id ORDER BY g.place) AS nth, (
            SELECT j.id FROM antiphon_queue.job j
            WHERE j.queue = g.queue AND j.dedup_key = g.dedup_key AND j.status IN (0, 1) ORDER BY j.seq LIMIT 1
        ) AS holder
        FROM given g WHERE NOT EXISTS (SELECT FROM antiphon_queue.job j WHERE j.id = g.id)
    ), chosen AS MATERIALIZED (
        SELECT f.*, first_value(f.id) OVER (PARTITION BY f.queue, f.dedup_key ORDER BY f.place) AS first
        FROM fresh f WHERE f.nth = 1 AND f.holder IS NULL
    ), stored AS (
        INSERT INTO antiphon_queue.job (
            id, status, queue, script, event, priority, delay_ms, order_key, blocked, dedup_key, concurrency, tries,
            backoff_ms, backoff_max_ms, created_ms, waits_from_ms, run_at_ms, payload
        )
        SELECT
            c.id, 0, c.queue, c.script, c.event, c.priority, c.delay_ms, c.order_key, c.order_key IS NOT NULL,
            c.dedup_key, c.concurrency, c.tries, c.backoff_ms, c.backoff_max_ms, c.created_ms,
            CASE WHEN c.delay_ms > 0 THEN now_ms END, CASE WHEN c.delay_ms > 0 THEN now_ms + c.delay_ms END, c.payload
        FROM chosen c WHERE c.dedup_key IS NULL OR c.first = c.id ORDER BY c.place
        ON CONFLICT (id) DO NOTHING RETURNING id
    )
    SELECT
        g.place,
        CASE
            WHEN f.id IS NULL OR f.nth > 1 THEN 1
            WHEN f.holder IS NOT NULL OR (c.dedup_key IS NOT NULL AND c.first <> c.id) THEN 2
            WHEN s.id IS NOT NULL THEN 0
            ELSE 1
        END,
        coalesce(f.holder, c.first)
    FROM given g
    LEFT JOIN fresh f ON f.place = g.place
    LEFT JOIN chosen c ON c.place = g.place
    LEFT JOIN stored s ON s.id = g.id;
    FOR turn IN SELECT DISTINCT q, k FROM unnest(queues, order_keys) AS g(q, k) WHERE k IS NOT NULL LOOP
        PERFORM antiphon_queue.pass_turn(turn.q, turn.k);
    END LOOP;
    PERFORM pg_notify('antiphon_queue', '');
END
$$;

-- How many jobs a claim takes from which lane: the first of all lanes together, within the limits of their scripts, which are held.
CREATE FUNCTION antiphon_queue.choose(queues text[], most bigint)
RETURNS TABLE (queue text, lane text, count bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    lane_queues text[];
    lane_names text[];
    limited text[];
    running bigint[];
    counts bigint[];
    head record;
    script_at int;
    chosen bigint := 0;
BEGIN
    -- A walk from lane to lane: one look into the index for each.
    WITH RECURSIVE found AS (
        (
            SELECT j.queue, j.lane, j.script, j.concurrency FROM antiphon_queue.job j
            WHERE j.status = 0 AND j.run_at_ms IS NULL AND NOT j.blocked ORDER BY j.queue, j.lane LIMIT 1
        )
        UNION ALL
        SELECT next.* FROM found CROSS JOIN LATERAL (
            SELECT j.queue, j.lane, j.script, j.concurrency FROM antiphon_queue.job j
            WHERE j.status = 0 AND j.run_at_ms IS NULL AND NOT j.blocked
                AND (j.queue, j.lane) > (found.queue, found.lane)
            ORDER BY j.queue, j.lane LIMIT 1
        ) AS next
    ), served AS MATERIALIZED (
        SELECT * FROM found WHERE (cardinality(queues) = 0 OR found.queue = ANY (queues))
            AND NOT EXISTS (SELECT FROM antiphon_queue.paused p WHERE p.queue = found.queue)
    )
    SELECT
        array_agg(s.queue), array_agg(s.lane), array_agg(0),
        array(SELECT DISTINCT script FROM served WHERE concurrency IS NOT NULL ORDER BY script)
    INTO lane_queues, lane_names, counts, limited FROM served s;
    IF lane_names IS NULL THEN
        RETURN;
    END IF;
    IF cardinality(lane_names) = 1 AND lane_names[1] = '' THEN
        RETURN QUERY SELECT lane_queues[1], '', most;
        RETURN;
    END IF;
    PERFORM antiphon_queue.hold(array(SELECT antiphon_queue.key_lock('script', '', s) FROM unnest(limited) AS s));
    running := array(
        SELECT (SELECT count(*) FROM antiphon_queue.job j WHERE j.status = 1 AND j.script = s.script)
        FROM unnest(limited) WITH ORDINALITY AS s(script, place) ORDER BY s.place
    );
    FOR head IN
        SELECT l.place, h.script, h.concurrency
        FROM unnest(lane_queues, lane_names) WITH ORDINALITY AS l(queue, lane, place)
        CROSS JOIN LATERAL (
            SELECT j.script, j.concurrency, j.priority, j.seq FROM antiphon_queue.job j
            WHERE j.status = 0 AND j.run_at_ms IS NULL AND NOT j.blocked AND j.queue = l.queue AND j.lane = l.lane
            ORDER BY j.priority DESC, j.seq LIMIT most
        ) AS h
        ORDER BY h.priority DESC, h.seq
    LOOP
        EXIT WHEN chosen = most;
        IF head.concurrency IS NOT NULL THEN
            -- Several lanes may be of one script: with other limits, or in other queues.
            script_at := array_position(limited, head.script);
            CONTINUE WHEN running[script_at] >= head.concurrency;
            running[script_at] := running[script_at] + 1;
        END IF;
        counts[head.place] := counts[head.place] + 1;
        chosen := chosen + 1;
    END LOOP;
    RETURN QUERY SELECT * FROM unnest(lane_queues, lane_names, counts) AS l(queue, lane, count) WHERE l.count > 0;
END
$$;

-- Marks up to `most` jobs as running and gives them.
CREATE FUNCTION antiphon_queue.claim(by_worker text, queues text[], most bigint, shift_ms bigint)
RETURNS SETOF antiphon_queue.job LANGUAGE plpgsql SET enable_hashjoin = off AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := antiphon_queue.now_ms(shift_ms);
    lane_queues text[];
    lane_names text[];
    counts bigint[];
BEGIN
    -- Jobs whose time has come no longer wait for it, whatever the clock says later; not all at once, so that no claim takes long.
    UPDATE antiphon_queue.job SET run_at_ms = NULL, waits_from_ms = NULL WHERE id IN (
        SELECT j.id FROM antiphon_queue.job j WHERE j.status = 0 AND j.run_at_ms IS NOT NULL AND j.run_at_ms <= now_ms
        ORDER BY j.run_at_ms LIMIT 5000 FOR UPDATE SKIP LOCKED
    );
    SELECT array_agg(c.queue), array_agg(c.lane), array_agg(c.count) INTO lane_queues, lane_names, counts
    FROM antiphon_queue.choose(queues, most) AS c;
    IF counts IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH taken AS MATERIALIZED (
        SELECT h.id FROM unnest(lane_queues, lane_names, counts) AS l(queue, lane, count)
        CROSS JOIN LATERAL (
            SELECT j.id FROM antiphon_queue.job j
            WHERE j.status = 0 AND j.run_at_ms IS NULL AND NOT j.blocked AND j.queue = l.queue AND j.lane = l.lane
            ORDER BY j.priority DESC, j.seq LIMIT l.count FOR UPDATE SKIP LOCKED
        ) AS h
    )
    UPDATE antiphon_queue.job AS j SET status = 1, attempt = j.attempt + 1, worker = by_worker, started_ms = now_ms
    FROM taken WHERE j.id = taken.id RETURNING j.*;
END
$$;

-- Ends attempts; tells the places (from 1) of those that it ended. Waiting again is an end, too: status 0, with a delay or none.
-- With a beat, only an attempt that has not been renewed since.
CREATE FUNCTION antiphon_queue.finish(
    ids uuid[], numbers bigint[], beats bigint[], statuses smallint[], delays bigint[], failures bigint[], errors text[],
    records text[], kept int, shift_ms bigint
) RETURNS SETOF bigint LANGUAGE plpgsql SET enable_hashjoin = off AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := antiphon_queue.now_ms(shift_ms);
    is_ordered boolean;
    left_over int := cardinality(ids);
    places bigint[];
    turn_queues text[];
    turn_keys text[];
    is_news boolean;
    turn record;
BEGIN
    FOREACH is_ordered IN ARRAY ARRAY[false, true] LOOP
        EXIT WHEN left_over = 0;
        IF is_ordered THEN
            PERFORM antiphon_queue.hold(array(
                SELECT antiphon_queue.key_lock('order', j.queue, j.order_key) FROM antiphon_queue.job j
                WHERE j.id = ANY (ids) AND j.status = 1 AND j.order_key IS NOT NULL
            ));
        END IF;
        WITH given AS MATERIALIZED (
            SELECT g.* FROM unnest(ids, numbers, beats, statuses, delays, failures, errors, records)
                WITH ORDINALITY AS g(id, number, beat, status, delay_ms, failed, error, record, place)
        ), ended AS (
            UPDATE antiphon_queue.job AS j SET
                status = g.status,
                waits_from_ms = CASE WHEN g.status = 0 AND g.delay_ms > 0 THEN now_ms END,
                run_at_ms = CASE WHEN g.status = 0 AND g.delay_ms > 0 THEN now_ms + g.delay_ms END,
                ended_ms = CASE WHEN g.status <> 0 THEN now_ms END,
                worker = NULL,
                failed = j.failed + g.failed,
                last_error = coalesce(g.error, j.last_error),
                payload = CASE WHEN g.status <> 2 THEN j.payload END,
                attempts = CASE
                    WHEN g.record IS NULL THEN j.attempts
                    ELSE j.attempts[greatest(1, cardinality(j.attempts) + 2 - kept):] || g.record
                END
            FROM given g
            WHERE j.id = g.id AND j.attempt = g.number AND j.status = 1 AND (g.beat IS NULL OR j.beat = g.beat)
                AND (j.order_key IS NOT NULL) = is_ordered
            RETURNING g.place, j.queue, j.order_key, j.status, j.concurrency
        )
        SELECT
            array_agg(e.place), array_agg(e.queue) FILTER (WHERE e.status <> 0),
            array_agg(e.order_key) FILTER (WHERE e.status <> 0),
            bool_or(is_ordered OR e.status = 0 OR e.concurrency IS NOT NULL)
        INTO places, turn_queues, turn_keys, is_news FROM ended e;
        CONTINUE WHEN places IS NULL;
        RETURN QUERY SELECT unnest(places);
        left_over := left_over - cardinality(places);
        IF is_ordered THEN
            FOR turn IN SELECT DISTINCT q, k FROM unnest(turn_queues, turn_keys) AS t(q, k) LOOP
                PERFORM antiphon_queue.pass_turn(turn.q, turn.k);
            END LOOP;
        END IF;
        IF is_news THEN
            PERFORM pg_notify('antiphon_queue', '');
        END IF;
    END LOOP;
END
$$;

-- Renews leases; tells the places (from 1) of those that are lost. Whose row somebody else is changing is told the next time.
CREATE FUNCTION antiphon_queue.renew(ids uuid[], numbers bigint[]) RETURNS SETOF bigint LANGUAGE sql SET enable_hashjoin = off AS $$
    WITH given AS MATERIALIZED (
        SELECT g.* FROM unnest(ids, numbers) WITH ORDINALITY AS g(id, number, place)
    ), held AS MATERIALIZED (
        SELECT g.id, g.number, g.place FROM given g
        JOIN antiphon_queue.job j ON j.id = g.id AND j.attempt = g.number AND j.status = 1
    ), free AS MATERIALIZED (
        SELECT j.id FROM antiphon_queue.job j JOIN given g ON j.id = g.id AND j.attempt = g.number
        WHERE j.status = 1 FOR UPDATE OF j SKIP LOCKED
    ), renewed AS (
        UPDATE antiphon_queue.job AS j SET beat = j.beat + 1 FROM free WHERE j.id = free.id
    )
    SELECT g.place FROM given g WHERE g.place NOT IN (SELECT h.place FROM held h)
$$;

-- Takes a waiting or running job out; tells whether it did.
CREATE FUNCTION antiphon_queue.cancel(which uuid, shift_ms bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    seen record;
BEGIN
    LOOP
        SELECT j.queue, j.order_key INTO seen FROM antiphon_queue.job j WHERE j.id = which AND j.status IN (0, 1);
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        PERFORM antiphon_queue.hold(ARRAY[antiphon_queue.key_lock('order', seen.queue, seen.order_key)]);
        UPDATE antiphon_queue.job AS j SET
            status = 4, blocked = false, ended_ms = antiphon_queue.now_ms(shift_ms), waits_from_ms = NULL,
            run_at_ms = NULL, worker = NULL
        WHERE j.id = which AND j.status IN (0, 1) AND j.queue = seen.queue;
        EXIT WHEN FOUND;
    END LOOP;
    IF seen.order_key IS NOT NULL THEN
        PERFORM antiphon_queue.pass_turn(seen.queue, seen.order_key);
    END IF;
    PERFORM pg_notify('antiphon_queue', '');
    RETURN true;
END
$$;

-- Changes a waiting job, or lets one that is dead or cancelled wait again; tells whether it did. A job that waits in the line of its
-- order key keeps its place there unless it goes to another queue.
CREATE FUNCTION antiphon_queue.redrive(
    which uuid, new_payload bytea, new_priority smallint, new_queue text, new_tries bigint, wait_ms bigint, shift_ms bigint
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := antiphon_queue.now_ms(shift_ms);
    seen record;
BEGIN
    LOOP
        SELECT j.queue, j.order_key, j.status, coalesce(new_queue, j.queue) AS goal INTO seen
        FROM antiphon_queue.job j WHERE j.id = which AND j.status IN (0, 3, 4);
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        PERFORM antiphon_queue.hold(ARRAY[
            antiphon_queue.key_lock('order', seen.queue, seen.order_key),
            antiphon_queue.key_lock('order', seen.goal, seen.order_key)
        ]);
        UPDATE antiphon_queue.job AS j SET
            status = 0,
            queue = seen.goal,
            blocked = CASE
                WHEN seen.status = 0 AND seen.queue = seen.goal THEN j.blocked
                ELSE j.order_key IS NOT NULL
            END,
            payload = coalesce(new_payload, j.payload),
            priority = coalesce(new_priority, j.priority),
            tries = coalesce(new_tries, j.tries),
            waits_from_ms = CASE WHEN wait_ms > 0 THEN now_ms END,
            run_at_ms = CASE WHEN wait_ms > 0 THEN now_ms + wait_ms END,
            failed = 0,
            ended_ms = NULL
        WHERE j.id = which AND j.status = seen.status AND j.queue = seen.queue;
        EXIT WHEN FOUND;
    END LOOP;
    IF seen.order_key IS NOT NULL THEN
        PERFORM antiphon_queue.pass_turn(seen.queue, seen.order_key);
        PERFORM antiphon_queue.pass_turn(seen.goal, seen.order_key);
    END IF;
    PERFORM pg_notify('antiphon_queue', '');
    RETURN true;
END
$$;

-- Forgets ended jobs of that status that ended before that moment, not all at once; tells how many. Identifiers stay known until the
-- other moment.
CREATE FUNCTION antiphon_queue.forget(of_status smallint, ended_before_ms bigint, known_before_ms bigint, most bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    old record;
    forgotten bigint := 0;
BEGIN
    FOR old IN
        SELECT j.id, j.ended_ms < known_before_ms AS is_over FROM antiphon_queue.job j
        WHERE j.status = of_status AND j.status >= 2 AND j.ended_ms < ended_before_ms
        ORDER BY j.ended_ms LIMIT most FOR UPDATE SKIP LOCKED
    LOOP
        IF old.is_over THEN
            DELETE FROM antiphon_queue.job WHERE id = old.id;
        ELSE
            PERFORM antiphon_queue.discard(old.id);
        END IF;
        forgotten := forgotten + 1;
    END LOOP;
    RETURN forgotten;
END
$$;

-- Forgets one ended job but for its identifier; tells whether it did.
CREATE FUNCTION antiphon_queue.discard(which uuid) RETURNS boolean LANGUAGE sql AS $$
    WITH gone AS (
        UPDATE antiphon_queue.job SET
            status = 5, queue = '', script = '', event = '', order_key = NULL, dedup_key = NULL, concurrency = NULL,
            worker = NULL, last_error = NULL, payload = NULL, attempts = '{}'
        WHERE id = which AND status IN (2, 3, 4) RETURNING id
    )
    SELECT EXISTS (SELECT FROM gone)
$$;

-- Holds a queue or lets it go on.
CREATE FUNCTION antiphon_queue.pause(which text, is_paused boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF is_paused THEN
        INSERT INTO antiphon_queue.paused (queue) VALUES (which) ON CONFLICT DO NOTHING;
    ELSE
        DELETE FROM antiphon_queue.paused WHERE queue = which;
    END IF;
    PERFORM pg_notify('antiphon_queue', '');
END
$$;

-- Every queue in which something waits, runs or is dead, or that is paused. Each part reads one index.
CREATE FUNCTION antiphon_queue.queues(shift_ms bigint)
RETURNS TABLE (name text, is_paused boolean, ready bigint, delayed bigint, running bigint, dead bigint, oldest_ms bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := antiphon_queue.now_ms(shift_ms);
BEGIN
    RETURN QUERY
    WITH part AS (
        SELECT queue, false AS is_paused, count(*) AS ready, 0 AS delayed, 0 AS running, 0 AS dead, min(created_ms) AS oldest_ms
        FROM antiphon_queue.job WHERE status = 0 AND run_at_ms IS NULL GROUP BY queue
        UNION ALL
        SELECT
            queue, false, count(*) FILTER (WHERE run_at_ms <= now_ms), count(*) FILTER (WHERE run_at_ms > now_ms), 0, 0,
            min(created_ms) FILTER (WHERE run_at_ms <= now_ms)
        FROM antiphon_queue.job WHERE status = 0 AND run_at_ms IS NOT NULL GROUP BY queue
        UNION ALL
        SELECT queue, false, 0, 0, count(*), 0, NULL FROM antiphon_queue.job WHERE status = 1 GROUP BY queue
        UNION ALL
        SELECT queue, false, 0, 0, 0, count(*), NULL FROM antiphon_queue.job WHERE status >= 2 AND status = 3 GROUP BY queue
        UNION ALL
        SELECT queue, true, 0, 0, 0, 0, NULL FROM antiphon_queue.paused
    )
    SELECT
        p.queue, bool_or(p.is_paused), sum(p.ready)::bigint, sum(p.delayed)::bigint, sum(p.running)::bigint,
        sum(p.dead)::bigint, min(p.oldest_ms)
    FROM part p GROUP BY p.queue ORDER BY p.queue;
END
$$;

-- Waits that begin in the future, since the clock was set back, begin now and are as long as before.
CREATE FUNCTION antiphon_queue.correct_waits(shift_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := antiphon_queue.now_ms(shift_ms);
BEGIN
    UPDATE antiphon_queue.job AS j SET run_at_ms = now_ms + (j.run_at_ms - j.waits_from_ms), waits_from_ms = now_ms
    WHERE j.id IN (
        SELECT i.id FROM antiphon_queue.job i
        WHERE i.status = 0 AND i.run_at_ms IS NOT NULL AND i.waits_from_ms > now_ms FOR UPDATE SKIP LOCKED
    );
END
$$;
