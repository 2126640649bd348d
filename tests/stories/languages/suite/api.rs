//! Calls that scripts make, their output, and lookups in their texts.

use crate::languages::table::{in_every_language, text};
use crate::support::json;

#[test]
fn statements_080_and_091_a_read_from_a_script_has_status_and_content() {
    in_every_language(|world| {
        let told = world.told(&text(
            "const got = await platform.api.get('db/_table/contact');
             event.response = {content: [got.status_code, got.content.resource.map(one => one.first_name)]};",
            "got = platform.api.get('db/_table/contact')\nbody = json.loads(got.read())\n\
             event.response = {'content': [got.status, [one['first_name'] for one in body['resource']]]}",
            "$got = $platform['api']->get('db/_table/contact');
             $event['response'] = ['content' => [$got['status_code'], array_column($got['content']['resource'], 'first_name')]];",
        ));
        assert_eq!(told, json!([200, ["Jon", "Arya"]]));
    });
}

#[test]
fn statement_081_parameters_come_from_options_and_query() {
    in_every_language(|world| {
        let told = world.told(&text(
            // Node.js takes the options second, the engine inside third; undefined payloads make one call of both.
            if world.language.kind == "nodejs" {
                "const options = {parameters: {filter: \"(last_name = 'S & Söhne') or (last_name = 'Snow')\", limit: 5}};
                 const got = await platform.api.get('db/_table/contact?fields=last_name&limit=1', options);
                 event.response = {content: got.content};"
            } else {
                "const options = {parameters: {filter: \"(last_name = 'S & Söhne') or (last_name = 'Snow')\", limit: 5}};
                 const got = await platform.api.get('db/_table/contact?fields=last_name&limit=1', null, options);
                 event.response = {content: got.content};"
            },
            "options = {'parameters': {'filter': \"(last_name = 'S & Söhne') or (last_name = 'Snow')\", 'limit': 5}}\n\
             got = platform.api.get('db/_table/contact?fields=last_name&limit=1', options)\n\
             event.response = {'content': json.loads(got.read())}",
            "$options = ['parameters' => ['filter' => \"(last_name = 'S & Söhne') or (last_name = 'Snow')\", 'limit' => 5]];
             $got = $platform['api']->get('db/_table/contact?fields=last_name&limit=1', null, $options);
             $event['response'] = ['content' => $got['content']];",
        ));
        assert_eq!(told, json!({"resource": [{"last_name": "Snow"}]}));
    });
}

#[test]
fn statement_082_a_write_from_a_script_takes_an_object_or_a_text() {
    in_every_language(|world| {
        let told = world.told(&text(
            "const created = [
                 await platform.api.post('db/_table/todo', {resource: [{name: 'object'}]}),
                 await platform.api.post('db/_table/todo', JSON.stringify({resource: [{name: 'text'}]})),
                 await platform.api.call('POST', 'db/_table/todo', {resource: [{name: 'call'}]}),
                 await platform.api.patch('db/_table/todo/4', {name: 'patched'}),
                 await platform.api.put('db/_table/todo/5', {name: 'put'}),
                 await platform.api.delete('db/_table/todo/6'),
             ];
             event.response = {content: created.map(one => one.status_code)};",
            "api = platform.api\ncreated = [\n\
             api.post('db/_table/todo', {'resource': [{'name': 'object'}]}),\n\
             api.post('db/_table/todo', json.dumps({'resource': [{'name': 'text'}]})),\n\
             api.call('POST', 'db/_table/todo', {'resource': [{'name': 'call'}]}),\n\
             api.patch('db/_table/todo/4', {'name': 'patched'}),\n\
             api.put('db/_table/todo/5', {'name': 'put'}),\n\
             api.delete('db/_table/todo/6'),\n]\n\
             event.response = {'content': [one.status for one in created]}",
            "$api = $platform['api'];
             $created = [
                 $api->post('db/_table/todo', ['resource' => [['name' => 'object']]]),
                 $api->post('db/_table/todo', json_encode(['resource' => [['name' => 'text']]])),
                 $api->call('POST', 'db/_table/todo', ['resource' => [['name' => 'call']]]),
                 $api->patch('db/_table/todo/4', ['name' => 'patched']),
                 $api->put('db/_table/todo/5', ['name' => 'put']),
                 $api->delete('db/_table/todo/6'),
             ];
             $event['response'] = ['content' => array_column($created, 'status_code')];",
        ));
        assert_eq!(told, json!([200, 200, 200, 200, 200, 200]));
        assert_eq!((&world.todo(4)["name"], &world.todo(5)["name"]), (&json!("patched"), &json!("put")));
    });
}

