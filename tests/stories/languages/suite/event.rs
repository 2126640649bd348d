//! What scripts are told: `event` and `platform`.

use crate::languages::table::{in_every_language, text};
use crate::support::{JANE, Value, json};

const AFTER: &str = "db._table.todo.get.post_process";

#[test]
fn statements_069_and_070_the_request_has_all_its_members() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.post.pre_process",
            &text(
                "event.response = {content: event.request};",
                "event.response = {'content': event.request}",
                "$event['response'] = ['content' => $event['request']];",
            ),
        );
        let body = json!({"resource": [{"name": "x", "flags": [true, null, 1.5, ":true"]}]});
        let request = world.user().with("X-MaRk", "7").post("db/_table/todo?fields=name", body.clone()).expect(200);
        assert_eq!((&request["api_version"], &request["method"]), (&json!("2.0"), &json!("POST")));
        assert_eq!(request["parameters"], json!({"fields": "name"}));
        assert_eq!(request["headers"]["x-mark"], "7");
        assert_eq!(request["payload"], body);
        assert_eq!(request["content"], body.to_string());
        assert_eq!(request["content_type"], "application/json");
        assert_eq!(request["uri"], "/api/v2/db/_table/todo?fields=name");
        assert_eq!((&request["service"], &request["resource"]), (&json!("db"), &json!("_table/todo?fields=name")));
    });
}

#[test]
fn the_event_says_its_name_stage_and_resource() {
    in_every_language(|world| {
        let told = world.told(&text(
            "event.response = {content: [event.name, event.stage, event.script_name, event.__tag__, event._event.stage, event.resource]};",
            "event.response = {'content': [event.name, event.stage, event.script_name, event['__tag__'], event._event.stage, event.resource]}",
            "$e = $event; $event['response'] = ['content' => [$e['name'], $e['stage'], $e['script_name'], $e['__tag__'], $e['_event']['stage'], $e['resource']]];",
        ));
        let name = "db._table.todo.get.pre_process";
        assert_eq!(told, json!([name, "pre_process", name, "exposed_event", "pre_process", "todo"]));
    });
}

#[test]
fn statement_071_empty_members_can_be_written_to() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.get.pre_process",
            &text(
                "event.request.parameters.limit = 1; event.request.payload.note = 'x';",
                "event.request.parameters.limit = 1\nevent.request.payload.note = 'x'",
                "$event['request']['parameters']['limit'] = 1; $event['request']['payload']['note'] = 'x';",
            ),
        );
        world.script(
            AFTER,
            &text(
                "event.response.content.note = event.request.payload.note;",
                "event.response.content.note = event.request.payload.note",
                "$event['response']['content']['note'] = $event['request']['payload']['note'];",
            ),
        );
        let answer = world.user().get("db/_table/todo").expect(200);
        assert_eq!((answer["resource"].as_array().unwrap().len(), &answer["note"]), (1, &json!("x")));
    });
}

