-- Ending attempts.

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
                WHERE j.id = ANY (ids) AND j.status + 0 = 1 AND j.order_key IS NOT NULL
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
            WHERE j.id = g.id AND j.attempt = g.number AND j.status + 0 = 1 AND (g.beat IS NULL OR j.beat = g.beat)
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
