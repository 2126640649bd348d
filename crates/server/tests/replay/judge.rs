//! Compares an answer with the recorded one. The first difference is told with its place.

use super::client::Incoming;
use super::mask::mask;
use super::text;
use serde_json::Value;

/// Members whose values nobody compares.
const LOOSE: [&str; 23] = [
    "session_id",
    "session_token",
    "api_key",
    "host",
    "token_expiry_date",
    "last_login_date",
    "created_date",
    "last_modified_date",
    "trace",
    "file_modified",
    "last_modified",
    "uri",
    "user-agent",
    "accept-encoding",
    "connection",
    "content-length",
    "lookup_secret",
    "__tag__",
    "nodejs_path",
    "python_path",
    "python3_path",
    "Date",
    "date",
];
/// Texts for people, free where the product describes itself.
const DESCRIPTIVE: [&str; 3] = ["label", "description", "summary"];
/// Places where the product describes itself.
const DESCRIBED: [&str; 4] = ["/service_type", "/script_type", "/api_docs", "/_spec"];
/// Lists that may have more entries than recorded, in any order.
const LISTINGS: [&str; 5] = ["/system/event", "/system/service_type", "/system/constant", "/api/v2", "/api/v2/"];

/// What is wrong with the answer to a judged exchange; none when it matches.
pub fn difference(item: &Value, answer: &Incoming, host: &str) -> Option<String> {
    let want = &item["response"];
    let path = text(&item["request"]["path"]);
    if want["status"].as_u64() != Some(u64::from(answer.status)) {
        return Some(format!("status: wanted {}, got {} {}", want["status"], answer.status, short(&answer.body)));
    }
    let essence = |kind: &str| kind.split(';').next().unwrap_or_default().to_owned();
    let wanted_kind = essence(text(&want["headers"]["content-type"]));
    let kind = answer.headers.get("content-type").map(String::as_str).unwrap_or_default();
    if !wanted_kind.is_empty() && wanted_kind != essence(kind) {
        return Some(format!("content-type: wanted {wanted_kind}, got '{kind}'"));
    }
    let body = want.get("body").filter(|_| want.get("body_truncated").is_none())?;
    Comparison {
        host,
        in_system: path.contains("/system/"),
        described: DESCRIBED.iter().any(|part| path.contains(part)),
        strict: path.contains("/db/_table/"),
        listing: path.contains("/system/event?") || LISTINGS.iter().any(|listing| path.ends_with(listing)),
    }
    .differ(body, &answer.body, "body")
}

#[derive(Clone, Copy)]
struct Comparison<'a> {
    host: &'a str,
    in_system: bool,
    described: bool,
    /// Objects may not have more members than recorded.
    strict: bool,
    listing: bool,
}

impl Comparison<'_> {
    fn differ(self, want: &Value, got: &Value, place: &str) -> Option<String> {
        let wanted = || Some(format!("{place}: wanted {}, got {}", short(want), short(got)));
        match (want, got) {
            (Value::Object(want), Value::Object(got)) => self.objects(want, got, place),
            (Value::Object(want), _) if want.is_empty() && is_nothing(got) => None,
            (Value::Object(_), _) => Some(format!("{place}: wanted an object, got {}", short(got))),
            (Value::Array(want), Value::Array(got)) => self.lists(want, got, place),
            (Value::Array(want), _) if want.is_empty() && (got.is_null() || is_empty_object(got)) => None,
            (Value::Array(_), _) => Some(format!("{place}: wanted a list, got {}", short(got))),
            (Value::String(want), Value::String(got)) => {
                let (want, got) = (mask(want, self.host), mask(got, self.host));
                (want != got).then(|| format!("{place}: wanted {}, got {}", cut(&want), cut(&got)))
            }
            (Value::Number(_), Value::Number(_) | Value::Bool(_)) if place.ends_with("id") && self.in_system => None,
            (Value::Number(_) | Value::Bool(_), Value::Number(_) | Value::Bool(_)) => {
                if same_number(want, got) {
                    None
                } else {
                    wanted()
                }
            }
            (Value::Null, got)
                if is_nothing(got) || is_empty_object(got) || text(got).is_empty() && got.is_string() =>
            {
                None
            }
            _ => wanted(),
        }
    }

    fn objects(
        self,
        want: &serde_json::Map<String, Value>,
        got: &serde_json::Map<String, Value>,
        place: &str,
    ) -> Option<String> {
        for (name, value) in want {
            if LOOSE.contains(&name.as_str()) || self.described && DESCRIPTIVE.contains(&name.as_str()) {
                continue;
            }
            let Some(found) = got.get(name) else { return Some(format!("{place}.{name}: missing")) };
            let difference = self.differ(value, found, &format!("{place}.{name}"));
            if difference.is_some() {
                return difference;
            }
        }
        let extra: Vec<&String> = got.keys().filter(|name| self.strict && !want.contains_key(*name)).take(4).collect();
        (!extra.is_empty()).then(|| format!("{place}: unexpected keys {extra:?}"))
    }

    fn lists(self, want: &[Value], got: &[Value], place: &str) -> Option<String> {
        if self.listing {
            let loose = Comparison { strict: false, listing: false, ..self };
            let is_there = |want: &Value| got.iter().any(|got| loose.differ(want, got, place).is_none());
            return want.iter().find(|want| !is_there(want)).map(|want| format!("{place}: missing {}", short(want)));
        }
        if want.len() != got.len() {
            return Some(format!("{place}: wanted {} items, got {}", want.len(), got.len()));
        }
        want.iter()
            .zip(got)
            .enumerate()
            .find_map(|(index, (want, got))| self.differ(want, got, &format!("{place}[{index}]")))
    }
}

