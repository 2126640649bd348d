//! Several records in one request (11, 17).

use crate::sandbox::{Sandbox, column};
use antiphon_model::{Value, Verb, json};

fn names(shop: &Sandbox) -> Vec<Value> {
    column(&shop.get("team?fields=title"), "title")
}

fn good_bad_good() -> Value {
    json!({"resource": [{"title": "a"}, {"title": null}, {"title": "b"}]})
}

#[test]
fn the_default_stops_at_the_first_failure_and_keeps_what_came_before() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Post, "team", good_bad_good());
    assert_eq!((error.status, &error.code), (400, &json!(1000)));
    assert_eq!(error.message, "Batch Error: Not all requested records could be created.");
    assert_eq!(error.context["error"], json!([1]));
    assert_eq!(error.context["resource"].as_array().unwrap().len(), 2);
    assert_eq!(error.context["resource"][0], json!({"id": 3}));
    assert_eq!(names(&shop), ["North", "Kings", "a"].map(Value::from));
}

#[test]
fn continue_does_the_rest_and_lists_the_failures() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Post, "team?continue=true", good_bad_good());
    assert_eq!(error.context["error"], json!([1]));
    assert_eq!(error.context["resource"][2], json!({"id": 4}));
    assert_eq!(names(&shop), ["North", "Kings", "a", "b"].map(Value::from));
}

#[test]
fn rollback_undoes_everything_and_says_so() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Post, "team?rollback=true", good_bad_good());
    assert_eq!(error.message, "Batch Error: Not all requested records could be created. All changes rolled back.");
    assert_eq!(names(&shop), ["North", "Kings"].map(Value::from));
    let updated = json!([{"id": 1, "title": "x"}, {"id": 999, "title": "y"}]);
    assert!(shop.refused(Verb::Patch, "team?rollback=true", updated).message.contains("could be updated. All changes"));
    assert_eq!(names(&shop), ["North", "Kings"].map(Value::from));
}

#[test]
fn continue_and_rollback_exclude_each_other() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Post, "team?rollback=true&continue=1", json!([{"title": "a"}]));
    assert_eq!(error.message, "Rollback and continue operations can not be requested at the same time.");
    assert_eq!(names(&shop).len(), 2);
}

#[test]
fn deletions_follow_the_same_rules() {
    let shop = Sandbox::with_tables();
    let error = shop.refused(Verb::Delete, "todo?ids=1,999,2&continue=true", json!(null));
    assert_eq!(error.message, "Batch Error: Not all requested records could be deleted.");
    assert_eq!(error.context["resource"][2], json!({"id": 2}));
    shop.refused(Verb::Delete, "todo?ids=3,999&rollback=true", json!(null));
    assert_eq!(column(&shop.get("todo?fields=id"), "id"), [json!(3), json!(4), json!(5)]);
}

#[test]
fn a_failing_child_leaves_no_parent() {
    let shop = Sandbox::with_tables();
    let record = json!({"resource": [{"name": "V", "info_by_contact_id": [{"phone": "ok"}, {"phone": null}]}]});
    for mode in ["contact", "contact?rollback=true", "contact?continue=true"] {
        let error = shop.refused(Verb::Post, mode, record.clone());
        assert_eq!(
            error.context["resource"][0]["message"],
            json!("Failed to update many to one assignment.\nBatch Error: Not all requested records could be created.")
        );
        assert_eq!(shop.get("contact?count_only=true&filter=name='V'"), json!(0));
        assert_eq!(shop.get("info?count_only=true"), json!(3));
    }
}

#[test]
fn another_reader_never_sees_half_a_batch() {
    let shop = Sandbox::with_tables();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..20 {
                let records: Vec<Value> = (0..10).map(|n| json!({"title": format!("{round}-{n}")})).collect();
                shop.post("team", json!(records));
            }
        });
        while !writer.is_finished() {
            let count = shop.get("team?count_only=true").as_u64().unwrap();
            assert_eq!(count % 10, 2, "a batch of ten is seen whole or not at all");
        }
    });
    assert_eq!(shop.get("team?count_only=true"), json!(202));
}
