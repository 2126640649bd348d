//! Row filters against a real SQLite: what they let through, what they refuse, and that nothing widens them.

use super::*;
use crate::filter::parse;
use crate::fixture::{ids_where, todo, todo_rows};
use antiphon_model::json;
use proptest::prelude::*;

fn filter(name: &str, operator: &str, value: Value) -> ServerFilter {
    ServerFilter { name: name.to_owned(), operator: operator.to_owned(), value }
}

fn known(name: &str, private: bool) -> Option<String> {
    match (name, private) {
        ("user.id", _) => Some("7".to_owned()),
        ("user.name", _) => Some("x' OR '1'='1".to_owned()),
        ("region", true) => Some("Task 04".to_owned()),
        _ => None,
    }
}

fn all_of(filters: Vec<ServerFilter>) -> Result<RowCondition> {
    row_condition(&[(filters, FilterOp::And)], &todo(), &known)
}

fn seen(name: &str, operator: &str, value: Value) -> Vec<i64> {
    let rows = all_of(vec![filter(name, operator, value)]).unwrap();
    ids_where(&todo_rows(), rows.condition())
}

#[test]
fn every_operator_reads() {
    assert_eq!(seen("id", "=", json!("1")), [1]);
    assert_eq!(seen("id", "=", json!(1)), [1]);
    assert_eq!(seen("ID", "!=", json!(1)).len(), 24);
    assert_eq!(seen("id", ">", json!("23")), [24, 25]);
    assert_eq!(seen("id", ">=", json!("24")), [24, 25]);
    assert_eq!(seen("id", "<", json!("2")), [1]);
    assert_eq!(seen("id", "<=", json!("2")), [1, 2]);
    assert_eq!(seen("name", "starts with", json!("Task 2")), [20, 21, 22, 23, 24, 25]);
    assert_eq!(seen("name", "ends with", json!("'5'")), [5, 15, 25]);
    assert_eq!(seen("name", "contains", json!("sk 2")), [20, 21, 22, 23, 24, 25]);
    assert_eq!(seen("note", "is null", json!("")).len(), 19);
    assert_eq!(seen("note", "IS NOT NULL", Value::Null), [4, 8, 12, 16, 20, 24]);
    assert_eq!(seen("note", "=", json!("null")).len(), 19);
    assert_eq!(seen("complete", "=", json!(true)), [3, 6, 9, 12, 15, 18, 21, 24]);
    assert_eq!(seen("due", ">", json!("NOW()")), Vec::<i64>::new());
}

#[test]
fn lists_with_and_without_parentheses_and_quotes() {
    for value in [json!("(1,2)"), json!("1,2"), json!("('1', '2')"), json!("'1','2'"), json!([1, "2"])] {
        assert_eq!(seen("id", "in", value), [1, 2]);
    }
    assert_eq!(seen("name", "in", json!("(Task 01, 'Task 02')")), [1, 2]);
    assert_eq!(seen("id", "not in", json!("3,4")).len(), 23);
    assert_eq!(seen("id", "in", json!("")), Vec::<i64>::new());
    assert_eq!(seen("id", "in", json!("({user.id}, 8)")), [7, 8]);
}

#[test]
fn lookups_resolve_private_ones_too_and_stay_values() {
    assert_eq!(seen("id", "=", json!("{user.id}")), [7]);
    assert_eq!(seen("name", "=", json!("{region}")), [4]);
    assert_eq!(seen("name", "=", json!("'{region}'")), Vec::<i64>::new());
    assert_eq!(seen("name", "=", json!("{user.name}")), Vec::<i64>::new());
    assert_eq!(seen("name", "in", json!("({user.name}, Task 01)")), [1]);
}

#[test]
fn a_lookup_without_a_value_denies() {
    for (name, operator, value) in [
        ("id", "=", "{nobody}"),
        ("name", "contains", "a{nobody}"),
        ("id", "in", "(1,{nobody})"),
        ("id", "=", "{user.name}"),
    ] {
        let denied = all_of(vec![filter(name, operator, json!(value))]).unwrap_err();
        assert_eq!((denied.status, denied.message.as_str()), (403, "Denied access to some of the requested fields."));
        assert!(denied.cause.is_some());
    }
}

#[test]
fn a_filter_that_makes_no_sense_is_the_administrators_mistake() {
    for (name, operator, value) in [
        ("", "=", json!(1)),
        ("bogus", "=", json!(1)),
        ("secret", "=", json!("x")),
        ("id", "", json!(1)),
        ("id", "= 1 OR 1 =", json!(1)),
        ("id", "between", json!("1")),
        ("id", "=", json!("abc")),
        ("id", "=", json!([1])),
        ("id", "in", json!("(1")),
    ] {
        let error = all_of(vec![filter(name, operator, value)]).unwrap_err();
        assert_eq!((error.status, error.message.as_str()), (500, "Invalid server-side filter configuration detected."));
    }
}

