-- What changed, in order, for whoever keeps some of it in memory: this process and every other one over the same database.
-- Only the newest entries stay; a reader that missed some reads everything anew.
CREATE TABLE change (
    id integer PRIMARY KEY AUTOINCREMENT,
    subject varchar(16) NOT NULL,
    name varchar(255) NOT NULL
);
CREATE TRIGGER change_kept_short AFTER INSERT ON change WHEN new.id % 1000 = 0 BEGIN
    DELETE FROM change WHERE id <= new.id - 10000;
END;

CREATE TRIGGER user_change_insert AFTER INSERT ON user BEGIN
    INSERT INTO change (subject, name) VALUES ('account', new.id);
END;
CREATE TRIGGER user_change_update AFTER UPDATE ON user BEGIN
    INSERT INTO change (subject, name) VALUES ('account', new.id);
END;
CREATE TRIGGER user_change_delete AFTER DELETE ON user BEGIN
    INSERT INTO change (subject, name) VALUES ('account', old.id);
END;

CREATE TRIGGER app_change_insert AFTER INSERT ON app BEGIN
    INSERT INTO change (subject, name) VALUES ('app', coalesce(new.api_key, ''));
END;
CREATE TRIGGER app_change_update AFTER UPDATE ON app BEGIN
    INSERT INTO change (subject, name) VALUES ('app', coalesce(old.api_key, '')), ('app', coalesce(new.api_key, ''));
END;
CREATE TRIGGER app_change_delete AFTER DELETE ON app BEGIN
    INSERT INTO change (subject, name) VALUES ('app', coalesce(old.api_key, ''));
END;

CREATE TRIGGER role_change_insert AFTER INSERT ON role BEGIN
    INSERT INTO change (subject, name) VALUES ('role', new.id);
END;
CREATE TRIGGER role_change_update AFTER UPDATE ON role BEGIN
    INSERT INTO change (subject, name) VALUES ('role', new.id);
END;
CREATE TRIGGER role_change_delete AFTER DELETE ON role BEGIN
    INSERT INTO change (subject, name) VALUES ('role', old.id);
END;
CREATE TRIGGER role_service_access_change_insert AFTER INSERT ON role_service_access BEGIN
    INSERT INTO change (subject, name) VALUES ('role', coalesce(new.role_id, 0));
END;
CREATE TRIGGER role_service_access_change_update AFTER UPDATE ON role_service_access BEGIN
    INSERT INTO change (subject, name) VALUES ('role', coalesce(old.role_id, 0)), ('role', coalesce(new.role_id, 0));
END;
CREATE TRIGGER role_service_access_change_delete AFTER DELETE ON role_service_access BEGIN
    INSERT INTO change (subject, name) VALUES ('role', coalesce(old.role_id, 0));
END;

CREATE TRIGGER user_to_app_to_role_change_insert AFTER INSERT ON user_to_app_to_role BEGIN
    INSERT INTO change (subject, name) VALUES ('assignment', coalesce(new.user_id || ' ' || new.app_id, ''));
END;
CREATE TRIGGER user_to_app_to_role_change_update AFTER UPDATE ON user_to_app_to_role BEGIN
    INSERT INTO change (subject, name) VALUES ('assignment', coalesce(old.user_id || ' ' || old.app_id, '')), ('assignment', coalesce(new.user_id || ' ' || new.app_id, ''));
END;
CREATE TRIGGER user_to_app_to_role_change_delete AFTER DELETE ON user_to_app_to_role BEGIN
    INSERT INTO change (subject, name) VALUES ('assignment', coalesce(old.user_id || ' ' || old.app_id, ''));
END;

CREATE TRIGGER lookup_change_insert AFTER INSERT ON lookup BEGIN
    INSERT INTO change (subject, name) VALUES ('lookup', new.name);
END;
CREATE TRIGGER lookup_change_update AFTER UPDATE ON lookup BEGIN
    INSERT INTO change (subject, name) VALUES ('lookup', new.name);
END;
CREATE TRIGGER lookup_change_delete AFTER DELETE ON lookup BEGIN
    INSERT INTO change (subject, name) VALUES ('lookup', old.name);
END;

CREATE TRIGGER revoked_token_change_insert AFTER INSERT ON revoked_token BEGIN
    INSERT INTO change (subject, name) VALUES ('token', new.jti);
END;

CREATE TRIGGER event_script_change_insert AFTER INSERT ON event_script BEGIN
    INSERT INTO change (subject, name) VALUES ('script', new.name);
END;
CREATE TRIGGER event_script_change_update AFTER UPDATE ON event_script BEGIN
    INSERT INTO change (subject, name) VALUES ('script', old.name), ('script', new.name);
END;
CREATE TRIGGER event_script_change_delete AFTER DELETE ON event_script BEGIN
    INSERT INTO change (subject, name) VALUES ('script', old.name);
END;

CREATE TRIGGER service_change_insert AFTER INSERT ON service BEGIN
    INSERT INTO change (subject, name) VALUES ('service', new.name);
END;
CREATE TRIGGER service_change_update AFTER UPDATE ON service BEGIN
    INSERT INTO change (subject, name) VALUES ('service', new.name);
END;
CREATE TRIGGER service_change_delete AFTER DELETE ON service BEGIN
    INSERT INTO change (subject, name) VALUES ('service', old.name);
END;
CREATE TRIGGER service_doc_change_insert AFTER INSERT ON service_doc BEGIN
    INSERT INTO change (subject, name) VALUES ('service', new.service_id);
END;
CREATE TRIGGER service_doc_change_update AFTER UPDATE ON service_doc BEGIN
    INSERT INTO change (subject, name) VALUES ('service', new.service_id);
END;
CREATE TRIGGER service_doc_change_delete AFTER DELETE ON service_doc BEGIN
    INSERT INTO change (subject, name) VALUES ('service', old.service_id);
END;
