use super::fixture::Call;
use antiphon_model::{Phase, Value, json};

#[test]
fn a_script_that_only_reads_changes_nothing() {
    let edits = Call::answered()
        .finish(
            "for (const part of [event.request, event.response]) for (const key of Object.keys(part)) part[key];
             event.request.payload.resource[0].name; event.request.headers.host; JSON.stringify(event);",
        )
        .edits;
    assert_eq!(edits, crate::Edits::default());
}

#[test]
fn only_changed_members_of_the_request_come_back() {
    let call = Call::default();
    let request = |source| Value::Object(call.finish(source).edits.request);
    assert_eq!(
        request("event.request.payload.resource[0].complete = true; event.request.headers.host;"),
        json!({ "payload": { "resource": [{ "name": "buy milk", "complete": true }] } })
    );
    assert_eq!(request("event.request.parameters.filter = 'id = 1'"), json!({ "parameters": { "filter": "id = 1" } }));
    assert_eq!(request("delete event.request.parameters.filter"), json!({ "parameters": {} }));
    assert_eq!(request("event.request.parameters = {}"), json!({ "parameters": {} }));
    assert_eq!(
        request("event.request.headers['x-a'] = '1'"),
        json!({ "headers": { "host": "api.example.com", "x-a": "1" } })
    );
    assert_eq!(request("event.request.content = '{}'"), json!({ "content": "{}" }));
    assert_eq!(request("event.request.payload.resource.push(1)")["payload"]["resource"][1], json!(1));
    assert_eq!(request("delete event.request.payload.resource"), json!({ "payload": {} }));
    assert_eq!(request("event.request.method = 'GET'; event.request.method = 'POST'"), json!({}));
    assert_eq!(request("delete event.request.content; event.request.extra = 1"), json!({}));
}

#[test]
fn a_replaced_request_or_event_counts_as_edits() {
    let call = Call::default();
    let expected = json!({ "payload": { "a": 1 } });
    for source in [
        "event.request = { payload: { a: 1 } };",
        "event.request = { ...event.request, payload: { a: 1 } };",
        "event = { request: { payload: { a: 1 } } };",
        "event = { ...event, request: { ...event.request, payload: { a: 1 } } };",
        "Object.assign(event.request, { payload: { a: 1 } }); return event;",
        "event.setRequest({ payload: { a: 1 } })",
    ] {
        let finished = call.finish(source);
        assert_eq!(Value::Object(finished.edits.request), expected, "{source}");
        assert_eq!(finished.returned, None, "{source}");
    }
}

#[test]
fn members_that_nobody_touched_can_be_handed_on_inside_other_values() {
    let call = Call::default();
    let answer = call.finish("event.response = { content: { request: event.request, about: event._event } };").edits;
    let content = &answer.response.unwrap()["content"];
    assert_eq!((&content["request"]["method"], &content["about"]["stage"]), (&json!("POST"), &json!("pre_process")));
    assert_eq!(answer.request, antiphon_model::Object::new());

    let returned = call.returned("return { seen: event.request, who: platform };");
    assert_eq!(returned["seen"]["payload"]["resource"][0]["name"], "buy milk");
    assert!(returned["who"]["session"].is_object());
    let edits = call.finish("event.request.payload = { was: event._event };").edits;
    assert_eq!(edits.request["payload"]["was"]["stage"], "pre_process");
    assert_eq!(call.returned("return { a: platform.api.post('db/x', event).status_code };"), json!({ "a": 200 }));
    assert_eq!(Call::answered().returned("return { then: event.response };")["then"]["status_code"], 200);
}

#[test]
fn garbage_in_place_of_the_event_changes_nothing() {
    for source in
        ["event = null", "event = 5; return true", "event.request = 7", "event.request = []", "event = () => 1"]
    {
        assert_eq!(Value::Object(Call::default().finish(source).edits.request), json!({}), "{source}");
    }
}

#[test]
fn a_response_can_be_given_before_the_service() {
    let call = Call::default();
    let response = |source| call.finish(source).edits;
    let edits = response("if (!('response' in event)) event.response = { status_code: 400, content: { a: [1] } };");
    assert_eq!(edits.response, Some(json!({ "status_code": 400, "content": { "a": [1] } })));
    assert!(edits.response_replaced);
    assert_eq!(response("event.response = null").response, None);
    assert_eq!(
        response("event.setResponse('done', 201)").response,
        Some(json!({ "status_code": 201, "content": "done", "content_type": "application/json" }))
    );
}

