//! Structure from the outside, one behaviour a test (2 to 5).

use crate::sandbox::{Sandbox, anybody, column};
use crate::schema::{SchemaCaller, list_tables};
use antiphon_model::{Object, Value, Verb, VerbMask, json};

fn note() -> Value {
    json!({"name": "note", "field": [
        {"name": "id", "type": "id"},
        {"name": "title", "type": "string", "is_unique": true, "allow_null": false},
        {"name": "done", "type": "boolean", "default": false},
        {"name": "price", "type": "decimal", "precision": 10, "scale": 2, "allow_null": true},
        {"name": "owner_id", "type": "user_id_on_create", "allow_null": true},
        {"name": "rank", "type": "integer", "is_index": true, "default": 3},
        {"name": "team_id", "type": "reference", "ref_table": "team", "ref_field": "id", "ref_on_delete": "CASCADE", "allow_null": true}]})
}

fn with_note() -> Sandbox {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.post("_schema", json!({"resource": [note()]})), json!({"resource": [{"name": "note"}]}));
    shop
}

fn field(shop: &Sandbox, path: &str) -> Value {
    shop.get(&format!("_schema/{path}"))
}

#[test]
fn a_description_has_every_key() {
    let shop = Sandbox::with_tables();
    let described = shop.get("_schema/contact");
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let table = [
        "alias",
        "name",
        "label",
        "description",
        "native",
        "plural",
        "is_view",
        "primary_key",
        "name_field",
        "field",
        "related",
        "constraints",
        "access",
    ];
    assert_eq!(keys(&described), table);
    assert_eq!((&described["access"], &described["primary_key"]), (&json!(31), &json!(["id"])));
    assert_eq!((keys(&described["field"][0]).len(), keys(&described["related"][0]).len()), (29, 20));
    let reference = &described["field"][3];
    assert_eq!(
        (&reference["type"], &reference["ref_table"], &reference["ref_on_delete"]),
        (&json!("reference"), &json!("account"), &json!("SET NULL"))
    );
    assert_eq!(described["constraints"]["fk_contact_account_id"]["delete_rule"], json!("SET NULL"));
}

#[test]
fn parts_of_a_description_are_reached_by_path() {
    let shop = Sandbox::with_tables();
    assert_eq!(column(&shop.get("_schema/team/_field"), "name"), [json!("id"), json!("title")]);
    assert_eq!(field(&shop, "team/_field/title")["length"], json!(20));
    assert_eq!(field(&shop, "contact/_related/account_by_account_id")["type"], json!("belongs_to"));
    assert_eq!(
        column(&shop.get("_schema/contact/_related?ids=info_by_contact_id"), "name"),
        [json!("info_by_contact_id")]
    );
    let error = shop.refused(Verb::Get, "_schema/team/_field/nosuch", json!(null));
    assert_eq!((error.status, error.message.as_str()), (404, "No requested fields found in table 'team'."));
    assert_eq!(shop.refused(Verb::Get, "_schema/team/_related/nosuch", json!(null)).status, 404);
    assert_eq!(column(&shop.get("_schema?ids=team,todo"), "label"), [json!("Team"), json!("Todo")]);
}

#[test]
fn listings_show_names_and_what_fields_ask_for() {
    let shop = Sandbox::with_tables();
    shop.run("CREATE VIEW grown AS SELECT * FROM contact WHERE age > 20");
    let list = |parameters: Value| {
        let parameters: Object = parameters.as_object().cloned().unwrap();
        let access = |name: &str| if name == "badge" { VerbMask::default() } else { VerbMask::of(&[Verb::Get]) };
        list_tables(&shop.database, &parameters, &SchemaCaller { access: &access, ..anybody() }, true).unwrap()
    };
    let names = ["account", "contact", "grown", "info", "member", "team", "todo"];
    assert_eq!(list(json!({"as_list": "true"})), json!({ "resource": names }));
    assert_eq!(list(json!({}))["resource"][0], json!({"name": "account"}));
    let full = &list(json!({"fields": "*"}))["resource"][2];
    assert_eq!((&full["is_view"], &full["access"], &full["plural"]), (&json!(true), &json!(["GET"]), &json!("Growns")));
    assert_eq!(list(json!({"include_access": "true"}))["resource"][0], json!({"name": "account", "access": ["GET"]}));
    assert_eq!(list(json!({"schema": "hr"})), json!({"resource": []}));
    assert_eq!(column(&shop.get("grown?fields=name"), "name"), [json!("Jon"), json!("Tyrion")]);
}