#[test]
fn statement_083_every_spelling_of_a_path_is_the_same_call() {
    in_every_language(|world| {
        let told = world.told(&text(
            "const names = [];
             for (const path of ['db/_table/contact/1', '/db/_table/contact/1', '/api/v2/db/_table/contact/1', 'api/v2/db/_table/contact/1']) {
                 names.push((await platform.api.get(path)).content.first_name);
             }
             event.response = {content: names};",
            "paths = ['db/_table/contact/1', '/db/_table/contact/1', '/api/v2/db/_table/contact/1', 'api/v2/db/_table/contact/1']\n\
             event.response = {'content': [platform.api.get(path)['content']['first_name'] for path in paths]}",
            "$names = [];
             foreach (['db/_table/contact/1', '/db/_table/contact/1', '/api/v2/db/_table/contact/1', 'api/v2/db/_table/contact/1'] as $path) {
                 $names[] = $platform['api']->get($path)['content']['first_name'];
             }
             $event['response'] = ['content' => $names];",
        ));
        assert_eq!(told, json!(["Jon", "Jon", "Jon", "Jon"]));
    });
}

#[test]
fn statement_084_a_call_from_a_script_runs_scripts_of_its_own_in_whatever_language() {
    in_every_language(|world| {
        world.script(
            "db._table.contact.get.post_process",
            &text(
                "event.response.content.by = ['inner'];",
                "event.response.content.by = ['inner']",
                "$event['response']['content']['by'] = ['inner'];",
            ),
        );
        world.attach("db._table.{table_name}.get.post_process", "event.response.content.kind = 'javascript';");
        let told = world.told(&text(
            "const got = await platform.api.get('db/_table/contact'); event.response = {content: {by: got.content.by, kind: got.content.kind}};",
            "got = platform.api.get('db/_table/contact')['content']\nevent.response = {'content': {'by': got['by'], 'kind': got['kind']}}",
            "$got = $platform['api']->get('db/_table/contact')['content']; $event['response'] = ['content' => ['by' => $got['by'], 'kind' => $got['kind']]];",
        ));
        assert_eq!(told, json!({"by": ["inner"], "kind": "javascript"}));
    });
}

#[test]
fn statement_085_what_a_role_grants_to_scripts_only_is_for_scripts_only() {
    in_every_language(|world| {
        let told = world.told(&text(
            "const vault = await platform.api.get('db/_table/vault'); const user = await platform.api.get('system/user');
             event.response = {content: [vault.content.resource[0].secret, user.status_code]};",
            "vault = platform.api.get('db/_table/vault')['content']\nuser = platform.api.get('system/user')\n\
             event.response = {'content': [vault['resource'][0]['secret'], user['status_code']]}",
            "$vault = $platform['api']->get('db/_table/vault'); $user = $platform['api']->get('system/user');
             $event['response'] = ['content' => [$vault['content']['resource'][0]['secret'], $user['status_code']]];",
        ));
        assert_eq!(told, json!(["the combination", 403]));
        world.user().get("db/_table/vault").refused(403);
    });
}

#[test]
fn statement_086_a_failed_call_from_a_script_does_not_throw() {
    in_every_language(|world| {
        let told = world.told(&text(
            "const failed = await platform.api.get('db/_table/todo/99');
             event.response = {content: [failed.status_code, failed.content.error.code, failed.content.error.message]};",
            "failed = platform.api.get('db/_table/todo/99')\nerror = failed['content']['error']\n\
             event.response = {'content': [failed['status_code'], error['code'], error['message']]}",
            "$failed = $platform['api']->get('db/_table/todo/99'); $error = $failed['content']['error'];
             $event['response'] = ['content' => [$failed['status_code'], $error['code'], $error['message']]];",
        ));
        assert_eq!(told, json!([404, 404, "Record with identifier '99' not found."]));
    });
}