#[test]
fn an_edited_response_comes_back_with_what_changed() {
    let call = Call::answered();
    let edits = |source| call.finish(source).edits;
    let status = edits("event.response.status_code = 404; event.response.content.resource;");
    assert_eq!((status.response, status.response_changed), (Some(json!({ "status_code": 404 })), vec!["status_code"]));
    let content = edits("event.response.content.resource.forEach(todo => { todo.label = todo.id + ' ' + todo.name })");
    assert_eq!(
        content.response,
        Some(json!({
            "content": { "resource": [
                { "id": 1, "name": "buy milk", "label": "1 buy milk" },
                { "id": 2, "name": "sleep", "label": "2 sleep" },
            ] },
            "content_type": null, "format": 201,
        }))
    );
    assert!(!content.response_replaced);
    assert_eq!(content.response_changed, ["content"]);
    assert_eq!(
        edits("event.response.headers.etag = null; event.response.headers['x-a'] = 'b'").response,
        Some(json!({ "headers": { "etag": null, "x-a": "b" } }))
    );
    let replaced = edits("event.response = { content: 'all new' }");
    assert_eq!((replaced.response, replaced.response_replaced), (Some(json!({ "content": "all new" })), true));
}

#[test]
fn without_the_right_nothing_is_read_back_but_the_warning_and_the_stop() {
    let call = Call { may_modify: false, ..Call::default() };
    let finished = call.finish(
        "event.request.payload = 1; event.response = { content: 1 }; event.stop_propagation = true; return { error: 'no' }",
    );
    assert!(finished.edits.request.is_empty() && finished.edits.response.is_none());
    assert!(finished.edits.response_ignored && finished.edits.stop_propagation);
    assert_eq!(finished.returned, Some(json!({ "error": "no" })));
    let call = Call { may_modify: false, ..Call::answered() };
    assert_eq!(call.finish("event.response.content = 1").edits, crate::Edits::default());
}

#[test]
fn stop_propagation_is_reported() {
    assert!(Call::default().finish("event.stop_propagation = true").edits.stop_propagation);
    assert!(!Call::default().finish("event.stop_propagation = 0").edits.stop_propagation);
}

#[test]
fn text_and_bytes_arrive_as_they_should() {
    let call = Call { content: "naïve ☃".into(), payload: Value::Null, ..Call::default() };
    assert_eq!(
        call.returned("return [event.request.content, event.request.payload, event.request.content_encoding]"),
        json!(["naïve ☃", null, null])
    );
    let call = Call { content: vec![0xff, 0, 1], payload: Value::Null, ..Call::default() };
    let finished = call.finish("return [event.request.content, event.request.content_encoding]");
    assert_eq!(finished.returned, Some(json!(["/wAB", "base64"])));
    assert!(finished.edits.request.is_empty());
    let call = Call { content: vec![], payload: Value::Null, ..Call::default() };
    assert_eq!(call.returned("return event.request.payload"), json!({}));
    assert_eq!(
        Value::Object(call.finish("event.request.payload.x = 1").edits.request),
        json!({ "payload": { "x": 1 } })
    );
}

#[test]
fn the_event_has_every_member_of_the_reference() {
    let all = Call::answered().returned("return JSON.parse(JSON.stringify(event))");
    assert_eq!(
        all,
        json!({
            "name": "db._table.todo.get.pre_process", "stage": "post_process",
            "script_name": "db._table.todo.get.pre_process", "resource": "todo",
            "_event": {
                "name": "db._table.todo.get.pre_process", "stage": "post_process",
                "script_name": "db._table.todo.get.pre_process",
            },
            "__tag__": "exposed_event",
            "request": {
                "api_version": "2.0", "method": "POST", "parameters": { "filter": "id > 1" },
                "headers": { "host": "api.example.com" },
                "payload": { "resource": [{ "name": "buy milk", "complete": false }] },
                "content": "{\"resource\":[{\"name\":\"buy milk\",\"complete\":false}]}",
                "content_type": "application/json", "uri": "/api/v2/db/_table/todo?filter=id%20%3E%201",
                "service": "db", "resource": null,
            },
            "response": {
                "status_code": 200, "content_type": null, "format": 201, "headers": { "etag": "7" },
                "content": { "resource": [{ "id": 1, "name": "buy milk" }, { "id": 2, "name": "sleep" }] },
            },
            "stop_propagation": false,
        })
    );
    let map = Call { resource: json!({ "{lat}": "51" }), phase: Phase::Base, ..Call::default() };
    assert_eq!(map.returned("return [event.resource['{lat}'], event.stage]"), json!(["51", "api"]));
}

#[test]
fn getters_and_traps_of_the_script_are_read_like_any_value() {
    let call = Call::default();
    let request = |source| Value::Object(call.finish(source).edits.request);
    assert_eq!(
        request("Object.defineProperty(event.request.payload, 'lazy', { enumerable: true, get: () => 3 })")["payload"]
            ["lazy"],
        json!(3)
    );
    assert_eq!(
        request("event.request.payload = new Proxy({ a: 1 }, { get: (target, key) => key === 'a' ? 9 : undefined })"),
        json!({ "payload": { "a": 9 } })
    );
    assert_eq!(call.thrown("event.request.payload = { get x() { throw new Error('trap') } }").message, "trap");
    assert!(call.thrown("event.request.payload.self = event.request.payload").message.contains("'.self'"));
}
