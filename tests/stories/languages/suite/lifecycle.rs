//! What scripts before and after a call do to it.

use crate::languages::table::{Text, in_every_language, text, within_limits};
use crate::support::json;

const BEFORE: &str = "db._table.todo.get.pre_process";
const AFTER: &str = "db._table.todo.get.post_process";

fn throwing(message: &str) -> Text {
    text(
        format!("throw new Error('{message}');"),
        format!("raise ValueError('{message}')"),
        format!("throw new \\Exception('{message}');"),
    )
}

#[test]
fn statement_023_a_throw_before_the_call_leaves_the_table_as_it_was() {
    in_every_language(|world| {
        world.script("db._table.todo.post.pre_process", &throwing("not today"));
        let message = world.user().post("db/_table/todo", json!({"resource": [{"name": "x"}]})).refused(500);
        assert_eq!((message.as_str(), world.count("todo")), ("not today", 3));
    });
}

#[test]
fn statement_024_a_throw_after_the_call_is_an_error_although_the_row_exists() {
    in_every_language(|world| {
        world.script("db._table.todo.post.post_process", &throwing("too late"));
        let message = world.user().post("db/_table/todo", json!({"resource": [{"name": "x"}]})).refused(500);
        assert_eq!((message.as_str(), world.count("todo")), ("too late", 4));
    });
}

#[test]
fn statement_025_a_script_after_the_call_sees_its_failure() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.{id}.get.post_process",
            &text(
                "event.response.content.seen = [event.response.status_code, event.response.content.error.code];",
                "event.response.content.seen = [event.response.status_code, event.response.content.error.code]",
                "$r = $event['response']; $event['response']['content']['seen'] = [$r['status_code'], $r['content']['error']['code']];",
            ),
        );
        let answer = world.user().get("db/_table/todo/99").expect(404);
        assert_eq!(answer["seen"], json!([404, 404]));
        assert_eq!(answer["error"]["message"], "Record with identifier '99' not found.");
    });
}

