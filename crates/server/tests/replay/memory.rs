//! What the replay learns from answers and puts into later requests: tokens, keys, identifiers that the server chose.

use super::client::Outgoing;
use super::mask::RECORDED_HOSTS;
use super::{ADMIN, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Serializer, Value};
use std::collections::BTreeMap;
use std::io;

/// Port of the PostgreSQL server in the recordings.
const RECORDED_PGSQL_PORT: u64 = 5433;

pub struct Memory {
    host: String,
    /// Placeholder and actual text, in the order in which they were learnt.
    placeholders: Vec<(String, String)>,
    /// Collection path and recorded identifier to the actual one.
    identifiers: BTreeMap<(String, String), String>,
    placeholder: Regex,
    record_path: Regex,
}

impl Memory {
    pub fn new(host: &str) -> Memory {
        Memory {
            host: host.to_owned(),
            placeholders: Vec::new(),
            identifiers: BTreeMap::new(),
            placeholder: Regex::new("^<[a-z_0-9:]+>$").unwrap(),
            record_path: Regex::new(r"/\d+$").unwrap(),
        }
    }

    /// The recorded request with everything learnt filled in.
    pub fn request(&self, item: &Value) -> Outgoing {
        let request = &item["request"];
        let headers = request["headers"].as_object().into_iter().flatten();
        Outgoing {
            method: text(&request["method"]).to_owned(),
            path: self.map_path(&self.fill_text(text(&request["path"]))),
            headers: headers.map(|(name, value)| (name.clone(), self.fill_text(text(value)))).collect(),
            body: match self.fill(&request["body"]) {
                Value::String(text) => match text.strip_prefix("base64:") {
                    Some(encoded) => STANDARD.decode(encoded).ok(),
                    None => Some(text.into_bytes()),
                },
                value @ (Value::Object(_) | Value::Array(_)) => Some(written_as_recorded(&value)),
                _ => None,
            },
        }
    }

    fn fill_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, actual) in &self.placeholders {
            text = text.replace(name, actual);
        }
        RECORDED_HOSTS.iter().fold(text, |text, recorded| text.replace(recorded, &self.host))
    }

    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::from(self.fill_text(text)),
            Value::Array(list) => list.iter().map(|item| self.fill(item)).collect(),
            Value::Object(members) => {
                let mut filled: Map<String, Value> =
                    members.iter().map(|(name, value)| (self.fill_text(name), self.fill(value))).collect();
                if filled.get("port").and_then(Value::as_u64) == Some(RECORDED_PGSQL_PORT)
                    && let Some(port) =
                        std::env::var("REPLAY_PGSQL_PORT").ok().and_then(|port| port.parse::<u64>().ok())
                {
                    filled.insert("port".to_owned(), Value::from(port));
                }
                Value::Object(filled)
            }
            other => other.clone(),
        }
    }

    fn map_path(&self, path: &str) -> String {
        let (head, query) = path.split_once('?').unwrap_or((path, ""));
        let mut parts: Vec<String> = head.split('/').map(str::to_owned).collect();
        for index in 1..parts.len() {
            if let Some(actual) = self.identifiers.get(&(parts[..index].join("/"), parts[index].clone())) {
                parts[index] = actual.clone();
            }
        }
        let head = parts.join("/");
        if query.is_empty() { head } else { format!("{head}?{query}") }
    }

    /// Compares the recorded answer with the actual one and remembers what the server chose.
    pub fn learn(&mut self, item: &Value, actual: &Value) {
        let request = &item["request"];
        if let (Some(token), Some(email)) = (actual["session_token"].as_str(), request["body"]["email"].as_str()) {
            let name = match email {
                "jane@example.com" => Some("<jane_token>"),
                email if email == ADMIN.0 => Some("<admin_token>"),
                _ => None,
            };
            if let Some(name) = name.filter(|name| !self.placeholders.iter().any(|(known, _)| known == name)) {
                self.remember(name, token);
            }
        }
        let path = text(&request["path"]).split('?').next().unwrap_or_default().to_owned();
        let recorded = [&item["recorded"], &item["response"]].into_iter().find(|answer| !answer.is_null());
        if let Some(body) = recorded.and_then(|answer| answer.get("body")) {
            self.walk(&path, body, actual);
        }
    }

    fn remember(&mut self, name: &str, actual: &str) {
        match self.placeholders.iter_mut().find(|(known, _)| known == name) {
            Some((_, value)) => *value = actual.to_owned(),
            None => self.placeholders.push((name.to_owned(), actual.to_owned())),
        }
    }

    fn walk(&mut self, path: &str, recorded: &Value, actual: &Value) {
        match (recorded, actual) {
            (Value::String(name), Value::String(value)) if self.placeholder.is_match(name) => {
                self.remember(name, value)
            }
            (Value::Object(wanted), Value::Object(got)) => {
                if let (Some(old), Some(new)) = (wanted.get("id"), got.get("id"))
                    && path.contains("/system/")
                    && old != new
                {
                    let collection = self.record_path.replace(path, "").into_owned();
                    self.identifiers.insert((collection, plain(old)), plain(new));
                }
                if let (Some(key), Some(name @ ("todo_app" | "norole_app"))) =
                    (got.get("api_key").and_then(Value::as_str), got.get("name").and_then(Value::as_str))
                {
                    self.remember(&format!("<{name}_key>"), key);
                }
                for (name, value) in wanted {
                    if let Some(found) = got.get(name) {
                        self.walk(path, value, found);
                    }
                }
            }
            (Value::Array(wanted), Value::Array(got)) => {
                wanted.iter().zip(got).for_each(|(wanted, got)| self.walk(path, wanted, got));
            }
            _ => {}
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// JSON as the recorded client wrote it, because scripts see the raw body: blanks after `,` and `:`, ASCII only.
fn written_as_recorded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, Recorded)).unwrap();
    out
}

struct Recorded;

impl Formatter for Recorded {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        for character in fragment.chars() {
            if (' '..='~').contains(&character) {
                write!(out, "{character}")?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bodies_are_written_as_the_recorded_client_did() {
        let body = json!({"a": ["ü😀", 1.5], "b": {"c": null}, "d": "x\n\"y\""});
        let expected = r#"{"a": ["\u00fc\ud83d\ude00", 1.5], "b": {"c": null}, "d": "x\n\"y\""}"#;
        assert_eq!(String::from_utf8(written_as_recorded(&body)).unwrap(), expected);
    }

    #[test]
    fn tokens_keys_and_identifiers_are_learnt() {
        let mut memory = Memory::new("127.0.0.1:1");
        let login =
            json!({"request": {"path": "/api/v2/system/admin/session", "body": {"email": ADMIN.0}}, "response": null});
        memory.learn(&login, &json!({"session_token": "secret"}));
        let create = json!({
            "request": {"path": "/api/v2/system/role?fields=*"},
            "response": {"body": {"resource": [{"id": 7, "key": "<key_x>"}]}},
        });
        memory.learn(&create, &json!({"resource": [{"id": 12, "key": "abc"}]}));
        let later = json!({"request": {
            "method": "PATCH", "path": "/api/v2/system/role/7?x=7", "headers": {"T": "<admin_token>"}, "body": {"k": "<key_x>"},
        }});
        let request = memory.request(&later);
        assert_eq!(request.path, "/api/v2/system/role/12?x=7");
        assert_eq!(request.headers, [("T".to_owned(), "secret".to_owned())]);
        assert_eq!(request.body.as_deref(), Some(&br#"{"k": "abc"}"#[..]));
    }
}
