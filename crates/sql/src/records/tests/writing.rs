//! POST, PUT, PATCH and DELETE (8 to 10, 14).

use crate::extras::{Extra, Subject};
use crate::sandbox::{Sandbox, column};
use antiphon_model::{Object, Value, Verb, json};

fn object(value: Value) -> Object {
    value.as_object().cloned().unwrap()
}

fn field_extra(field: &str, values: Value) -> Extra {
    Extra { table: "todo".into(), subject: Subject::Field(field.into()), values: object(values) }
}

/// The message of the first failed record of a batch.
fn inner(error: &antiphon_model::Error) -> String {
    let index = error.context["error"][0].as_u64().unwrap() as usize;
    error.context["resource"][index]["message"].as_str().unwrap().to_owned()
}

#[test]
fn wrapped_and_bare_lists_are_created_and_answer_with_identifiers() {
    let shop = Sandbox::with_tables();
    assert_eq!(
        shop.post("todo", json!({"resource": [{"name": "a"}, {"name": "b"}]})),
        json!({"resource": [{"id": 6}, {"id": 7}]})
    );
    assert_eq!(shop.post("todo", json!([{"name": "c"}])), json!({"resource": [{"id": 8}]}));
    assert_eq!(shop.post("todo", json!({"resource": {"name": "d"}})), json!({"resource": [{"id": 9}]}));
}

#[test]
fn a_bare_object_without_a_path_id_is_no_record() {
    let shop = Sandbox::with_tables();
    for verb in [Verb::Post, Verb::Patch, Verb::Put] {
        let error = shop.refused(verb, "todo", json!({"name": "x"}));
        assert!(error.status == 400 && error.message.starts_with("No record(s) detected in request."));
    }
}

#[test]
fn asked_for_fields_come_back_as_stored() {
    let shop = Sandbox::with_tables();
    let created =
        shop.post("todo?fields=name,complete,priority", json!([{"name": "a", "complete": "yes", "priority": "4"}]));
    assert_eq!(created, json!({"resource": [{"name": "a", "complete": true, "priority": 4}]}));
}

#[test]
fn a_record_can_not_be_created_under_an_identifier() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Post, "todo/9", json!({"name": "x"}));
    assert_eq!((error.status, error.message.as_str()), (400, "Create record by identifier not currently supported."));
}

#[test]
fn missing_and_null_required_fields_say_which() {
    let shop = Sandbox::with_tables();
    let missing = shop.refused(Verb::Post, "todo", json!([{"priority": 1}]));
    assert_eq!(inner(&missing), "Required field 'name' can not be NULL.");
    let null = shop.refused(Verb::Post, "todo", json!([{"name": null}]));
    assert_eq!(inner(&null), "Field 'name' can not be NULL.");
    let key = shop.refused(Verb::Post, "badge", json!([{"contact_id": 2}]));
    assert_eq!(inner(&key), "Required id field(s) not found in record 0: code");
}

#[test]
fn a_duplicate_is_a_conflict_that_shows_no_sql() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Post, "account", json!([{"name": "Acme"}]));
    let entry = &error.context["resource"][0];
    assert_eq!((error.status, &entry["status_code"]), (400, &json!(409)));
    let message = entry["message"].as_str().unwrap();
    assert!(message.contains("Duplicate") && message.contains("'name'") && !message.contains("INSERT"), "{message}");
    let by_path = shop.refused(Verb::Patch, "account/2", json!({"name": "Acme"}));
    assert_eq!(by_path.status, 409);
}

#[test]
fn a_view_is_read_but_not_written_and_a_trigger_refuses_in_its_own_words() {
    let shop = Sandbox::with_tables();
    shop.run(
        "CREATE VIEW done AS SELECT * FROM todo WHERE complete = 1;
         CREATE TRIGGER no_x BEFORE INSERT ON todo WHEN NEW.name = 'x' BEGIN SELECT RAISE(ABORT, 'x is no task'); END;
         CREATE TRIGGER all_gone BEFORE INSERT ON todo WHEN NEW.name = 'y' BEGIN SELECT RAISE(ROLLBACK, 'y ends it'); END",
    );
    assert_eq!(column(&shop.get("done?fields=id"), "id"), [json!(2), json!(4)]);
    assert_eq!(
        inner(&shop.refused(Verb::Post, "done", json!([{"name": "z"}]))),
        "The records of this view can not be changed."
    );
    assert_eq!(inner(&shop.refused(Verb::Post, "todo", json!([{"name": "x"}]))), "x is no task");
    let lost = shop.refused(Verb::Post, "todo?continue=true", json!([{"name": "a"}, {"name": "y"}, {"name": "b"}]));
    assert_eq!(lost.status, 500);
    assert_eq!(shop.get("todo?count_only=true"), json!(5));
}

