-- Event scripts that come from a file of the server's folder of scripts: where it is, and why it can't be read, if so.
ALTER TABLE event_script ADD COLUMN linked_file text;
ALTER TABLE event_script ADD COLUMN link_error text;
