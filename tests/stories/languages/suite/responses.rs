//! Answers that scripts give or change.

use crate::languages::table::{in_every_language, text};
use crate::support::json;

const BEFORE: &str = "db._table.todo.get.pre_process";
const AFTER: &str = "db._table.todo.get.post_process";

#[test]
fn statement_039_a_script_answers_in_the_services_place() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.post.pre_process",
            &text(
                "event.response = {status_code: 400, content: {sorry: 'closed'}};",
                "event.response = {'status_code': 400, 'content': {'sorry': 'closed'}}",
                "$event['response'] = ['status_code' => 400, 'content' => ['sorry' => 'closed']];",
            ),
        );
        let answer = world.user().post("db/_table/todo", json!({"resource": [{"name": "x"}]}));
        assert_eq!(answer.expect(400), json!({"sorry": "closed"}));
        assert_eq!(world.count("todo"), 3, "the service must not have run");
    });
}

#[test]
fn statement_040_a_status_alone_is_an_answer() {
    in_every_language(|world| {
        world.script(
            BEFORE,
            &text(
                "event.response = {status_code: 403};",
                "event.response = {'status_code': 403}",
                "$event['response'] = ['status_code' => 403];",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").expect(403), json!(""));
    });
}

#[test]
fn statement_041_an_answer_may_have_headers_and_a_type_of_its_own() {
    in_every_language(|world| {
        world.script(
            BEFORE,
            &text(
                "event.response = {content: '<b>hi</b>', content_type: 'text/html', headers: {'X-Made-By': 'script', 'X-Count': 2}};",
                "event.response = {'content': '<b>hi</b>', 'content_type': 'text/html', 'headers': {'X-Made-By': 'script', 'X-Count': 2}}",
                "$event['response'] = ['content' => '<b>hi</b>', 'content_type' => 'text/html', 'headers' => ['X-Made-By' => 'script', 'X-Count' => 2]];",
            ),
        );
        let answer = world.user().get("db/_table/todo");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=UTF-8"));
        assert_eq!((answer.header("x-made-by"), answer.header("x-count")), (Some("script"), Some("2")));
        assert_eq!(answer.expect(200), json!("<b>hi</b>"));
    });
}

#[test]
fn statement_042_a_plain_value_is_the_body() {
    in_every_language(|world| {
        world.script(
            BEFORE,
            &text(
                "event.response = {answer: 42};",
                "event.response = {'answer': 42}",
                "$event['response'] = ['answer' => 42];",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").expect(200), json!({"answer": 42}));
    });
}

#[test]
fn statement_043_edits_of_the_content_reach_the_client() {
    in_every_language(|world| {
        world.script(
            AFTER,
            &text(
                "for (const todo of event.response.content.resource) { todo.loud = todo.name.toUpperCase(); delete todo.name; }",
                "for todo in event.response.content.resource:\n    todo.loud = todo.name.upper()\n    del todo['name']",
                "foreach ($event['response']['content']['resource'] as $i => $todo) {\n\
                 $event['response']['content']['resource'][$i]['loud'] = strtoupper($todo['name']);\n\
                 unset($event['response']['content']['resource'][$i]['name']); }",
            ),
        );
        let answer = world.user().get("db/_table/todo?fields=name&limit=2").expect(200);
        assert_eq!(answer, json!({"resource": [{"loud": "BUY MILK"}, {"loud": "CALL BOB"}]}));
    });
}

#[test]
fn statement_044_edits_of_the_status_reach_the_client_and_an_impossible_one_is_500() {
    in_every_language(|world| {
        let setting = |status: &str| {
            text(
                format!("event.response.status_code = {status};"),
                format!("event.response.status_code = {status}"),
                format!("$event['response']['status_code'] = {status};"),
            )
        };
        world.script(AFTER, &setting("202"));
        assert_eq!(world.user().get("db/_table/todo").expect(202)["resource"].as_array().unwrap().len(), 3);
        for status in ["999", "'many'", "-1"] {
            world.script(AFTER, &setting(status));
            world.user().get("db/_table/todo").refused(500);
        }
    });
}

#[test]
fn statement_045_headers_are_added_and_null_removes_one() {
    in_every_language(|world| {
        world.script(
            BEFORE,
            &text(
                "event.response = {content: {}, headers: {'X-First': '1', 'X-Second': '2'}};",
                "event.response = {'content': {}, 'headers': {'X-First': '1', 'X-Second': '2'}}",
                "$event['response'] = ['content' => [], 'headers' => ['X-First' => '1', 'X-Second' => '2']];",
            ),
        );
        world.script(
            AFTER,
            &text(
                "event.response.headers['x-first'] = null; event.response.headers['X-Third'] = '3';",
                "event.response.headers['x-first'] = None\nevent.response.headers['X-Third'] = '3'",
                "$event['response']['headers']['x-first'] = null; $event['response']['headers']['X-Third'] = '3';",
            ),
        );
        let answer = world.user().get("db/_table/todo");
        let headers = ["x-first", "x-second", "x-third"].map(|name| answer.header(name));
        assert_eq!(headers, [None, Some("2"), Some("3")]);
    });
}

#[test]
fn statement_046_a_returned_envelope_replaces_the_response() {
    in_every_language(|world| {
        world.script(
            AFTER,
            &text(
                "return {content: {count: event.response.content.resource.length}, status_code: 203};",
                "return {'content': {'count': len(event.response.content.resource)}, 'status_code': 203}",
                "return ['content' => ['count' => count($event['response']['content']['resource'])], 'status_code' => 203];",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").expect(203), json!({"count": 3}));
    });
}

#[test]
fn statement_047_a_returned_plain_object_becomes_the_body() {
    in_every_language(|world| {
        world.script(
            AFTER,
            &text(
                "event.response.status_code = 202; return {names: event.response.content.resource.map(todo => todo.name)};",
                "event.response.status_code = 202\nreturn {'names': [todo.name for todo in event.response.content.resource]}",
                "$event['response']['status_code'] = 202; return ['names' => array_column($event['response']['content']['resource'], 'name')];",
            ),
        );
        let answer = world.user().get("db/_table/todo").expect(200);
        assert_eq!(answer, json!({"names": ["buy milk", "call Bob", "feed cat"]}));
    });
}

#[test]
fn statement_048_a_returned_error_is_a_500() {
    in_every_language(|world| {
        for event in [BEFORE, AFTER] {
            world.read_only_script(
                event,
                &text(
                    "return {error: {message: 'went wrong', code: 7}};",
                    "return {'error': {'message': 'went wrong', 'code': 7}}",
                    "return ['error' => ['message' => 'went wrong', 'code' => 7]];",
                ),
            );
            assert_eq!(world.user().get("db/_table/todo").refused(500), "went wrong", "{event}");
            world.admin().delete(&format!("system/event_script/{event}")).expect(200);
        }
    });
}

#[test]
fn statement_049_a_false_error_is_none() {
    in_every_language(|world| {
        for (javascript, python, php) in
            [("false", "False", "false"), ("0", "0", "0"), ("null", "None", "null"), ("''", "''", "''")]
        {
            world.script(
                BEFORE,
                &text(
                    format!("return {{error: {javascript}}};"),
                    format!("return {{'error': {python}}}"),
                    format!("return ['error' => {php}];"),
                ),
            );
            assert_eq!(world.user().get("db/_table/todo").values("id"), [1, 2, 3], "{javascript}");
        }
    });
}

#[test]
fn whatever_a_script_makes_of_the_content_is_the_body() {
    in_every_language(|world| {
        for (javascript, python, php, body) in [
            ("'plain'", "'plain'", "'plain'", json!("plain")),
            ("null", "None", "null", json!("")),
            ("[1, {a: 2.5}]", "[1, {'a': 2.5}]", "[1, ['a' => 2.5]]", json!([1, {"a": 2.5}])),
            ("{}", "{}", "new \\stdClass()", json!({})),
            ("true", "True", "true", json!(true)),
            ("'ä ☃ 𝄞 \\u0000'", "'ä ☃ 𝄞 \\u0000'", "\"ä ☃ 𝄞 \\0\"", json!("ä ☃ 𝄞 \0")),
        ] {
            world.script(
                AFTER,
                &text(
                    format!("event.response.content = {javascript};"),
                    format!("event.response.content = {python}"),
                    format!("$event['response']['content'] = {php};"),
                ),
            );
            assert_eq!(world.user().get("db/_table/todo").expect(200), body, "{javascript}");
        }
        for (javascript, python, php, body) in [
            ("'a text'", "'a text'", "'a text'", json!("a text")),
            ("[1, 2, 3]", "[1, 2, 3]", "[1, 2, 3]", json!([1, 2, 3])),
            ("7", "7", "7", json!(7)),
            (
                "{response: {content: {via: 'return'}}}",
                "{'response': {'content': {'via': 'return'}}}",
                "['response' => ['content' => ['via' => 'return']]]",
                json!({"via": "return"}),
            ),
        ] {
            let returning = text(format!("return {javascript};"), format!("return {python}"), format!("return {php};"));
            world.script(AFTER, &returning);
            assert_eq!(world.user().get("db/_table/todo").expect(200), body, "{javascript}");
        }
    });
}
