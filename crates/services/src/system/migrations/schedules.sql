-- Schedules: scripts that run at moments of a clock, as the event system.schedule.{name}.run.

CREATE TABLE schedule (
    id integer PRIMARY KEY AUTOINCREMENT,
    name varchar(64) NOT NULL COLLATE NOCASE UNIQUE,
    label varchar(255),
    description text,
    cron varchar(255) NOT NULL,
    time_zone varchar(64) NOT NULL DEFAULT 'UTC',
    is_active boolean NOT NULL DEFAULT 1,
    -- What becomes of moments that no process was there for: 'once' or 'skip'.
    misfire varchar(8) NOT NULL DEFAULT 'once',
    -- What scripts find in event.request.payload.
    payload text,
    config text,
    -- In whose name, and in which app.
    user_id integer REFERENCES user (id),
    app_id integer REFERENCES app (id),
    -- The latest moment that a job was made for, for people and (in milliseconds since 1970) for the scheduler.
    last_run_date timestamp,
    last_run_ms integer,
    -- Moments before this one are not for the schedule as it is now.
    since_ms integer NOT NULL DEFAULT 0,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);
CREATE INDEX schedule_user ON schedule (user_id);
CREATE INDEX schedule_app ON schedule (app_id);

-- What was not scheduled, or scheduled otherwise, was not missed.
CREATE TRIGGER schedule_begins AFTER INSERT ON schedule BEGIN
    UPDATE schedule SET since_ms = CAST(unixepoch('subsec') * 1000 AS integer) WHERE id = new.id;
END;
CREATE TRIGGER schedule_begins_anew AFTER UPDATE OF cron, time_zone, is_active ON schedule
WHEN new.cron IS NOT old.cron OR new.time_zone IS NOT old.time_zone OR new.is_active IS NOT old.is_active BEGIN
    UPDATE schedule SET since_ms = CAST(unixepoch('subsec') * 1000 AS integer) WHERE id = new.id;
END;

-- Nothing runs in nobody's name, nor in an app that is gone: with another role than before, perhaps.
CREATE TRIGGER schedule_of_deleted_user AFTER DELETE ON user BEGIN
    UPDATE schedule SET user_id = NULL, is_active = 0 WHERE user_id = old.id;
END;
CREATE TRIGGER schedule_of_deleted_app AFTER DELETE ON app BEGIN
    UPDATE schedule SET app_id = NULL, is_active = 0 WHERE app_id = old.id;
END;
