//! Relations from the outside, one behaviour a test (15).

use super::{RelatedTables, SameDatabase};
use crate::extras::{Extra, Subject};
use crate::lookup::NoLookups;
use crate::records::RowFilters;
use crate::sandbox::{Sandbox, column};
use antiphon_model::{Error, FilterOp, Object, Result, ServerFilter, Value, Verb, json};

fn related_names(shop: &Sandbox, table: &str) -> Vec<(Value, Value)> {
    let described = shop.get(&format!("_schema/{table}/_related"));
    column(&described, "name").into_iter().zip(column(&described, "type")).collect()
}

#[test]
fn names_and_kinds_follow_from_foreign_keys() {
    let shop = Sandbox::with_tables();
    let expected = [
        ("account_by_account_id", "belongs_to"),
        ("badge_by_contact_id", "has_one"),
        ("info_by_contact_id", "has_many"),
        ("member_by_contact_id", "has_many"),
        ("team_by_member", "many_many"),
    ];
    assert_eq!(related_names(&shop, "contact"), expected.map(|(name, kind)| (json!(name), json!(kind))));
}

#[test]
fn a_self_reference_shows_both_directions() {
    let shop = Sandbox::with_tables();
    shop.run("CREATE TABLE folder (id integer PRIMARY KEY, name text, up integer REFERENCES folder(id)); INSERT INTO folder VALUES (1, 'a', NULL), (2, 'b', 1)");
    let found = related_names(&shop, "folder");
    assert_eq!(
        found,
        [(json!("folder_by_up_parent"), json!("belongs_to")), (json!("folder_by_up"), json!("has_many"))]
    );
    let both =
        shop.get("folder/2?fields=name&related=folder_by_up_parent,folder_by_up&folder_by_up_parent.fields=name");
    assert_eq!((&both["folder_by_up_parent"], &both["folder_by_up"]), (&json!({"name": "a"}), &json!([])));
}

#[test]
fn a_record_shows_what_it_belongs_to_has_and_is_linked_to() {
    let shop = Sandbox::with_tables();
    let path = "contact/1?fields=name&related=account_by_account_id,badge_by_contact_id,info_by_contact_id,team_by_member\
                &account_by_account_id.fields=name&info_by_contact_id.fields=phone&team_by_member.fields=title";
    assert_eq!(
        shop.get(path),
        json!({
            "name": "Jon", "account_id": 1, "id": 1,
            "account_by_account_id": {"name": "Acme"},
            "badge_by_contact_id": {"code": "B1", "contact_id": 1},
            "info_by_contact_id": [{"phone": "555-1"}, {"phone": "555-2"}],
            "team_by_member": [{"title": "North"}, {"title": "Kings"}],
        })
    );
}

#[test]
fn without_a_match_one_is_null_and_many_are_empty() {
    let shop = Sandbox::with_tables();
    let sansa = shop.get("contact/4?related=*");
    assert_eq!((&sansa["account_by_account_id"], &sansa["badge_by_contact_id"]), (&Value::Null, &Value::Null));
    assert_eq!((&sansa["info_by_contact_id"], &sansa["team_by_member"]), (&json!([]), &json!([])));
}

#[test]
fn unknown_relations_are_passed_over() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("team/1?related=nosuch"), json!({"id": 1, "title": "North"}));
}

#[test]
fn options_work_with_dot_and_underscore_and_the_limit_is_each_parents() {
    let shop = Sandbox::with_tables();
    let path = "contact?fields=id&limit=2&related=info_by_contact_id&info_by_contact_id_fields=phone\
                &info_by_contact_id.order=id desc&info_by_contact_id.limit=1";
    let found = shop.get(path);
    assert_eq!(column(&found, "info_by_contact_id"), [json!([{"phone": "555-2"}]), json!([{"phone": "555-3"}])]);
}

