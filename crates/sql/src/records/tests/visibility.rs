//! Row filters of roles hold for every way to reach a row (13).

use crate::sandbox::{Sandbox, column};
use antiphon_model::{FilterOp, ServerFilter, Value, Verb, json};

/// A caller who may only reach the things to do that are their own.
fn own_rows() -> Sandbox {
    let mut shop = Sandbox::with_tables();
    let own = ServerFilter { name: "owner_id".into(), operator: "=".into(), value: json!("{user.id}") };
    shop.row_filters = vec![(vec![own], FilterOp::And)];
    shop
}

#[test]
fn lists_and_counts_show_only_visible_rows() {
    let shop = own_rows();
    assert_eq!(column(&shop.get("todo?fields=id"), "id"), [json!(1), json!(2)]);
    assert_eq!(shop.get("todo?count_only=true"), json!(2));
    assert_eq!(shop.get("todo?limit=1&include_count=true&fields=id")["meta"], json!({"count": 2, "next": 1}));
}

#[test]
fn a_hidden_row_is_absent_for_every_verb() {
    let shop = own_rows();
    let change = json!({"note": "x"});
    assert_eq!(shop.refused(Verb::Get, "todo/3", json!(null)).status, 404);
    assert_eq!(shop.refused(Verb::Patch, "todo/3", change).status, 404);
    assert_eq!(shop.refused(Verb::Delete, "todo/3", json!(null)).status, 404);
    assert_eq!(shop.refused(Verb::Get, "todo?ids=1,3", json!(null)).code, json!(1000));
}

#[test]
fn a_new_row_outside_the_filter_is_refused() {
    let shop = own_rows();
    for record in [json!({"name": "x"}), json!({"name": "x", "owner_id": 8})] {
        let error = shop.refused(Verb::Post, "todo", json!([record]));
        let entry = &error.context["resource"][0];
        assert_eq!(
            (&entry["status_code"], &entry["message"]),
            (&json!(403), &json!("Denied access to some of the requested fields."))
        );
    }
    shop.post("todo", json!([{"name": "x", "owner_id": "{user.id}"}]));
}

#[test]
fn a_row_can_not_be_moved_out_of_reach() {
    let shop = own_rows();
    assert_eq!(shop.refused(Verb::Patch, "todo/1", json!({"owner_id": 8})).status, 403);
    assert_eq!(shop.refused(Verb::Patch, "todo/1", json!({"owner_id": {"expression": "owner_id + 1"}})).status, 403);
    assert_eq!(shop.patch("todo/1", json!({"note": "mine"})), json!({"id": 1}));
}

#[test]
fn deleting_by_filter_and_by_force_touches_only_visible_rows() {
    let mut shop = own_rows();
    assert_eq!(shop.delete("todo?filter=id>0&fields=id"), json!({"resource": [{"id": 1}, {"id": 2}]}));
    assert_eq!(shop.delete("todo?force=true"), json!({"success": true}));
    shop.row_filters.clear();
    assert_eq!(shop.get("todo?count_only=true"), json!(3));
}

#[test]
fn a_client_filter_can_not_escape_the_row_filter() {
    let shop = own_rows();
    for filter in ["id = 1) OR (id = 3", "(id=3) OR (1=1)", "id > 0 OR owner_id = 8", "owner_id = 8"] {
        let found = shop.call(Verb::Get, &format!("todo?fields=id&filter={filter}"), Value::Null);
        let ids = found.map(|found| column(&found, "id")).unwrap_or_default();
        assert!(!ids.contains(&json!(3)), "{filter}");
    }
}

#[test]
fn or_needs_one_of_its_filters_also_after_a_change() {
    let mut shop = Sandbox::with_tables();
    let filter = |name: &str, value: i64| ServerFilter { name: name.into(), operator: "=".into(), value: json!(value) };
    shop.row_filters = vec![(vec![filter("owner_id", 8), filter("priority", 1)], FilterOp::Or)];
    assert_eq!(column(&shop.get("todo?fields=id"), "id"), [json!(1), json!(3), json!(4)]);
    assert_eq!(shop.patch("todo/3", json!({"priority": 5})), json!({"id": 3}));
    assert_eq!(shop.refused(Verb::Patch, "todo/1", json!({"priority": 5})).status, 403);
}

#[test]
fn a_lookup_that_nobody_knows_denies() {
    let mut shop = Sandbox::with_tables();
    let unknown = ServerFilter { name: "owner_id".into(), operator: "=".into(), value: json!("{user.nothing}") };
    shop.row_filters = vec![(vec![unknown], FilterOp::And)];
    assert_eq!(shop.refused(Verb::Get, "todo", json!(null)).status, 403);
}

#[test]
fn upserting_a_hidden_row_is_refused() {
    let mut shop = Sandbox::open(|config| config.allow_upsert = true, Vec::new()).fill();
    shop.row_filters =
        vec![(vec![ServerFilter { name: "owner_id".into(), operator: "=".into(), value: json!(7) }], FilterOp::And)];
    assert_eq!(shop.refused(Verb::Put, "todo/3", json!({"name": "x", "owner_id": 7})).status, 403);
}
