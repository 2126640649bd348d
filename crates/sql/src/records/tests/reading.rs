//! GET: identifiers, fields, order, groups.

use crate::dialect::sqlite::Location;
use crate::sandbox::{Sandbox, column};
use antiphon_model::{Verb, json};

#[test]
fn a_path_id_answers_with_a_bare_record() {
    let shop = Sandbox::with_tables();
    let one = json!({"id": 1, "name": "one", "complete": false, "priority": 1, "note": null, "owner_id": 7});
    assert_eq!(shop.get("todo/1"), one);
    assert_eq!(shop.get("TODO/1"), one);
}

#[test]
fn a_missing_record_is_404_with_its_identifier() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Get, "todo/999", json!(null));
    assert_eq!((error.status, error.message.as_str()), (404, "Record with identifier '999' not found."));
}

#[test]
fn an_unknown_table_is_404_with_its_name() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Get, "nosuch", json!(null));
    assert_eq!((error.status, error.message.as_str()), (404, "Table \"nosuch\" does not exist in the database."));
}

#[test]
fn ids_answer_in_their_order_with_duplicates() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("todo?ids=3,1, 3&fields=id"), json!({"resource": [{"id": 3}, {"id": 1}, {"id": 3}]}));
}

#[test]
fn a_missing_id_among_ids_is_a_batch_error_even_alone() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Get, "todo?ids=1,999,2&fields=id", json!(null));
    let missing =
        json!({"code": 404, "context": null, "message": "Record with identifier '999' not found.", "status_code": 404});
    assert_eq!((error.status, &error.code), (400, &json!(1000)));
    assert_eq!(error.message, "Batch Error: Not all requested records could be retrieved.");
    assert_eq!(error.context, json!({"error": [1], "resource": [{"id": 1}, missing]}));
    assert_eq!(shop.refused(Verb::Get, "todo?ids=999", json!(null)).code, json!(1000));
    let all = shop.refused(Verb::Get, "todo?ids=999,2&fields=id&continue=true", json!(null));
    assert_eq!(all.context, json!({"error": [0], "resource": [missing, {"id": 2}]}));
}

#[test]
fn ids_without_identifiers_are_400() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Get, "todo?ids=", json!(null));
    assert_eq!((error.status, error.message.as_str()), (400, "The request contains no valid identifiers."));
    assert_eq!(shop.refused(Verb::Get, "todo?ids=1 OR 1=1", json!(null)).status, 400);
}

#[test]
fn an_empty_result_is_an_empty_list() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("todo?filter=id=999"), json!({"resource": []}));
}

#[test]
fn fields_choose_columns_and_nothing_means_the_key() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("todo/1?fields=name"), json!({"name": "one"}));
    assert_eq!(shop.get("todo/1?fields="), json!({"id": 1}));
    let error = shop.refused(Verb::Get, "todo?fields=id,bogus", json!(null));
    assert_eq!((error.status, error.message.as_str()), (400, "Invalid field requested: bogus"));
}

#[test]
fn order_sorts_by_several_fields_and_refuses_what_it_does_not_know() {
    let shop = Sandbox::with_tables();
    let sorted = shop.get("todo?order=priority desc, id&fields=id");
    assert_eq!(column(&sorted, "id"), [4, 5, 2, 3, 1].map(|id| json!(id)));
    let cases = [
        ("bogus", "Invalid field 'bogus' in order by clause."),
        ("name;drop table todo", "Invalid order by clause in request."),
        ("name sideways", "Invalid word 'sideways' in order by clause: 'asc' or 'desc' may follow a field."),
    ];
    for (order, message) in cases {
        let error = shop.refused(Verb::Get, &format!("todo?order={order}"), json!(null));
        assert_eq!((error.status, error.message.as_str()), (400, message));
    }
}

#[test]
fn the_place_of_nulls_is_honoured() {
    let shop = Sandbox::with_tables();
    let last = shop.get("contact?order=age nulls last&fields=age");
    assert_eq!(column(&last, "age"), [json!(18), json!(24), json!(39), json!(null)]);
    let first = shop.get("contact?order=age desc nulls first&fields=age");
    assert_eq!(column(&first, "age"), [json!(null), json!(39), json!(24), json!(18)]);
}

#[test]
fn groups_answer_with_aggregates_under_their_names() {
    let shop = Sandbox::with_tables();
    let counted = shop.get("todo?group=priority&fields=priority,count(*),SUM(id),AVG(id)");
    assert_eq!(
        counted["resource"],
        json!([
            {"priority": 1, "COUNT_ALL": 1, "SUM_id": 1, "AVG_id": 1},
            {"priority": 2, "COUNT_ALL": 2, "SUM_id": 5, "AVG_id": 2.5},
            {"priority": 3, "COUNT_ALL": 2, "SUM_id": 9, "AVG_id": 4.5},
        ])
    );
    let error = shop.refused(Verb::Get, "todo?fields=SUM(id)", json!(null));
    assert_eq!((error.status, error.message.as_str()), (400, "Invalid field requested: SUM(id)"));
    let unknown = shop.refused(Verb::Get, "todo?group=bogus", json!(null));
    assert_eq!(unknown.message, "Invalid or unknown field 'bogus' in group by clause.");
}

