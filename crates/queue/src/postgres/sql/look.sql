-- What is told of queues.

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
