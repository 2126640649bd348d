-- Changes to the rules for web pages, for whoever keeps them in memory.
CREATE TRIGGER cors_change_insert AFTER INSERT ON cors_config BEGIN
    INSERT INTO change (subject, name) VALUES ('cors', new.id);
END;
CREATE TRIGGER cors_change_update AFTER UPDATE ON cors_config BEGIN
    INSERT INTO change (subject, name) VALUES ('cors', new.id);
END;
CREATE TRIGGER cors_change_delete AFTER DELETE ON cors_config BEGIN
    INSERT INTO change (subject, name) VALUES ('cors', old.id);
END;
