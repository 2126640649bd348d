//! Services that are a script (events-and-scripting 5).

use crate::support::{Caller, TestApp, Value, json};

/// A service of that type with this script and these further settings.
fn service(app: &TestApp, name: &str, kind: &str, content: &str, settings: Value) -> Value {
    let mut config = json!({ "content": content });
    config.as_object_mut().unwrap().extend(settings.as_object().cloned().unwrap_or_default());
    let service = json!({ "name": name, "label": name, "type": kind, "is_active": true, "config": config });
    let made = app.admin().post("system/service", json!({ "resource": [service] })).expect(201);
    made["resource"][0]["id"].clone()
}

fn script(app: &TestApp, name: &str, content: &str) {
    service(app, name, "javascript", content, json!({}));
}

fn document(app: &TestApp, id: &Value, paths: Value) {
    let document = json!({ "format": 0, "content": json!({ "paths": paths }).to_string() });
    app.admin().patch(&format!("system/service/{id}"), json!({ "service_doc_by_service_id": document })).expect(200);
}

const MATH: &str = "
    const {n1, n2} = event.request.parameters;
    if (event.resource === 'divide' && +n2 === 0) throw new Error('Divide by zero error.');
    if (event.resource === '') return {resource: ['add', 'divide']};
    return {result: event.resource === 'add' ? +n1 + +n2 : n1 / n2};";

const MATH_IN_PYTHON: &str = "
n1, n2 = (float(event.request.parameters.get(name, 0)) for name in ('n1', 'n2'))
if event.resource == 'divide' and n2 == 0:
    raise ValueError('Divide by zero error.')
if event.resource == '':
    return {'resource': ['add', 'divide']}
return {'result': int(n1 + n2) if event.resource == 'add' else n1 / n2}";

const MATH_IN_PHP: &str = "
['n1' => $n1, 'n2' => $n2] = $event['request']['parameters'] + ['n1' => 0, 'n2' => 0];
if ($event['resource'] === 'divide' && !+$n2) throw new \\Exception('Divide by zero error.');
if ($event['resource'] === '') return ['resource' => ['add', 'divide']];
return ['result' => $event['resource'] === 'add' ? $n1 + $n2 : $n1 / $n2];";

#[test]
fn statement_107_a_script_answers_under_the_name_of_its_service() {
    let app = TestApp::start();
    let scripts = [
        ("javascript", MATH),
        ("v8js", MATH),
        ("typescript", MATH),
        ("nodejs", MATH),
        ("python3", MATH_IN_PYTHON),
        ("python", MATH_IN_PYTHON),
        ("php", MATH_IN_PHP),
    ];
    for (kind, content) in scripts {
        let name = format!("math_{kind}");
        service(&app, &name, kind, content, json!({}));
        let get = |path: &str| app.admin().get(&format!("{name}{path}"));
        assert_eq!(get("/add?n1=4&n2=5").expect(200), json!({"result": 9}));
        assert_eq!(get("").expect(200), json!({"resource": ["add", "divide"]}));
        assert_eq!(get("/divide?n1=4&n2=0").refused(500), "Divide by zero error.");
    }
}

#[test]
fn a_script_sees_the_whole_call_and_an_empty_response() {
    let app = TestApp::start();
    script(&app, "mirror", "return {event, names: [event.name, event.stage, event.script_name]};");
    let seen = app.admin().post("mirror/a/b?x=1", json!({"k": "v"})).expect(200);
    let request = &seen["event"]["request"];
    assert_eq!((&request["method"], &request["payload"]), (&json!("POST"), &json!({"k": "v"})));
    assert_eq!((&request["service"], &request["resource"]), (&json!("mirror"), &json!("a/b?x=1")));
    let response = &seen["event"]["response"];
    assert_eq!((&response["status_code"], &response["content"]), (&json!(200), &Value::Null));
    assert_eq!(seen["event"]["resource"], "a/b");
    assert_eq!(seen["names"], json!(["mirror.post", "service", "service.mirror"]));
}

