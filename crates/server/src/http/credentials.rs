//! Where callers put their credentials. Source: the reference on credentials of a request.

use antiphon_gateway::Credentials;
use antiphon_model::{Client, Request, Value};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// The credentials of a request, each from the first place that has one; an empty text counts as absent.
pub fn credentials_of(request: &Request) -> Credentials {
    let authorization = request.header("authorization").unwrap_or_default().trim();
    Credentials {
        api_key: parameter(request, "api_key").or_else(|| header(request, "x-dreamfactory-api-key")).or_else(|| {
            // An app's own record has an `api_key` that is data.
            if is_app_record(request) { None } else { member(request, "api_key") }
        }),
        session_token: scheme(authorization, "bearer")
            .or_else(|| header(request, "x-dreamfactory-session-token"))
            .or_else(|| parameter(request, "session_token"))
            .or_else(|| member(request, "session_token"))
            .or_else(|| parameter(request, "token")),
        basic: scheme(authorization, "basic").and_then(|encoded| basic(&encoded)),
        client: Client::default(),
    }
}

fn is_app_record(request: &Request) -> bool {
    let first = request.resource.split('/').next().unwrap_or_default();
    request.service.eq_ignore_ascii_case("system") && first.eq_ignore_ascii_case("app")
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.header(name).and_then(filled)
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    request.parameters.get(name).and_then(Value::as_str).and_then(filled)
}

fn member(request: &Request, name: &str) -> Option<String> {
    request.payload.get(name).and_then(Value::as_str).and_then(filled)
}

/// What follows the scheme's name in an `Authorization` header.
fn scheme(authorization: &str, name: &str) -> Option<String> {
    let (scheme, rest) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case(name) { filled(rest) } else { None }
}

fn basic(encoded: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(encoded).or_else(|_| STANDARD_NO_PAD.decode(encoded)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::Verb;
    use serde_json::json;

    fn request(headers: &[(&str, &str)], parameters: &[(&str, &str)], payload: Value) -> Request {
        let mut request = Request::new(Verb::Post, "db", "_table/todo");
        request.headers.extend(headers.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        request.parameters.extend(parameters.iter().map(|(name, value)| (name.to_string(), json!(value))));
        request.payload = payload;
        request
    }

    #[test]
    fn the_key_is_looked_for_in_query_header_and_body() {
        let header = ("x-dreamfactory-api-key", "header");
        let body = json!({"api_key": "body"});
        let key = |request: &Request| credentials_of(request).api_key;
        assert_eq!(key(&request(&[header], &[("api_key", "query")], body.clone())).as_deref(), Some("query"));
        assert_eq!(key(&request(&[header], &[("api_key", " ")], body.clone())).as_deref(), Some("header"));
        let from_body = request(&[("x-dreamfactory-api-key", "")], &[], body);
        assert_eq!(key(&from_body).as_deref(), Some("body"));
        let app = Request { service: "System".into(), resource: "app/1".into(), ..from_body };
        assert_eq!(key(&app), None);
    }

    #[test]
    fn the_token_is_looked_for_in_bearer_header_query_and_body() {
        let bearer = ("authorization", "bearer jwt");
        let header = ("x-dreamfactory-session-token", "header");
        let body = json!({"session_token": "body"});
        let token = |request: &Request| credentials_of(request).session_token;
        let query = ("session_token", "query");
        assert_eq!(token(&request(&[bearer, header], &[query], body.clone())).as_deref(), Some("jwt"));
        assert_eq!(
            token(&request(&[("authorization", " "), header], &[query], body.clone())).as_deref(),
            Some("header")
        );
        assert_eq!(token(&request(&[], &[query], body.clone())).as_deref(), Some("query"));
        assert_eq!(token(&request(&[], &[("token", "old")], body)).as_deref(), Some("body"));
        assert_eq!(token(&request(&[], &[("token", "old")], Value::Null)).as_deref(), Some("old"));
    }

    #[test]
    fn basic_credentials_are_split_at_the_first_colon() {
        let encoded = STANDARD.encode("a@b.c:pass:word");
        let header = format!("Basic {encoded}");
        let found = credentials_of(&request(&[("authorization", &header)], &[], Value::Null));
        assert_eq!(found.basic, Some(("a@b.c".into(), "pass:word".into())));
        assert_eq!(found.session_token, None);
        assert_eq!(credentials_of(&request(&[("authorization", "Basic ###")], &[], Value::Null)).basic, None);
    }
}
