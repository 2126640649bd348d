//! Cross-origin access for browsers, off unless the configuration names origins.
//!
//! Credentials travel in headers that pages set themselves, never in cookies, so `Access-Control-Allow-Credentials` is
//! never sent.

use super::encode::{self, HttpResponse};
use antiphon_model::Error;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::{Method, StatusCode};

/// Verbs that pages of allowed origins may use.
const VERBS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");

/// The origins whose pages may call the API.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    origins: Vec<String>,
}

impl Cors {
    /// Allows these origins; `*` allows all.
    pub fn new(origins: Vec<String>) -> Cors {
        Cors { origins }
    }

    /// The answer to a preflight, before authentication; none when the request is none.
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<HttpResponse> {
        if *method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        if self.allowed(headers).is_none() {
            return Some(encode::error(&Error::new(405, "Pages of this origin may not call this server.")));
        }
        let mut http = HttpResponse::new(Full::new(Bytes::new()));
        *http.status_mut() = StatusCode::NO_CONTENT;
        http.headers_mut().insert(ACCESS_CONTROL_ALLOW_METHODS, VERBS);
        if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            http.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        Some(http)
    }

    /// Tells the browser that the page may read the answer, whatever its status.
    pub fn annotate(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if let Some(origin) = self.allowed(request) {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            response.append(VARY, HeaderValue::from_static("Origin"));
        }
    }

    /// What `Access-Control-Allow-Origin` says to this request's page.
    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let text = origin.to_str().ok()?;
        self.origins
            .iter()
            .any(|allowed| allowed == "*" || allowed.trim_end_matches('/').eq_ignore_ascii_case(text))
            .then(|| origin.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
        headers.insert(ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("x-a"));
        headers
    }

    #[test]
    fn without_origins_no_page_may_call() {
        let cors = Cors::default();
        assert_eq!(cors.preflight(&Method::OPTIONS, &page("http://a.example")).unwrap().status(), 405);
        let mut headers = HeaderMap::new();
        cors.annotate(&page("http://a.example"), &mut headers);
        assert!(headers.is_empty());
    }

    #[test]
    fn pages_of_a_named_origin_may_call() {
        let cors = Cors::new(vec!["http://a.example/".into()]);
        let answer = cors.preflight(&Method::OPTIONS, &page("http://a.example")).unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "x-a");
        let mut headers = HeaderMap::new();
        cors.annotate(&page("http://a.example"), &mut headers);
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "http://a.example");
        assert_eq!(cors.preflight(&Method::OPTIONS, &page("http://b.example")).unwrap().status(), 405);
        assert!(cors.preflight(&Method::GET, &page("http://a.example")).is_none());
    }
}
