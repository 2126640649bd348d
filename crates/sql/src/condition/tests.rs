//! What a condition looks like as SQL, and how conditions combine.

use super::*;
use crate::fixture::{Quoting, field};

fn column(name: &str) -> FieldRef {
    FieldRef::of(&field(name, FieldType::Integer)).unwrap()
}

fn sql(condition: &Condition) -> (String, Vec<Bound>) {
    let mut statement = Statement::new(&Quoting);
    condition.write(&mut statement);
    (statement.sql().to_owned(), statement.values().to_vec())
}

#[test]
fn trees_are_written_with_parentheses_and_values_are_bound() {
    let one = Condition::equals(column("a"), Bound::Integer(1));
    let two = Condition::one_of(column("b\"c"), [Bound::Integer(2), Bound::Integer(3)]);
    let both = one.clone().and(Condition::Or(vec![two, one.clone().negate()]));
    let (text, values) = sql(&both);
    assert_eq!(text, "(\"a\" = ?1) AND ((\"b\"\"c\" IN (?2, ?3)) OR (NOT (\"a\" = ?4)))");
    assert_eq!(values, [1, 2, 3, 1].map(Bound::Integer));
    assert_eq!(sql(&Condition::Xor(Box::new(one.clone()), Box::new(one))).0, "(\"a\" = ?1) <> (\"a\" = ?2)");
}

#[test]
fn nothing_to_ask_is_written_as_what_it_means() {
    assert_eq!(sql(&Condition::And(vec![])).0, "1 = 1");
    assert_eq!(sql(&Condition::Or(vec![])).0, "1 = 0");
    assert_eq!(sql(&Condition::one_of(column("a"), [])).0, "1 = 0");
    assert_eq!(Condition::True.and(Condition::False), Condition::False);
    assert_eq!(Condition::equals(column("a"), Bound::Null), Condition::IsNull(column("a")));
}

#[test]
fn plain_text_operands_are_escaped() {
    let like = |form| Condition::Like { field: column("a"), form, operand: "5%_!".to_owned() };
    let (text, values) = sql(&like(LikeForm::StartsWith));
    assert_eq!(text, "\"a\" LIKE ?1 ESCAPE '!'");
    assert_eq!(values, [Bound::Text("5!%!_!!%".to_owned())]);
    assert_eq!(sql(&like(LikeForm::Pattern)), ("\"a\" LIKE ?1".to_owned(), vec![Bound::Text("5%_!".to_owned())]));
}

#[test]
fn big_integers_and_reals_compare_exactly() {
    let holds = |stored: i64, operator, value: f64| {
        let value = Operand::Value(Bound::Real(value));
        let condition = Condition::Compare { field: column("a"), operator, value };
        condition.evaluate(&|_| Bound::Integer(stored)) == Some(true)
    };
    assert!(holds(i64::MAX, Comparison::Less, 9_223_372_036_854_775_808.0));
    assert!(holds(9_007_199_254_740_993, Comparison::Greater, 9_007_199_254_740_992.0));
    assert!(holds(i64::MIN, Comparison::Equal, -9_223_372_036_854_775_808.0));
    assert!(holds(-1, Comparison::Greater, -1.5));
    assert!(holds(1, Comparison::Less, 1.5));
}