#[test]
fn statement_026_a_script_after_the_call_runs_when_the_one_before_threw() {
    in_every_language(|world| {
        world.script(BEFORE, &throwing("refused"));
        world.script(
            AFTER,
            &text(
                "event.response.content = {because: event.response.content.error.message};",
                "event.response.content = {'because': event.response.content.error.message}",
                "$event['response']['content'] = ['because' => $event['response']['content']['error']['message']];",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").expect(500), json!({"because": "refused"}));
    });
}

#[test]
fn statement_027_a_script_after_the_call_runs_when_the_one_before_answered() {
    in_every_language(|world| {
        world.script(
            BEFORE,
            &text(
                "event.response = {content: {from: ['before']}};",
                "event.response = {'content': {'from': ['before']}}",
                "$event['response'] = ['content' => ['from' => ['before']]];",
            ),
        );
        world.script(
            AFTER,
            &text(
                "event.response.content.from.push('after');",
                "event.response.content['from'].append('after')",
                "$event['response']['content']['from'][] = 'after';",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").expect(200), json!({"from": ["before", "after"]}));
    });
}

#[test]
fn statement_028_a_throw_in_the_generic_script_prevents_the_concrete_one() {
    in_every_language(|world| {
        world.script("db._table.{table_name}.patch.pre_process", &throwing("no"));
        let (before, after) = ("db._table.todo.patch.pre_process", "db._table.todo.patch.post_process");
        world.journal(&[before, after]);
        world.user().patch("db/_table/todo?filter=id=1", json!({"resource": [{"priority": 9}]})).refused(500);
        assert_eq!(world.ran(), [after]);
    });
}

#[test]
fn statement_029_an_inactive_script_is_not_run() {
    in_every_language(|world| {
        world.script_with(BEFORE, &throwing("must not run"), json!({"is_active": false}));
        world.user().get("db/_table/todo").expect(200);
    });
}

fn limiting() -> Text {
    text(
        "event.request.parameters.limit = 1;",
        "event.request.parameters.limit = 1",
        "$event['request']['parameters']['limit'] = 1;",
    )
}

#[test]
fn statement_030_without_the_right_to_modify_edits_of_the_request_have_no_effect() {
    in_every_language(|world| {
        world.read_only_script(BEFORE, &limiting());
        assert_eq!(world.user().get("db/_table/todo").values("id"), [1, 2, 3]);
        world.script(BEFORE, &limiting());
        assert_eq!(world.user().get("db/_table/todo").values("id"), [1]);
    });
}

#[test]
fn statement_031_without_the_right_to_modify_responses_have_no_effect_and_a_warning_says_so() {
    in_every_language(|world| {
        let forbidding = text(
            "event.response = {status_code: 403};",
            "event.response = {'status_code': 403}",
            "$event['response'] = ['status_code' => 403];",
        );
        world.read_only_script(BEFORE, &forbidding);
        world.read_only_script(
            AFTER,
            &text(
                "event.response.content = 'edited'; return {status_code: 418};",
                "event.response.content = 'edited'\nreturn {'status_code': 418}",
                "$event['response']['content'] = 'edited'; return ['status_code' => 418];",
            ),
        );
        let answer = world.user().get("db/_table/todo");
        let warning = answer.header("warning").unwrap_or_default().to_owned();
        assert_eq!(answer.values("id"), [1, 2, 3]);
        assert!(warning.contains(BEFORE) && warning.contains("allow_event_modification"), "{warning}");
    });
}

#[test]
fn statement_032_without_the_right_to_modify_a_throw_still_aborts() {
    in_every_language(|world| {
        world.read_only_script("db._table.todo.post.pre_process", &throwing("closed"));
        let message = world.user().post("db/_table/todo", json!({"resource": [{"name": "x"}]})).refused(500);
        assert_eq!((message.as_str(), world.count("todo")), ("closed", 3));
    });
}

#[test]
fn statement_033_a_filter_set_before_the_call_changes_the_result() {
    in_every_language(|world| {
        world.script(
            BEFORE,
            &text(
                "event.request.parameters.filter = 'priority > 1';",
                "event.request.parameters.filter = 'priority > 1'",
                "$event['request']['parameters']['filter'] = 'priority > 1';",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").values("id"), [2, 3]);
        assert_eq!(world.user().get("db/_table/todo?filter=priority=1").values("id"), [2, 3]);
    });
}

#[test]
fn statement_034_emptied_parameters_take_the_clients_filter_away() {
    in_every_language(|world| {
        for emptying in [
            text(
                "event.request.parameters = {};",
                "event.request.parameters = {}",
                "$event['request']['parameters'] = [];",
            ),
            text(
                "delete event.request.parameters.filter;",
                "del event.request.parameters['filter']",
                "unset($event['request']['parameters']['filter']);",
            ),
        ] {
            world.script(BEFORE, &emptying);
            assert_eq!(world.user().get("db/_table/todo?filter=id=1").values("id"), [1, 2, 3]);
        }
    });
}

#[test]
fn statement_035_an_edit_of_the_payload_changes_the_stored_row() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.post.pre_process",
            &text(
                "for (const todo of event.request.payload.resource) todo.priority = 5;",
                "for todo in event.request.payload.resource:\n    todo.priority = 5",
                "foreach ($event['request']['payload']['resource'] as &$todo) { $todo['priority'] = 5; }",
            ),
        );
        let todos = json!({"resource": [{"name": "a"}, {"name": "b", "priority": 1}]});
        world.user().post("db/_table/todo", todos).expect(200);
        assert_eq!((&world.todo(4)["priority"], &world.todo(5)["priority"]), (&json!(5), &json!(5)));
    });
}

#[test]
fn statement_036_an_edit_of_the_content_counts_and_the_payload_wins_over_it() {
    in_every_language(|world| {
        let content = text(
            "event.request.content = event.request.content.replace('typed', 'content');",
            "event.request.content = event.request.content.replace('typed', 'content')",
            "$event['request']['content'] = str_replace('typed', 'content', $event['request']['content']);",
        );
        world.script("db._table.todo.post.pre_process", &content);
        world.user().post("db/_table/todo", json!({"resource": [{"name": "typed"}]})).expect(200);
        assert_eq!(world.todo(4)["name"], "content");

        let both = text(
            format!("{} event.request.payload.resource[0].name = 'payload';", world.in_language(&content)),
            format!("{}\nevent.request.payload.resource[0].name = 'payload'", world.in_language(&content)),
            format!("{} $event['request']['payload']['resource'][0]['name'] = 'payload';", world.in_language(&content)),
        );
        world.script("db._table.todo.post.pre_process", &both);
        world.user().post("db/_table/todo", json!({"resource": [{"name": "typed"}]})).expect(200);
        assert_eq!(world.todo(5)["name"], "payload");
    });
}

#[test]
fn statement_037_a_header_added_before_the_call_is_seen_after_it() {
    in_every_language(|world| {
        world.script(
            BEFORE,
            &text(
                "event.request.headers['x-mark'] = 'made before';",
                "event.request.headers['x-mark'] = 'made before'",
                "$event['request']['headers']['x-mark'] = 'made before';",
            ),
        );
        world.script(
            AFTER,
            &text(
                "event.response.content = event.request.headers['x-mark'];",
                "event.response.content = event.request.headers['x-mark']",
                "$event['response']['content'] = $event['request']['headers']['x-mark'];",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").expect(200), json!("made before"));
    });
}

#[test]
fn statement_038_a_changed_method_changes_neither_the_operation_nor_the_event() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.{id}.get.pre_process",
            &text(
                "event.request.method = 'DELETE';",
                "event.request.method = 'DELETE'",
                "$event['request']['method'] = 'DELETE';",
            ),
        );
        world.journal(&["db._table.todo.{id}.get.post_process", "db._table.todo.{id}.delete.post_process"]);
        world.user().get("db/_table/todo/1").expect(200);
        assert_eq!(world.ran(), ["db._table.todo.{id}.get.post_process"]);
        assert_eq!(world.count("todo"), 3);
    });
}

