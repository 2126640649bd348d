//! The filter language against a real SQLite: every form, every documented message.

mod attacks;
mod properties;

use super::*;
use crate::catalog::FieldType;
use crate::fixture::{ids_where, todo, todo_rows};
use crate::lookup::NoLookups;
use antiphon_model::{Value, json};
use rusqlite::Connection;

fn bind(text: &str, params: Option<&Value>) -> Result<Option<Condition>, Error> {
    let lookups = |name: &str, private: bool| match (name, private) {
        ("user.id", _) => Some("7".to_owned()),
        ("user.email", _) => Some("x' OR '1'='1".to_owned()),
        ("task", _) => Some("Task 03".to_owned()),
        ("secret", true) => Some("Task 04".to_owned()),
        _ => None,
    };
    let Some(filter) = parse(text, &FilterLimits::default())? else { return Ok(None) };
    filter.bind(&todo(), params.and_then(Value::as_object), &lookups).map(Some)
}

fn select_with(rows: &Connection, text: &str, params: Option<&Value>) -> Vec<i64> {
    let condition = bind(text, params).unwrap_or_else(|error| panic!("{text}: {error}"));
    ids_where(rows, &condition.unwrap_or(Condition::True))
}

fn message(text: &str) -> String {
    let error = bind(text, None).expect_err(text);
    assert_eq!(error.status, 400, "{text}");
    error.message
}

/// `text` selects `expected`, for every line.
fn selects(cases: &[(&str, &[i64])]) {
    let rows = todo_rows();
    for (text, expected) in cases {
        assert_eq!(select_with(&rows, text, None), *expected, "{text}");
    }
}

fn fails(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(message(text), *expected, "{text}");
    }
}

const UNPARSABLE: &str = "Invalid or unparsable filter request.";
const NOT_AN_INTEGER: &str = "Field 'id' must be a valid integer.";

#[test]
fn comparisons_in_symbols_and_words() {
    selects(&[
        ("id=1", &[1]),
        ("ID = 1", &[1]),
        ("id\t=\n1", &[1]),
        ("id != 1 and id<4", &[2, 3]),
        ("id <> 1 and id<4", &[2, 3]),
        ("id > 23", &[24, 25]),
        ("id>=24", &[24, 25]),
        ("id < 2", &[1]),
        ("id<=2", &[1, 2]),
        ("id eq 1", &[1]),
        ("id NE 1 and id LT 4", &[2, 3]),
        ("id gt 24", &[25]),
        ("id gte 24", &[24, 25]),
        ("id lt 2", &[1]),
        ("id lte 2", &[1, 2]),
        ("id not = 1 and id not gt 3", &[2, 3]),
        ("name > 'Task 24'", &[25]),
        ("due > '2026-01-20'", &[21, 23, 25]),
        ("gross weight < 0", &[1]),
        ("weight_kg = 1.5", &[3]),
    ]);
}

#[test]
fn numbers_may_be_written_in_any_way() {
    selects(&[
        ("id=1.0", &[1]),
        ("id=1e0", &[1]),
        ("id=' 1 '", &[1]),
        ("id=-1", &[]),
        ("id=99999999999999999999", &[]),
        ("id > 24.5", &[25]),
        ("id = 1.5", &[]),
    ]);
}

#[test]
fn text_with_and_without_quotes() {
    selects(&[
        ("name='Task 01'", &[1]),
        ("name=\"Task 01\"", &[1]),
        ("name=Task 01", &[1]),
        ("name = Task 01 ", &[1]),
        ("name = 'task 01'", &[]),
        ("(name = Task 01) or (name = 'Task 02')", &[1, 2]),
        ("name = 'a) AND (b = c'", &[]),
        ("name='a or b'", &[]),
        ("note = O'Neil", &[]),
        ("note=''", &[]),
        ("note != ''", &[4, 8, 12, 16, 20, 24]),
        ("\"name\" = 'Task 01'", &[1]),
        ("`name`='Task 01'", &[1]),
        ("\"gross weight\" >= 34.5", &[25]),
        ("gross weight between 31 and 33", &[23, 24]),
    ]);
}

