use super::fixture::Call;
use crate::ApiCall;
use antiphon_model::{Headers, Object, Value, Verb, json};
use std::sync::atomic::Ordering;

#[test]
fn platform_api_makes_calls_and_gives_their_answers() {
    let call = Call::default();
    let returned = call.returned(
        "const list = platform.api.get('db/_table/todo', null, { parameters: { limit: 2 }, headers: { 'X-A': '1' } });
         const made = await platform.api.post('db/_table/todo', { resource: [{ name: 'a' }] });
         platform.api.delete('db/_table/todo', '{\"ids\":[1]}');
         platform.api.call('merge', '/api/v2/db', undefined, { headers: ['A: b', 'C:d'], CURLOPT_USERPWD: 'u:p' });
         platform.api.put('https://example.com', '{\"raw\":1}');
         return [list.status_code, list.content.resource[0].path, list.headers['x-node'], made.content_type];",
    );
    assert_eq!(returned, json!([200, "db/_table/todo", "1", null]));
    let plain = |verb, path: &str, payload: Value| ApiCall {
        verb,
        path: path.into(),
        payload,
        headers: Headers::new(),
        parameters: Object::new(),
        options: Object::new(),
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        *call.world.calls.lock(),
        [
            ApiCall {
                headers: Headers::from_iter([header("x-a", "1")]),
                parameters: Object::from_iter([("limit".to_owned(), json!(2))]),
                ..plain(Verb::Get, "db/_table/todo", Value::Null)
            },
            plain(Verb::Post, "db/_table/todo", json!({ "resource": [{ "name": "a" }] })),
            plain(Verb::Delete, "db/_table/todo", json!({ "ids": [1] })),
            ApiCall {
                headers: Headers::from_iter([header("a", "b"), header("c", "d")]),
                options: Object::from_iter([("CURLOPT_USERPWD".to_owned(), json!("u:p"))]),
                ..plain(Verb::Patch, "/api/v2/db", Value::Null)
            },
            plain(Verb::Put, "https://example.com", json!("{\"raw\":1}")),
        ]
    );
}

#[test]
fn wrong_use_of_platform_api_is_a_clear_error() {
    let call = Call::default();
    assert!(call.thrown("platform.api.call('FETCH', 'db')").message.starts_with("'FETCH' is no verb"));
    assert!(call.thrown("platform.api.get()").message.starts_with("platform.api needs a path"));
    assert_eq!(call.returned("try { platform.api.get('') } catch (e) { return e instanceof Error }"), json!(true));
}

#[test]
fn session_and_config_are_asked_for_once_and_only_when_touched() {
    let call = Call::default();
    call.finish("platform.api.get('x')");
    assert_eq!(call.world.sessions.load(Ordering::Relaxed), 0);
    let returned = call.returned(
        "return [platform.session.user.email, platform.session.role.name,
                 platform.config.version === platform.config.df.version, JSON.stringify(platform.config)]",
    );
    assert_eq!(
        returned,
        json!(["ann@example.com", "writer", true, "{\"version\":\"1.0\",\"resources_wrapper\":\"resource\"}"])
    );
    assert_eq!(call.world.sessions.load(Ordering::Relaxed), 1);
}

#[test]
fn output_is_collected_and_never_a_result() {
    let run = Call::default().run(
        "print('{\"request\":{\"payload\":1}}', 2); console.log('a', { b: [1] }, undefined, null);
         var_dump({ x: 1 }); console.error(new TypeError('t').message);",
    );
    assert_eq!(run.output, "{\"request\":{\"payload\":1}} 2\na {\"b\":[1]} undefined null\n{\n  \"x\": 1\n}\nt\n");
    assert!(matches!(run.outcome, crate::Outcome::Finished(finished) if finished == crate::Finished::default()));
}

#[test]
fn libraries_are_there_by_every_name() {
    let call = Call::default();
    assert_eq!(
        call.returned(
            "var lodash = require('lodash.min.js'); const _ = require('underscore-min.js');
             return [lodash._.map([1, 2], n => n * 2), require('lodash') === lodash, _.last([1, 2]), typeof _._];"
        ),
        json!([[2, 4], true, 2, "function"])
    );
    assert_eq!(call.returned("const name = 'lo' + 'dash'; return require(name).sum([1, 2])"), json!(3));
    assert_eq!(
        call.returned("return [require('mine.js').twice(4), require('mine.js').deeper()]"),
        json!([8, "4.18.1"])
    );
    assert_eq!(call.thrown("require('fs')").message, "There is no library 'fs'.");
    assert_eq!(call.thrown("require('broken.js')").message, "broken library");
    assert_eq!(
        call.returned("return [typeof exit, typeof process, typeof Atomics, typeof std]"),
        json!(vec!["undefined"; 4])
    );
}

#[test]
fn lookups_are_text_in_strings_and_nothing_else() {
    let call = Call::default();
    let source = "const my_key = 1, o = { my_key };
        return ['<{my_key}>', \"{rawurlencode(my_key)}\", `${my_key}{my_key}`, '{no}', o, '{user.email}']";
    assert_eq!(
        call.returned(source),
        json!([
            "<it's \"${1}\" \\>",
            "it%27s%20%22%24%7B1%7D%22%20%5C",
            "1it's \"${1}\" \\",
            "{no}",
            { "my_key": 1 },
            "{user.email}"
        ])
    );
    let off = Call { config: json!({ "lookups": "off" }), ..Call::default() };
    assert_eq!(off.returned("return '{my_key}'"), json!("{my_key}"));
    let raw = Call { config: json!("{\"lookups\":\"raw\"}"), ..Call::default() };
    assert_eq!(raw.returned("return [{number}, '{user.email}']"), json!([42, "mallory"]));
}
