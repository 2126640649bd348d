use super::*;
use antiphon_model::{Headers, Phase, json};

const PHP: Loss = Loss { big_integers: false, empty_objects: true };
const NODE: Loss = Loss { big_integers: true, empty_objects: false };

/// The edits when `event` came back for a request with that payload.
fn edits_of(payload: &Value, event: Value, loss: Loss) -> Edits {
    let (parameters, headers, resource) = (Object::new(), Headers::new(), Value::Null);
    let request = crate::event::EventRequest {
        api_version: "2.0",
        method: "POST",
        parameters: &parameters,
        headers: &headers,
        payload,
        content: b"{}",
        content_type: "application/json",
        uri: None,
        service: None,
        resource: None,
    };
    let given = Event {
        name: "e",
        phase: Phase::PreProcess,
        script_name: "e",
        resource: &resource,
        limit: None,
        request,
        response: None,
    };
    edits(&given, event.as_object().cloned().unwrap_or_default(), loss)
}

#[test]
fn what_a_language_loses_is_no_change() {
    let given = json!({"a": {}, "list": {"0": 1.0}, "n": 1.0, "big": 9_007_199_254_740_993_i64});
    let php = json!({"a": [], "list": [1], "n": 1, "big": 9_007_199_254_740_993_i64});
    assert_eq!(
        edits_of(&given, json!({"request": {"payload": php, "parameters": [], "headers": []}}), PHP),
        Edits::default()
    );
    let node = json!({"a": {}, "list": {"0": 1}, "n": 1, "big": 9_007_199_254_740_992_i64});
    assert_eq!(edits_of(&given, json!({"request": {"payload": node}}), NODE), Edits::default());
    let one_less = json!({"a": {}, "list": {"0": 1}, "n": 1, "big": 9_007_199_254_740_992_i64});
    assert!(
        edits_of(&given, json!({"request": {"payload": one_less}}), Loss::default()).request.contains_key("payload")
    );
}

#[test]
fn untouched_parts_of_a_changed_value_stay_as_they_were() {
    let given = json!({"a": {}, "rows": [{"id": 1.0, "tags": {}}, {"id": 2}]});
    let back = json!({"a": [], "rows": [{"id": 1, "tags": [], "new": true}, {"id": 3}]});
    let edits = edits_of(&given, json!({"request": {"payload": back}}), PHP);
    let rows = json!([{"id": 1.0, "tags": {}, "new": true}, {"id": 3}]);
    assert_eq!(edits.request["payload"], json!({"a": {}, "rows": rows}));
}

#[test]
fn a_response_set_before_the_service_is_taken_whole() {
    let edits = edits_of(&json!({}), json!({"response": {"status_code": 403}, "stop_propagation": true}), NODE);
    assert_eq!((edits.response, edits.response_replaced), (Some(json!({"status_code": 403})), true));
    assert!(edits.stop_propagation && edits.request.is_empty());
}

#[test]
fn large_numbers_of_a_language_with_doubles_are_doubles() {
    let mut value = json!({"n": [12_345_678_901_234_567_000_u64, 5, 9_007_199_254_740_991_i64, 1.5]});
    as_doubles(&mut value);
    assert_eq!(value, json!({"n": [1.234_567_890_123_456_7e19, 5, 9_007_199_254_740_991_i64, 1.5]}));
}