#[test]
fn a_created_table_has_the_types_that_were_asked_for() {
    let shop = with_note();
    let types = column(&json!({"resource": shop.get("_schema/note")["field"]}), "type");
    assert_eq!(
        types,
        ["id", "string", "boolean", "decimal", "user_id_on_create", "integer", "reference"].map(Value::from)
    );
    let described = shop.get("_schema/note");
    assert_eq!(
        (&described["field"][1]["db_type"], &described["field"][1]["is_unique"]),
        (&json!("varchar(255)"), &json!(true))
    );
    assert_eq!(
        (&described["field"][2]["default"], &described["field"][2]["allow_null"]),
        (&json!(false), &json!(false))
    );
    for index in ["ndx_note_rank", "undx_note_title", "fk_note_team_id"] {
        assert!(described["constraints"].get(index).is_some(), "{index}");
    }
    let created = shop.post("note?fields=done,owner_id,rank", json!([{"title": "a", "owner_id": 99}]));
    assert_eq!(created["resource"][0], json!({"done": false, "owner_id": 7, "rank": 3}));
    assert_eq!(shop.refused(Verb::Patch, "note/1", json!({"team_id": 99})).status, 409);
}

#[test]
fn a_table_is_created_under_its_path_and_merged_when_it_exists() {
    let shop = Sandbox::with_tables();
    let fields = json!({"field": [{"name": "id", "type": "id"}, {"name": "v", "type": "string"}]});
    assert_eq!(shop.post("_schema/fresh", fields), json!({"name": "fresh"}));
    shop.post("_schema", json!([{"name": "fresh", "field": [{"name": "w", "type": "integer", "allow_null": true}]}]));
    assert_eq!(column(&shop.get("_schema/fresh/_field"), "name"), [json!("id"), json!("v"), json!("w")]);
    let error = shop.refused(Verb::Post, "_schema?check_exist=true", json!([{"name": "fresh", "field": []}]));
    assert_eq!(
        (error.status, error.message.as_str()),
        (400, "A table with name 'fresh' already exist in the database.")
    );
}

#[test]
fn definitions_that_make_no_sense_say_why() {
    let shop = Sandbox::with_tables();
    let cases = [
        (json!({"name": "x"}), "No data in schema create request."),
        (json!([{"field": []}]), "Table schema received does not have a valid name."),
        (json!([{"name": "x"}]), "No valid fields exist in the received table schema."),
        (
            json!([{"name": "x", "field": [{"name": "a", "type": "reference"}]}]),
            "Invalid schema detected - no table element for reference type of a.",
        ),
        (json!([{"name": "x", "field": [{"name": "a"}]}]), "Invalid schema detected - no type or db_type element."),
    ];
    for (body, message) in cases {
        let error = shop.refused(Verb::Post, "_schema", body);
        assert_eq!((error.status, error.message.as_str()), (400, message));
    }
    assert_eq!(shop.refused(Verb::Delete, "_schema", json!(null)).message, "No data in schema delete request.");
}

#[test]
fn one_failing_table_of_several_is_told_and_the_others_stay() {
    let shop = Sandbox::with_tables();
    let good = |name: &str| json!({"name": name, "field": [{"name": "id", "type": "id"}]});
    let error = shop.refused(Verb::Post, "_schema", json!([good("a"), {"name": "b"}, good("c")]));
    assert_eq!((&error.code, &error.context["error"]), (&json!(1000), &json!([1])));
    assert_eq!(shop.get("_schema/c")["name"], json!("c"));
}