#[test]
fn quotes_inside_quotes() {
    let rows = todo_rows();
    rows.execute_batch("UPDATE todo SET name = 'it''s' WHERE id = 1; UPDATE todo SET name = 'say \"x\"' WHERE id = 2")
        .unwrap();
    for (text, expected) in [
        ("name='it''s'", vec![1]),
        ("name='it's'", vec![1]),
        ("(name='it's') and (id=1)", vec![1]),
        ("name=\"it's\"", vec![1]),
        ("name=it's", vec![1]),
        ("name in ('it's', 'x')", vec![1]),
        ("name=\"say \"\"x\"\"\"", vec![2]),
        ("name='say \"x\"' and id in (1,2)", vec![2]),
    ] {
        assert_eq!(select_with(&rows, text, None), expected, "{text}");
    }
}

#[test]
fn like_and_its_kin() {
    selects(&[
        ("name like 'Task 0%' and id < 3", &[1, 2]),
        ("name like '%5'", &[5, 15, 25]),
        ("name LIKE Task 2_", &[20, 21, 22, 23, 24, 25]),
        ("name not like 'Task 0%' and name not like 'Task 1%'", &[20, 21, 22, 23, 24, 25]),
        ("name contains 'sk 2'", &[20, 21, 22, 23, 24, 25]),
        ("name contains sk 2", &[20, 21, 22, 23, 24, 25]),
        ("name starts with 'Task 2'", &[20, 21, 22, 23, 24, 25]),
        ("name STARTS   WITH Task 2", &[20, 21, 22, 23, 24, 25]),
        ("name ends with '5'", &[5, 15, 25]),
        ("name not ends\nwith 5 and name contains 5", &[]),
        ("id like 1", &[1]),
    ]);
}

#[test]
fn wildcards_are_plain_in_contains() {
    let rows = todo_rows();
    rows.execute_batch("UPDATE todo SET name = '100%' WHERE id = 1; UPDATE todo SET name = 'a_b!c' WHERE id = 2")
        .unwrap();
    for (text, expected) in [
        ("name contains '0%'", vec![1]),
        ("name contains '_'", vec![2]),
        ("name contains %", vec![1]),
        ("name ends with b!c", vec![2]),
        ("name starts with '%'", vec![]),
    ] {
        assert_eq!(select_with(&rows, text, None), expected, "{text}");
    }
}

#[test]
fn booleans_in_every_word() {
    let complete: &[i64] = &[3, 6, 9, 12, 15, 18, 21, 24];
    for word in ["true", "TRUE", "1", "'true'", "yes", "on", "t", "y"] {
        selects(&[(&format!("complete={word}"), complete)]);
    }
    for word in ["false", "0", "no", "off", "f", "n"] {
        selects(&[(&format!("complete={word} and id < 4"), &[1, 2])]);
    }
}

#[test]
fn nulls() {
    selects(&[
        ("note is null and id < 5", &[1, 2, 3]),
        ("note IS   NOT\tNULL", &[4, 8, 12, 16, 20, 24]),
        ("note = null and id < 5", &[1, 2, 3]),
        ("note != NULL and id < 5", &[4]),
        ("note = 'null'", &[]),
        ("priority = null", &[]),
        ("priority > null or id = 1", &[1]),
        ("note in (null, 'note 4') and id < 6", &[1, 2, 3, 4, 5]),
        ("note not in (null, 'note 4')", &[8, 12, 16, 20, 24]),
    ]);
}

#[test]
fn lists() {
    selects(&[
        ("id in (1,2,3)", &[1, 2, 3]),
        ("id in(1,2,3)", &[1, 2, 3]),
        ("id IN ( 1 , '2' )", &[1, 2]),
        ("id not in (1,2,3) and id<6", &[4, 5]),
        ("(id not  in (1)) and (id in (1,2))", &[2]),
        ("name in ('Task 01','Task 02')", &[1, 2]),
        ("name in (Task 01,Task 02)", &[1, 2]),
        ("name in ('a,b', 'Task 03')", &[3]),
        ("name in ('a) or (1', 'salt and pepper', Task 03)", &[3]),
        ("id in ()", &[]),
        ("id not in ( ) and id < 3", &[1, 2]),
    ]);
    fails(&[
        ("id in 1,2", "Filter value lists must be wrapped in parentheses."),
        ("id in (1,abc)", NOT_AN_INTEGER),
        ("id in (select 1)", NOT_AN_INTEGER),
        ("id in (1,)", NOT_AN_INTEGER),
        ("id in (1,2", UNPARSABLE),
        ("id in ('a' b)", UNPARSABLE),
    ]);
}