#[test]
fn filters_of_a_row_combine_as_it_says_and_rows_with_and() {
    let either = (vec![filter("id", "=", json!(1)), filter("id", "=", json!(2))], FilterOp::Or);
    let even = (vec![filter("id", "in", json!("2,4"))], FilterOp::And);
    let rows = |filters: &[(Vec<ServerFilter>, FilterOp)]| {
        ids_where(&todo_rows(), row_condition(filters, &todo(), &known).unwrap().condition())
    };
    assert_eq!(rows(std::slice::from_ref(&either)), [1, 2]);
    assert_eq!(rows(&[either, even]), [2]);
    assert_eq!(rows(&[]).len(), 25);
    assert_eq!(rows(&[(vec![], FilterOp::Or)]).len(), 25);
    assert_eq!(RowCondition::everything().condition(), &Condition::True);
}

fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

#[test]
fn a_new_record_must_be_within_and_missing_fields_are_null() {
    let rows = all_of(vec![filter("priority", "=", json!("1")), filter("complete", "!=", json!("true"))]).unwrap();
    let admits = |record: Value| rows.admits(&todo(), &object(record), false);
    assert!(admits(json!({"name": "x", "priority": 1, "complete": false})));
    assert!(admits(json!({"PRIORITY": "1", "complete": "no"})));
    assert!(!admits(json!({"priority": 2, "complete": false})));
    assert!(!admits(json!({"priority": 1})));
    assert!(!admits(json!({"priority": "abc", "complete": false})));
    assert!(!admits(json!({"priority": {"expression": "priority + 0"}, "complete": false})));
    assert!(!admits(json!({"priority": null, "complete": false})));
    let unset = all_of(vec![filter("note", "is null", Value::Null)]).unwrap();
    assert!(unset.admits(&todo(), &object(json!({"name": {"expression": "NOW()"}})), false));
    assert!(unset.admits(&todo(), &object(json!({"note": {"expression": "NULL"}})), false));
    assert!(!unset.admits(&todo(), &object(json!({"note": {"expression": "NOW()"}})), false));
    assert!(!unset.admits(&todo(), &object(json!({"note": "x"})), false));
}

#[test]
fn a_change_must_not_move_a_row_out_of_scope() {
    let rows = all_of(vec![filter("priority", "=", json!("1"))]).unwrap();
    assert!(rows.admits(&todo(), &object(json!({"name": "mine"})), true));
    assert!(rows.admits(&todo(), &object(json!({"priority": 1})), true));
    assert!(!rows.admits(&todo(), &object(json!({"priority": 2})), true));
    assert!(!rows.admits(&todo(), &object(json!({"priority": null})), true));
}

#[test]
fn what_a_change_leaves_open_is_asked_of_the_stored_row() {
    let either = (vec![filter("priority", "=", json!(1)), filter("complete", "=", json!(true))], FilterOp::Or);
    let rows = row_condition(&[either], &todo(), &known).unwrap();
    let remaining = |changes: Value| rows.remaining(&todo(), &object(changes));
    assert_eq!(remaining(json!({"priority": 1})), Condition::True);
    assert_eq!(remaining(json!({"priority": 2, "complete": false})), Condition::False);
    // Only complete tasks may lose their priority.
    assert_eq!(ids_where(&todo_rows(), &remaining(json!({"priority": 2}))), [3, 6, 9, 12, 15, 18, 21, 24]);
}

/// A random filter that is well-formed for the tasks' table.
fn any_filter() -> impl Strategy<Value = ServerFilter> {
    let operators = || prop::sample::select(vec!["=", "!=", ">", ">=", "<", "<="]);
    let numbers =
        prop_oneof![(-3_i64..8).prop_map(|n| json!(n)), Just(json!("1.5")), Just(json!("'2'")), Just(json!("null"))];
    let texts = prop::sample::select(vec!["a", "A", "ab", "b%", "_", "", "5", "Ab!", "é", "10", "2"]);
    prop_oneof![
        (prop::sample::select(vec!["priority", "weight_kg", "complete"]), operators(), numbers)
            .prop_map(|(name, operator, value)| filter(name, operator, value)),
        (prop::sample::select(vec!["name", "note", "due"]), operators(), texts.clone())
            .prop_map(|(name, operator, text)| filter(name, operator, json!(format!("'{text}'")))),
        (
            prop::sample::select(vec!["name", "note"]),
            prop::sample::select(vec!["contains", "starts with", "ends with", "like", "not like", "not contains"]),
            texts.clone()
        )
            .prop_map(|(name, operator, text)| filter(name, operator, json!(format!("'{text}'")))),
        (
            prop::sample::select(vec!["name", "note", "priority"]),
            prop::sample::select(vec!["in", "not in"]),
            prop::collection::vec(prop::sample::select(vec!["1", "2", "10"]), 0..3)
        )
            .prop_map(|(name, operator, values)| filter(name, operator, json!(values))),
        (
            prop::sample::select(vec!["name", "note", "priority", "due"]),
            prop::sample::select(vec!["is null", "is not null"])
        )
            .prop_map(|(name, operator)| filter(name, operator, Value::Null)),
    ]
}