#[test]
fn a_reference_to_nothing_is_a_conflict() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Patch, "contact/1", json!({"account_id": 999}));
    assert_eq!(error.status, 409);
    assert_eq!(shop.refused(Verb::Delete, "contact/1", json!(null)).status, 409);
}

#[test]
fn unknown_properties_are_dropped_and_alone_they_are_no_record() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.post("todo?fields=name", json!([{"name": "a", "bogus": 1}])), json!({"resource": [{"name": "a"}]}));
    assert_eq!(
        inner(&shop.refused(Verb::Post, "info", json!([{"bogus": 1}]))),
        "Required field 'phone' can not be NULL."
    );
    let error = shop.refused(Verb::Patch, "todo/1", json!({"bogus": 1}));
    assert_eq!((error.status, error.message.as_str()), (400, "No valid fields were found in record."));
    let empty = shop.refused(Verb::Patch, "todo/1", json!({}));
    assert_eq!(empty.message, "The request contains no valid record fields.");
}

#[test]
fn a_given_automatic_key_is_used() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.post("todo", json!([{"id": 500, "name": "x"}])), json!({"resource": [{"id": 500}]}));
    assert_eq!(shop.post("todo", json!([{"id": null, "name": "x"}])), json!({"resource": [{"id": 501}]}));
}

#[test]
fn patch_and_put_change_only_given_fields() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.patch("todo/1", json!({"note": "n"})), json!({"id": 1}));
    shop.call(Verb::Put, "todo/1", json!({"complete": true})).unwrap();
    assert_eq!(shop.get("todo/1?fields=name,note,complete"), json!({"name": "one", "note": "n", "complete": true}));
}

#[test]
fn one_record_changes_many_by_ids() {
    let shop = Sandbox::with_tables();
    let changed = shop.patch("todo?ids=2,3&fields=id,note", json!({"resource": [{"note": "x"}]}));
    assert_eq!(changed, json!({"resource": [{"id": 2, "note": "x"}, {"id": 3, "note": "x"}]}));
}

#[test]
fn a_change_by_filter_answers_for_what_it_changed_even_if_it_no_longer_matches() {
    let shop = Sandbox::with_tables();
    let changed = shop.patch("todo?filter=priority=2&fields=id,priority", json!({"resource": [{"priority": 9}]}));
    assert_eq!(changed, json!({"resource": [{"id": 2, "priority": 9}, {"id": 3, "priority": 9}]}));
    assert_eq!(shop.patch("todo?filter=priority=2", json!([{"priority": 1}])), json!({"resource": []}));
}

#[test]
fn a_change_by_filter_is_all_or_nothing_and_honours_a_limit() {
    let shop = Sandbox::with_tables();
    shop.run("CREATE TRIGGER guard BEFORE UPDATE ON todo WHEN OLD.id = 3 BEGIN SELECT RAISE(ABORT, 'no'); END");
    assert_eq!(shop.refused(Verb::Patch, "todo?filter=priority=2", json!([{"note": "x"}])).status, 400);
    assert_eq!(shop.get("todo/2?fields=note"), json!({"note": null}));
    let one = shop.patch("todo?filter=id>0&order=id desc&limit=1", json!([{"note": "x"}]));
    assert_eq!(column(&one, "id"), [json!(5)]);
}

#[test]
fn a_missing_record_can_not_be_changed() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.refused(Verb::Patch, "todo/999", json!({"name": "x"})).status, 404);
    assert_eq!(
        inner(&shop.refused(Verb::Patch, "todo", json!([{"id": 999, "name": "x"}]))),
        "Record with identifier '999' not found."
    );
    let without = shop.refused(Verb::Patch, "todo", json!([{"name": "x"}]));
    assert_eq!(inner(&without), "Required id field(s) not found in record 0: id");
}

#[test]
fn a_change_to_the_same_values_succeeds() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.patch("todo/1", json!({"name": "one"})), json!({"id": 1}));
}

#[test]
fn the_key_never_changes() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.patch("todo/1?fields=id,name", json!({"id": 777, "name": "x"})), json!({"id": 1, "name": "x"}));
    assert_eq!(shop.refused(Verb::Get, "todo/777", json!(null)).status, 404);
}