#[test]
fn the_limit_of_each_parent_holds_beyond_the_maximum_of_one_read() {
    let shop = Sandbox::open(|config| config.max_records = Some(3), Vec::new()).fill();
    shop.run("INSERT INTO info (phone, contact_id) SELECT 'x' || id, 1 FROM todo");
    let found = shop.get("contact?fields=id&ids=1,2&related=info_by_contact_id&info_by_contact_id.limit=2");
    let counts: Vec<usize> =
        column(&found, "info_by_contact_id").iter().map(|related| related.as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn a_filter_of_the_relation_narrows_it_and_can_not_widen_it() {
    let shop = Sandbox::with_tables();
    let found = shop.get("contact/1?related=info_by_contact_id&info_by_contact_id.filter=phone='555-2'");
    assert_eq!(found["info_by_contact_id"], json!([{"id": 2, "phone": "555-2", "contact_id": 1}]));
    let wide = "contact/1?related=info_by_contact_id&info_by_contact_id.filter=id=1) OR (id=3";
    assert_eq!(shop.refused(Verb::Get, wide, json!(null)).status, 400);
}

#[test]
fn relations_can_be_read_three_levels_deep() {
    let shop = Sandbox::with_tables();
    let deep = shop.get(
        "account/1?fields=name&related=contact_by_account_id&contact_by_account_id.related=team_by_member\
         &contact_by_account_id.fields=name&contact_by_account_id.team_by_member.fields=title",
    );
    assert_eq!(deep["contact_by_account_id"][1]["team_by_member"], json!([{"title": "North"}]));
    for path in ["b.c.related", "b.c_related"] {
        let too_deep = format!("account?related=contact_by_account_id&contact_by_account_id.{path}=d");
        assert_eq!(shop.refused(Verb::Get, &too_deep, json!(null)).status, 400, "{path}");
    }
}

#[test]
fn options_that_choose_other_records_do_not_reach_the_relation() {
    let shop = Sandbox::with_tables();
    let found =
        shop.get("contact/1?related=info_by_contact_id&info_by_contact_id.ids=3&info_by_contact_id.count_only=true");
    assert_eq!(found["info_by_contact_id"].as_array().unwrap().len(), 2);
}

#[test]
fn keys_with_commas_and_quotes_relate() {
    let shop = Sandbox::with_tables();
    shop.run(
        "CREATE TABLE city (name varchar(40) PRIMARY KEY); CREATE TABLE street (id integer PRIMARY KEY, city varchar(40) REFERENCES city(name));
         INSERT INTO city VALUES ('a, b'), ('it''s \"here\"'); INSERT INTO street VALUES (1, 'a, b'), (2, 'it''s \"here\"')",
    );
    let found = shop.get("city?related=street_by_city&street_by_city.fields=id&order=name");
    assert_eq!(column(&found, "street_by_city"), [json!([{"id": 1}]), json!([{"id": 2}])]);
}

#[test]
fn keys_of_several_columns_can_be_read_along() {
    let shop = Sandbox::with_tables();
    shop.run(
        "CREATE TABLE room (house integer, number integer, PRIMARY KEY (house, number));
         CREATE TABLE guest (id integer PRIMARY KEY, house integer, number integer, FOREIGN KEY (house, number) REFERENCES room(house, number));
         INSERT INTO room VALUES (1, 1), (1, 2); INSERT INTO guest VALUES (10, 1, 2), (11, 1, 1)",
    );
    let found = shop.get("room?related=guest_by_house_number&guest_by_house_number.fields=id");
    assert_eq!(column(&found, "guest_by_house_number"), [json!([{"id": 11}]), json!([{"id": 10}])]);
    let error =
        shop.refused(Verb::Post, "room", json!([{"house": 2, "number": 1, "guest_by_house_number": [{"id": 12}]}]));
    assert!(error.context["resource"][0]["message"].as_str().unwrap().contains("multi-column"));
}

#[test]
fn always_fetched_relations_are_in_every_read_but_not_in_each_other() {
    let values = |alias: &str| json!({"always_fetch": true, "alias": alias}).as_object().cloned().unwrap();
    let extras = vec![
        Extra {
            table: "contact".into(),
            subject: Subject::Relation("account_by_account_id".into()),
            values: values("acct"),
        },
        Extra {
            table: "account".into(),
            subject: Subject::Relation("contact_by_account_id".into()),
            values: values("people"),
        },
    ];
    let shop = Sandbox::open(|_| {}, extras).fill();
    assert_eq!(shop.get("contact/1?fields=name")["acct"], json!({"id": 1, "name": "Acme", "balance": 100.5}));
}

#[test]
fn children_and_links_are_created_with_their_record() {
    let shop = Sandbox::with_tables();
    let record = json!({"name": "N", "info_by_contact_id": [{"phone": "1"}, {"phone": "2"}],
        "badge_by_contact_id": {"code": "B9"}, "team_by_member": [{"title": "New"}, {"id": 1}]});
    let created = shop.post("contact?related=info_by_contact_id,badge_by_contact_id,team_by_member", json!([record]));
    let created = &created["resource"][0];
    assert_eq!(
        created["info_by_contact_id"],
        json!([{"id": 4, "phone": "1", "contact_id": 5}, {"id": 5, "phone": "2", "contact_id": 5}])
    );
    assert_eq!(created["badge_by_contact_id"], json!({"code": "B9", "contact_id": 5}));
    assert_eq!(created["team_by_member"], json!([{"id": 1, "title": "North"}, {"id": 3, "title": "New"}]));
}

#[test]
fn a_parent_is_created_or_changed_and_referred_to() {
    let shop = Sandbox::with_tables();
    shop.post("contact", json!([{"name": "P", "account_by_account_id": {"name": "Fresh"}}]));
    assert_eq!(shop.get("contact/5?fields=account_id"), json!({"account_id": 3}));
    shop.patch("contact/5", json!({"account_by_account_id": {"id": 2, "balance": 5}}));
    assert_eq!(shop.get("contact/5?fields=account_id"), json!({"account_id": 2}));
    assert_eq!(shop.get("account/2?fields=balance"), json!({"balance": 5}));
}

#[test]
fn an_existing_child_is_adopted_or_changed() {
    let shop = Sandbox::with_tables();
    shop.patch("contact/4", json!({"info_by_contact_id": [{"id": 1}, {"id": 3, "phone": "new"}]}));
    let found = shop.get("info?filter=contact_id=4&fields=id,phone");
    assert_eq!(found, json!({"resource": [{"id": 1, "phone": "555-1"}, {"id": 3, "phone": "new"}]}));
}

#[test]
fn nothing_is_detached_for_being_absent_and_a_null_key_detaches() {
    let shop = Sandbox::with_tables();
    shop.patch("contact/1", json!({"info_by_contact_id": [{"id": 2, "contact_id": null}]}));
    assert_eq!(column(&shop.get("info?fields=contact_id"), "contact_id"), [json!(1), json!(null), json!(2)]);
}

#[test]
fn a_child_that_can_not_be_detached_is_deleted_only_when_allowed() {
    let shop = Sandbox::with_tables();
    let detach = json!({"member_by_contact_id": [{"id": 1, "contact_id": null}]});
    let error = shop.refused(Verb::Patch, "contact/1", detach.clone());
    assert!(error.status == 400 && error.message.contains("allow_related_delete"));
    shop.patch("contact/1?allow_related_delete=true", detach);
    assert_eq!(column(&shop.get("member?fields=id"), "id"), [json!(2), json!(3)]);
}

#[test]
fn an_empty_one_detaches_the_existing_child() {
    let shop = Sandbox::with_tables();
    shop.patch("contact/1", json!({"badge_by_contact_id": null}));
    assert_eq!(shop.get("badge/B1"), json!({"code": "B1", "contact_id": null}));
}

#[test]
fn a_null_own_key_in_a_linked_record_removes_only_the_link() {
    let shop = Sandbox::with_tables();
    shop.patch("contact/1", json!({"team_by_member": [{"id": 1, "contact.id": null}]}));
    assert_eq!(shop.get("team?count_only=true"), json!(2));
    assert_eq!(column(&shop.get("member?fields=id"), "id"), [json!(2), json!(3)]);
    shop.patch("contact/1", json!({"team_by_member": [{"id": 2, "title": "Crown"}]}));
    assert_eq!(
        (shop.get("member?count_only=true"), shop.get("team/2?fields=title")),
        (json!(2), json!({"title": "Crown"}))
    );
}

#[test]
fn a_related_record_without_its_key_says_so() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Patch, "contact/2", json!({"badge_by_contact_id": {"contact_id": 2}}));
    assert_eq!(
        error.message,
        "Failed to update many to one assignment.\nRelated record has no primary key value for 'code'."
    );
}

