//! A resource's own rules over its table.

use crate::catalog::{FieldType, Table};
use crate::condition::{Condition, FieldRef};
use crate::extras::{Extra, Subject};
use crate::records::{RecordRule, Stage, Verbatim};
use crate::sandbox::{Sandbox, column};
use crate::statement::Bound;
use antiphon_model::{Error, Object, Result, Verb, json};

/// Only things of priority 2, done ones can't be deleted, notes are secret.
struct Errands;

impl RecordRule for Errands {
    fn wants_existing(&self) -> bool {
        true
    }

    fn before_create(&self, stage: &Stage<'_>, record: &mut Object) -> Result<()> {
        record.insert("priority".into(), json!(2));
        record.insert("owner_id".into(), json!(stage.user_id));
        if let Some(secret) = record.shift_remove("secret") {
            record.insert("note".into(), json!(format!("hashed {secret}")));
        }
        Ok(())
    }

    fn before_update(&self, _stage: &Stage<'_>, existing: &Object, change: &mut Object) -> Result<()> {
        change.insert("name".into(), json!(format!("was {}", existing["name"].as_str().unwrap())));
        Ok(())
    }

    fn before_delete(&self, _stage: &Stage<'_>, existing: &Object) -> Result<()> {
        match existing["complete"] == json!(true) {
            true => Err(Error::forbidden("Done is done.")),
            false => Ok(()),
        }
    }

    fn shape(&self, row: &mut Object) {
        row.insert("shaped".into(), json!(true));
    }

    fn condition(&self, table: &Table) -> Option<Condition> {
        let field = table.field("priority").and_then(FieldRef::of)?;
        assert_eq!(field.kind, FieldType::Integer);
        Some(Condition::equals(field, Bound::Integer(2)))
    }

    fn duplicate_message(&self, columns: &[String], _record: &Object) -> Option<String> {
        Some(format!("A record with that '{}' already exists.", columns.join("', '")))
    }

    fn refuses_unknown_relations(&self) -> bool {
        true
    }
}

fn errands() -> Sandbox {
    let hidden = json!({"is_hidden": true}).as_object().cloned().unwrap();
    let extras = vec![Extra { table: "todo".into(), subject: Subject::Field("note".into()), values: hidden }];
    let mut shop = Sandbox::open(|_| {}, extras).fill();
    shop.run("CREATE UNIQUE INDEX one_name ON todo (name)");
    shop.rule = &Errands;
    shop
}

#[test]
fn only_the_rows_of_the_resource_exist() {
    let shop = errands();
    assert_eq!(column(&shop.get("todo?fields=id"), "id"), [json!(2), json!(3)]);
    assert_eq!(shop.refused(Verb::Get, "todo/1", json!(null)).status, 404);
}

#[test]
fn records_are_completed_before_they_are_stored_and_shaped_on_their_way_out() {
    let shop = errands();
    let created = shop.post("todo?fields=*", json!([{"name": "x", "priority": 9}]));
    let expected = json!({"id": 6, "name": "x", "complete": false, "priority": 2, "owner_id": 7, "shaped": true});
    assert_eq!(created["resource"][0], expected);
    assert_eq!(shop.post("todo", json!([{"name": "y"}])), json!({"resource": [{"id": 7}]}));
    assert_eq!(shop.patch("todo/2?fields=name", json!({"complete": false}))["name"], json!("was two"));
}

#[test]
fn a_rule_can_refuse_with_its_own_words() {
    let shop = errands();
    assert_eq!(shop.refused(Verb::Delete, "todo/2", json!(null)).message, "Done is done.");
    let error = shop.refused(Verb::Post, "todo", json!([{"name": "one"}]));
    assert_eq!(error.context["resource"][0]["message"], json!("A record with that 'name' already exists."));
    assert_eq!(shop.refused(Verb::Get, "todo?related=bogus", json!(null)).status, 400);
}

#[test]
fn hidden_fields_are_neither_seen_nor_set_nor_searched_but_the_rule_can_set_them() {
    let mut shop = errands();
    shop.post("todo", json!([{"name": "x", "note": "forged", "secret": "s"}]));
    assert_eq!(shop.get("todo/2").get("note"), None);
    assert_eq!(shop.refused(Verb::Get, "todo?fields=note", json!(null)).status, 400);
    assert_eq!(shop.refused(Verb::Get, "todo?filter=note='x'", json!(null)).status, 400);
    shop.rule = &crate::records::NoRule;
    shop.post("todo", json!([{"name": "z", "note": "forged"}]));
    let mut notes = Vec::new();
    let sql = "SELECT note FROM todo WHERE id > ? ORDER BY id";
    shop.database
        .query(sql, &[Bound::Integer(5)], &mut |row| {
            notes.push(format!("{:?}", row.stored(0)));
            Ok(())
        })
        .unwrap();
    assert_eq!(notes.len(), 2);
    assert!(notes[0].contains("hashed") && notes[1].contains("Null"), "{notes:?}");
}

#[test]
fn a_copy_keeps_stamps_and_texts_that_mean_something_elsewhere() {
    let extra = |column: &str, kind: &str| Extra {
        table: "todo".into(),
        subject: Subject::Field(column.into()),
        values: json!({"extra_type": kind}).as_object().cloned().unwrap(),
    };
    let stamps = vec![extra("note", "timestamp_on_update"), extra("owner_id", "user_id_on_create")];
    let mut sandbox = Sandbox::open(|_| {}, stamps).fill();
    let record = || json!({"id": 20, "name": "for {user.id}", "note": "2001-02-03 04:05:06", "owner_id": 99});
    sandbox.rule = &Verbatim;
    sandbox.post("todo", json!({"resource": [record()]}));
    let stored = sandbox.get("todo/20");
    assert_eq!((&stored["note"], &stored["owner_id"]), (&json!("2001-02-03 04:05:06"), &json!(99)));
    sandbox.rule = &crate::records::NoRule;
    sandbox.patch("todo/20", record());
    let stored = sandbox.get("todo/20");
    assert_ne!(stored["note"], "2001-02-03 04:05:06", "everybody else's stamps are the server's");
}