#[test]
fn between() {
    selects(&[
        ("id between 3 and 5", &[3, 4, 5]),
        ("id NOT BETWEEN 3 AND 24", &[1, 2, 25]),
        ("(id between 3 and 5) and complete=true", &[3]),
        ("id between 3 and 5 or id = 9", &[3, 4, 5, 9]),
        ("name between 'Task 03' and 'Task 04'", &[3, 4]),
    ]);
    fails(&[
        ("id between 3", UNPARSABLE),
        ("id between (3,5)", UNPARSABLE),
        ("id between 3 or 5", UNPARSABLE),
        ("id between", UNPARSABLE),
    ]);
}

#[test]
fn logic_and_precedence() {
    selects(&[
        ("(id=1)", &[1]),
        ("((id=1))", &[1]),
        ("(id=1) or (id=2)", &[1, 2]),
        ("id=1 or id=2", &[1, 2]),
        ("(id=1)or(id=2)", &[1, 2]),
        ("id=1||id=2", &[1, 2]),
        ("id=1 && priority=1", &[1]),
        ("id=1 or id=2 and priority=9", &[1]),
        ("(id = 1) OR (id = 2) AND (priority = 9)", &[1]),
        ("(id=1) and (id=2) or (id=3)", &[3]),
        ("(id=1 or id=2) and (priority=1)", &[1]),
        ("id < 4 xor id > 2 and id < 6", &[1, 2, 4, 5]),
        ("id=1 xor id=2 or id=3", &[1, 2, 3]),
        ("id=1 xor id=1 xor id=1", &[1]),
        ("not (id=1) and id<4", &[2, 3]),
        ("(not (id=1)) and (id<4)", &[2, 3]),
        ("not id=1 and id<4", &[2, 3]),
        ("not not id=1", &[1]),
        ("id<3&&not id=1", &[2]),
        ("id=9||not(id>1)", &[1, 9]),
        ("NOT(id > 1)", &[1]),
        ("not (note = 'x')", &[4, 8, 12, 16, 20, 24]),
        ("name='Task 01' and name='Task 01'", &[1]),
    ]);
}

#[test]
fn parameters() {
    let rows = todo_rows();
    let params =
        json!({":done": true, ":pat": "%5", "plain": 3, ":ids": [1, 2, "4"], ":none": null, ":l": "{task}", ":s": "5"});
    for (text, expected) in [
        ("(complete = :done) AND (name like :pat)", vec![15]),
        ("id = :plain", vec![3]),
        ("id in (:ids)", vec![1, 2, 4]),
        ("id in (:ids, 9)", vec![1, 2, 4, 9]),
        ("note = :none and id < 3", vec![1, 2]),
        ("name contains :none", vec![]),
        ("name = :l", vec![3]),
        ("name contains :s", vec![5, 15, 25]),
        ("name contains :plain and id < 20", vec![3, 13]),
        ("name = ':plain'", vec![]),
        ("id between :plain and :s", vec![3, 4, 5]),
        ("due > '2026-01-24 10:00' and (id = 25)", vec![25]),
    ] {
        assert_eq!(select_with(&rows, text, Some(&params)), expected, "{text}");
    }
    let missing = bind("id = :other", Some(&params)).unwrap_err();
    assert_eq!((missing.status, missing.message.as_str()), (400, "Missing filter parameter ':other'."));
    assert_eq!(message("id = :n"), NOT_AN_INTEGER);
    assert_eq!(message("id = ?"), NOT_AN_INTEGER);
    assert_eq!(select_with(&rows, "name = :n", None), Vec::<i64>::new());
    let list = bind("id = :ids", Some(&params)).unwrap_err();
    assert_eq!(list.message, NOT_AN_INTEGER);
}

