use crate::{Budget, Build, Engine, Failure, Function, Sizes};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};
use std::time::Duration;

const BUDGET: Budget = Budget { wall: Duration::from_secs(20), cpu: Duration::from_secs(20) };

/// An engine whose `run` passes what `host(0)` gives through `body` (an expression of `value`) to `host(1)`.
fn engine(body: &str) -> (Engine, Function) {
    let mut engine = Engine::new(Sizes { memory: 64 << 20, stack: 512 << 10 }).unwrap();
    let host = engine.host_function().unwrap();
    let source = format!("(host) => () => {{ const value = host(0); host(1, {body}); }}");
    let maker = engine.evaluate("maker", &source, &BUDGET).unwrap();
    let run = engine.build(maker, &[Build::Function(host)], &BUDGET).unwrap();
    engine.seal().unwrap();
    (engine, run)
}

/// What came out, whether it is the same as what went in, and how it ended.
fn pass(engine: &mut Engine, run: Function, value: &Value) -> (Option<Value>, bool, Result<(), Failure>) {
    let (out, same) = (RefCell::new(None), Cell::new(false));
    let report = engine.run(&[run], &BUDGET, &|identifier, call| {
        match identifier {
            0 => call.answer(value)?,
            _ => {
                same.set(call.same(0, value)?);
                *out.borrow_mut() = call.json(0)?;
            }
        }
        Ok(())
    });
    engine.restore();
    (out.into_inner(), same.get(), report.outcome)
}

fn through(body: &str, value: &Value) -> Option<Value> {
    let (mut engine, run) = engine(body);
    let (out, _, outcome) = pass(&mut engine, run, value);
    assert_eq!(outcome, Ok(()), "{body}");
    out
}

fn message(body: &str) -> String {
    let (mut engine, run) = engine(body);
    match pass(&mut engine, run, &Value::Null).2 {
        Err(Failure::Threw(exception)) => exception.message,
        other => panic!("{other:?}"),
    }
}

