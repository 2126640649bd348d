//! Options by their cURL names, as scripts in PHP and V8js give them (events-and-scripting 3.4).

use crate::error::Failure;
use crate::request::{basic, form};
use antiphon_model::{Object, Value};
use std::time::Duration;

/// What the options of a call mean.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) method: Option<hyper::Method>,
    /// The whole value of `Authorization`.
    pub(crate) credentials: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    pub(crate) follow: bool,
    pub(crate) redirects: Option<u8>,
    pub(crate) connect: Option<Duration>,
    pub(crate) total: Option<Duration>,
    pub(crate) notes: Vec<String>,
}

/// Names that mean something here, with their numbers.
const NAMES: [(&str, u32); 26] = [
    ("TIMEOUT", 13),
    ("TIMEOUT_MS", 155),
    ("CONNECTTIMEOUT", 78),
    ("CONNECTTIMEOUT_MS", 156),
    ("FOLLOWLOCATION", 52),
    ("MAXREDIRS", 68),
    ("SSL_VERIFYPEER", 64),
    ("SSL_VERIFYHOST", 81),
    ("POSTFIELDS", 10015),
    ("COPYPOSTFIELDS", 10165),
    ("CUSTOMREQUEST", 10036),
    ("USERAGENT", 10018),
    ("REFERER", 10016),
    ("COOKIE", 10022),
    ("HTTPHEADER", 10023),
    ("USERPWD", 10005),
    ("USERNAME", 10173),
    ("PASSWORD", 10174),
    ("XOAUTH2_BEARER", 10220),
    ("NOBODY", 44),
    ("POST", 47),
    ("HTTPGET", 80),
    ("HTTPAUTH", 107),
    ("RETURNTRANSFER", 19913),
    ("HEADER", 42),
    ("PUT", 54),
];

impl Options {
    /// Reads them. What is not known is noted and counts for nothing.
    ///
    /// # Errors
    /// When an option asks for what is never done.
    pub(crate) fn read(given: &Object) -> Result<Options, Failure> {
        let mut options = Options { follow: true, ..Options::default() };
        let (mut user, mut password) = (None, None);
        for (key, value) in given {
            let number = key.parse::<u32>().ok();
            let bare = key.strip_prefix("CURLOPT_").unwrap_or(key).to_ascii_uppercase();
            let known = NAMES.iter().find(|(name, code)| number.map_or(*name == bare, |number| number == *code));
            let Some((name, _)) = known else {
                options.notes.push(format!("the option '{key}' is not supported"));
                continue;
            };
            match *name {
                "USERNAME" => user = Some(text(value)),
                "PASSWORD" => password = Some(text(value)),
                name => options.set(name, value)?,
            }
        }
        if let Some(user) = user {
            options.credentials = Some(basic(&format!("{user}:{}", password.unwrap_or_default())));
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), Failure> {
        match name {
            "TIMEOUT" => self.total = seconds(value),
            "TIMEOUT_MS" => self.total = milliseconds(value),
            "CONNECTTIMEOUT" => self.connect = seconds(value),
            "CONNECTTIMEOUT_MS" => self.connect = milliseconds(value),
            "FOLLOWLOCATION" => self.follow = truth(value),
            "MAXREDIRS" => self.redirects = number(value).and_then(|most| u8::try_from(most).ok()),
            "SSL_VERIFYPEER" | "SSL_VERIFYHOST" if !truth(value) => {
                return Err(Failure::Refused(
                    "Certificates are always verified; give the server's authority to this server with outbound.ca_file.".to_owned(),
                ));
            }
            "POSTFIELDS" | "COPYPOSTFIELDS" => {
                self.body = Some(match value {
                    Value::Object(fields) => Value::String(form(fields)),
                    other => other.clone(),
                });
            }
            "CUSTOMREQUEST" => {
                let method = hyper::Method::from_bytes(text(value).to_ascii_uppercase().as_bytes());
                let method = method.ok().filter(|method| *method != hyper::Method::CONNECT);
                self.method =
                    Some(method.ok_or_else(|| Failure::Invalid("CURLOPT_CUSTOMREQUEST is no method.".to_owned()))?);
            }
            "NOBODY" if truth(value) => self.method = Some(hyper::Method::HEAD),
            "USERAGENT" => self.headers.push(("user-agent".to_owned(), text(value))),
            "REFERER" => self.headers.push(("referer".to_owned(), text(value))),
            "COOKIE" => self.headers.push(("cookie".to_owned(), text(value))),
            "HTTPHEADER" => {
                let lines = value.as_array().map(Vec::as_slice).unwrap_or(std::slice::from_ref(value));
                let lines = lines.iter().filter_map(Value::as_str).filter_map(|line| line.split_once(':'));
                self.headers.extend(lines.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())));
            }
            "USERPWD" => self.credentials = Some(basic(&text(value))),
            "XOAUTH2_BEARER" => self.credentials = Some(format!("Bearer {}", text(value))),
            // The verb says it, or it is always so.
            _ => {}
        }
        Ok(())
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().or_else(|| other.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64)),
    }
}

/// 0 stands for no limit of one's own.
fn seconds(value: &Value) -> Option<Duration> {
    number(value).filter(|number| *number > 0).map(Duration::from_secs)
}

fn milliseconds(value: &Value) -> Option<Duration> {
    number(value).filter(|number| *number > 0).map(Duration::from_millis)
}

fn truth(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && number(value) != Some(0)
}
