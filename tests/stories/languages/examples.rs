//! What people of the ecosystem do with scripts, told in every language.

use super::table::{in_every_language, text};
use crate::support::{ADMIN, JANE, json};

#[test]
fn fields_are_validated_and_all_faults_told_at_once() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.post.pre_process",
            &text(
                "const faults = [];
                 event.request.payload.resource.forEach((todo, index) => {
                     if (!todo.name) faults.push(`record ${index}: name is missing`);
                     if (todo.priority !== undefined && !(todo.priority >= 1 && todo.priority <= 5)) faults.push(`record ${index}: priority must be 1 to 5`);
                 });
                 if (faults.length) throw {message: faults.join('; '), status_code: 400, code: 1000};",
                "faults = []\n\
                 for index, todo in enumerate(event.request.payload.resource):\n\
                 \x20   if not todo.get('name'):\n        faults.append('record %d: name is missing' % index)\n\
                 \x20   if 'priority' in todo and not 1 <= todo.priority <= 5:\n        faults.append('record %d: priority must be 1 to 5' % index)\n\
                 if faults:\n    refusal = ValueError('; '.join(faults))\n    refusal.status_code = 400\n    refusal.code = 1000\n    raise refusal",
                "$faults = [];
                 foreach ($event['request']['payload']['resource'] as $index => $todo) {
                     if (empty($todo['name'])) { $faults[] = \"record $index: name is missing\"; }
                     if (isset($todo['priority']) && ($todo['priority'] < 1 || $todo['priority'] > 5)) { $faults[] = \"record $index: priority must be 1 to 5\"; }
                 }
                 if (count($faults) > 0) { throw new \\DreamFactory\\Core\\Exceptions\\BadRequestException(implode('; ', $faults), 1000); }",
            ),
        );
        let bad = json!({"resource": [{"name": "a", "priority": 9}, {"priority": 2}]});
        let answer = world.user().post("db/_table/todo", bad).expect(400);
        assert_eq!(answer["error"]["message"], "record 0: priority must be 1 to 5; record 1: name is missing");
        assert_eq!((&answer["error"]["code"], world.count("todo")), (&json!(1000), 3));
        world.user().post("db/_table/todo", json!({"resource": [{"name": "good", "priority": 2}]})).expect(200);
    });
}

#[test]
fn fields_are_scrambled_for_everybody_but_administrators() {
    in_every_language(|world| {
        world.script(
            "db._table.contact.get.post_process",
            &text(
                "if (!platform.session.user?.is_sys_admin) {
                     for (const contact of event.response.content.resource) contact.last_name = contact.last_name[0] + '*'.repeat(contact.last_name.length - 1);
                 }",
                "if not platform.session.user.is_sys_admin:\n\
                 \x20   for contact in event.response.content.resource:\n\
                 \x20       contact.last_name = contact.last_name[0] + '*' * (len(contact.last_name) - 1)",
                "if (empty($platform['session']['user']['is_sys_admin'])) {
                     foreach ($event['response']['content']['resource'] as $i => $contact) {
                         $name = $contact['last_name'];
                         $event['response']['content']['resource'][$i]['last_name'] = substr($name, 0, 1) . str_repeat('*', strlen($name) - 1);
                     }
                 }",
            ),
        );
        assert_eq!(world.user().get("db/_table/contact").values("last_name"), ["S***", "S****"]);
        assert_eq!(world.admin().get("db/_table/contact").values("last_name"), ["Snow", "Stark"]);
    });
}

#[test]
fn two_tables_are_merged_into_one_answer() {
    in_every_language(|world| {
        world.script(
            "db._table.account.get.post_process",
            &text(
                "const people = (await platform.api.get('db/_table/contact?fields=first_name,account_id')).content.resource;
                 for (const account of event.response.content.resource) {
                     account.people = people.filter(one => one.account_id === account.id).map(one => one.first_name);
                 }",
                "people = platform.api.get('db/_table/contact?fields=first_name,account_id')['content']['resource']\n\
                 for account in event.response.content.resource:\n\
                 \x20   account.people = [one['first_name'] for one in people if one['account_id'] == account.id]",
                "$people = $platform['api']->get('db/_table/contact?fields=first_name,account_id')['content']['resource'];
                 foreach ($event['response']['content']['resource'] as $i => $account) {
                     $names = [];
                     foreach ($people as $one) { if ($one['account_id'] == $account['id']) { $names[] = $one['first_name']; } }
                     $event['response']['content']['resource'][$i]['people'] = $names;
                 }",
            ),
        );
        let answer = world.user().get("db/_table/account").expect(200);
        assert_eq!(answer["resource"][0]["people"], json!(["Jon", "Arya"]));
    });
}

