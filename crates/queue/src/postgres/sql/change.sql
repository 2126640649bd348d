-- What people do to jobs and queues.

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

-- Forgets one ended job but for its identifier; tells whether it did.
CREATE FUNCTION antiphon_queue.discard(which uuid) RETURNS boolean LANGUAGE sql AS $$
    WITH gone AS (
        UPDATE antiphon_queue.job SET
            status = 5, queue = '', script = '', event = '', order_key = NULL, dedup_key = NULL, concurrency = NULL,
            worker = NULL, last_error = NULL, payload = NULL, attempts = '{}'
        WHERE id = which AND status + 0 IN (2, 3, 4) RETURNING id
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