#[test]
fn having_keeps_the_groups_for_which_it_holds() {
    let shop = Sandbox::with_tables();
    let many = shop.get("todo?group=priority&fields=priority&having=(COUNT(*) > 1) AND (sum(id) > 6)");
    assert_eq!(column(&many, "priority"), [json!(3)]);
    assert_eq!(shop.refused(Verb::Get, "todo?having=id > 1", json!(null)).status, 400);
}

#[test]
fn as_list_answers_with_identifiers() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("todo?as_list=true&limit=2"), json!({"resource": [1, 2]}));
    assert_eq!(shop.get("todo?as_list=true&fields=name&ids=3,1"), json!({"resource": [3, 1]}));
    assert_eq!(shop.get("account?as_list=true&id_field=name"), json!({"resource": ["Acme", "Globex"]}));
}

#[test]
fn another_field_can_identify_records() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("account?ids=Globex&id_field=name&fields=id"), json!({"resource": [{"id": 2}]}));
    assert_eq!(shop.get("account/Acme?id_field=name&fields=id"), json!({"id": 1}));
    assert_eq!(shop.refused(Verb::Get, "account/Acme?id_field=bogus", json!(null)).status, 400);
}

#[test]
fn keys_of_several_columns_are_addressed_whole() {
    let shop = Sandbox::with_tables();
    shop.run("CREATE TABLE pair (a integer, b varchar(5), v text, PRIMARY KEY (a, b)); INSERT INTO pair VALUES (1, 'x', 'found')");
    assert_eq!(shop.get("pair/(1,x)?fields=v"), json!({"v": "found"}));
    let by_object = shop.call(Verb::Get, "pair?fields=v", json!({"ids": [{"a": 1, "b": "x"}]})).unwrap();
    assert_eq!(column(&by_object, "v"), [json!("found")]);
    assert_eq!(shop.post("pair", json!([{"a": 2, "b": "y"}])), json!({"resource": [{"a": 2, "b": "y"}]}));
}

#[test]
fn aliases_of_options_work() {
    let shop = Sandbox::with_tables();
    let found = shop.get("todo?select=id&where=id > 1&top=2&skip=1&sort=id");
    assert_eq!(column(&found, "id"), [json!(3), json!(4)]);
    assert_eq!(column(&shop.get("todo?group_by=priority&order_by=priority desc"), "priority").len(), 3);
}

#[test]
fn a_read_with_a_body_takes_its_options_and_records_from_it() {
    let shop = Sandbox::with_tables();
    let options =
        json!({"filter": "id > :min", "params": {":min": 2}, "limit": 1, "fields": ["id"], "order": "id desc"});
    assert_eq!(column(&shop.call(Verb::Get, "todo", options).unwrap(), "id"), [json!(5)]);
    let refreshed =
        shop.call(Verb::Get, "todo?fields=name", json!({"resource": [{"id": 2, "name": "stale"}]})).unwrap();
    assert_eq!(column(&refreshed, "name"), [json!("two")]);
    assert_eq!(shop.refused(Verb::Get, "todo", json!({"filter": {"id": 1}})).message, "Invalid filter.");
}

#[test]
fn a_path_id_and_ids_take_no_notice_of_the_filter() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("todo/1?filter=id=2&fields=id"), json!({"id": 1}));
    assert_eq!(column(&shop.get("todo?ids=1,2&filter=id>1&fields=id"), "id"), [json!(1), json!(2)]);
}

#[test]
fn distinct_leaves_out_repetitions() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("todo?fields=priority&distinct=true&include_count=true&limit=2")["meta"]["count"], json!(3));
    assert_eq!(column(&shop.get("todo?fields=priority&distinct=true&order=priority"), "priority").len(), 3);
}

#[test]
fn include_schema_describes_the_table_beside_its_records() {
    let shop = Sandbox::with_tables();
    let schema = &shop.get("todo?limit=1&include_schema=true")["meta"]["schema"];
    assert_eq!((&schema["name"], &schema["primary_key"]), (&json!("todo"), &json!(["id"])));
    assert_eq!(schema.get("access"), None);
}

#[test]
fn a_database_in_memory_serves_reads_inside_writes() {
    let shop = Sandbox::open(|config| config.location = Location::Memory, Vec::new()).fill();
    let record = json!([{"name": "N", "info_by_contact_id": [{"phone": "1"}]}]);
    let created = shop.post("contact?related=info_by_contact_id&info_by_contact_id.fields=phone", record);
    assert_eq!(created["resource"][0]["info_by_contact_id"], json!([{"phone": "1"}]));
}