#[test]
fn a_field_is_computed_by_a_formula() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.get.post_process",
            &text(
                "for (const todo of event.response.content.resource) todo.score = todo.complete ? 0 : Math.round(todo.priority * 1.5 * 100) / 100;",
                "for todo in event.response.content.resource:\n    todo.score = 0 if todo.complete else round(todo.priority * 1.5, 2)",
                "foreach ($event['response']['content']['resource'] as &$todo) { $todo['score'] = $todo['complete'] ? 0 : round($todo['priority'] * 1.5, 2); }",
            ),
        );
        let scores: Vec<f64> =
            world.user().get("db/_table/todo").values("score").iter().map(|score| score.as_f64().unwrap()).collect();
        assert_eq!(scores, [1.5, 0.0, 4.5]);
    });
}

#[test]
fn a_service_hides_the_endpoint_behind_it() {
    in_every_language(|world| {
        world.service(
            "tasks",
            &text(
                "const got = await platform.api.get('db/_table/todo?fields=id,name');
                 return {status_code: got.status_code, content: {tasks: got.content.resource}};",
                "got = platform.api.get('db/_table/todo?fields=id,name')\n\
                 return {'status_code': got['status_code'], 'content': {'tasks': got['content']['resource']}}",
                "$got = $platform['api']->get('db/_table/todo?fields=id,name');
                 return ['status_code' => $got['status_code'], 'content' => ['tasks' => $got['content']['resource']]];",
            ),
        );
        let answer = world.admin().get("tasks").expect(200);
        assert_eq!(answer["tasks"][1], json!({"id": 2, "name": "call Bob"}));
        assert!(!answer.to_string().contains("_table"));
    });
}

#[test]
fn statement_107_a_service_does_arithmetic() {
    in_every_language(|world| {
        world.service(
            "math",
            &text(
                "const {n1, n2} = event.request.parameters; const [a, b] = [Number(n1), Number(n2)];
                 if (event.resource === 'add') return {result: a + b};
                 if (event.resource === 'divide') { if (b === 0) throw new Error('Divide by zero error.'); return {result: a / b}; }
                 throw {message: 'Unknown operation.', status_code: 404};",
                "a, b = (float(event.request.parameters[name]) for name in ('n1', 'n2'))\n\
                 if event.resource == 'add':\n    return {'result': a + b}\n\
                 if event.resource == 'divide':\n    if b == 0:\n        raise Exception('Divide by zero error.')\n    return {'result': a / b}\n\
                 unknown = Exception('Unknown operation.')\nunknown.status_code = 404\nraise unknown",
                "$a = (float) $event['request']['parameters']['n1']; $b = (float) $event['request']['parameters']['n2'];
                 switch ($event['resource']) {
                     case 'add': return ['result' => $a + $b];
                     case 'divide':
                         if ($b == 0) { throw new \\DreamFactory\\Core\\Exceptions\\InternalServerErrorException('Divide by zero error.'); }
                         return ['result' => $a / $b];
                 }
                 throw new \\DreamFactory\\Core\\Exceptions\\NotFoundException('Unknown operation.');",
            ),
        );
        let result = |path: &str| world.admin().get(path).expect(200)["result"].as_f64().unwrap();
        assert_eq!((result("math/add?n1=4&n2=5"), result("math/divide?n1=9&n2=2")), (9.0, 4.5));
        assert_eq!(world.admin().get("math/divide?n1=4&n2=0").refused(500), "Divide by zero error.");
        assert_eq!(world.admin().get("math/root?n1=4&n2=0").refused(404), "Unknown operation.");
    });
}

#[test]
fn calls_are_counted_and_the_third_raises_an_alert() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.get.post_process",
            &text(
                "await platform.api.post('db/_table/journal', {resource: [{entry: 'call'}]});
                 const calls = (await platform.api.get(\"db/_table/journal?count_only=true&filter=\" + encodeURIComponent(\"entry = 'call'\"))).content;
                 if (Number(calls) === 3) await platform.api.post('db/_table/journal', {resource: [{entry: 'alert: 3 calls'}]});",
                "from urllib.parse import quote\n\
                 platform.api.post('db/_table/journal', {'resource': [{'entry': 'call'}]})\n\
                 calls = platform.api.get('db/_table/journal?count_only=true&filter=' + quote(\"entry = 'call'\"))['content']\n\
                 if int(calls) == 3:\n    platform.api.post('db/_table/journal', {'resource': [{'entry': 'alert: 3 calls'}]})",
                "$api = $platform['api'];
                 $api->post('db/_table/journal', ['resource' => [['entry' => 'call']]]);
                 $calls = $api->get('db/_table/journal?count_only=true&filter=' . rawurlencode(\"entry = 'call'\"))['content'];
                 if ((int) $calls === 3) { $api->post('db/_table/journal', ['resource' => [['entry' => 'alert: 3 calls']]]); }",
            ),
        );
        for _ in 0..4 {
            world.user().get("db/_table/todo").expect(200);
        }
        assert_eq!(world.ran(), ["call", "call", "call", "alert: 3 calls", "call"]);
    });
}