#[test]
fn statement_072_the_response_is_there_after_the_call_only() {
    in_every_language(|world| {
        let told = world.told(&text(
            "event.response = {content: {there: 'response' in event}};",
            "event.response = {'content': {'there': 'response' in event}}",
            "$event['response'] = ['content' => ['there' => array_key_exists('response', $event)]];",
        ));
        assert_eq!(told, json!({"there": false}));
        world.admin().delete("system/event_script/db._table.todo.get.pre_process").expect(200);
        world.script(
            AFTER,
            &text(
                "const r = event.response; event.response.content = [r.status_code, r.content_type, Object.keys(r.headers).length];",
                "r = event.response\nevent.response.content = [r.status_code, r.content_type, len(r.headers)]",
                "$r = $event['response']; $event['response']['content'] = [$r['status_code'], $r['content_type'], count($r['headers'])];",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").expect(200), json!([200, null, 0]));
    });
}

#[test]
fn statement_073_a_list_is_an_array_in_the_resource_member() {
    in_every_language(|world| {
        world.script(
            AFTER,
            &text(
                "event.response.content = event.response.content.resource.map(todo => todo.name);",
                "event.response.content = [todo['name'] for todo in event.response.content.resource]",
                "$event['response']['content'] = array_column($event['response']['content']['resource'], 'name');",
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").expect(200), json!(["buy milk", "call Bob", "feed cat"]));
    });
}

#[test]
fn statement_074_a_plain_text_is_no_obstacle_to_a_modifying_script() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.post.pre_process",
            &text(
                "event.request.headers['x-seen'] = 'yes'; event.response = {content: [event.request.content, event.request.content_type]};",
                "event.request.headers['x-seen'] = 'yes'\nevent.response = {'content': [event.request.content, event.request.content_type]}",
                "$event['request']['headers']['x-seen'] = 'yes'; $event['response'] = ['content' => [$event['request']['content'], $event['request']['content_type']]];",
            ),
        );
        let told = world.user().send_as("POST", "db/_table/todo", "text/plain", b"just words").expect(200);
        assert_eq!(told, json!(["just words", "text/plain"]));
    });
}

#[test]
fn statement_075_csv_arrives_parsed() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.post.pre_process",
            &text(
                "event.response = {content: event.request.payload.resource[0].name};",
                "event.response = {'content': event.request.payload.resource[0].name}",
                "$event['response'] = ['content' => $event['request']['payload']['resource'][0]['name']];",
            ),
        );
        let told = world.user().send_as("POST", "db/_table/todo", "text/csv", b"name,priority\nsing,2\n").expect(200);
        assert_eq!(told, "sing");
    });
}

#[test]
fn statements_076_and_078_the_session_says_who_calls_and_nothing_private() {
    in_every_language(|world| {
        let lookups =
            json!({"resource": [{"name": "pin", "value": "1234", "private": true}, {"name": "town", "value": "Bonn"}]});
        world.admin().post("system/lookup", lookups).expect(201);
        let session = world.told(&text(
            "event.response = {content: platform.session};",
            "event.response = {'content': platform.session}",
            "$event['response'] = ['content' => $platform['session']];",
        ));
        assert_eq!((&session["user"]["email"], &session["role"]["name"]), (&json!(JANE.0), &json!("clerk")));
        assert_eq!((&session["api_key"], &session["lookup"]["town"]), (&json!(world.desk_key()), &json!("Bonn")));
        assert!(session["session_token"].is_string() && session["app"]["id"].is_u64(), "{session}");
        assert!(session.get("lookup_secret").is_none() && !session.to_string().contains("1234"), "{session}");
    });
}

#[test]
fn statement_079_the_configuration_has_two_names() {
    in_every_language(|world| {
        let told = world.told(&text(
            "event.response = {content: [platform.config.version, platform.config.df.version]};",
            "event.response = {'content': [platform.config.version, platform.config.df.version]}",
            "$event['response'] = ['content' => [$platform['config']['version'], $platform['config']['df']['version']]];",
        ));
        assert!(told[0].as_str().is_some_and(|version| !version.is_empty()), "{told}");
        assert_eq!(told[0], told[1]);
    });
}

#[test]
fn what_a_script_leaves_alone_comes_back_to_the_letter() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.post.pre_process",
            &text(
                "event.request.payload.touched = 1;",
                "event.request.payload.touched = 1",
                "$event['request']['payload']['touched'] = 1;",
            ),
        );
        world.attach("db._table.{table_name}.post.post_process", "event.response = {content: event.request.payload};");
        let body = json!({
            "empty": {}, "list": [], "nested": {"deep": [{}, [], null, false]},
            "text": "{\"a\": :true} 'q' \\ ☃",
        });
        let answer = world.user().post("db/_table/todo", body.clone());
        let told: Value = answer.body().clone();
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&told[name], value, "{name}");
        }
        assert_eq!(told["touched"], 1);
    });
}
