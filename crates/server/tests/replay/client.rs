//! A small HTTP/1.1 client: one connection per request, bytes under full control.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest wait for one answer.
const WAIT: Duration = Duration::from_secs(60);

/// A request ready to send.
pub struct Outgoing {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

/// What came back; status 0 when nothing did.
pub struct Incoming {
    pub status: u16,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Parsed when it is JSON, text otherwise; bytes that are no text as `base64:…`.
    pub body: Value,
}

pub struct Client {
    address: String,
}

impl Client {
    pub fn new(address: &str) -> Client {
        Client { address: address.to_owned() }
    }

    pub fn send(&self, request: &Outgoing) -> Incoming {
        self.exchange(request).unwrap_or_else(|error| Incoming {
            status: 0,
            headers: BTreeMap::new(),
            body: Value::from(format!("no answer: {error}")),
        })
    }

    fn exchange(&self, request: &Outgoing) -> std::io::Result<Incoming> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(WAIT))?;
        let path = request.path.replace(' ', "%20");
        let mut head = format!("{} {path} HTTP/1.1\r\nHost: {}\r\n", request.method, self.address);
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let has_length = request.body.is_some() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
        let body = request.body.as_deref().unwrap_or_default();
        if has_length {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("Connection: close\r\n\r\n");
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        read(&answer).ok_or_else(|| std::io::Error::other("the answer is no HTTP"))
    }
}

/// Takes an answer apart. The connection's end is the body's, so no length is needed.
fn read(answer: &[u8]) -> Option<Incoming> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let raw = &answer[end + 4..];
    let text = match std::str::from_utf8(raw) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("base64:{}", STANDARD.encode(raw)),
    };
    let is_json = headers.get("content-type").is_some_and(|kind| kind.contains("json"));
    let parsed = if is_json { serde_json::from_str(&text).ok() } else { None };
    Some(Incoming { status, headers, body: parsed.unwrap_or(Value::String(text)) })
}