#[test]
fn a_virtual_relation_has_its_generated_name_and_can_be_read() {
    let shop = Sandbox::with_tables();
    let definition = json!({"resource": [{"type": "belongs_to", "field": "owner_id", "ref_table": "contact", "ref_field": "id", "is_virtual": true}]});
    assert_eq!(shop.post("_schema/todo/_related", definition), json!({"resource": [{"name": "contact_by_owner_id"}]}));
    shop.run("UPDATE todo SET owner_id = 1 WHERE id = 5");
    let found = shop.get("todo/5?fields=id&related=contact_by_owner_id&contact_by_owner_id.fields=name");
    assert_eq!(found["contact_by_owner_id"], json!({"name": "Jon"}));
    shop.delete("_schema/todo/_field/owner_id");
    assert_eq!(related_names(&shop, "todo"), []);
}

/// Tables of which one may not be read, and one shows only some rows to writers.
struct Guarded<'a>(SameDatabase<'a>);

impl RelatedTables for Guarded<'_> {
    fn read(&self, service_id: Option<i64>, table: &str, parameters: Object) -> Result<Vec<Value>> {
        match table {
            "badge" => Err(Error::forbidden("No badges.")),
            _ => self.0.read(service_id, table, parameters),
        }
    }

    fn authorize_write(&self, table: &str, verb: Verb) -> Result<RowFilters> {
        let first = ServerFilter { name: "phone".into(), operator: "starts with".into(), value: json!("555") };
        match (table, verb) {
            ("badge", _) => Err(Error::forbidden("No badges.")),
            ("info", _) => Ok(vec![(vec![first], FilterOp::And)]),
            _ => Ok(RowFilters::new()),
        }
    }
}

