//! Somebody who calls the API, and what they get.

use super::Value;
use super::client::{Client, Incoming, Outgoing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// A client with its credentials and other headers.
#[derive(Clone)]
pub struct Caller<'a> {
    address: &'a str,
    headers: Vec<(String, String)>,
}

impl<'a> Caller<'a> {
    /// Somebody without credentials.
    pub fn new(address: &'a str) -> Caller<'a> {
        Caller { address, headers: Vec::new() }
    }

    /// The same caller with one header more.
    pub fn with(mut self, name: &str, value: &str) -> Caller<'a> {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Reads. The path is what follows `/api/v2/`.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// Sends a new value.
    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    /// Sends a value in the place of another.
    pub fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body))
    }

    /// Sends a change.
    pub fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body))
    }

    /// Removes.
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None)
    }

    /// Sends a body that need not be JSON.
    pub fn send_as(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let with_type = self.clone().with("Content-Type", content_type);
        with_type.exchange(method, &format!("/api/v2/{}", encoded(path)), Some(body.to_vec()))
    }

    /// Sends a body without saying what it is.
    pub fn send_untyped(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.exchange(method, &format!("/api/v2/{}", encoded(path)), Some(body.to_vec()))
    }

    /// Sends to a path that is written out in full and sent as it is.
    pub fn exactly(&self, method: &str, path: &str) -> Answer {
        self.exchange(method, path, None)
    }

    /// Sends a body to a path that is written out in full.
    pub fn send_exactly(&self, method: &str, path: &str, content_type: &str, body: &str) -> Answer {
        let with_type = self.clone().with("Content-Type", content_type);
        with_type.exchange(method, path, Some(body.as_bytes().to_vec()))
    }

    fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        match body {
            Some(body) => self.send_as(method, path, "application/json", body.to_string().as_bytes()),
            None => self.exchange(method, &format!("/api/v2/{}", encoded(path)), None),
        }
    }

    fn exchange(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> Answer {
        let request =
            Outgoing { method: method.to_owned(), path: path.to_owned(), headers: self.headers.clone(), body };
        Answer { call: format!("{method} {path}"), incoming: Client::new(self.address).send(&request) }
    }
}

/// A path as a careful client sends it. What is encoded already stays.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'{' | b'}' | b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'|' | 0..=31 | 127.. => {
                out.push_str(&format!("%{byte:02X}"));
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// What came back.
pub struct Answer {
    call: String,
    incoming: Incoming,
}

impl Answer {
    /// The HTTP status; 0 when nothing came.
    pub fn status(&self) -> u16 {
        self.incoming.status
    }

    /// A response header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.incoming.headers.get(name).map(String::as_str)
    }

    /// The body: parsed JSON, else a text.
    pub fn body(&self) -> &Value {
        &self.incoming.body
    }

    /// The body of an answer that must have that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.incoming.status, status, "{self:?}");
        self.incoming.body
    }

    /// The bytes of an answer that must have that status.
    #[track_caller]
    pub fn bytes(self, status: u16) -> Vec<u8> {
        match self.expect(status).as_str() {
            Some(text) => match text.strip_prefix("base64:") {
                Some(encoded) => STANDARD.decode(encoded).unwrap(),
                None => text.as_bytes().to_vec(),
            },
            None => panic!("an answer of JSON"),
        }
    }

    /// The message of an answer that must be an error envelope of that status.
    #[track_caller]
    pub fn refused(self, status: u16) -> String {
        assert_eq!(self.incoming.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let error = &self.incoming.body["error"];
        assert_eq!(error["status_code"], status, "{self:?}");
        assert!(error.get("code").is_some() && error.get("context").is_some(), "{self:?}");
        error["message"].as_str().unwrap_or_else(|| panic!("an error without a message: {self:?}")).to_owned()
    }

    /// The values of one field over the records of a list.
    #[track_caller]
    pub fn values(self, field: &str) -> Vec<Value> {
        let body = self.expect(200);
        let records = body["resource"].as_array().unwrap_or_else(|| panic!("no list: {body}"));
        records.iter().map(|record| record[field].clone()).collect()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\n -> {} {:?}\n{}", self.call, self.incoming.status, self.incoming.headers, self.incoming.body)
    }
}