#[test]
fn statement_108_the_response_is_what_the_script_makes_of_it() {
    let app = TestApp::start();
    let answer = |name: &str, content: &str| {
        script(&app, name, content);
        app.admin().get(name)
    };
    let set = answer("set", "event.response.status_code = 206; event.response.content = {direct: true};");
    assert_eq!(set.expect(206), json!({"direct": true}));
    let nothing = answer("nothing", "// nothing");
    assert_eq!((nothing.status(), nothing.body()), (200, &json!("")));
    let replaced = answer("replaced", "event.response = {content: {x: 1}, status_code: 201, headers: {'X-A': '1'}};");
    assert_eq!(replaced.header("x-a"), Some("1"));
    assert_eq!(replaced.expect(201), json!({"x": 1}));
    assert_eq!(answer("bare", "event.response = {x: 1};").expect(200), json!({"x": 1}));
    assert_eq!(answer("helper", "event.setResponse({x: 1}, 203);").expect(203), json!({"x": 1}));
    let no_content = answer("no_content", "event.response.status_code = 204;");
    assert_eq!((no_content.status(), no_content.header("content-type")), (204, None));
}

#[test]
fn what_is_returned_is_the_answer_also_when_it_is_false_or_empty() {
    let app = TestApp::start();
    let returned = [
        ("object", "{a: 1}", json!({"a": 1})),
        ("list", "[1, 2]", json!([1, 2])),
        ("text", "'hello'", json!("hello")),
        ("number", "42", json!(42)),
        ("yes", "true", json!(true)),
        ("no", "false", json!(false)),
        ("zero", "0", json!(0)),
        ("empty_list", "[]", json!([])),
        ("empty_object", "{}", json!({})),
        ("no_error", "{error: false, a: 1}", json!({"error": false, "a": 1})),
        ("nested", "{response: {content: {y: 1}}}", json!({"y": 1})),
    ];
    for (name, value, expected) in returned {
        script(&app, name, &format!("return {value};"));
        assert_eq!(app.admin().get(name).expect(200), expected, "{name}");
    }
    script(&app, "envelope", "return {content: {error: 'shown'}, status_code: 418};");
    assert_eq!(app.admin().get("envelope").expect(418), json!({"error": "shown"}));
    script(&app, "failed", "return {error: {message: 'deep'}};");
    assert_eq!(app.admin().get("failed").refused(500), "deep");
    script(&app, "refused", "throw {message: 'only GET', status_code: 405};");
    assert_eq!(app.admin().post("refused", json!({})).refused(405), "only GET");
    script(&app, "broken", "return {");
    assert!(app.admin().get("broken").refused(500).contains("'service.broken'"));
}

#[test]
fn a_text_goes_out_under_its_own_type_and_base64_as_bytes() {
    let app = TestApp::start();
    script(&app, "page", "return {content: '<b>hi</b>', content_type: 'text/html'};");
    let page = app.admin().get("page");
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
    assert_eq!(page.bytes(200), b"<b>hi</b>");
    let image = "return {content: 'iVBORw0KGgo=', content_encoding: 'base64', content_type: 'image/png'};";
    script(&app, "image", image);
    let image = app.admin().get("image");
    assert_eq!(image.header("content-type"), Some("image/png"));
    assert_eq!(image.bytes(200), b"\x89PNG\r\n\x1a\n");
    script(&app, "no_bytes", "return {content: '?', content_encoding: 'base64'};");
    assert!(app.admin().get("no_bytes").refused(500).contains("base64"));
}

#[test]
fn statement_109_the_result_of_a_call_passes_through() {
    let app = TestApp::start();
    script(&app, "alias", "return platform.api.get(`db/_table/todo/${event.resource}`);");
    assert_eq!(app.admin().get("alias/1").expect(200), app.todo(1));
    assert_eq!(app.admin().get("alias/999").status(), 404);
}

#[test]
fn statement_094_a_callback_of_a_node_service_sets_body_and_status() {
    let app = TestApp::start();
    let content = "platform.api.get('db/_table/todo?limit=1', null, (body) => event.setResponse(JSON.parse(body).resource.length, 201));";
    service(&app, "later", "nodejs", content, json!({}));
    assert_eq!(app.admin().get("later").expect(201), json!(1));
}