#[test]
fn patch_never_drops_and_put_drops_what_a_list_leaves_out() {
    let shop = with_note();
    shop.post("note", json!([{"title": "kept", "team_id": 1, "price": "12.50"}]));
    let fewer = json!({"field": [{"name": "id", "type": "id"}, {"name": "title", "type": "string"}, {"name": "price", "type": "decimal"}]});
    shop.patch("_schema/note", fewer.clone());
    assert_eq!(column(&shop.get("_schema/note/_field"), "name").len(), 7);
    shop.call(Verb::Put, "_schema/note", fewer).unwrap();
    assert_eq!(column(&shop.get("_schema/note/_field"), "name"), ["id", "title", "price"].map(Value::from));
    assert_eq!(shop.get("note/1"), json!({"id": 1, "title": "kept", "price": 12.5}));
}

#[test]
fn changing_a_field_keeps_rows_children_and_constraints() {
    let shop = Sandbox::with_tables();
    shop.run("CREATE INDEX by_age ON contact (age); CREATE TRIGGER seen AFTER UPDATE ON contact BEGIN UPDATE team SET title = 'seen' WHERE id = 1; END");
    assert_eq!(
        shop.patch("_schema/contact/_field/age", json!({"type": "string", "length": 9})),
        json!({"name": "age"})
    );
    assert_eq!(field(&shop, "contact/_field/age")["db_type"], json!("varchar(9)"));
    assert_eq!(shop.get("contact/1?fields=age"), json!({"age": "24"}));
    assert_eq!((shop.get("info?count_only=true"), shop.get("contact?count_only=true")), (json!(3), json!(4)));
    assert_eq!(shop.refused(Verb::Patch, "contact/1", json!({"account_id": 99})).status, 409);
    assert_eq!(shop.refused(Verb::Patch, "info/1", json!({"contact_id": 99})).status, 409);
    shop.patch("contact/1", json!({"age": "30"}));
    assert_eq!(shop.get("team/1?fields=title"), json!({"title": "seen"}));
    assert!(shop.get("_schema/contact")["constraints"].get("by_age").is_some());
    assert_eq!(shop.post("contact", json!([{"name": "next"}])), json!({"resource": [{"id": 5}]}));
}

#[test]
fn an_unchanged_definition_leaves_the_table_alone() {
    let shop = Sandbox::with_tables();
    let version = |shop: &Sandbox| {
        let mut found = String::new();
        let read = shop.database.query("SELECT sql FROM sqlite_master WHERE name = 'team'", &[], &mut |row| {
            found = format!("{:?}", row.stored(0));
            Ok(())
        });
        read.map(|()| found).unwrap()
    };
    let before = version(&shop);
    let same = json!({"field": [{"name": "id", "type": "id"}, {"name": "title", "type": "string", "length": 20, "label": "T"}]});
    shop.patch("_schema/team", same);
    assert_eq!(version(&shop), before);
    assert_eq!(field(&shop, "team/_field/title")["label"], json!("T"));
}

#[test]
fn a_rebuild_keeps_wide_constraints_and_refuses_to_lose_others() {
    let shop = Sandbox::with_tables();
    shop.run(
        "CREATE TABLE seat (id integer PRIMARY KEY, a integer, b integer, c text, UNIQUE (a, b));
         INSERT INTO seat VALUES (1, 1, 1, 'x'); CREATE TABLE strange (id integer PRIMARY KEY, n integer CHECK (n > 0));",
    );
    shop.patch("_schema/seat/_field/c", json!({"type": "integer"}));
    assert_eq!(
        shop.refused(Verb::Post, "seat", json!([{"a": 1, "b": 1}])).context["resource"][0]["status_code"],
        json!(409)
    );
    let error = shop.refused(Verb::Patch, "_schema/strange/_field/n", json!({"type": "string"}));
    assert!(error.status == 400 && error.message.contains("CHECK"), "{}", error.message);
    assert_eq!(shop.delete("_schema/seat/_field/a"), json!({"success": true}));
    assert_eq!(shop.get("seat/1"), json!({"id": 1, "b": 1, "c": "x"}));
}