#[test]
fn new_users_are_completed_by_the_domain_of_their_address() {
    in_every_language(|world| {
        world.script(
            "system.user.post.pre_process",
            &text(
                "for (const user of event.request.payload.resource) user.name = user.email.endsWith('@example.com') ? 'Colleague' : 'Guest';",
                "for user in event.request.payload.resource:\n    user.name = 'Colleague' if user.email.endswith('@example.com') else 'Guest'",
                "foreach ($event['request']['payload']['resource'] as $i => $user) {
                     $event['request']['payload']['resource'][$i]['name'] = str_ends_with($user['email'], '@example.com') ? 'Colleague' : 'Guest';
                 }",
            ),
        );
        let people = json!({"resource": [{"email": "bo@example.com"}, {"email": "bo@elsewhere.org"}]});
        let made = world.admin().post("system/user?fields=name", people).expect(201);
        assert_eq!(made, json!({"resource": [{"name": "Colleague"}, {"name": "Guest"}]}));
    });
}

#[test]
fn an_audit_log_says_who_changed_what() {
    in_every_language(|world| {
        world.script(
            "db._table.{table_name}.{id}.patch.post_process",
            &text(
                "const {user} = platform.session;
                 await platform.api.post('db/_table/journal', {resource: [{entry: `${user.email} patched ${event.resource}: ${Object.keys(event.request.payload).join()}`}]});",
                "entry = '%s patched %s: %s' % (platform.session.user.email, event.resource, ','.join(event.request.payload.keys()))\n\
                 platform.api.post('db/_table/journal', {'resource': [{'entry': entry}]})",
                "$entry = $platform['session']['user']['email'] . ' patched ' . $event['resource'] . ': ' . implode(',', array_keys($event['request']['payload']));
                 $platform['api']->post('db/_table/journal', ['resource' => [['entry' => $entry]]]);",
            ),
        );
        world.user().patch("db/_table/todo/2", json!({"note": "rang twice", "complete": false})).expect(200);
        assert_eq!(world.ran(), [format!("{} patched todo/2: note,complete", JANE.0)]);
    });
}

#[test]
fn a_deletion_becomes_a_mark() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.{id}.delete.pre_process",
            &text(
                "const marked = await platform.api.patch('db/_table/todo/' + event.resource, {note: 'deleted'});
                 event.response = {status_code: marked.status_code, content: {id: Number(event.resource)}};",
                "marked = platform.api.patch('db/_table/todo/' + event.resource, {'note': 'deleted'})\n\
                 event.response = {'status_code': marked['status_code'], 'content': {'id': int(event.resource)}}",
                "$marked = $platform['api']->patch('db/_table/todo/' . $event['resource'], ['note' => 'deleted']);
                 $event['response'] = ['status_code' => $marked['status_code'], 'content' => ['id' => (int) $event['resource']]];",
            ),
        );
        assert_eq!(world.user().delete("db/_table/todo/2").expect(200), json!({"id": 2}));
        assert_eq!((world.count("todo"), &world.todo(2)["note"]), (3, &json!("deleted")));
    });
}

#[test]
fn only_some_may_log_in_as_administrators() {
    in_every_language(|world| {
        world.script(
            "system.admin.session.post.pre_process",
            &text(
                "if (!event.request.headers['x-from-office']) throw {message: 'Log in from the office.', status_code: 403};",
                "if not event.request.headers.get('x-from-office'):\n    away = Exception('Log in from the office.')\n    away.status_code = 403\n    raise away",
                "if (empty($event['request']['headers']['x-from-office'])) { throw new \\DreamFactory\\Core\\Exceptions\\ForbiddenException('Log in from the office.'); }",
            ),
        );
        let person = json!({"email": ADMIN.0, "password": ADMIN.1});
        let refused = world.anonymous().post("system/admin/session", person.clone()).refused(403);
        assert_eq!(refused, "Log in from the office.");
        world.anonymous().with("X-From-Office", "yes").post("system/admin/session", person).expect(200);
    });
}

#[test]
fn a_request_and_its_answer_get_other_names_for_an_old_client() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.post.pre_process",
            &text(
                "event.request.payload = {resource: event.request.payload.items.map(item => ({name: item.title}))};",
                "event.request.payload = {'resource': [{'name': item.title} for item in event.request.payload['items']]}",
                "$event['request']['payload'] = ['resource' => array_map(function ($item) { return ['name' => $item['title']]; }, $event['request']['payload']['items'])];",
            ),
        );
        world.script(
            "db._table.todo.post.post_process",
            &text(
                "event.response.content = {items: event.response.content.resource.map(todo => todo.id)}; event.response.status_code = 201;",
                "event.response.content = {'items': [todo.id for todo in event.response.content.resource]}\nevent.response.status_code = 201",
                "$event['response']['content'] = ['items' => array_column($event['response']['content']['resource'], 'id')]; $event['response']['status_code'] = 201;",
            ),
        );
        let made = world.user().post("db/_table/todo", json!({"items": [{"title": "a"}, {"title": "b"}]})).expect(201);
        assert_eq!((made, &world.todo(5)["name"]), (json!({"items": [4, 5]}), &json!("b")));
    });
}
