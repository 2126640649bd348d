-- Code that scripts share by name, and the versions that it had (events-and-scripting D13).

CREATE TABLE script_library (
    name varchar(128) NOT NULL PRIMARY KEY COLLATE NOCASE,
    type varchar(40) NOT NULL,
    description text,
    content text,
    is_active boolean NOT NULL DEFAULT 1,
    version integer NOT NULL DEFAULT 0,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);

CREATE TABLE script_library_version (
    id integer PRIMARY KEY AUTOINCREMENT,
    library varchar(128) NOT NULL COLLATE NOCASE REFERENCES script_library (name),
    version integer NOT NULL,
    type varchar(40) NOT NULL,
    content text,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer
);
CREATE UNIQUE INDEX script_library_version_number ON script_library_version (library, version);

-- Versions go on after a library was deleted and stored anew: scripts that ask for an old one must not get another text.
CREATE TABLE script_library_saves (library varchar(128) NOT NULL PRIMARY KEY COLLATE NOCASE, saves integer NOT NULL);

CREATE TRIGGER script_library_created AFTER INSERT ON script_library BEGIN
    INSERT INTO script_library_saves VALUES (new.name, 1) ON CONFLICT (library) DO UPDATE SET saves = saves + 1;
    UPDATE script_library SET version = (SELECT saves FROM script_library_saves WHERE library = new.name) WHERE name = new.name;
    INSERT INTO script_library_version (library, version, type, content, created_by_id)
    SELECT name, version, type, content, new.created_by_id FROM script_library WHERE name = new.name;
END;
-- The newest thousand versions are kept.
CREATE TRIGGER script_library_saved AFTER UPDATE OF type, content ON script_library
WHEN new.type IS NOT old.type OR new.content IS NOT old.content BEGIN
    UPDATE script_library_saves SET saves = saves + 1 WHERE library = new.name;
    UPDATE script_library SET version = (SELECT saves FROM script_library_saves WHERE library = new.name) WHERE name = new.name;
    INSERT INTO script_library_version (library, version, type, content, created_by_id)
    SELECT name, version, type, content, new.last_modified_by_id FROM script_library WHERE name = new.name;
    DELETE FROM script_library_version
    WHERE library = new.name AND version <= (SELECT saves - 1000 FROM script_library_saves WHERE library = new.name);
END;
CREATE TRIGGER script_library_deleted AFTER DELETE ON script_library BEGIN
    DELETE FROM script_library_version WHERE library = old.name;
END;

CREATE TRIGGER script_library_change_insert AFTER INSERT ON script_library BEGIN
    INSERT INTO change (subject, name) VALUES ('library', new.name);
END;
CREATE TRIGGER script_library_change_update AFTER UPDATE ON script_library BEGIN
    INSERT INTO change (subject, name) VALUES ('library', new.name);
END;
CREATE TRIGGER script_library_change_delete AFTER DELETE ON script_library BEGIN
    INSERT INTO change (subject, name) VALUES ('library', old.name);
END;