fn any_rows() -> impl Strategy<Value = Vec<(Vec<ServerFilter>, FilterOp)>> {
    let combine = prop::sample::select(vec![FilterOp::And, FilterOp::Or]);
    prop::collection::vec((prop::collection::vec(any_filter(), 0..4), combine), 0..3)
}

fn any_record() -> impl Strategy<Value = Value> {
    let text = || prop_oneof![2 => prop::sample::select(vec!["a", "Ab!", "xaby", "b%c", "É", "5", "10", "", "2"]).prop_map(|text| json!(text)), 1 => Just(Value::Null)];
    let number = || prop_oneof![3 => (-3_i64..8).prop_map(|n| json!(n)), 1 => Just(Value::Null)];
    (text(), text(), text(), number(), number(), prop_oneof![Just(json!(true)), Just(json!("no")), Just(Value::Null)]).prop_map(
        |(name, note, due, priority, weight, complete)| {
            json!({"name": name.as_str().unwrap_or("none"), "note": note, "due": due, "priority": priority, "gross weight": weight,
                "complete": complete})
        },
    )
}

/// Stores the record alone in an empty table and returns that table.
fn stored(record: &Value) -> rusqlite::Connection {
    let rows = todo_rows();
    rows.execute("DELETE FROM todo", []).unwrap();
    let context = WriteContext { lookups: &NoLookups, user_id: None };
    let bound = |name: &str| {
        let table = todo();
        let field = table.field(name).unwrap();
        crate::fixture::sqlite_value(&bind_value(field, &record[name], &context).unwrap())
    };
    rows.execute(
        "INSERT INTO todo (id, name, note, due, priority, weight_kg, complete) VALUES (1, ?, ?, ?, ?, ?, ?)",
        rusqlite::params_from_iter(["name", "note", "due", "priority", "gross weight", "complete"].map(bound)),
    )
    .unwrap();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn memory_and_database_judge_alike(filters in any_rows(), record in any_record()) {
        let rows = row_condition(&filters, &todo(), &known).unwrap();
        let in_database = !ids_where(&stored(&record), rows.condition()).is_empty();
        prop_assert_eq!(rows.admits(&todo(), &object(record.clone()), false), in_database);
        let negated = rows.condition().clone().negate();
        let table = todo();
        let context = WriteContext { lookups: &NoLookups, user_id: None };
        let value_of = |column: &str| {
            let field = table.field(column).unwrap();
            bind_value(field, &record[field.wire_name()], &context).unwrap()
        };
        let in_database = !ids_where(&stored(&record), &negated).is_empty();
        prop_assert_eq!(negated.evaluate(&value_of) == Some(true), in_database);
    }

    #[test]
    fn a_change_judged_with_its_row_is_the_changed_row_judged(filters in any_rows(), record in any_record(), changes in any_record(),
        keep in prop::collection::vec(any::<bool>(), 6)) {
        let rows = row_condition(&filters, &todo(), &known).unwrap();
        let mut kept = keep.into_iter();
        let mut changes = object(changes);
        changes.retain(|_, _| kept.next().unwrap_or_default());
        let mut after = object(record.clone());
        after.extend(changes.clone());
        let within = !ids_where(&stored(&record), &rows.remaining(&todo(), &changes)).is_empty();
        prop_assert_eq!(within, rows.admits(&todo(), &after, false));
    }

    #[test]
    fn no_client_filter_widens_a_row_filter(filters in any_rows(), text in prop_oneof![
        "[a-z]{1,3} = 1\\) OR \\([a-z]{2} = [0-9]",
        prop::sample::select(vec!["id = 1) OR (id > 0", "id > 0", "id = 1 OR id > 0", "not id = 0 or id = 1", "name = '' OR name != ''",
            "id > 0) OR (1 = 1", "id is not null || id > 0", "name like '%' or id = :p", "name = '{user.name}' or id > 0"]).prop_map(str::to_owned),
        prop::collection::vec(prop::sample::select(vec!["id", "=", "1", ")", "(", " OR ", " AND ", " not ", "'", "> 0", "{user.name}"]), 1..12)
            .prop_map(|parts| parts.concat()),
    ]) {
        let rows = row_condition(&filters, &todo(), &known).unwrap();
        let Ok(Some(client)) = parse(&text, &FilterLimits::default()) else { return Ok(()) };
        let Ok(client) = client.bind(&todo(), None, &known) else { return Ok(()) };
        let connection = todo_rows();
        let visible = ids_where(&connection, rows.condition());
        let found = ids_where(&connection, &client.and(rows.condition().clone()));
        prop_assert!(found.iter().all(|id| visible.contains(id)), "{} found {:?}, visible {:?}", text, found, visible);
    }
}