#[test]
fn lookups_resolve_inside_values_only() {
    selects(&[
        ("id={user.id}", &[7]),
        ("id='{user.id}'", &[7]),
        ("name = '{task}'", &[3]),
        ("name in ({task}, x)", &[3]),
        ("name ends with {user.id} and id < 10", &[7]),
        ("name = '{strtolower(task)}'", &[]),
        ("name = '{user.email}'", &[]),
        ("name = {user.email}", &[]),
        ("name = '{secret}'", &[]),
        ("name = {nosuch}", &[]),
        ("(name = )", &[]),
    ]);
    fails(&[
        ("id={nosuch}", NOT_AN_INTEGER),
        ("{user.id}=1", "Invalid or unparsable field in filter request: '{user.id}'"),
        ("{task}", UNPARSABLE),
    ]);
}

#[test]
fn the_clock() {
    let rows = todo_rows();
    rows.execute_batch("UPDATE todo SET due = '2999-01-01 00:00:00' WHERE id = 3").unwrap();
    for text in [
        "due > NOW()",
        "due > (now())",
        "(due > ( NOW() ))",
        "due > CURRENT_TIMESTAMP",
        "due >= current_date",
        "(due > (CURRENT_TIMESTAMP)) and id < 100",
    ] {
        assert_eq!(select_with(&rows, text, None).first(), Some(&3), "{text}");
    }
    assert_eq!(select_with(&rows, "due > 'NOW()'", None), Vec::<i64>::new());
}

#[test]
fn a_parenthesised_value_is_no_sql() {
    selects(&[("name=(name)", &[]), ("name = ('Task 01')", &[1]), ("id = (2)", &[2]), ("name = (select name)", &[])]);
    let rows = todo_rows();
    rows.execute_batch("UPDATE todo SET name = '(a)' WHERE id = 1").unwrap();
    assert_eq!(select_with(&rows, "name=(a)", None), vec![1]);
    assert_eq!(message("id=(select 1)"), NOT_AN_INTEGER);
}

#[test]
fn documented_messages() {
    let field = |text: &str| format!("Invalid or unparsable field in filter request: '{text}'");
    for (text, name) in [
        ("bogus=1", "bogus"),
        ("nofield = 1", "nofield"),
        ("=1", ""),
        ("1=1", "1"),
        ("id+1=2", "id+1"),
        ("count(id)>1", "count(id)"),
        ("length(name)=7", "length(name)"),
        ("[id]=1", "[id]"),
        ("todo.id=1", "todo.id"),
        ("account_by_account_id.name='Acme'", "account_by_account_id.name"),
        ("(id,priority)=(1,1)", "id,priority)"),
        ("secret = 'x'", "secret"),
        ("id=1 or x' is null", "x'"),
        ("id=1 or or id=2", "or id"),
        ("and id=1", "and id"),
    ] {
        assert_eq!(message(text), field(name), "{text}");
    }
    for text in [
        "id le 2",
        "complete is true",
        "id",
        "just text",
        "name between",
        "name rlike 'x'",
        "sleep(1)",
        "id exists",
        "id%3D1",
        "id is 1",
        "id regexp '1'",
        "()",
        "(id=1",
        "id=1)",
        "name = x)",
        "a = 1) OR (b = 2",
        "id = 1) or (id = 2",
        "id;drop table todo",
        "id=1 and",
        "(id=1) (id=2)",
        "(id=1) NOR (id=2)",
        "id ALL (1)",
        "not",
        "id is null x",
        "name='x",
        "name='x' y",
        "name=or",
        "name=and",
        "id eq",
        "name like",
        "name = a (b",
    ] {
        assert_eq!(message(text), UNPARSABLE, "{text}");
    }
    for text in [
        "id=",
        "id = ",
        "id = abc",
        "id=id",
        "priority=1 and id=priority",
        "id <=> 1",
        "id=1; select 1",
        "id=1 -- c",
        "id=1/*c*/",
        "id=1+1",
        "id = 0x1",
        "id == 1",
        "id=nan",
        "id=inf",
    ] {
        assert_eq!(message(text), NOT_AN_INTEGER, "{text}");
    }
}

#[test]
fn errors_that_the_original_knows_have_no_context_and_others_say_where() {
    assert_eq!(parse("id exists", &FilterLimits::default()).unwrap_err().context, Value::Null);
    let unbalanced = parse("näme = 'ä') OR (b = 2", &FilterLimits::default()).unwrap_err();
    assert_eq!(unbalanced.context["position"], json!(10));
    assert_eq!(unbalanced.context["reason"], json!("this parenthesis closes nothing"));
}

