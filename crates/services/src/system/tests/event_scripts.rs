//! Statements 116 to 126 of the reference on events and scripting: storing scripts.

use super::{Got, TestPlatform};
use antiphon_model::{Value, Verb, json};

const NAME: &str = "system.constant.get.post_process";

fn script(content: &str) -> Value {
    json!({"type": "v8js", "is_active": true, "allow_event_modification": true, "content": content})
}

/// A script whose effect can be seen at `system/constant`.
fn mark(text: &str) -> Value {
    script(&format!("event.response.content.mark = '{text}';"))
}

async fn seen(test: &TestPlatform) -> Value {
    test.get("constant").await.body["mark"].clone()
}

fn names(got: &Got) -> Vec<&str> {
    let list = got.body["resource"].as_array().unwrap();
    list.iter().map(|each| each.as_str().or(each["name"].as_str()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_116_a_script_is_created_by_its_name_and_in_force_at_once() {
    let test = TestPlatform::start().await;
    let got = test.post(&format!("event_script/{NAME}"), mark("one")).await;
    assert_eq!((got.status, got.body), (201, json!({"name": NAME})));
    assert_eq!(seen(&test).await, "one");
    let got = test.post(&format!("event_script/{NAME}"), mark("two")).await;
    assert_eq!((got.status, got.body), (200, json!({"name": NAME})));
    assert_eq!(seen(&test).await, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_117_fields_gives_the_whole_record() {
    let test = TestPlatform::start().await;
    let mut body = script("// {user.id} \u{e9}");
    body["config"] = json!({"k": "v"});
    body["name"] = json!("another.name");
    let got = test.post(&format!("event_script/{NAME}?fields=*"), body).await;
    assert_eq!(got.status, 201);
    assert_eq!((&got.body["name"], &got.body["created_by_id"]), (&json!(NAME), &json!(1)));
    assert_eq!((&got.body["config"], &got.body["content"]), (&json!({"k": "v"}), &json!("// {user.id} \u{e9}")));
    assert!(got.body["created_date"].is_string() && got.body["last_modified_by_id"].is_null());
    assert!(got.body.get("version").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_118_several_scripts_at_once_must_be_wrapped() {
    let test = TestPlatform::start().await;
    let scripts = json!({"resource": [{"name": "a.get", "type": "php"}, {"name": "b.get", "type": "python3"}]});
    let got = test.post("event_script", scripts).await;
    assert_eq!((got.status, got.body), (201, json!({"resource": [{"name": "a.get"}, {"name": "b.get"}]})));
    let got = test.post("event_script", json!({"name": "c.get", "type": "php"})).await;
    assert_eq!((got.status, got.message().starts_with("No record(s) detected in request.")), (400, true));
    assert_eq!(test.post("event_script/c.get", json!({})).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_119_one_script_is_read_whole_or_in_part() {
    let test = TestPlatform::start().await;
    test.post(&format!("event_script/{NAME}"), script("// x")).await;
    assert_eq!(test.get(&format!("event_script/{NAME}")).await.body["content"], "// x");
    let got = test.get(&format!("event_script/{NAME}?fields=name,type")).await;
    assert_eq!(got.body, json!({"name": NAME, "type": "v8js"}));
    let got = test.get("event_script/x.get.pre_process").await;
    assert_eq!((got.status, got.message()), (404, "Record with identifier 'x.get.pre_process' not found."));
    assert_eq!(got.body["error"]["code"], 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_120_lists_filter_count_and_choose() {
    let test = TestPlatform::start().await;
    for (name, active) in [("a.get", true), ("b.get", false), ("c.get", true)] {
        test.post(&format!("event_script/{name}"), json!({"type": "php", "is_active": active})).await;
    }
    assert_eq!(names(&test.get("event_script?as_list=true").await), ["a.get", "b.get", "c.get"]);
    assert_eq!(names(&test.get("event_script?ids=c.get,a.get").await), ["c.get", "a.get"]);
    assert_eq!(names(&test.get("event_script?filter=is_active=true").await), ["a.get", "c.get"]);
    let got = test.get("event_script?fields=name&include_count=true&limit=1").await;
    assert_eq!((&got.body["resource"], &got.body["meta"]["count"]), (&json!([{"name": "a.get"}]), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_121_an_update_changes_what_it_names_and_never_the_name() {
    let test = TestPlatform::start().await;
    test.post(&format!("event_script/{NAME}"), mark("on")).await;
    for verb in [Verb::Patch, Verb::Put] {
        let path = format!("event_script/{NAME}");
        let got = test.call(&test.admin, verb, "system", &path, json!({"is_active": false, "name": "new.get"})).await;
        assert_eq!((got.status, got.body), (200, json!({"name": NAME})));
    }
    assert_eq!(seen(&test).await, Value::Null);
    let got = test.get(&format!("event_script/{NAME}")).await.body;
    assert_eq!((&got["is_active"], &got["last_modified_by_id"]), (&json!(false), &json!(1)));
    assert!(got["content"].as_str().unwrap().contains("on"));
    assert_eq!(test.patch("event_script/nosuch.get", json!({"is_active": true})).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_122_a_deleted_script_stops_at_once_however_it_is_deleted() {
    let test = TestPlatform::start().await;
    let path = format!("event_script/{NAME}");
    let by_filter = format!("event_script?filter=name='{NAME}'");
    for way in [path.as_str(), "event_script?force=true", &by_filter, &format!("event_script?ids={NAME}")] {
        assert_eq!(test.post(&path, mark("here")).await.status, 201, "{way}");
        assert_eq!(seen(&test).await, "here");
        assert_eq!(test.delete("event_script").await.status, 400);
        assert_eq!(test.delete(way).await.status, 200, "{way}");
        assert_eq!(seen(&test).await, Value::Null, "{way}");
    }
    test.post(&path, mark("here")).await;
    assert_eq!(test.delete(&path).await.body, json!({"name": NAME}));
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_123_a_name_with_braces_addresses_its_record() {
    let test = TestPlatform::start().await;
    let path = "event_script/system.app.{id}.get.post_process";
    assert_eq!(test.post(path, script("event.response.content.mark = 1;")).await.status, 201);
    assert_eq!(test.get(path).await.body["name"], "system.app.{id}.get.post_process");
    assert_eq!(test.get("app/1").await.body["mark"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_125_the_script_types_are_those_that_run() {
    let test = TestPlatform::start().await;
    let got = test.get("script_type").await;
    assert!(names(&got).contains(&"v8js"));
    let first = &got.body["resource"][0];
    assert!(["name", "label", "description", "sandboxed"].iter().all(|field| !first[*field].is_null()), "{first}");
    assert_eq!(test.get("script_type/v8js").await.body["sandboxed"], true);
    let got = test.get("script_type/nosuch").await;
    assert_eq!((got.status, got.message()), (404, "Script engine type 'nosuch' not found."));
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_126_the_forms_before_2_3_reach_the_same_scripts() {
    let test = TestPlatform::start().await;
    let path = format!("event/{NAME}");
    assert_eq!(test.get(&path).await.message(), "Script not found.");
    for text in ["one", "two"] {
        let got = test.post(&path, mark(text)).await;
        assert_eq!((got.status, got.body), (200, json!({"name": NAME})));
        assert_eq!(seen(&test).await, text);
    }
    let got = test.get(&path).await.body;
    assert_eq!((&got["name"], &got["affects_process"]), (&json!(NAME), &json!(true)));
    test.post("event_script/a.get", json!({"type": "php"})).await;
    assert_eq!(names(&test.get("event?only_scripted=true").await), ["a.get", NAME]);
    assert_eq!(names(&test.get("event?only_scripted=true&type=process").await), [NAME]);
    assert_eq!(test.delete(&path).await.body, json!({"name": NAME}));
    assert_eq!(test.get(&format!("event_script/{NAME}")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_type_a_bad_name_and_an_overlong_text_are_refused() {
    let test = TestPlatform::start().await;
    let got = test.post("event_script/a.get", json!({"type": "ruby", "content": "x"})).await;
    assert_eq!((got.status, &got.body["error"]["code"]), (400, &json!(400)));
    assert!(got.body["error"]["context"]["type"].is_array());
    assert_eq!(test.post("event_script/a.get", json!({"content": "x"})).await.status, 400);
    assert_eq!(test.post(&format!("event_script/{}", "a".repeat(256)), script("")).await.status, 400);
    let long = "x".repeat((16 << 20) + 1);
    assert_eq!(test.post("event_script/a.get", json!({"type": "php", "content": long})).await.status, 400);
    assert_eq!(test.get("event_script?as_list=true").await.body, json!({"resource": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_cannot_run_is_stored_with_a_warning_unless_the_caller_wants_it_checked() {
    let test = TestPlatform::start().await;
    let got = test.post("event_script/a.get?validate=true", script("let = ;")).await;
    assert_eq!((got.status, got.message().contains("line 1")), (400, true), "{got:?}");
    let got = test.post("event_script/a.get", script("let = ;")).await;
    assert_eq!(got.status, 201);
    assert!(got.headers["warning"].contains("line 1"), "{:?}", got.headers);
    let changed = test.patch("event_script/a.get", json!({"content": "if (;"})).await;
    assert!(changed.headers["warning"].contains("line 1"), "{:?}", changed.headers);
    assert!(!test.post("event_script/b.get", script("let a = 1;")).await.headers.contains_key("warning"));
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_a_queued_script_that_make_no_sense_are_stored_with_a_warning() {
    let test = TestPlatform::start().await;
    let mut queued = script("let a = 1;");
    assert!(!test.post("event_script/a.get.queued", queued.clone()).await.headers.contains_key("warning"));
    queued["config"] = json!({"delay": "soon", "connection": "nowhere"});
    let warned = test.post("event_script/b.get.queued", queued).await;
    assert_eq!(warned.status, 201);
    let warning = &warned.headers["warning"];
    assert!(warning.contains("'delay'") && warning.contains("'nowhere'"), "{warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_in_force_after_a_restart() {
    let mut test = TestPlatform::start().await;
    test.post(&format!("event_script/{NAME}"), mark("still")).await;
    test.restart();
    assert_eq!(seen(&test).await, "still");
}
