//! `limit`, `offset`, counts and `meta` (7.4).

use crate::sandbox::{Sandbox, column};
use antiphon_model::json;

fn small() -> Sandbox {
    Sandbox::open(|config| config.max_records = Some(3), Vec::new()).fill()
}

#[test]
fn a_limit_in_range_has_no_meta() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("todo?limit=2&fields=id"), json!({"resource": [{"id": 1}, {"id": 2}]}));
}

#[test]
fn include_count_tells_count_and_next_until_the_last_page() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("todo?limit=2&include_count=true&fields=id")["meta"], json!({"count": 5, "next": 2}));
    assert_eq!(shop.get("todo?limit=2&offset=4&include_count=true&fields=id")["meta"], json!({"count": 5}));
}

#[test]
fn more_rows_than_the_maximum_are_counted_without_asking() {
    let shop = small();
    let page = shop.get("todo?fields=id");
    assert_eq!((column(&page, "id").len(), &page["meta"]), (3, &json!({"count": 5, "next": 3})));
    assert_eq!(shop.get("todo?fields=id&limit=10")["meta"], json!({"count": 5, "next": 3}));
    assert_eq!(shop.get("todo?fields=id&offset=3")["meta"], json!({"count": 5}));
    assert_eq!(shop.get("todo?filter=id<4&fields=id").get("meta"), None);
}

#[test]
fn zero_negative_and_wordy_limits_mean_none() {
    let shop = Sandbox::with_tables();
    for limit in ["0", "-1", "abc"] {
        assert_eq!(column(&shop.get(&format!("todo?limit={limit}&fields=id")), "id").len(), 5);
    }
    assert_eq!(column(&shop.get("todo?limit=2; DROP TABLE todo&fields=id"), "id").len(), 2);
}

#[test]
fn an_unusable_maximum_means_the_default_and_the_cap_holds() {
    for (configured, effective) in
        [(None, 1000), (Some(-1), 1000), (Some(0), 1000), (Some(10), 10), (Some(100_100), 100_000)]
    {
        let shop = Sandbox::open(|config| config.max_records = configured, Vec::new());
        assert_eq!(shop.database.max_records(), effective);
    }
}

#[test]
fn count_only_is_a_bare_number() {
    let shop = Sandbox::with_tables();
    assert_eq!(shop.get("todo?count_only=true"), json!(5));
    assert_eq!(shop.get("todo?count_only=true&filter=priority>2"), json!(2));
    assert_eq!(shop.get("todo?count_only=true&group=priority"), json!(3));
}

#[test]
fn write_answers_are_not_cut_at_the_maximum() {
    let shop = small();
    let records: Vec<_> = (0..5).map(|number| json!({"title": format!("T{number}")})).collect();
    assert_eq!(column(&shop.post("team?fields=*", json!(records)), "title").len(), 5);
}
