-- Clocks that were set back, and what may be forgotten.

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

-- Forgets ended jobs of that status that ended before that moment, not all at once; tells how many. Identifiers stay known until the
-- other moment. The index tells when they were created, which is earlier still.
CREATE FUNCTION antiphon_queue.forget(of_status smallint, ended_before_ms bigint, known_before_ms bigint, most bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    old record;
    forgotten bigint := 0;
BEGIN
    FOR old IN
        SELECT j.id, j.ended_ms < known_before_ms AS is_over FROM antiphon_queue.job j
        WHERE j.status = of_status AND j.status >= 2 AND j.created_ms < ended_before_ms AND j.ended_ms < ended_before_ms
        ORDER BY j.created_ms LIMIT most FOR UPDATE SKIP LOCKED
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