#[test]
fn blank_is_no_filter() {
    for text in ["", "   ", "\n\t"] {
        assert_eq!(parse(text, &FilterLimits::default()).unwrap(), None);
    }
}

#[test]
fn limits_hold() {
    let limits = FilterLimits { bytes: 100, depth: 3, values: 4 };
    let of = |text: &str| parse(text, &limits).map(|_| ()).map_err(|error| (error.status, error.message));
    assert_eq!(of("(((a=1)))"), Ok(()));
    assert_eq!(
        of("((((a=1))))"),
        Err((400, "The filter is nested too deeply: at most 3 levels are allowed.".to_owned()))
    );
    assert!(of("not not not not a=1").is_err());
    assert_eq!(of("a in (1,2,3,4)"), Ok(()));
    assert_eq!(
        of("a in (1,2,3) and a between 4 and 5"),
        Err((400, "The filter has too many values: at most 4 are allowed.".to_owned()))
    );
    assert!(of(&format!("a = {}", "x".repeat(97))).unwrap_err().1.starts_with("The filter is too long"));
    let filter = parse("id in (:p)", &limits).unwrap().unwrap();
    let params = json!({"p": [1, 2, 3, 4, 5]});
    assert!(filter.bind(&todo(), params.as_object(), &NoLookups).unwrap_err().message.contains("too many values"));
    let deep = format!("{}a=1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(parse(&deep, &FilterLimits::default()).unwrap_err().message.contains("nested too deeply"));
}

#[test]
fn a_filter_function_replaces_the_left_side() {
    let mut table = todo();
    table.fields[1].db_function =
        Some(json!([{"use": ["SELECT", "FILTER"], "function": "upper(name)", "function_type": "database"}]));
    let mut number = crate::fixture::field("number", FieldType::Integer);
    number.is_virtual = true;
    table.fields.push(number.clone());
    number.name = "doubled".to_owned();
    number.db_function = Some(json!([{"use": ["FILTER"], "function": "id * 2"}]));
    table.fields.push(number);
    let select = |text: &str| {
        let filter = parse(text, &FilterLimits::default()).unwrap().unwrap();
        filter.bind(&table, None, &NoLookups).map(|condition| ids_where(&todo_rows(), &condition))
    };
    assert_eq!(select("name = 'TASK 01'"), Ok(vec![1]));
    assert_eq!(select("name = 'Task 01'"), Ok(vec![]));
    assert_eq!(select("doubled = 8"), Ok(vec![4]));
    assert!(select("number = 8").unwrap_err().message.contains("'number'"));
}

#[test]
fn fields_of_ones_own_serve_having() {
    let filter = parse("COUNT(*) > 4", &FilterLimits::default()).unwrap().unwrap();
    let count = |name: &str| {
        (name == "COUNT(*)").then(|| FieldRef {
            name: name.to_owned(),
            column: "COUNT_ALL".to_owned(),
            expression: Some("COUNT(*)".to_owned()),
            kind: FieldType::Integer,
        })
    };
    let condition = filter.bind_fields(&count, None, &NoLookups).unwrap();
    let mut statement = crate::statement::Statement::new(&crate::fixture::Quoting);
    condition.write(&mut statement);
    assert_eq!(statement.sql(), "(COUNT(*)) > ?1");
}

#[test]
fn what_a_filter_demands_of_its_fields_is_told_and_nothing_more() {
    let demands = |text: &str| {
        let filter = parse(text, &FilterLimits::default()).unwrap().unwrap();
        filter
            .demands()
            .into_iter()
            .map(|(field, values)| format!("{field}={}", values.join("|")))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        demands("(status = 'dead') and (queue=mail) and (id in ('1', 2)) and (a > 3)"),
        "status=dead queue=mail id=1|2"
    );
    assert_eq!(demands("status = 'dead'"), "status=dead");
    for nothing in [
        "status = 'dead' or queue = 'mail'",
        "status != 'dead'",
        "not (status = 'dead')",
        "status = '{user.id}'",
        "status = :one",
        "status not in ('dead')",
        "status in ('dead', '{user.id}')",
        "status like 'dead'",
        "status is null",
    ] {
        assert_eq!(demands(nothing), "", "{nothing}");
    }
}