#[test]
fn statement_014_a_documented_path_has_events_of_its_own() {
    let app = TestApp::start();
    let id = service(&app, "math", "javascript", MATH, json!({}));
    document(&app, &id, json!({"/add": {"get": {}}}));
    app.journal(&["math.get.pre_process", "math.add.get.pre_process"]);
    app.admin().get("math/add").expect(200);
    assert_eq!(app.ran(), ["math.add.get.pre_process"]);
    app.admin().get("math/other").expect(200);
    assert_eq!(app.ran(), ["math.get.pre_process"]);
}

#[test]
fn statements_015_and_016_parameters_of_a_documented_path_and_its_literals() {
    let app = TestApp::start();
    let id = service(&app, "weather", "javascript", "return event.resource;", json!({}));
    document(&app, &id, json!({"/today/{lat}": {"get": {}}, "/today/moon": {"get": {}}}));
    app.attach("weather.today.{lat}.get.post_process", "event.response = {content: event.resource}");
    app.attach("weather.today.moon.get.post_process", "event.response = {content: event.name}");
    assert_eq!(app.admin().get("weather/today/51").expect(200), json!({"{lat}": "51"}));
    assert_eq!(app.admin().get("weather/today/moon").expect(200), json!("weather.today.moon.get.post_process"));
}

#[test]
fn statement_111_documented_paths_can_be_granted_and_have_events() {
    let app = TestApp::start();
    let id = service(&app, "math", "javascript", MATH, json!({}));
    assert_eq!(app.admin().get("math?as_access_list=true").expect(200), json!({"resource": ["", "*"]}));
    document(&app, &id, json!({"/{service.name}/add": {"get": {}}, "/today/{lat}": {"get": {}}}));
    let listed = app.admin().get("math?as_access_list=true").expect(200);
    assert_eq!(listed, json!({"resource": ["", "*", "add", "today/*", "today/{lat}"]}));
    app.journal(&["math.get.pre_process", "math.add.get.pre_process", "math.add.post.post_process"]);
    app.attach("math.today.{lat}.get.post_process", "event.response = {content: event.resource}");
    app.admin().get("math/add?n1=1&n2=1").expect(200);
    app.admin().post("math/add", json!({})).expect(200);
    app.admin().get("math/other").expect(200);
    assert_eq!(app.ran(), ["math.add.get.pre_process", "math.add.post.post_process", "math.get.pre_process"]);
    assert_eq!(app.admin().get("math/today/51").expect(200), json!({"{lat}": "51"}));
    let own = json!({"implements_access_list": true});
    service(&app, "own", "javascript", "return {acl: event.request.parameters.as_access_list};", own);
    assert_eq!(app.admin().get("own?as_access_list=true").expect(200), json!({"acl": "true"}));
}

#[test]
fn statement_112_a_good_answer_to_get_is_kept_and_a_failure_is_not() {
    let app = TestApp::start();
    let runs = "
        const said = platform.api.post('db/_table/journal', {resource: [{entry: event.request.method}]});
        if (event.resource === 'fails') throw 'as it should';
        return {run: said.content.resource[0].id};";
    let id = service(&app, "slow", "javascript", runs, json!({"cache_enabled": true, "cache_ttl": 600}));
    let get = |caller: Caller, path: &str| caller.get(path).expect(200)["run"].clone();
    let first = get(app.admin(), "slow/a?x=1&y=2");
    assert_eq!(get(app.admin(), "slow/a?y=2&x=1"), first);
    assert_ne!(get(app.admin(), "slow/a?x=1"), first);
    assert_ne!(get(app.admin(), "slow/b?x=1&y=2"), first);
    assert_eq!(app.count("journal"), 3);
    for _ in 0..2 {
        app.admin().get("slow/fails").refused(500);
    }
    assert_eq!(app.count("journal"), 5);
    app.admin().delete("system/cache/slow").expect(200);
    let second = get(app.admin(), "slow/a?x=1&y=2");
    assert_ne!(second, first);
    app.admin().post("slow/a", json!({})).expect(200);
    let third = get(app.admin(), "slow/a?x=1&y=2");
    assert_ne!(third, second);
    app.admin().patch(&format!("system/service/{id}"), json!({"description": "saved"})).expect(200);
    assert_ne!(get(app.admin(), "slow/a?x=1&y=2"), third);
}