#[test]
fn fields_are_added_and_dropped() {
    let shop = Sandbox::with_tables();
    let added = json!({"resource": [{"name": "a", "type": "string", "allow_null": true}, {"name": "b", "type": "boolean", "default": true}]});
    assert_eq!(shop.post("_schema/team/_field", added), json!({"resource": [{"name": "a"}, {"name": "b"}]}));
    assert_eq!(shop.get("team/1"), json!({"id": 1, "title": "North", "a": null, "b": true}));
    assert_eq!(shop.delete("_schema/team/_field?ids=a,b"), json!({"success": true}));
    assert_eq!(shop.get("team/1"), json!({"id": 1, "title": "North"}));
    assert_eq!(
        shop.post("_schema/team/_field/c", json!({"type": "integer", "allow_null": true})),
        json!({"name": "c"})
    );
    assert_eq!(shop.refused(Verb::Post, "_schema/team/_field", json!([{"name": "d", "type": "integer"}])).status, 400);
}

#[test]
fn a_dropped_table_is_gone_with_all_that_was_known_of_it() {
    let shop = with_note();
    shop.patch("_schema/note", json!({"label": "Memo", "alias": "memo"}));
    assert_eq!(shop.delete("_schema/note"), json!({"success": true}));
    assert_eq!(shop.refused(Verb::Get, "_schema/note", json!(null)).status, 404);
    shop.post("_schema", json!([note()]));
    assert_eq!(
        (&shop.get("_schema/note")["label"], &shop.get("_schema/note")["alias"]),
        (&json!("Note"), &json!(null))
    );
    let both = shop.call(Verb::Delete, "_schema", json!({"ids": ["note", "todo"]})).unwrap();
    assert_eq!(both, json!({"resource": [{"name": "note"}, {"name": "todo"}]}));
    assert_eq!(shop.refused(Verb::Delete, "_schema?ids=todo", json!(null)).message, "Table 'todo' not found.");
}

#[test]
fn a_relation_to_another_service_outlives_a_table_of_the_same_name_here() {
    let shop = with_note();
    let relation = |service: Option<i64>| {
        json!([{"type": "has_many", "field": "rank", "is_virtual": true, "ref_service_id": service, "ref_table": "todo",
            "ref_field": "id"}])
    };
    shop.post("_schema/note/_related", relation(Some(12)));
    shop.post("_schema/note/_related", relation(None));
    shop.delete("_schema/todo");
    let names: Vec<Value> = column(&shop.get("_schema/note/_related"), "name");
    assert!(names.contains(&json!("crm.todo_by_id")) && !names.contains(&json!("todo_by_id")), "{names:?}");
}

#[test]
fn extras_persist_are_returned_and_can_be_taken_back() {
    let shop = Sandbox::with_tables();
    let extras = json!({"label": "Headline", "description": "d", "picklist": "x, y", "client_info": {"w": 3},
        "validation": {"not_empty": {"on_fail": "no"}}, "alias": "head"});
    shop.patch("_schema/team/_field/title", extras);
    let described = field(&shop, "team/_field/title");
    assert_eq!(
        (&described["label"], &described["picklist"], &described["client_info"]),
        (&json!("Headline"), &json!(["x", "y"]), &json!({"w": 3}))
    );
    assert_eq!(shop.get("team/1"), json!({"id": 1, "head": "North"}));
    shop.patch("_schema/team/_field/title", json!({"alias": null}));
    assert_eq!(shop.get("team/1"), json!({"id": 1, "title": "North"}));
    assert_eq!(field(&shop, "team/_field/title")["label"], json!("Headline"));
}

