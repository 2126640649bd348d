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

mod agreement {
    //! Memory and SQLite answer alike for every condition and every row.

    use super::super::*;
    use crate::fixture::{ids_where, sqlite_value, todo, todo_rows};
    use proptest::prelude::*;

    const COLUMNS: [&str; 5] = ["name", "note", "priority", "due", "weight_kg"];

    fn any_value() -> impl Strategy<Value = Bound> {
        let texts = prop::sample::select(vec![
            "",
            "a",
            "A",
            "ab",
            "a%b",
            "_",
            "é",
            "1",
            " 2 ",
            "1.5",
            "10",
            "x1",
            "2026-01-02",
        ]);
        prop_oneof![
            1 => Just(Bound::Null),
            1 => any::<bool>().prop_map(Bound::Boolean),
            3 => (-2_i64..12).prop_map(Bound::Integer),
            1 => prop::sample::select(vec![1.5, 2.0, -0.5]).prop_map(Bound::Real),
            4 => texts.prop_map(|text| Bound::Text(text.to_owned())),
        ]
    }

    fn any_column() -> impl Strategy<Value = FieldRef> {
        prop::sample::select(COLUMNS.to_vec()).prop_map(|name| FieldRef::of(todo().field(name).unwrap()).unwrap())
    }

    fn any_operand() -> impl Strategy<Value = Operand> {
        any_value().prop_map(Operand::Value)
    }

    fn any_condition() -> impl Strategy<Value = Condition> {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let operators = prop::sample::select(vec![Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual]);
        let forms =
            prop::sample::select(vec![LikeForm::Pattern, LikeForm::Contains, LikeForm::StartsWith, LikeForm::EndsWith]);
        let patterns = prop::sample::select(vec!["", "a", "%", "_", "a_", "%b", "A%B", "1", "é", "!", "a%b%"]);
        let leaf = prop_oneof![
            Just(Condition::True),
            any_column().prop_map(Condition::IsNull),
            (any_column(), operators, any_operand()).prop_map(|(field, operator, value)| Condition::Compare {
                field,
                operator,
                value
            }),
            (any_column(), prop::collection::vec(any_operand(), 0..4))
                .prop_map(|(field, values)| Condition::In { field, values }),
            (any_column(), any_operand(), any_operand()).prop_map(|(field, low, high)| Condition::Between {
                field,
                low,
                high
            }),
            (prop::sample::select(vec!["name", "note", "priority"]), forms, patterns).prop_map(
                |(name, form, operand)| {
                    let field = FieldRef::of(todo().field(name).unwrap()).unwrap();
                    Condition::Like { field, form, operand: operand.to_owned() }
                }
            ),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let several = prop::collection::vec(inner.clone(), 0..3);
            prop_oneof![
                several.clone().prop_map(Condition::And),
                several.prop_map(Condition::Or),
                (inner.clone(), inner.clone())
                    .prop_map(|(left, right)| Condition::Xor(Box::new(left), Box::new(right))),
                inner.prop_map(|inner| Condition::Not(Box::new(inner))),
            ]
        })
    }

    /// A row whose name is text and whose priority is a number, as the product stores them.
    fn any_row() -> impl Strategy<Value = Vec<Bound>> {
        let text = prop::sample::select(vec!["", "a", "Ab", "a%b", "é", "1", "1.5", "10", "2026-01-02"]);
        let number = prop_oneof![Just(Bound::Null), (-2_i64..12).prop_map(Bound::Integer)];
        (text, any_value(), number.clone(), any_value(), number).prop_map(|(name, note, priority, due, weight)| {
            vec![Bound::Text(name.to_owned()), note, priority, due, weight]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn memory_and_database_answer_alike(condition in any_condition(), row in any_row()) {
            let rows = todo_rows();
            rows.execute("DELETE FROM todo", []).unwrap();
            let insert = "INSERT INTO todo (id, name, note, priority, due, weight_kg) VALUES (1, ?, ?, ?, ?, ?)";
            rows.execute(insert, rusqlite::params_from_iter(row.iter().map(sqlite_value))).unwrap();
            let value_of = |column: &str| row[COLUMNS.iter().position(|each| *each == column).unwrap()].clone();
            let in_memory = condition.evaluate(&value_of);
            prop_assert_eq!(in_memory == Some(true), ids_where(&rows, &condition) == [1]);
            prop_assert_eq!(in_memory == Some(false), ids_where(&rows, &condition.negate()) == [1]);
        }
    }
}
