//! What holds for every text and every tree.

use super::*;
use crate::expression::TimeFunction;
use proptest::prelude::*;

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        "\\PC{0,8}".prop_map(Literal::Quoted),
        "['\"() ,:and=]{0,6}".prop_map(Literal::Quoted),
        "[0-9]{1,3}|-[1-9]|null|Task [0-9]|G%|a\\(b\\)|do not".prop_map(Literal::Bare),
        "[a-z_0-9]{1,5}".prop_map(Literal::Parameter),
        Just(Literal::Time(TimeFunction::Timestamp)),
        Just(Literal::Time(TimeFunction::Date)),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    let comparison = prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::Greater),
        Just(Comparison::LessOrEqual),
    ];
    let form = prop_oneof![
        Just(LikeForm::Pattern),
        Just(LikeForm::Contains),
        Just(LikeForm::StartsWith),
        Just(LikeForm::EndsWith),
    ];
    prop_oneof![
        (comparison, literal()).prop_map(|(comparison, value)| Test::Compare(comparison, value)),
        (form, literal()).prop_map(|(form, value)| Test::Like(form, value)),
        proptest::collection::vec(literal(), 0..4).prop_map(Test::In),
        (literal(), literal()).prop_map(|(low, high)| Test::Between(low, high)),
        Just(Test::IsNull),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let name = prop_oneof!["[a-z]{1,5}", "[a-z]+ (in|and|not) [a-z\"`]+", "\\PC{0,6}"];
    let predicate = (name, any::<bool>(), test())
        .prop_map(|(field, negated, test)| Node::Predicate(Predicate { field, position: 0, negated, test }));
    predicate.prop_recursive(4, 24, 4, |inner| {
        let several = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several.clone().prop_map(Node::And),
            several.clone().prop_map(Node::Or),
            several.prop_map(Node::Xor),
            inner.prop_map(|node| Node::Not(Box::new(node))),
        ]
    })
}

/// The tree with every position at zero: a printed text has its own.
fn without_positions(mut node: Node) -> Node {
    fn walk(node: &mut Node) {
        match node {
            Node::And(nodes) | Node::Or(nodes) | Node::Xor(nodes) => nodes.iter_mut().for_each(walk),
            Node::Not(inner) => walk(inner),
            Node::Predicate(predicate) => predicate.position = 0,
        }
    }
    walk(&mut node);
    node
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = bind(&text, None);
    }

    #[test]
    fn no_text_made_of_syntax_panics(parts in proptest::collection::vec(prop_oneof![
        Just("id"), Just("name"), Just(" "), Just("("), Just(")"), Just("'"), Just("\""), Just("`"), Just(","), Just("="), Just("<"),
        Just(" and "), Just(" OR "), Just("xor "), Just(" not "), Just(" in "), Just(" between "), Just(" like "), Just(" is null"),
        Just("1"), Just(":p"), Just("{user.id}"), Just("NOW()"), Just("&&"), Just("ß"), Just("\u{0}"), Just(" starts with "),
    ], 0..40)) {
        if let Ok(Some(condition)) = bind(&parts.concat(), Some(&json!({"p": [1, null, "x"]}))) {
            ids_where(&todo_rows(), &condition);
        }
    }

    #[test]
    fn a_printed_tree_parses_to_itself(root in node()) {
        let filter = Filter { root, limits: FilterLimits::default() };
        let text = filter.to_string();
        let parsed = parse(&text, &FilterLimits::default()).map_err(|error| TestCaseError::fail(format!("{text}: {error:?}")))?;
        prop_assert_eq!(without_positions(parsed.unwrap().root), filter.root, "{}", text);
    }
}

#[test]
fn what_fuzzing_found_prints_to_itself() {
    for text in [
        "(name = )",
        "(name like )",
        "a = () and&& b = x",
        "a>\u{b}=()or\u{b}",
        "a = x'and b = 'y'",
        "a=3<d=<=or b = ()",
    ] {
        if let Ok(Some(filter)) = parse(text, &FilterLimits::default()) {
            let printed = filter.to_string();
            let again = parse(&printed, &FilterLimits::default()).unwrap().unwrap().to_string();
            assert_eq!(printed, again, "{text}");
        }
    }
}