#[test]
fn statement_098_prints_are_logged_and_never_alter_the_result() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.get.pre_process",
            &text(
                r#"console.log('printed {"request": {"parameters": {"limit": 1}}, "response": {"content": "printed"}}');"#,
                r#"print('printed {"request": {"parameters": {"limit": 1}}, "response": {"content": "printed"}}')"#,
                r#"echo 'printed {"request": {"parameters": {"limit": 1}}, "response": {"content": "printed"}}', "\n";"#,
            ),
        );
        assert_eq!(world.user().get("db/_table/todo").values("id"), [1, 2, 3]);
        world.wait_for_log("Script 'db._table.todo.get.pre_process' output:");
        world.wait_for_log("printed {");
    });
}

#[test]
fn statement_103_a_large_script_takes_a_large_event() {
    in_every_language(|world| {
        let line = "a line of comment that makes the script long\n";
        let (slashes, hashes) = (format!("// {line}").repeat(2200), format!("# {line}").repeat(2200));
        world.script(
            "db._table.todo.post.pre_process",
            &text(
                format!("{slashes}event.response = {{content: event.request.payload.resource.map(one => one.name.length)}};"),
                format!("{hashes}event.response = {{'content': [len(one.name) for one in event.request.payload.resource]}}"),
                format!("{slashes}$event['response'] = ['content' => array_map(function ($one) {{ return strlen($one['name']); }}, $event['request']['payload']['resource'])];"),
            ),
        );
        let record = json!({"name": "x".repeat(1 << 19)});
        let told = world.user().post("db/_table/todo", json!({"resource": [record, record]})).expect(200);
        assert_eq!(told, json!([1 << 19, 1 << 19]));
    });
}

#[test]
fn statement_104_lookups_are_filled_in_within_texts() {
    in_every_language(|world| {
        let lookups = json!({"resource": [
            {"name": "town", "value": "Bonn"}, {"name": "pin", "value": "private", "private": true},
        ]});
        world.admin().post("system/lookup", lookups).expect(201);
        let told = world.told(&text(
            "event.response = {content: ['{town}', \"in {town}!\", '{nosuch}', '{pin}', '{user.email}', '{session.token}']};",
            "event.response = {'content': ['{town}', \"in {town}!\", '{nosuch}', '{pin}', '{user.email}', '{session.token}']}",
            "$event['response'] = ['content' => ['{town}', \"in {town}!\", '{nosuch}', '{pin}', '{user.email}', '{session.token}']];",
        ));
        assert_eq!(told, json!(["Bonn", "in Bonn!", "{nosuch}", "private", "{user.email}", "{session.token}"]));
    });
}

#[test]
fn statement_105_modifiers_apply_and_a_value_cannot_leave_its_text() {
    in_every_language(|world| {
        let evil = "'); throw 'escaped'; (\"`${1+1}\\{$event}\n$x #{1}";
        let lookups = json!({"resource": [{"name": "evil", "value": evil}, {"name": "words", "value": "a b&c"}]});
        world.admin().post("system/lookup", lookups).expect(201);
        let told = world.told(&text(
            "event.response = {content: ['{evil}', \"{evil}\", '{urlencode(words)}', '{strtoupper(words)}']};",
            "event.response = {'content': ['{evil}', \"{evil}\", '{urlencode(words)}', '{strtoupper(words)}']}",
            "$event['response'] = ['content' => ['{evil}', \"{evil}\", '{urlencode(words)}', '{strtoupper(words)}']];",
        ));
        assert_eq!(told, json!([evil, evil, "a+b%26c", "A B&C"]));
        let off = text(
            "event.response = {content: '{words}'};",
            "event.response = {'content': '{words}'}",
            "$event['response'] = ['content' => '{words}'];",
        );
        world.script_with("db._table.todo.get.pre_process", &off, json!({"config": {"lookups": "off"}}));
        assert_eq!(world.user().get("db/_table/todo").expect(200), "{words}");
    });
}