/// Null and the empty list, which the original writes for an empty object too.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn is_empty_object(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Equal as numbers; true is 1 and false 0.
fn same_number(left: &Value, right: &Value) -> bool {
    let whole = |value: &Value| value.as_bool().map(i64::from).or_else(|| value.as_i64());
    let real = |value: &Value| value.as_bool().map(|bit| f64::from(u8::from(bit))).or_else(|| value.as_f64());
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => left == right,
        _ => real(left) == real(right),
    }
}

fn short(value: &Value) -> String {
    cut(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= 160 { text.to_owned() } else { text.chars().take(157).chain("...".chars()).collect() }
}

mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    /// Judges a JSON answer with status 200 to a GET of `path`.
    fn judge(path: &str, want: Value, got: Value) -> Option<String> {
        let item = json!({
            "request": {"method": "GET", "path": path},
            "response": {"status": 200, "headers": {"content-type": "application/json"}, "body": want},
        });
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json; charset=utf-8".to_owned())]);
        difference(&item, &Incoming { status: 200, headers, body: got }, "127.0.0.1:1")
    }

    const TABLE: &str = "/api/v2/db/_table/todo";
    const ROLE: &str = "/api/v2/system/role/1";

    #[test]
    fn status_and_media_type_must_match() {
        let item = json!({"request": {"path": TABLE}, "response": {"status": 200, "headers": {"content-type": "text/csv"}, "body": ""}});
        let answer = |status, kind: &str| Incoming {
            status,
            headers: BTreeMap::from([("content-type".to_owned(), kind.to_owned())]),
            body: json!(""),
        };
        assert!(difference(&item, &answer(404, "text/csv"), "h").unwrap().starts_with("status"));
        assert!(difference(&item, &answer(200, "application/json"), "h").unwrap().starts_with("content-type"));
        assert_eq!(difference(&item, &answer(200, "text/csv; charset=UTF-8"), "h"), None);
    }

    #[test]
    fn rows_must_be_exact_and_other_objects_may_have_more() {
        assert!(judge(TABLE, json!({"a": 1}), json!({"a": 1, "b": 2})).unwrap().contains("unexpected keys"));
        assert_eq!(judge(ROLE, json!({"a": 1}), json!({"a": 1, "b": 2})), None);
        assert!(judge(ROLE, json!({"a": 1}), json!({"b": 1})).unwrap().contains("body.a: missing"));
    }

    #[test]
    fn values_lengths_and_orders_are_compared() {
        assert!(judge(TABLE, json!([1, 2]), json!([2, 1])).unwrap().starts_with("body[0]"));
        assert!(judge(TABLE, json!([1, 2]), json!([1])).unwrap().contains("wanted 2 items"));
        assert!(judge(TABLE, json!({"a": "x"}), json!({"a": "y"})).is_some());
        assert!(judge(TABLE, json!({"a": null}), json!({"a": 0})).is_some());
        assert!(judge(TABLE, json!({"a": false}), json!({"a": null})).is_some());
        assert!(judge(TABLE, json!({"a": "1"}), json!({"a": 1})).is_some());
        assert!(judge(TABLE, json!({"a": 1}), json!([1])).is_some());
        assert_eq!(judge(TABLE, json!({"a": 1, "b": true}), json!({"b": 1, "a": 1.0})), None);
    }

    #[test]
    fn what_runs_cannot_share_is_passed_over() {
        assert_eq!(judge(ROLE, json!({"id": 7, "created_date": "x"}), json!({"id": 9, "created_date": "y"})), None);
        assert!(judge(TABLE, json!({"id": 7}), json!({"id": 9})).is_some());
        assert_eq!(judge(ROLE, json!({"at": "2026-01-01 00:00:00"}), json!({"at": "2027-02-02T01:01:01Z"})), None);
        assert_eq!(judge(ROLE, json!({"a": {}, "b": [], "c": null}), json!({"a": [], "b": {}, "c": ""})), None);
    }

    #[test]
    fn listings_may_have_more_in_any_order() {
        let path = "/api/v2/system/event?as_list=true";
        assert_eq!(judge(path, json!({"resource": ["a", "b"]}), json!({"resource": ["c", "b", "a"]})), None);
        assert!(
            judge(path, json!({"resource": ["a", "b"]}), json!({"resource": ["a"]})).unwrap().contains("missing b")
        );
        let described = "/api/v2/system/service_type";
        let entry = |label: &str| json!({"resource": [{"name": "x", "label": label}]});
        assert_eq!(judge(described, entry("one"), entry("two")), None);
    }
}