/// JSON as the engine can hold it: integers up to 2^53, finite doubles that are no integers.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-(1i64 << 53)..(1i64 << 53)).prop_map(|number| json!(number)),
        any::<f64>().prop_filter("finite, no integer", |n| n.is_finite() && n.fract() != 0.0).prop_map(|n| json!(n)),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::vec(("[a-z_$é\\u{1F600}\"]{0,6}", inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

thread_local! {
    static PASSING: RefCell<(Engine, Function)> = RefCell::new(engine("value"));
    static ENGINES_OWN: RefCell<(Engine, Function)> = RefCell::new(engine("JSON.parse(JSON.stringify(value))"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_value_comes_back_as_it_went_in(value in values()) {
        PASSING.with_borrow_mut(|(engine, run)| {
            let (out, same, outcome) = pass(engine, *run, &value);
            prop_assert_eq!(outcome, Ok(()));
            prop_assert!(same);
            let out = out.unwrap();
            prop_assert_eq!(serde_json::to_string(&out).unwrap(), serde_json::to_string(&value).unwrap());
            Ok(())
        })?;
    }

    #[test]
    fn the_engine_sees_what_went_in(value in values()) {
        ENGINES_OWN.with_borrow_mut(|(engine, run)| {
            let (out, _, outcome) = pass(engine, *run, &value);
            prop_assert_eq!(outcome, Ok(()));
            prop_assert_eq!(out, Some(value));
            Ok(())
        })?;
    }
}

#[test]
fn numbers_are_written_as_json_stringify_does() {
    let out = through("[-0, NaN, Infinity, 1e21, 1.0, 0.1, 2**53, -5, 1/3]", &Value::Null).unwrap();
    assert_eq!(out.to_string(), "[0,null,null,1e+21,1,0.1,9007199254740992,-5,0.3333333333333333]");
}

#[test]
fn unusual_values_are_written_as_json_stringify_does() {
    let cases = [
        ("new Date(0)", json!("1970-01-01T00:00:00.000Z")),
        ("new Date(NaN)", Value::Null),
        ("[undefined, () => 1, Symbol('x')]", json!([null, null, null])),
        ("({ a: undefined, b: () => 1, c: 1 })", json!({ "c": 1 })),
        ("({ toJSON() { return { x: this.y } }, y: 3 })", json!({ "x": 3 })),
        ("({ get a() { return 1 }, b: 2 })", json!({ "a": 1, "b": 2 })),
        ("[new Number(1), new String('s'), new Boolean(false)]", json!([1, "s", false])),
        ("[new Map([[1, 2]]), new Set([1]), /x/]", json!([{}, {}, {}])),
        ("new Proxy({ a: 1 }, { get: () => 2 })", json!({ "a": 2 })),
        ("new Proxy([1, 2], {})", json!([1, 2])),
        (
            "Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } })",
            json!({ "own": 2 }),
        ),
        ("Object.assign(Object.create(null), { a: 1 })", json!({ "a": 1 })),
        ("new (class Point { constructor() { this.x = 1 } })", json!({ "x": 1 })),
        ("new Uint8Array([1, 2])", json!({ "0": 1, "1": 2 })),
        ("[, 1]", json!([null, 1])),
        ("'a\\ud800b\\udc00'", json!("a\u{fffd}b\u{fffd}")),
        ("({ b: 1, a: 2, 1: 3 })", json!({ "1": 3, "b": 1, "a": 2 })),
        ("(Array.prototype.toJSON = () => 'polluted', [1])", json!("polluted")),
    ];
    for (body, expected) in cases {
        assert_eq!(through(body, &Value::Null), Some(expected), "{body}");
    }
    assert_eq!(through("undefined", &Value::Null), None);
    assert_eq!(through("() => 1", &Value::Null), None);
}

#[test]
fn a_key_that_names_the_prototype_is_an_ordinary_member() {
    let value: Value = serde_json::from_str(r#"{"__proto__": {"x": 1}, "constructor": 2}"#).unwrap();
    assert_eq!(through("value", &value), Some(value.clone()));
    assert_eq!(
        through("[value.x === undefined, Object.keys(value)]", &value),
        Some(json!([true, ["__proto__", "constructor"]]))
    );
}

#[test]
fn pollution_by_the_script_does_not_break_the_bridge() {
    let body =
        "(Object.defineProperty(Object.prototype, 'a', { set() { throw 1 } }), Array.prototype.push = null, host(0))";
    assert_eq!(through(body, &json!({ "a": [1] })), Some(json!({ "a": [1] })));
}

#[test]
fn cycles_and_bottomless_values_are_clear_errors() {
    assert_eq!(
        message("(() => { const a = { b: [1, {}] }; a.b[1].c = a; return a })()"),
        "Converting circular structure to JSON: '.b[1].c' refers back to an object that contains it."
    );
    assert!(
        message("(() => { let a = []; for (let i = 0; i < 300; i++) a = [a]; return a })()").contains("256 levels")
    );
    assert_eq!(message("10n"), "Do not know how to serialize a BigInt.");
    assert_eq!(message("({ get x() { throw new Error('mine') } })"), "mine");
}

#[test]
fn an_object_that_is_there_twice_is_no_cycle() {
    assert_eq!(through("(x => [x, x])({ a: 1 })", &Value::Null), Some(json!([{ "a": 1 }, { "a": 1 }])));
}

#[test]
fn integers_beyond_doubles_count_as_unchanged() {
    let (mut engine, run) = engine("value");
    let (_, same, _) = pass(&mut engine, run, &json!([9_007_199_254_740_993_i64, u64::MAX, 1.0]));
    assert!(same);
}

#[test]
fn a_deep_change_is_a_difference() {
    for change in ["value.a[1].b = 3", "delete value.a[1].b", "value.a.push(1)", "value.a[1].c = 1", "value.s += ''+1"]
    {
        let (mut engine, run) = engine(&format!("(() => {{ {change}; return value }})()"));
        assert!(!pass(&mut engine, run, &json!({ "a": [1, { "b": 2 }], "s": "x" })).1, "{change}");
    }
}

#[test]
fn values_that_are_small_in_the_engine_and_huge_outside_stop_the_run() {
    let sources = [
        "new Array(4294967295)",
        "(() => { let list = ['x']; for (let i = 0; i < 40; i++) list = [list, list]; return list; })()",
        "new Array(20000).fill('x'.repeat(1 << 20))",
        "new Proxy(new Array(10000000).fill(0), {})",
        "({toJSON() { return {list: new Array(20000000)}; }})",
    ];
    for source in sources {
        let (mut engine, run) = engine(source);
        let (out, _, outcome) = pass(&mut engine, run, &Value::Null);
        assert_eq!((out, outcome), (None, Err(Failure::Stopped(crate::StopReason::Memory))), "{source}");
    }
}

#[test]
fn values_that_are_read_one_after_the_other_share_no_room() {
    let sum = "Array.from({length: 40}, () => host(1, 'x'.repeat(8 << 20))).length";
    assert_eq!(through(sum, &Value::Null), Some(json!(40)));
}
