//! Calls that scripts make, and the helpers that they have: statements 80 to 86, 92, 93, 96 to 98 and 103 to 105.

use crate::support::{TestApp, Value, json};

/// What a script before a read of the todos answers with.
fn answer(app: &TestApp, source: &str) -> Value {
    app.attach("db._table.todo.get.pre_process", source);
    app.user().get("db/_table/todo").expect(200)
}

#[test]
fn statement_080_a_read_from_a_script_is_an_envelope_with_parsed_content() {
    let app = TestApp::start();
    for kind in ["javascript", "v8js"] {
        let source = "
            const got = platform.api.get('db/_table/contact');
            event.response = {content: {status: got.status_code, names: got.content.resource.map(one => one.first_name)}};";
        app.store("db._table.todo.get.pre_process", json!({"type": kind, "content": source}));
        let told = app.user().get("db/_table/todo").expect(200);
        assert_eq!(told, json!({"status": 200, "names": ["Jon", "Arya"]}), "{kind}");
    }
}

#[test]
fn statement_081_parameters_come_from_options_and_query() {
    let app = TestApp::start();
    let told = answer(
        &app,
        "
        const options = {parameters: {filter: \"(last_name = 'S & Söhne') or (last_name = 'Snow')\", limit: 5}};
        const got = platform.api.get('db/_table/contact?fields=last_name&limit=1', null, options);
        const query = platform.api.get('db/_table/contact?filter=' + encodeURIComponent(\"last_name = 'Stark & Co'\"));
        event.response = {content: [got.content, query.content]};",
    );
    assert_eq!(told, json!([{"resource": [{"last_name": "Snow"}]}, {"resource": []}]));
}

#[test]
fn statement_082_a_write_from_a_script_takes_an_object_or_a_text() {
    let app = TestApp::start();
    let told = answer(
        &app,
        "
        const created = [
            platform.api.post('db/_table/todo', {resource: [{name: 'object'}]}),
            platform.api.post('db/_table/todo', JSON.stringify({resource: [{name: 'text'}]})),
            platform.api.call('POST', 'db/_table/todo', {resource: [{name: 'call'}]}),
            platform.api.patch('db/_table/todo/4', {name: 'patched'}),
            platform.api.put('db/_table/todo/5', {name: 'put'}),
            platform.api.delete('db/_table/todo/6'),
        ];
        event.response = {content: created.map(one => one.status_code)};",
    );
    assert_eq!(told, json!([200, 200, 200, 200, 200, 200]));
    assert_eq!((&app.todo(4)["name"], &app.todo(5)["name"]), (&json!("patched"), &json!("put")));
}

#[test]
fn statement_083_every_spelling_of_a_path_is_the_same_call() {
    let app = TestApp::start();
    let told = answer(&app, "
        const paths = ['db/_table/contact/1', '/db/_table/contact/1', '/api/v2/db/_table/contact/1', 'api/v2/db/_table/contact/1'];
        event.response = {content: paths.map(path => platform.api.get(path).content.first_name)};");
    assert_eq!(told, json!(["Jon", "Jon", "Jon", "Jon"]));
}

#[test]
fn statement_084_a_call_from_a_script_runs_scripts_of_its_own() {
    let app = TestApp::start();
    app.journal(&["db._table.contact.get.pre_process", "db._table.contact.get.post_process"]);
    answer(&app, "platform.api.get('db/_table/contact');");
    assert_eq!(app.ran(), ["db._table.contact.get.pre_process", "db._table.contact.get.post_process"]);
}

#[test]
fn statement_085_what_a_role_grants_to_scripts_only_is_for_scripts_only() {
    let app = TestApp::start();
    let told = answer(&app, "event.response = {content: platform.api.get('db/_table/vault').content};");
    assert_eq!(told["resource"][0]["secret"], "the combination");
    let message = app.user().get("db/_table/vault").refused(403);
    assert!(
        message.starts_with("Access Forbidden. GET access to component '_table/vault' of service 'db'"),
        "{message}"
    );
    let nested = answer(&app, "event.response = {content: platform.api.get('system/user').status_code};");
    assert_eq!(nested, 403, "a script has no more rights than its caller's role gives it");
}

#[test]
fn statement_086_a_failed_call_from_a_script_does_not_throw() {
    let app = TestApp::start();
    let told = answer(&app, "
        const failed = platform.api.get('db/_table/todo/99');
        event.response = {content: [failed.status_code, failed.content.error.code, typeof failed.content.error.message]};");
    assert_eq!(told, json!([404, 404, "string"]));
}

#[test]
fn statement_092_a_forged_script_token_opens_nothing() {
    let app = TestApp::start();
    app.user().with("X-DreamFactory-Script-Token", "anything").get("db/_table/vault").refused(403);
    app.user().get("db/_table/vault?script_token=anything").refused(403);
}

#[test]
fn statement_093_helpers_and_libraries_work_and_prints_are_logged() {
    let app = TestApp::start();
    app.store("db._table.todo.get.pre_process", json!({"type": "v8js", "content": "
        var lodash = require('lodash.min.js');
        print('printed line');
        var_dump({dumped: [1, 2]});
        console.log('consoled', {deep: true});
        sleep(0.01);
        event.response = {content: {chunks: lodash._.chunk([1, 2, 3], 2), max: require('underscore-min.js').max([3, 9, 4])}};"}));
    let told = app.user().get("db/_table/todo").expect(200);
    assert_eq!(told, json!({"chunks": [[1, 2], [3]], "max": 9}));
    app.wait_for_log("Script 'db._table.todo.get.pre_process' output:");
    for text in ["printed line", "dumped", "consoled"] {
        app.wait_for_log(text);
    }
}

#[test]
fn statement_096_calls_can_be_awaited() {
    let app = TestApp::start();
    let told = answer(&app, "
        const [todo, contact] = await Promise.all([platform.api.get('db/_table/todo/1'), platform.api.get('db/_table/contact/1')]);
        const load = async id => (await platform.api.get(`db/_table/todo/${id}`)).content.name;
        event.response = {content: [todo.content.name, contact.content.first_name, await load(2)]};");
    assert_eq!(told, json!(["buy milk", "Jon", "call Bob"]));
}

#[test]
fn statement_098_prints_never_alter_the_result() {
    let app = TestApp::start();
    app.attach(
        "db._table.todo.get.pre_process",
        r#"
        console.log('{"request": {"parameters": {"limit": 1}}, "response": {"content": "printed"}}');"#,
    );
    assert_eq!(app.user().get("db/_table/todo").values("id"), [1, 2, 3]);
}

#[test]
fn statement_103_a_large_script_takes_a_large_event() {
    let app = TestApp::start();
    let filler = "// a line of comment that makes the script long\n".repeat(2200);
    assert!(filler.len() > 100_000);
    let source =
        format!("{filler}event.response = {{content: event.request.payload.resource.map(one => one.name.length)}};");
    app.attach("db._table.todo.post.pre_process", &source);
    let record = json!({"name": "x".repeat(1 << 19)});
    let told = app.user().post("db/_table/todo", json!({"resource": [record, record]})).expect(200);
    assert_eq!(told, json!([1 << 19, 1 << 19]));
}

#[test]
fn statement_104_lookups_are_filled_in_within_texts() {
    let app = TestApp::start();
    app.admin().post("system/lookup", json!({"resource": [
        {"name": "town", "value": "Bonn"}, {"name": "pin", "value": "private", "private": true}, {"name": "id", "value": "7"},
    ]})).expect(201);
    let told = answer(
        &app,
        "
        const id = 'own';
        const object = {id};
        event.response = {content: ['{town}', \"in {town}!\", '{nosuch}', object.id, `${id}`]};",
    );
    assert_eq!(told, json!(["Bonn", "in Bonn!", "{nosuch}", "own", "own"]));

    app.admin().patch("system/role/1", json!({"lookup_by_role_id": [{"name": "pin", "value": "public"}]})).expect(200);
    let told = answer(&app, "event.response = {content: ['{pin}', '{user.email}', '{session.token}']};");
    assert_eq!(
        told,
        json!(["private", "{user.email}", "{session.token}"]),
        "who calls is told by platform.session only"
    );
}

#[test]
fn lookups_know_the_app_and_the_server() {
    let app = TestApp::start();
    let told = answer(
        &app,
        "event.response = {content: ['{app.name}', '{df.version}' === platform.config.version, '{df.nosuch}']};",
    );
    assert_eq!(told, json!(["desk", true, "{df.nosuch}"]));
}

#[test]
fn statement_105_modifiers_apply_and_a_value_cannot_leave_its_text() {
    let app = TestApp::start();
    let evil = "'); throw 'escaped'; (\"`${1+1}\\";
    app.admin()
        .post(
            "system/lookup",
            json!({"resource": [
                {"name": "evil", "value": evil}, {"name": "words", "value": "a b&c"},
            ]}),
        )
        .expect(201);
    let told = answer(
        &app,
        "event.response = {content: ['{evil}', \"{evil}\", `{evil}`, '{urlencode(words)}', '{strtoupper(words)}']};",
    );
    assert_eq!(told, json!([evil, evil, evil, "a+b%26c", "A B&C"]));
    app.store("db._table.todo.get.pre_process", json!({"config": {"lookups": "off"}}));
    assert_eq!(app.user().get("db/_table/todo").expect(200)[3], "{urlencode(words)}");
}

#[test]
fn libraries_of_the_house_are_files_in_the_folder_of_scripts() {
    let app = TestApp::start();
    std::fs::create_dir_all(app.folder().join("scripts")).unwrap();
    std::fs::write(app.folder().join("scripts/tax.js"), "exports.rate = 19; exports.gross = net => net * 119 / 100;")
        .unwrap();
    let told = answer(&app, "const tax = require('tax.js'); event.response = {content: [tax.rate, tax.gross(100)]};");
    assert_eq!(told, json!([19, 119]));
    app.attach("db._table.todo.get.pre_process", "require('../system.sqlite3');");
    app.user().get("db/_table/todo").refused(500);
}

#[test]
fn the_trace_tells_an_administrator_which_events_fired_and_which_scripts_ran() {
    let app = TestApp::start();
    app.attach("db._table.{table_name}.get.pre_process", "print('looked');");
    app.attach_inactive("db._table.todo.get.post_process", "");
    let answer = app.admin().get("db/_table/todo?trace_events=true");
    let trace: Value = serde_json::from_str(answer.header("x-script-trace").unwrap()).unwrap();
    assert_eq!(
        trace["events"],
        json!([
            "db._table.{table_name}.get.pre_process",
            "db._table.todo.get.pre_process",
            "db._table.{table_name}.get.post_process",
            "db._table.todo.get.post_process",
            "db._table.{table_name}.get",
            "db._table.todo.get",
            "db._table.{table_name}.get.queued",
            "db._table.todo.get.queued",
        ])
    );
    let scripts = trace["scripts"].as_array().unwrap();
    assert_eq!((&scripts[0]["outcome"], &scripts[1]["outcome"]), (&json!("finished"), &json!("skipped: inactive")));
    assert!(scripts[0]["output"].as_str().unwrap().contains("looked") && scripts[0]["wall_us"].is_u64(), "{trace}");
    assert_eq!(app.user().get("db/_table/todo?trace_events=true").header("x-script-trace"), None);
}