#[test]
fn a_table_alias_changes_the_path_of_records_and_not_of_structure() {
    let shop = Sandbox::with_tables();
    shop.patch("_schema/team", json!({"alias": "squad"}));
    assert_eq!(shop.get("squad/1?fields=title"), json!({"title": "North"}));
    assert_eq!(shop.refused(Verb::Get, "team/1", json!(null)).status, 404);
    assert_eq!(shop.refused(Verb::Get, "_schema/squad", json!(null)).status, 404);
    assert_eq!(shop.get("contact/2?related=team_by_member")["team_by_member"], json!([{"id": 1, "title": "North"}]));
}

#[test]
fn an_alias_must_not_be_the_name_of_something_else() {
    let shop = with_note();
    for (path, definition) in [
        ("_schema/note", json!({"alias": "TODO"})),
        ("_schema/note/_field/title", json!({"type": "string", "alias": "id"})),
        (
            "_schema/todo/_field",
            json!([{"name": "name", "type": "string", "alias": "x"}, {"name": "x", "type": "string"}]),
        ),
        ("_schema/note/_related/team_by_team_id", json!({"alias": "title"})),
    ] {
        let refused = shop.refused(Verb::Patch, path, definition);
        assert!(refused.status == 400 && refused.message.contains("has that name"), "{path}: {}", refused.message);
    }
    shop.patch(
        "_schema/note",
        json!({"alias": "memo", "field": [{"name": "title", "type": "string", "alias": "title"}]}),
    );
    shop.patch("_schema/note", json!({"alias": "memo"}));
    let taken = json!({"name": "memo", "field": [{"name": "id", "type": "id"}]});
    assert_eq!(shop.refused(Verb::Post, "_schema/memo", taken).status, 400);
}

#[test]
fn a_real_field_can_not_become_virtual() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Patch, "_schema/team/_field/title", json!({"is_virtual": true, "type": "string"}));
    assert_eq!(error.message, "Field 'title' already exists as non-virtual in table 'team'.");
}

#[test]
fn names_with_quotes_stay_names() {
    let shop = Sandbox::with_tables();
    let name = "odd\" (x); DROP TABLE todo; --";
    let definition = json!([{"name": name, "field": [{"name": "id", "type": "id"}, {"name": "a\"b", "type": "string", "default": "it's"}]}]);
    shop.post("_schema", definition);
    let created = shop.post(&format!("{name}?fields=*"), json!([{"id": 1}]));
    assert_eq!(created["resource"][0], json!({"id": 1, "a\"b": "it's"}));
    assert_eq!(shop.get("todo?count_only=true"), json!(5));
}

#[test]
fn sql_of_ones_own_is_for_administrators() {
    let shop = Sandbox::with_tables();
    for field in [json!({"name": "a", "sql": "text"}), json!({"name": "a", "type": "text; x"})] {
        let body = json!([{"name": "x", "field": [field]}]);
        let request = super::SchemaRequest {
            verb: Verb::Post,
            table: None,
            member: None,
            parameters: &Object::new(),
            payload: &body,
        };
        let caller = anybody();
        assert_eq!(super::handle(&shop.database, &request, &caller).unwrap_err().status, 403);
    }
}

#[test]
fn tables_made_elsewhere_appear_after_a_refresh() {
    let shop = Sandbox::with_tables();
    shop.get("todo/1");
    shop.database.backend().writer().unwrap().run("CREATE TABLE late (id integer PRIMARY KEY)").unwrap();
    assert_eq!(shop.refused(Verb::Get, "late", json!(null)).status, 404);
    shop.get("_schema?refresh=true");
    assert_eq!(shop.get("late"), json!({"resource": []}));
}

#[test]
fn a_column_that_went_elsewhere_is_an_error_until_a_refresh_and_never_its_name() {
    let shop = Sandbox::with_tables();
    shop.get("todo/1");
    shop.database.backend().writer().unwrap().run("ALTER TABLE todo DROP COLUMN note").unwrap();
    let error = shop.refused(Verb::Get, "todo/1", json!(null));
    assert!(error.status == 500 && error.message.contains("no such column"), "{}", error.message);
    shop.get("_schema?refresh=true");
    assert_eq!(shop.get("todo/1").get("note"), None);
}
