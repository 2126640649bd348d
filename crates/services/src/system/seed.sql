-- What every installation begins with. The identifiers of the services and the keys of the apps are known to clients.

INSERT INTO service (id, name, label, description, is_active, type, mutable, deletable, config) VALUES
    (1, 'system', 'System Management', 'Service for managing system resources.', 1, 'system', 0, 0, NULL),
    (2, 'api_docs', 'Live API Docs', 'API documenting and testing service.', 1, 'swagger', 0, 0, NULL),
    (3, 'files', 'Local File Storage', 'Service for accessing local file storage.', 1, 'local_file', 1, 1, '{"container":"app"}'),
    (4, 'logs', 'Local Log Storage', 'Service for accessing local log storage.', 1, 'local_file', 1, 1, '{"container":"logs"}'),
    (5, 'db', 'Local SQL Database', 'Service for accessing local SQLite database.', 1, 'sqlite', 1, 1, '{"database":"db.sqlite"}'),
    (6, 'email', 'Local Email Service', 'Email service used for sending user invites and/or password reset confirmation.', 1,
     'local_email', 1, 1, '{"parameters":[]}'),
    (7, 'user', 'User Management', 'Service for managing system users.', 1, 'user', 1, 0,
     '{"allow_open_registration":false,"open_reg_email_service_id":6,"open_reg_email_template_id":2,' ||
     '"invite_email_service_id":6,"invite_email_template_id":1,"password_email_service_id":6,"password_email_template_id":3}');

-- These keys are public; that is why none of these apps may ever have a role.
INSERT INTO app (id, name, api_key, description, is_active, type, path) VALUES
    (1, 'admin', '6498a8ad1beb9d84d63035c5d1120c007fad6de706734db9689f8996707e0f7d',
     'An application for administering this instance.', 1, 3, 'dreamfactory/dist/index.html'),
    (2, 'api_docs', '36fda24fe5588fa4285ac6c6c2fdfbdb6b6bc9834699774c9bf777f706d05a88',
     'An OpenAPI-based application allowing documentation viewing and testing of the API.', 1, 3, 'df-api-docs-ui/dist/index.html'),
    (3, 'file_manager', 'b5cb82af7b5d4130f36149f90aa2746782e59a872ac70454ac188743cb55b0ba',
     'An application for managing file services.', 1, 3, 'filemanager/index.html');

INSERT INTO email_template (name, description, subject, body_text, body_html) VALUES
    ('User Invite Default', 'Default template for inviting a user.', 'You are invited',
     'Hello {first_name},' || char(10) || 'you are invited to use this server. Choose a password here: {link}',
     '<p>Hello {first_name},</p><p>you are invited to use this server. <a href="{link}">Choose a password</a>.</p>'),
    ('User Registration Default', 'Default template for confirming a registration.', 'Please confirm your registration',
     'Hello {first_name},' || char(10) || 'please confirm your registration here: {link}',
     '<p>Hello {first_name},</p><p>please <a href="{link}">confirm your registration</a>.</p>'),
    ('Password Reset Default', 'Default template for resetting a password.', 'Reset your password',
     'Hello {first_name},' || char(10) || 'choose a new password here: {link}',
     '<p>Hello {first_name},</p><p><a href="{link}">Choose a new password</a>.</p>');

INSERT INTO instance (name, value) VALUES ('instance_id', lower(hex(randomblob(16))));
