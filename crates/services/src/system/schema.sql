-- The tables of the system database. References are declared for discovery, not enforced: clients may name a service, role
-- or app that does not exist yet (packages arrive in any order). What must go with a deleted record goes by trigger.

CREATE TABLE service (
    id integer PRIMARY KEY AUTOINCREMENT,
    name varchar(40) NOT NULL COLLATE NOCASE UNIQUE,
    label varchar(80),
    description varchar(255),
    is_active boolean NOT NULL DEFAULT 0,
    type varchar(40) NOT NULL,
    mutable boolean NOT NULL DEFAULT 1,
    deletable boolean NOT NULL DEFAULT 1,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id),
    config text
);

-- One document for each service; the newest wins.
CREATE TABLE service_doc (
    id integer PRIMARY KEY AUTOINCREMENT,
    service_id integer NOT NULL REFERENCES service (id),
    format integer NOT NULL DEFAULT 0,
    content text,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX service_doc_service ON service_doc (service_id);
CREATE TRIGGER service_doc_replaced AFTER INSERT ON service_doc BEGIN
    DELETE FROM service_doc WHERE service_id = new.service_id AND id <> new.id;
END;

CREATE TABLE role (
    id integer PRIMARY KEY AUTOINCREMENT,
    name varchar(64) NOT NULL UNIQUE,
    description varchar(255),
    is_active boolean NOT NULL DEFAULT 0,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);

CREATE TABLE role_service_access (
    id integer PRIMARY KEY AUTOINCREMENT,
    role_id integer REFERENCES role (id),
    service_id integer REFERENCES service (id),
    component varchar(255),
    verb_mask integer NOT NULL DEFAULT 0,
    requestor_mask integer NOT NULL DEFAULT 0,
    filters text,
    filter_op varchar(32) NOT NULL DEFAULT 'and',
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);
CREATE INDEX role_service_access_role ON role_service_access (role_id);
CREATE INDEX role_service_access_service ON role_service_access (service_id);

CREATE TABLE app (
    id integer PRIMARY KEY AUTOINCREMENT,
    name varchar(64) NOT NULL UNIQUE,
    api_key varchar(255) UNIQUE,
    description varchar(255),
    is_active boolean NOT NULL DEFAULT 0,
    type integer NOT NULL DEFAULT 0,
    path text,
    url text,
    storage_service_id integer REFERENCES service (id),
    storage_container varchar(255),
    requires_fullscreen boolean NOT NULL DEFAULT 0,
    allow_fullscreen_toggle boolean NOT NULL DEFAULT 1,
    toggle_location varchar(64) NOT NULL DEFAULT 'top',
    role_id integer REFERENCES role (id),
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);
CREATE INDEX app_role ON app (role_id);

CREATE TABLE app_group (
    id integer PRIMARY KEY AUTOINCREMENT,
    name varchar(64) NOT NULL UNIQUE,
    description varchar(255),
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);

CREATE TABLE app_to_app_group (
    id integer PRIMARY KEY AUTOINCREMENT,
    app_id integer REFERENCES app (id),
    group_id integer REFERENCES app_group (id)
);
CREATE INDEX app_to_app_group_app ON app_to_app_group (app_id);
CREATE INDEX app_to_app_group_group ON app_to_app_group (group_id);

-- Users and administrators. `token_generation` is in every session token; counting it up ends all of them.
CREATE TABLE user (
    id integer PRIMARY KEY AUTOINCREMENT,
    name varchar(255) NOT NULL,
    first_name varchar(64),
    last_name varchar(64),
    last_login_date timestamp,
    email varchar(255) NOT NULL COLLATE NOCASE UNIQUE,
    is_active boolean NOT NULL DEFAULT 1,
    phone varchar(32),
    security_question varchar(255),
    default_app_id integer REFERENCES app (id),
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id),
    username varchar(255) NOT NULL COLLATE NOCASE UNIQUE,
    ldap_username varchar(255),
    adldap varchar(255),
    oauth_provider varchar(255),
    saml varchar(255),
    password varchar(255),
    security_answer varchar(255),
    remember_token varchar(255),
    confirm_code varchar(255),
    is_sys_admin boolean NOT NULL DEFAULT 0,
    token_generation integer NOT NULL DEFAULT 0
);

CREATE TABLE user_to_app_to_role (
    id integer PRIMARY KEY AUTOINCREMENT,
    user_id integer REFERENCES user (id),
    app_id integer REFERENCES app (id),
    role_id integer REFERENCES role (id)
);
CREATE UNIQUE INDEX user_to_app ON user_to_app_to_role (user_id, app_id);
CREATE INDEX user_to_app_to_role_app ON user_to_app_to_role (app_id);
CREATE INDEX user_to_app_to_role_role ON user_to_app_to_role (role_id);

-- Without app, role and user a lookup is everybody's.
CREATE TABLE lookup (
    id integer PRIMARY KEY AUTOINCREMENT,
    app_id integer REFERENCES app (id),
    role_id integer REFERENCES role (id),
    user_id integer REFERENCES user (id),
    name varchar(255) NOT NULL,
    value text,
    private boolean NOT NULL DEFAULT 0,
    description varchar(255),
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);
CREATE UNIQUE INDEX lookup_name ON lookup (name, coalesce(app_id, 0), coalesce(role_id, 0), coalesce(user_id, 0));
CREATE INDEX lookup_app ON lookup (app_id);
CREATE INDEX lookup_role ON lookup (role_id);
CREATE INDEX lookup_user ON lookup (user_id);

