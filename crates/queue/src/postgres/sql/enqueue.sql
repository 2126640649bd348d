-- Taking jobs in.

-- Takes jobs in. Tells for each place (from 1) 0 stored, 1 known, or 2 a duplicate, and of which other job.
CREATE FUNCTION antiphon_queue.enqueue(
    ids uuid[], queues text[], scripts text[], events text[], priorities smallint[], delays bigint[], order_keys text[],
    dedup_keys text[], concurrencies bigint[], tries_each bigint[], backoffs bigint[], backoffs_max bigint[],
    created bigint[], payloads bytea[], shift_ms bigint
) RETURNS TABLE (place bigint, outcome int, other uuid) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := antiphon_queue.now_ms(shift_ms);
    -- For each place the other job that has its deduplication key.
    holders uuid[] := array_fill(NULL::uuid, ARRAY[cardinality(ids)]);
    turn record;
BEGIN
    IF EXISTS (SELECT FROM unnest(order_keys, dedup_keys) AS g(o, d) WHERE o IS NOT NULL OR d IS NOT NULL) THEN
        PERFORM antiphon_queue.hold(array(
            SELECT antiphon_queue.key_lock('order', q, k) FROM unnest(queues, order_keys) AS g(q, k) WHERE k IS NOT NULL
            UNION ALL
            SELECT antiphon_queue.key_lock('dedup', q, k) FROM unnest(queues, dedup_keys) AS g(q, k) WHERE k IS NOT NULL
        ));
        WITH given AS (
            SELECT g.*, row_number() OVER (PARTITION BY g.id ORDER BY g.place) AS nth
            FROM unnest(ids, queues, dedup_keys) WITH ORDINALITY AS g(id, queue, dedup_key, place)
        ), fresh AS (
            SELECT g.*, (
                SELECT j.id FROM antiphon_queue.job j
                WHERE j.queue = g.queue AND j.dedup_key = g.dedup_key AND j.status IN (0, 1) ORDER BY j.seq LIMIT 1
            ) AS holder
            FROM given g
            WHERE g.nth = 1 AND g.dedup_key IS NOT NULL
                AND NOT EXISTS (SELECT FROM antiphon_queue.job j WHERE j.id = g.id)
        ), judged AS (
            SELECT f.place, coalesce(f.holder, nullif(
                first_value(f.id) OVER (PARTITION BY f.queue, f.dedup_key, f.holder ORDER BY f.place), f.id
            )) AS holder
            FROM fresh f
        )
        SELECT array_agg(d.holder ORDER BY g.place) INTO holders
        FROM given g LEFT JOIN judged d ON d.place = g.place;
    END IF;
    RETURN QUERY
    WITH stored AS (
        INSERT INTO antiphon_queue.job (
            id, status, queue, lane, script, event, priority, delay_ms, order_key, blocked, dedup_key, concurrency, tries,
            backoff_ms, backoff_max_ms, created_ms, waits_from_ms, run_at_ms, payload
        )
        SELECT
            g.id, 0, g.queue, CASE WHEN g.concurrency IS NULL THEN '' ELSE g.concurrency || ' ' || g.script END, g.script, g.event, g.priority, g.delay_ms, g.order_key, g.order_key IS NOT NULL,
            g.dedup_key, g.concurrency, g.tries, g.backoff_ms, g.backoff_max_ms, g.created_ms,
            CASE WHEN g.delay_ms > 0 THEN now_ms END, CASE WHEN g.delay_ms > 0 THEN now_ms + g.delay_ms END, g.payload
        FROM unnest(
            ids, queues, scripts, events, priorities, delays, order_keys, dedup_keys, concurrencies, tries_each,
            backoffs, backoffs_max, created, payloads, holders
        ) WITH ORDINALITY AS g(
            id, queue, script, event, priority, delay_ms, order_key, dedup_key, concurrency, tries, backoff_ms,
            backoff_max_ms, created_ms, payload, holder, place
        )
        WHERE g.holder IS NULL ORDER BY g.place
        ON CONFLICT (id) DO NOTHING RETURNING id
    )
    SELECT
        g.place,
        CASE WHEN g.holder IS NOT NULL THEN 2 WHEN s.id IS NOT NULL AND g.nth = 1 THEN 0 ELSE 1 END,
        g.holder
    FROM (
        SELECT u.*, row_number() OVER (PARTITION BY u.id ORDER BY u.place) AS nth
        FROM unnest(ids, holders) WITH ORDINALITY AS u(id, holder, place)
    ) AS g
    LEFT JOIN stored s ON s.id = g.id;
    FOR turn IN SELECT DISTINCT q, k FROM unnest(queues, order_keys) AS g(q, k) WHERE k IS NOT NULL LOOP
        PERFORM antiphon_queue.pass_turn(turn.q, turn.k);
    END LOOP;
    PERFORM pg_notify('antiphon_queue', '');
END
$$;
