-- Each operation is one call of a function, and so one transaction and one round trip.
--
-- Locks, in this order, so that no two operations wait for each other: rows of jobs without order key by identifier; keys (advisory, by
-- number), one for each order key and deduplication key and for each script with a limit; rows of jobs with order key. Whoever changes
-- which job of an order key has its turn holds the key. Claims and renewals never wait for rows.

-- Joins with identifiers look each of them up, whatever the planner has been told of the table, which grows and shrinks all the time:
-- that is what `enable_hashjoin = off` is for, and `status + 0`, for which no index of one status will do.

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