#[test]
fn a_kept_answer_is_for_the_caller_that_it_was_made_for() {
    let app = TestApp::start();
    let settings = json!({"cache_enabled": true, "cache_ttl": 600});
    service(&app, "me", "javascript", "return {name: platform.session.user?.name ?? null};", settings);
    let role = app.admin().get("system/role?filter=name='clerk'&fields=id").expect(200)["resource"][0]["id"].clone();
    let row = json!({"service_id": null, "component": "*", "verb_mask": 31, "requestor_mask": 3});
    let access = json!({"role_service_access_by_role_id": [row]});
    app.admin().patch(&format!("system/role/{role}"), access).expect(200);
    let admin = app.admin().get("me").expect(200);
    assert_ne!(app.user().get("me").expect(200), admin);
    assert_eq!(app.admin().get("me").expect(200), admin);
}

#[test]
fn a_role_must_grant_the_service() {
    let app = TestApp::start();
    script(&app, "secret", "return 1;");
    assert_eq!(app.user().get("secret").status(), 403);
    assert_eq!(app.key_only().get("secret").status(), 401);
}

#[test]
fn the_events_of_the_service_fire_around_its_script() {
    let app = TestApp::start();
    script(&app, "around", "return {seen: event.request.parameters.added};");
    app.attach("around.get.pre_process", "event.request.parameters.added = 'before';");
    app.attach("around.get.post_process", "event.response.content.after = true;");
    assert_eq!(app.admin().get("around").expect(200), json!({"seen": "before", "after": true}));
}

#[test]
fn a_service_that_calls_itself_is_stopped() {
    let app = TestApp::start();
    let calls =
        "const inner = platform.api.get('loop'); return {content: inner.content, status_code: inner.status_code};";
    script(&app, "loop", calls);
    assert_eq!(app.admin().get("loop").refused(500), "Script recursion limit exceeded");
}

#[test]
fn the_ledger_tells_of_the_run_and_its_output_unless_that_is_not_wanted() {
    let app = TestApp::start();
    script(&app, "chatty", "print('something'); return 1;");
    let runs = |path: &str| {
        let answer = app.admin().get(path);
        let trace: Value = serde_json::from_str(answer.header("x-script-trace").unwrap()).unwrap();
        trace["scripts"].clone()
    };
    let run = &runs("chatty?trace_events=true")[0];
    assert_eq!((&run["script"], &run["outcome"]), (&json!("service.chatty"), &json!("finished")));
    assert_eq!(run["output"], "something\n");
    let run = &runs("chatty?trace_events=true&log_output=false")[0];
    assert_eq!(run.get("output"), None);
}

#[test]
fn a_service_without_a_configuration_says_so() {
    let app = TestApp::start();
    let service = json!({"name": "bare", "label": "b", "type": "javascript", "is_active": true});
    app.admin().post("system/service", json!({"resource": [service]})).expect(201);
    assert_eq!(app.admin().get("bare").refused(500), "Script engine configuration can not be empty.");
}

#[test]
fn saving_says_what_will_not_run() {
    let app = TestApp::start();
    let save = |name: &str, config: Value| {
        let service = json!({"name": name, "label": name, "type": "javascript", "is_active": true, "config": config});
        app.admin().post("system/service", json!({"resource": [service]}))
    };
    let warned = |name: &str, config: Value| save(name, config).header("warning").map(str::to_owned);
    assert_eq!(warned("fine", json!({"content": "return 1;"})), None);
    let broken = warned("broken", json!({"content": "return {"})).unwrap();
    assert!(broken.contains("'broken' can't run") && broken.contains("line"), "{broken}");
    let options = json!({"content": "return 1;", "queued": true, "config": {"tries": 0}});
    let queued = warned("later", options).unwrap();
    assert!(queued.contains("'later' 'tries' must be a whole number from 1 on"), "{queued}");
    let id = app.admin().get("system/service?filter=name=fine&fields=id").expect(200)["resource"][0]["id"].clone();
    let patched = app.admin().patch(&format!("system/service/{id}"), json!({"config": {"content": "return ]"}}));
    assert!(patched.header("warning").unwrap().contains("'fine' can't run"), "{patched:?}");
}
