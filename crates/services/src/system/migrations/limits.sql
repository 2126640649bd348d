-- Limits on calls, what they have counted, and the history of services (system-and-users 4.14, 4.6).

CREATE TABLE limits (
    id integer PRIMARY KEY AUTOINCREMENT,
    name varchar(255) NOT NULL COLLATE NOCASE UNIQUE,
    description varchar(255),
    type varchar(64) NOT NULL,
    rate integer NOT NULL,
    period varchar(16) NOT NULL,
    user_id integer REFERENCES user (id),
    role_id integer REFERENCES role (id),
    service_id integer REFERENCES service (id),
    endpoint varchar(255),
    verb varchar(10),
    key_text varchar(512) NOT NULL,
    is_active boolean NOT NULL DEFAULT 1,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);
CREATE UNIQUE INDEX limits_key_text ON limits (key_text);
CREATE INDEX limits_user ON limits (user_id);
CREATE INDEX limits_role ON limits (role_id);
CREATE INDEX limits_service ON limits (service_id);

-- A limit without its user, role or service would count nobody or everybody, so these references must hold. The texts are for clients.
CREATE TRIGGER limits_checked_insert BEFORE INSERT ON limits BEGIN
    SELECT RAISE(ABORT, 'A limit already exists with those parameters. No records added.')
    WHERE EXISTS (SELECT 1 FROM limits WHERE key_text = new.key_text);
    SELECT RAISE(ABORT, 'No user exists for ' || new.name || ' limit.')
    WHERE new.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM user WHERE id = new.user_id);
    SELECT RAISE(ABORT, 'No role exists for ' || new.name || ' limit.')
    WHERE new.role_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM role WHERE id = new.role_id);
    SELECT RAISE(ABORT, 'No service exists for ' || new.name || ' limit.')
    WHERE new.service_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM service WHERE id = new.service_id);
END;
CREATE TRIGGER limits_checked_update BEFORE UPDATE OF key_text ON limits BEGIN
    SELECT RAISE(ABORT, 'A limit already exists with those parameters. No records changed.')
    WHERE EXISTS (SELECT 1 FROM limits WHERE key_text = new.key_text AND id <> new.id);
    SELECT RAISE(ABORT, 'No user exists for ' || new.name || ' limit.')
    WHERE new.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM user WHERE id = new.user_id);
    SELECT RAISE(ABORT, 'No role exists for ' || new.name || ' limit.')
    WHERE new.role_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM role WHERE id = new.role_id);
    SELECT RAISE(ABORT, 'No service exists for ' || new.name || ' limit.')
    WHERE new.service_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM service WHERE id = new.service_id);
END;
CREATE TRIGGER limits_of_deleted_user AFTER DELETE ON user BEGIN
    DELETE FROM limits WHERE user_id = old.id;
END;
CREATE TRIGGER limits_of_deleted_role AFTER DELETE ON role BEGIN
    DELETE FROM limits WHERE role_id = old.id;
END;
CREATE TRIGGER limits_of_deleted_service AFTER DELETE ON service BEGIN
    DELETE FROM limits WHERE service_id = old.id;
END;

-- What limits have counted in windows that are not over; `user_id` is 0 where all users share one. The truth is in memory and
-- is written here behind the calls. `id` is the limit's, by which clients know a counter; `ends` is in milliseconds since 1970.
CREATE TABLE limit_cache (
    id integer NOT NULL,
    limit_id integer NOT NULL REFERENCES limits (id),
    user_id integer NOT NULL,
    "key" varchar(512) NOT NULL,
    max integer NOT NULL,
    attempts integer NOT NULL,
    remaining integer NOT NULL,
    ends integer NOT NULL,
    announced boolean NOT NULL,
    PRIMARY KEY (limit_id, user_id)
);
CREATE INDEX limit_cache_ends ON limit_cache (ends);
CREATE TRIGGER limit_cache_of_deleted_limit AFTER DELETE ON limits BEGIN
    DELETE FROM limit_cache WHERE limit_id = old.id;
END;
CREATE TRIGGER limit_cache_of_changed_rate AFTER UPDATE OF rate ON limits BEGIN
    UPDATE limit_cache SET max = new.rate, remaining = max(0, new.rate - attempts) WHERE limit_id = new.id;
END;

-- Who made, changed and deleted services. Refers to nothing, because it must survive them and their makers.
CREATE TABLE service_report (
    id integer PRIMARY KEY AUTOINCREMENT,
    service_id integer,
    service_name varchar(40),
    user_email varchar(255),
    action varchar(16) NOT NULL,
    request_verb varchar(10) NOT NULL,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- What other processes learn of (see changes.sql). A reset counter is written down by whoever resets it.
CREATE TRIGGER limits_change_insert AFTER INSERT ON limits BEGIN
    INSERT INTO change (subject, name) VALUES ('limit', new.id);
END;
CREATE TRIGGER limits_change_update AFTER UPDATE ON limits BEGIN
    INSERT INTO change (subject, name) VALUES ('limit', new.id);
END;
CREATE TRIGGER limits_change_delete AFTER DELETE ON limits BEGIN
    INSERT INTO change (subject, name) VALUES ('limit', old.id);
END;
