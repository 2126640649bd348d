//! Cross-origin access for browsers: the rules of `system/cors`, and the configured origins where no rule decides.
//!
//! Errors carry the same headers as other answers, so that pages can read them. An origin is repeated, never answered with
//! `*`. Source: system-and-users 7.

use super::encode::{self, HttpResponse};
use super::path::Target;
use antiphon_model::{Error, Verb};
use antiphon_services::cors::{CorsIndex, CorsRule, Headers};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use std::sync::Arc;

/// Header fields that every client of the API may need to send, whatever a rule lists; the last ones are what an
/// administration page marks its own requests with.
const API_HEADERS: &str = "Accept, Authorization, Cache-Control, Content-Type, X-DreamFactory-API-Key, \
    X-DreamFactory-Session-Token, X-HTTP-Method, X-HTTP-Method-Override, X-Method-Override, show-loading, skip-error, \
    snackbar-error, snackbar-success";

/// Who may call from web pages.
#[derive(Debug, Default)]
pub struct Cors {
    rules: Arc<CorsIndex>,
    fallback: Option<Arc<CorsRule>>,
}

/// A page that may call, and the rule that says so.
pub(super) struct Grant {
    rule: Arc<CorsRule>,
    origin: HeaderValue,
}

impl Cors {
    /// These rules, and the one of the configuration for requests about which none of them decides.
    pub fn new(rules: Arc<CorsIndex>, fallback: Option<CorsRule>) -> Cors {
        Cors { rules, fallback: fallback.map(Arc::new) }
    }

    /// What a request's page may do; none for requests that no page made, and for pages that may not call.
    pub(super) fn grant(&self, parts: &Parts) -> Option<Grant> {
        if self.is_closed() {
            return None;
        }
        let origin = parts.headers.get(ORIGIN)?;
        let text = origin.to_str().ok()?;
        let rule = self.rule_for(parts.uri.path())?;
        let is_granted = match wanted(parts) {
            Some(verb) => verb_named(verb).is_some_and(|verb| rule.allows(text, verb)),
            None => rule.allows_origin(text),
        };
        is_granted.then(|| Grant { rule, origin: origin.clone() })
    }

    fn is_closed(&self) -> bool {
        self.fallback.is_none() && self.rules.is_empty()
    }

    /// The rule that decides about a path, however it is written: a stricter rule can't be passed by another spelling.
    fn rule_for(&self, path: &str) -> Option<Arc<CorsRule>> {
        let typed = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy();
        let decided = match Target::of(path) {
            Ok(Target::Api { service, resource }) => {
                self.rules.decide(&[&typed, &format!("api/v2/{service}/{resource}"), &format!("api/v2/{service}")])
            }
            _ => self.rules.decide(&[&typed]),
        };
        decided.or_else(|| self.fallback.clone())
    }

    /// The answer to a preflight, before authentication; none when the request is none.
    pub(super) fn preflight(&self, parts: &Parts, grant: Option<&Grant>) -> Option<HttpResponse> {
        if !is_preflight(parts) {
            return None;
        }
        let Some(Grant { rule, .. }) = grant else {
            return Some(encode::error(&Error::new(
                405,
                "No CORS rule lets pages of this origin use this verb here. An administrator can add one at system/cors.",
            )));
        };
        let mut http = HttpResponse::new(Full::new(Bytes::new()));
        *http.status_mut() = StatusCode::NO_CONTENT;
        let headers = http.headers_mut();
        put(headers, ACCESS_CONTROL_ALLOW_METHODS, &verbs_of(rule));
        match (&rule.headers, parts.headers.get(ACCESS_CONTROL_REQUEST_HEADERS)) {
            (Headers::Any, Some(wanted)) => {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
            }
            (allowed, _) => {
                let own = allowed.listed().iter().map(String::as_str);
                let all: Vec<&str> = own.chain([API_HEADERS]).collect();
                put(headers, ACCESS_CONTROL_ALLOW_HEADERS, &all.join(", "));
            }
        }
        if rule.max_age > 0 {
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(rule.max_age));
        }
        Some(http)
    }

    /// Tells the browser that the page may read the answer, whatever its status, and caches that the answer depends on it.
    pub(super) fn annotate(&self, grant: Option<&Grant>, is_preflight: bool, response: &mut HeaderMap) {
        if !self.is_closed() {
            response.append(VARY, HeaderValue::from_static("Origin"));
        }
        let Some(Grant { rule, origin }) = grant else { return };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if rule.supports_credentials {
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(names) = rule.exposed_headers.as_deref().filter(|_| !is_preflight) {
            put(response, ACCESS_CONTROL_EXPOSE_HEADERS, names);
        }
    }
}

/// Whether a browser asks before it sends what a page wants to send.
pub(super) fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The verb that the page wants to use; none for `OPTIONS` that ask for nothing.
fn wanted(parts: &Parts) -> Option<&str> {
    match parts.headers.get(ACCESS_CONTROL_REQUEST_METHOD) {
        Some(asked) if parts.method == Method::OPTIONS => Some(asked.to_str().unwrap_or_default()),
        _ => Some(parts.method.as_str()).filter(|verb| *verb != "OPTIONS"),
    }
}

/// `HEAD` is a `GET` whose body is not sent.
fn verb_named(name: &str) -> Option<Verb> {
    if name.eq_ignore_ascii_case("HEAD") { Some(Verb::Get) } else { Verb::parse(name) }
}

fn verbs_of(rule: &CorsRule) -> String {
    let mut names: Vec<&str> = rule.verbs.verbs().map(Verb::as_str).collect();
    if rule.verbs.contains(Verb::Get) {
        names.push("HEAD");
    }
    names.join(", ")
}

/// Rules hold nothing that a header can't; what could not be sent would be left out.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
