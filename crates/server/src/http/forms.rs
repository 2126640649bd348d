//! The two forms for people: the first administrator (`/setup`) and choosing a password after a mail (`/confirm`).
//!
//! They hold no script, load nothing, belong in no frame, and are sent only by pages of this very server: a page elsewhere must
//! not be able to make the first administrator of a server in somebody's own network.

use super::encode::{self, HttpResponse};
use super::negotiate;
use super::wishes::Wishes;
use antiphon_model::{Content, Error, Headers, Object, Response, Result, Value};
use hyper::HeaderMap;
use hyper::header::{ACCEPT, HOST, HeaderName, LOCATION, ORIGIN};
use hyper::{StatusCode, Uri};
use std::fmt::Write as _;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:10vh auto;padding:0 1rem;color:#1d2733}\
    h1{font-size:1.5rem}label{display:block;margin:.9rem 0}input{display:block;width:100%;box-sizing:border-box;\
    font:inherit;padding:.45rem;border:1px solid #9aa7b4;border-radius:4px}button{font:inherit;padding:.5rem 1.2rem;border:0;\
    border-radius:4px;background:#1f5f8b;color:#fff}.problem{background:#fbe9e7;border-left:4px solid #c0392b;padding:.6rem .8rem}";

/// One field of a form.
pub struct Field {
    /// Name that is sent.
    pub name: &'static str,
    /// Text for people; none = not shown, sent back as it came.
    pub label: Option<&'static str>,
    /// `type` of the input.
    pub kind: &'static str,
    /// Whether the browser insists on it.
    pub required: bool,
}

/// A form.
pub struct Form {
    /// Heading.
    pub title: &'static str,
    /// What it is for.
    pub text: &'static str,
    /// Where it is sent.
    pub action: &'static str,
    /// On its button.
    pub button: &'static str,
    /// From top to bottom.
    pub fields: &'static [Field],
}

/// The form of `/setup`.
pub const SETUP: Form = Form {
    title: "Set up this server",
    text: "This server has no administrator yet. Make the first one.",
    action: "/setup",
    button: "Create administrator",
    fields: &[
        Field { name: "email", label: Some("E-mail address"), kind: "email", required: true },
        Field { name: "first_name", label: Some("First name"), kind: "text", required: false },
        Field { name: "last_name", label: Some("Last name"), kind: "text", required: false },
        Field { name: "password", label: Some("Password"), kind: "password", required: true },
        Field { name: "password_confirmation", label: Some("Password again"), kind: "password", required: true },
    ],
};

/// The form of `/confirm`.
pub const CONFIRM: Form = Form {
    title: "Choose a password",
    text: "The link in your mail brought you here.",
    action: "/confirm",
    button: "Save password",
    fields: &[
        Field { name: "email", label: Some("E-mail address"), kind: "email", required: true },
        Field { name: "code", label: None, kind: "hidden", required: true },
        Field { name: "admin", label: None, kind: "hidden", required: false },
        Field { name: "new_password", label: Some("Password"), kind: "password", required: true },
        Field { name: "password_confirmation", label: Some("Password again"), kind: "password", required: true },
    ],
};

impl Form {
    /// The form with what is known already, never a password, and with what was wrong with what was sent.
    pub fn page(&self, known: &Object, problem: Option<&Error>) -> HttpResponse {
        let mut inputs = String::new();
        for field in self.fields {
            let value = match field.kind {
                "password" => "",
                _ => known.get(field.name).and_then(Value::as_str).unwrap_or_default(),
            };
            let required = if field.required { " required" } else { "" };
            let input = format!(
                "<input name=\"{}\" type=\"{}\" value=\"{}\"{required} autocomplete=\"{}\">",
                field.name,
                field.kind,
                escaped(value),
                if field.kind == "password" { "new-password" } else { "on" },
            );
            // Writing to a text can't fail.
            let _ = match field.label {
                Some(label) => write!(inputs, "<label>{label}{input}</label>"),
                None => write!(inputs, "{input}"),
            };
        }
        let body = format!(
            "<p>{}</p>{}<form method=\"post\" action=\"{}\">{inputs}<button>{}</button></form>",
            self.text,
            problem.map(described).unwrap_or_default(),
            self.action,
            self.button
        );
        page(problem.map_or(200, |problem| problem.status), self.title, &body)
    }
}

/// A page that only says something.
pub fn message(title: &str, text: &str) -> HttpResponse {
    page(200, title, &format!("<p>{}</p>", escaped(text)))
}

/// Sends the browser to another page of this server.
pub fn redirect(to: &'static str) -> HttpResponse {
    let mut http = encode::encode(Response::ok(Value::Null), &Wishes::default());
    *http.status_mut() = StatusCode::FOUND;
    http.headers_mut().insert(LOCATION, hyper::header::HeaderValue::from_static(to));
    http
}

/// Whether a person with a browser asks, and not a program.
pub fn wants_page(headers: &HeaderMap) -> bool {
    negotiate::names(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()), "text/html")
}

/// Refuses a form that was sent by a page of another server. Programs, which say nothing of pages, may send it.
///
/// # Errors
/// 403 for a page of another server.
pub fn refuse_other_pages(headers: &HeaderMap) -> Result<()> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(&ORIGIN) else { return Ok(()) };
    let sender = origin.parse::<Uri>().ok().and_then(|origin| origin.authority().map(ToString::to_string));
    match (sender, text(&HOST)) {
        (Some(sender), Some(host)) if sender.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Error::forbidden("This form can only be sent from a page of this server.")),
    }
}

fn page(status: u16, title: &str, body: &str) -> HttpResponse {
    let title = escaped(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title} · Antiphon</title><style>{STYLE}</style></head>\n\
         <body><h1>{title}</h1>{body}</body></html>\n"
    );
    let headers = [("content-security-policy", POLICY), ("cache-control", "no-store")];
    let headers = Headers::from_iter(headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let content_type = Some("text/html".to_owned());
    let response = Response { status, content: Content::Text(html), content_type, headers };
    encode::encode(response, &Wishes { accept: Some("text/html".to_owned()), ..Wishes::default() })
}

/// The reasons by field, else the message.
fn described(error: &Error) -> String {
    let reasons = error.context.as_object().into_iter().flatten().filter_map(|(_, reasons)| reasons.get(0)?.as_str());
    let mut text = reasons.map(escaped).collect::<Vec<_>>().join("<br>");
    if text.is_empty() {
        text = escaped(&error.message);
    }
    format!("<p class=\"problem\" role=\"alert\">{text}</p>")
}

/// Text that can't become markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