#[test]
fn statement_050_a_returned_true_keeps_the_edits_of_the_request() {
    in_every_language(|world| {
        world.script(
            BEFORE,
            &text(
                "event.request.parameters.limit = 1; return true;",
                "event.request.parameters.limit = 1\nreturn True",
                "$event['request']['parameters']['limit'] = 1; return true;",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").values("id"), [1]);
    });
}

#[test]
fn statement_051_and_097_nothing_null_and_the_event_itself_may_be_returned() {
    in_every_language(|world| {
        for (javascript, python, php) in [
            ("", "", ""),
            ("return;", "return", "return;"),
            ("return null;", "return None", "return null;"),
            ("return event;", "return event", "return $event;"),
        ] {
            world.script(
                BEFORE,
                &text(
                    format!("event.request.parameters.limit = 1; {javascript}"),
                    format!("event.request.parameters.limit = 1\n{python}"),
                    format!("$event['request']['parameters']['limit'] = 1; {php}"),
                ),
            );
            world.script(
                AFTER,
                &text(
                    format!("event.response.content.end = 'after'; {javascript}"),
                    format!("event.response.content.end = 'after'\n{python}"),
                    format!("$event['response']['content']['end'] = 'after'; {php}"),
                ),
            );
            let answer = world.user().get("db/_table/todo").expect(200);
            let seen = (answer["resource"].as_array().unwrap().len(), &answer["end"]);
            assert_eq!(seen, (1, &json!("after")), "{javascript}");
        }
    });
}

#[test]
fn statement_053_an_accept_header_set_before_the_call_chooses_the_format() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.{id}.get.pre_process",
            &text(
                "event.request.headers.accept = 'application/xml';",
                "event.request.headers.accept = 'application/xml'",
                "$event['request']['headers']['accept'] = 'application/xml';",
            ),
        );
        let answer = world.user().with("Accept", "application/json").get("db/_table/todo/1");
        assert_eq!(answer.header("content-type"), Some("application/xml"));
    });
}

#[test]
fn statement_054_stop_propagation_skips_the_concrete_script_and_the_call_goes_on() {
    in_every_language(|world| {
        world.script(
            "db._table.{table_name}.get.pre_process",
            &text(
                "event.stop_propagation = true; event.request.parameters.limit = 1;",
                "event.stop_propagation = True\nevent.request.parameters.limit = 1",
                "$event['stop_propagation'] = true; $event['request']['parameters']['limit'] = 1;",
            ),
        );
        world.script(BEFORE, &throwing("must not run"));
        assert_eq!(world.user().get("db/_table/todo").values("id"), [1]);
    });
}

#[test]
fn statement_055_a_base_script_comes_last_and_cannot_change_the_response() {
    in_every_language(|world| {
        for source in [
            text(
                "event.response.content = 'edited';",
                "event.response.content = 'edited'",
                "$event['response']['content'] = 'edited';",
            ),
            text("return {status_code: 500};", "return {'status_code': 500}", "return ['status_code' => 500];"),
            throwing("in vain"),
        ] {
            world.script("db._table.todo.get", &source);
            let answer = world.user().get("db/_table/todo");
            assert_eq!(answer.header("warning"), None);
            assert_eq!(answer.values("id"), [1, 2, 3]);
        }
    });
}

#[test]
fn statement_056_a_script_that_calls_its_own_endpoint_is_stopped() {
    in_every_language(|world| {
        world.script(
            BEFORE,
            &text(
                "const again = await platform.api.get('db/_table/todo'); return {response: {status_code: again.status_code, content: again.content}};",
                "again = platform.api.get('db/_table/todo')\nreturn {'response': {'status_code': again.status, 'content': json.loads(again.read())}}",
                "return ['response' => $platform['api']->get('db/_table/todo')];",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").refused(500), "Script recursion limit exceeded");
        world.user().get("db/_table/todo/1").expect(200);
    });
}

#[test]
fn statement_057_an_endless_loop_is_stopped() {
    within_limits(&[("SCRIPT_WALL_MS", 700)], |world| {
        world.script(BEFORE, &text("for (;;) {}", "while True: pass", "while (true) {}"));
        let message = world.user().get("db/_table/todo").refused(500);
        assert!(message.contains("time") && message.contains("700"), "{message}");
        world.user().get("db/_table/todo/1").expect(200);
        world.script(BEFORE, &limiting());
        assert_eq!(world.user().get("db/_table/todo").values("id"), [1], "the next run finds a worker");
    });
}