CREATE TABLE event_script (
    name varchar(255) NOT NULL PRIMARY KEY COLLATE NOCASE,
    type varchar(40) NOT NULL,
    is_active boolean NOT NULL DEFAULT 0,
    content text,
    config text,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id),
    allow_event_modification boolean NOT NULL DEFAULT 0,
    scm_reference varchar(255),
    scm_repository varchar(255),
    storage_path varchar(255),
    storage_service_id integer REFERENCES service (id),
    version integer NOT NULL DEFAULT 1
);
-- Versions are numbers of saves over all scripts: one that was deleted and stored anew must not come back under an old version.
CREATE TABLE event_script_saves (saves integer NOT NULL);
INSERT INTO event_script_saves VALUES (0);
CREATE TRIGGER event_script_created AFTER INSERT ON event_script BEGIN
    UPDATE event_script_saves SET saves = saves + 1;
    UPDATE event_script SET version = (SELECT saves FROM event_script_saves) WHERE name = new.name;
END;
CREATE TRIGGER event_script_changed AFTER UPDATE OF type, content, config, allow_event_modification ON event_script BEGIN
    UPDATE event_script_saves SET saves = saves + 1;
    UPDATE event_script SET version = (SELECT saves FROM event_script_saves) WHERE name = new.name;
END;

CREATE TABLE cors_config (
    id integer PRIMARY KEY AUTOINCREMENT,
    path varchar(255) NOT NULL UNIQUE,
    description varchar(255),
    origin varchar(255) NOT NULL,
    header text,
    exposed_header text,
    method integer NOT NULL DEFAULT 0,
    max_age integer NOT NULL DEFAULT 0,
    supports_credentials boolean NOT NULL DEFAULT 0,
    enabled boolean NOT NULL DEFAULT 1,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);

CREATE TABLE email_template (
    id integer PRIMARY KEY AUTOINCREMENT,
    name varchar(64) NOT NULL UNIQUE,
    description varchar(255),
    "to" text,
    cc text,
    bcc text,
    subject varchar(80),
    attachment text,
    body_text text,
    body_html text,
    from_name varchar(80),
    from_email varchar(255),
    reply_to_name varchar(80),
    reply_to_email varchar(255),
    defaults text,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);

CREATE TABLE system_custom (
    name varchar(255) NOT NULL PRIMARY KEY,
    value text,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_by_id integer REFERENCES user (id),
    last_modified_by_id integer REFERENCES user (id)
);

CREATE TABLE user_custom (
    id integer PRIMARY KEY AUTOINCREMENT,
    user_id integer NOT NULL REFERENCES user (id),
    name varchar(255) NOT NULL,
    value text,
    created_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_modified_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX user_custom_name ON user_custom (user_id, name);

-- Session tokens that ended before their time, until that time; in seconds since 1970.
CREATE TABLE revoked_token (
    jti varchar(64) NOT NULL PRIMARY KEY,
    expires integer NOT NULL
);

-- What is known of the tables of database services beyond the databases themselves. `subject` is table, field or relation.
CREATE TABLE database_extra (
    service_id integer NOT NULL REFERENCES service (id),
    table_name varchar(255) NOT NULL COLLATE NOCASE,
    subject varchar(16) NOT NULL,
    name varchar(255) NOT NULL DEFAULT '' COLLATE NOCASE,
    details text NOT NULL,
    PRIMARY KEY (service_id, table_name, subject, name)
);

-- What this instance knows of itself.
CREATE TABLE instance (
    name varchar(64) NOT NULL PRIMARY KEY,
    value text NOT NULL
);

CREATE TRIGGER service_deleted AFTER DELETE ON service BEGIN
    DELETE FROM service_doc WHERE service_id = old.id;
    DELETE FROM role_service_access WHERE service_id = old.id;
    UPDATE app SET storage_service_id = NULL WHERE storage_service_id = old.id;
    UPDATE event_script SET storage_service_id = NULL WHERE storage_service_id = old.id;
    DELETE FROM database_extra WHERE service_id = old.id;
END;
CREATE TRIGGER role_deleted AFTER DELETE ON role BEGIN
    DELETE FROM role_service_access WHERE role_id = old.id;
    DELETE FROM user_to_app_to_role WHERE role_id = old.id;
    DELETE FROM lookup WHERE role_id = old.id;
    UPDATE app SET role_id = NULL WHERE role_id = old.id;
END;
CREATE TRIGGER app_deleted AFTER DELETE ON app BEGIN
    DELETE FROM user_to_app_to_role WHERE app_id = old.id;
    DELETE FROM app_to_app_group WHERE app_id = old.id;
    DELETE FROM lookup WHERE app_id = old.id;
    UPDATE user SET default_app_id = NULL WHERE default_app_id = old.id;
END;
CREATE TRIGGER app_group_deleted AFTER DELETE ON app_group BEGIN
    DELETE FROM app_to_app_group WHERE group_id = old.id;
END;
CREATE TRIGGER user_deleted AFTER DELETE ON user BEGIN
    DELETE FROM user_to_app_to_role WHERE user_id = old.id;
    DELETE FROM lookup WHERE user_id = old.id;
    DELETE FROM user_custom WHERE user_id = old.id;
END;