#[test]
fn upsert_inserts_what_is_not_there() {
    let plain = Sandbox::with_tables();
    assert_eq!(plain.refused(Verb::Put, "todo/600", json!({"name": "x"})).status, 404);
    let shop = Sandbox::open(|config| config.allow_upsert = true, Vec::new()).fill();
    assert_eq!(
        shop.call(Verb::Put, "todo/600?fields=id,name", json!({"name": "x"})).unwrap(),
        json!({"id": 600, "name": "x"})
    );
    assert_eq!(shop.patch("todo", json!([{"id": 601, "name": "y"}])), json!({"resource": [{"id": 601}]}));
    assert_eq!(shop.refused(Verb::Put, "todo/602", json!({"note": "z"})).status, 400);
}

#[test]
fn a_wrapped_record_is_accepted_under_a_path_id_but_not_two() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.patch("todo/1?fields=name", json!({"resource": [{"name": "w"}]})), json!({"name": "w"}));
    assert_eq!(shop.refused(Verb::Patch, "todo/1", json!([{"name": "a"}, {"name": "b"}])).status, 400);
}

#[test]
fn deleting_answers_with_the_identifier_or_the_old_row() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.delete("todo/1"), json!({"id": 1}));
    assert_eq!(shop.delete("todo/2?fields=name"), json!({"name": "two"}));
    assert_eq!(shop.delete("todo?ids=3,4"), json!({"resource": [{"id": 3}, {"id": 4}]}));
    assert_eq!(shop.refused(Verb::Delete, "todo/1", json!(null)).status, 404);
    assert_eq!(shop.get("todo?count_only=true"), json!(1));
}

#[test]
fn records_and_ids_in_the_body_are_deleted() {
    let shop = Sandbox::with_tables();
    let by_records = shop.call(Verb::Delete, "todo", json!({"resource": [{"id": 1}]})).unwrap();
    assert_eq!(by_records, json!({"resource": [{"id": 1}]}));
    shop.call(Verb::Delete, "todo", json!({"ids": [2, 3]})).unwrap();
    assert_eq!(
        shop.delete("todo?filter=priority=3&fields=name"),
        json!({"resource": [{"name": "four"}, {"name": "five"}]})
    );
    assert_eq!(shop.delete("todo?filter=id>0"), json!({"resource": []}));
}

#[test]
fn a_record_to_delete_or_read_needs_its_identifier() {
    let shop = Sandbox::with_tables();
    for verb in [Verb::Get, Verb::Delete] {
        let error = shop.refused(verb, "todo", json!([{"id": 1}, {"name": "two"}]));
        assert_eq!(
            (&error.code, inner(&error).as_str()),
            (&json!(1000), "Required id field(s) not found in record 1: id")
        );
    }
}

#[test]
fn deleting_everything_needs_force() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Delete, "todo", json!(null));
    assert_eq!((error.status, error.message.as_str()), (400, "No filter or records given for delete request."));
    assert_eq!(shop.delete("todo?force=true"), json!({"success": true}));
    assert_eq!(shop.get("todo?count_only=true"), json!(0));
    assert_eq!(shop.post("todo", json!([{"name": "new"}])), json!({"resource": [{"id": 1}]}));
}

#[test]
fn a_deleted_record_answers_with_its_relations_as_they_were() {
    let shop = Sandbox::with_tables();
    let deleted = shop.delete("account/2?fields=name&related=contact_by_account_id&contact_by_account_id.fields=name");
    assert_eq!(deleted["contact_by_account_id"], json!([{"name": "Tyrion"}]));
    assert_eq!(shop.get("contact/3?fields=account_id"), json!({"account_id": null}));
}

#[test]
fn a_column_named_like_an_option_is_data_under_a_path_id() {
    let shop = Sandbox::with_tables();
    shop.run("CREATE TABLE meal (id integer PRIMARY KEY, \"order\" text, \"limit\" integer); INSERT INTO meal VALUES (1, 'a', 1)");
    let changed = shop.patch("meal/1?fields=order,limit", json!({"order": "soup; DROP", "limit": 4}));
    assert_eq!(changed, json!({"order": "soup; DROP", "limit": 4}));
}

#[test]
fn the_server_sets_automatic_fields_whatever_the_client_says() {
    let extras = vec![
        field_extra("owner_id", json!({"extra_type": "user_id_on_create"})),
        field_extra("note", json!({"extra_type": "timestamp_on_update"})),
    ];
    let shop = Sandbox::open(|_| {}, extras).fill();
    let created = shop.post("todo?fields=owner_id,note", json!([{"name": "x", "owner_id": 99, "note": "mine"}]));
    assert_eq!(created["resource"][0]["owner_id"], json!(7));
    assert_eq!(created["resource"][0]["note"].as_str().unwrap().len(), "2026-01-01 00:00:00".len());
    shop.patch("todo/3", json!({"name": "x", "owner_id": 99}));
    assert_eq!(shop.get("todo/3?fields=owner_id"), json!({"owner_id": 8}));
}

