-- Handing jobs out, and keeping them.

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

-- Renews leases; tells the places (from 1) of those that are lost. Whose row somebody else is changing is told the next time.
CREATE FUNCTION antiphon_queue.renew(ids uuid[], numbers bigint[]) RETURNS SETOF bigint LANGUAGE sql SET enable_hashjoin = off AS $$
    WITH given AS MATERIALIZED (
        SELECT g.* FROM unnest(ids, numbers) WITH ORDINALITY AS g(id, number, place)
    ), held AS MATERIALIZED (
        SELECT g.id, g.number, g.place FROM given g
        JOIN antiphon_queue.job j ON j.id = g.id AND j.attempt = g.number AND j.status + 0 = 1
    ), free AS MATERIALIZED (
        SELECT j.id FROM antiphon_queue.job j JOIN given g ON j.id = g.id AND j.attempt = g.number
        WHERE j.status + 0 = 1 FOR UPDATE OF j SKIP LOCKED
    ), renewed AS (
        UPDATE antiphon_queue.job AS j SET beat = j.beat + 1 FROM free WHERE j.id = free.id
    )
    SELECT g.place FROM given g WHERE g.place NOT IN (SELECT h.place FROM held h)
$$;