#[test]
fn a_forbidden_relation_fails_when_named_and_is_left_out_of_all() {
    let shop = Sandbox::with_tables();
    let guarded = Guarded(SameDatabase { database: &shop.database, lookups: &NoLookups });
    let named = shop.call_with(Verb::Get, "contact/1?related=badge_by_contact_id", json!(null), &guarded);
    assert_eq!(named.unwrap_err().status, 403);
    let all = shop.call_with(Verb::Get, "contact/1?related=*", json!(null), &guarded).unwrap();
    assert!(all.get("badge_by_contact_id").is_none() && all.get("info_by_contact_id").is_some());
}

#[test]
fn nested_writes_stand_under_the_other_tables_rules() {
    let shop = Sandbox::with_tables();
    let guarded = Guarded(SameDatabase { database: &shop.database, lookups: &NoLookups });
    let write = |nested: Value| shop.call_with(Verb::Patch, "contact/1", nested, &guarded);
    assert_eq!(write(json!({"badge_by_contact_id": {"code": "X"}})).unwrap_err().status, 403);
    assert_eq!(write(json!({"info_by_contact_id": [{"phone": "12"}]})).unwrap_err().status, 403);
    write(json!({"info_by_contact_id": [{"phone": "555-9"}]})).unwrap();
    assert_eq!(shop.get("info?count_only=true"), json!(4));
}

/// Another service that knows only its customers.
struct Elsewhere;

impl RelatedTables for Elsewhere {
    fn read(&self, service_id: Option<i64>, table: &str, parameters: Object) -> Result<Vec<Value>> {
        assert_eq!((service_id, table), (Some(12), "customers"));
        assert_eq!(parameters["params"][":antiphon_keys"], json!([7, 8]));
        Ok(vec![json!({"code": 8, "name": "Eight"}), json!({"code": "7", "name": "Seven"})])
    }

    fn authorize_write(&self, _table: &str, _verb: Verb) -> Result<RowFilters> {
        Ok(RowFilters::new())
    }
}

#[test]
fn a_relation_to_another_service_is_read_there_and_written_nowhere() {
    let shop = Sandbox::with_tables();
    let definition = json!([{"type": "belongs_to", "field": "owner_id", "ref_service_id": 12, "ref_table": "customers",
        "ref_field": "code", "is_virtual": true}]);
    shop.post("_schema/todo/_related", definition);
    let path = "todo?fields=id&ids=1,3,5&related=crm.customers_by_owner_id";
    let found = shop.call_with(Verb::Get, path, json!(null), &Elsewhere).unwrap();
    let names: Vec<Value> = column(&found, "crm.customers_by_owner_id").iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, [json!("Seven"), json!("Eight"), json!(null)]);
    let nested = json!({"crm.customers_by_owner_id": {"name": "New"}});
    assert_eq!(shop.call_with(Verb::Patch, "todo/1", nested, &Elsewhere).unwrap_err().status, 501);
}