#[test]
fn lookups_and_permitted_expressions_are_stored_as_what_they_mean() {
    let shop = Sandbox::with_tables();
    let created = shop.post(
        "todo?fields=note,owner_id",
        json!([{"name": "x", "note": "by {user.id}, {nobody}", "owner_id": "{user.id}"}]),
    );
    assert_eq!(created["resource"][0], json!({"note": "by 7, {nobody}", "owner_id": 7}));
    let raised = shop.patch("todo/1?fields=priority", json!({"priority": {"expression": "priority + 5"}}));
    assert_eq!(raised, json!({"priority": 6}));
    let error = shop.refused(Verb::Patch, "todo/1", json!({"note": {"expression": "1); DROP TABLE todo; --"}}));
    assert!(error.status == 400 && error.message.contains("not permitted"));
    assert_eq!(
        shop.patch("todo/1?fields=note", json!({"note": "Robert'); DROP TABLE todo;--"})),
        json!({"note": "Robert'); DROP TABLE todo;--"})
    );
}

#[test]
fn validations_refuse_or_drop_values() {
    let extras = vec![
        field_extra("name", json!({"validation": {"not_empty": {"on_fail": "Say what to do."}}})),
        field_extra("priority", json!({"validation": {"create_only": {}}})),
        field_extra("note", json!({"validation": {"api_read_only": {}}})),
    ];
    let shop = Sandbox::open(|_| {}, extras).fill();
    assert_eq!(inner(&shop.refused(Verb::Post, "todo", json!([{"name": ""}]))), "Say what to do.");
    let created = shop.post("todo?fields=priority,note", json!([{"name": "x", "priority": 5, "note": "n"}]));
    assert_eq!(created["resource"][0], json!({"priority": 5, "note": null}));
    let late = shop.refused(Verb::Patch, "todo/1", json!({"priority": 5}));
    assert_eq!(late.message, "Field 'priority' can only be set during record creation.");
}

#[test]
fn field_aliases_are_the_names_on_the_wire() {
    let shop = Sandbox::open(|_| {}, vec![field_extra("name", json!({"alias": "title"}))]).fill();
    assert_eq!(shop.post("todo?fields=title", json!([{"title": "a"}])), json!({"resource": [{"title": "a"}]}));
    assert_eq!(column(&shop.get("todo?filter=title='two'&order=title&fields=id,title"), "title"), [json!("two")]);
}

#[test]
fn functions_of_fields_compute_and_wrap_with_bound_values() {
    let extras = vec![
        field_extra(
            "shout",
            json!({"is_virtual": true, "db_function": [{"use": ["SELECT", "FILTER"], "function": "upper(name)"}]}),
        ),
        field_extra(
            "total",
            json!({"is_virtual": true, "is_aggregate": true, "extra_type": "integer",
            "db_function": [{"use": ["SELECT"], "function": "count(*)"}]}),
        ),
        field_extra("note", json!({"db_function": [{"use": ["INSERT", "UPDATE"], "function": "lower('{value}')"}]})),
    ];
    let shop = Sandbox::open(|_| {}, extras).fill();
    assert_eq!(shop.get("todo/1")["shout"], json!("ONE"));
    assert_eq!(shop.get("todo/1").get("total"), None);
    assert_eq!(shop.get("todo?fields=total&group=priority")["resource"][1]["total"], json!(2));
    assert_eq!(column(&shop.get("todo?filter=shout='TWO'&fields=id"), "id"), [json!(2)]);
    let stored = shop.post("todo?fields=note", json!([{"name": "x", "note": "It's ME", "shout": "ignored"}]));
    assert_eq!(stored["resource"][0]["note"], json!("it's me"));
}

#[test]
fn a_table_without_a_key_can_be_read_and_written() {
    let shop = Sandbox::with_tables();
    shop.run("CREATE TABLE log (line text)");
    assert_eq!(shop.post("log", json!([{"line": "x"}])), json!({"resource": [{"line": "x"}]}));
    assert_eq!(shop.get("log"), json!({"resource": [{"line": "x"}]}));
    assert_eq!(shop.refused(Verb::Get, "log/1", json!(null)).status, 400);
}
