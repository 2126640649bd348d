//! From an HTTP request to a call: path, query, verb override, headers, body.

use antiphon_formats::{self as formats, Body, form};
use antiphon_model::{Error, Headers, Object, Request, Result, Value, Verb};
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;

/// The member of a tunnelled read's body that holds records, which select by identifier and are no option.
const WRAPPER: &str = "resource";

/// The version in the path of the list of services.
const VERSION: &str = "v2";

/// Builds the call that a request to `service` and `resource` means. `verb` is the request's own, before any override.
///
/// Errors are 400: a query that is not text, a verb override that names no verb, a body that is not what its media type
/// says.
pub fn decode(parts: &Parts, verb: Verb, service: String, resource: String, content: Bytes) -> Result<Request> {
    let parameters = form::parse(parts.uri.query().unwrap_or_default())?;
    let headers = headers_of(&parts.headers);
    let overridden = if verb == Verb::Post { override_of(&headers, &parameters)? } else { None };
    let content_type = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    let Body { value: payload, uploads } = formats::decode(content_type.as_deref(), &content)?;
    let mut request = Request {
        parameters,
        headers,
        payload,
        uploads,
        content,
        content_type,
        uri: Some(parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)),
        ..Request::new(overridden.unwrap_or(verb), service, resource)
    };
    if overridden == Some(Verb::Get) {
        merge_options(&mut request);
    }
    // The list of services can only be read; any other verb is taken for a call to a service named like the version.
    if request.service.is_empty() && request.verb != Verb::Get {
        request.service = VERSION.to_owned();
    }
    Ok(request)
}

fn headers_of(map: &HeaderMap) -> Headers {
    let mut headers = Headers::with_capacity(map.keys_len());
    for (name, value) in map {
        let text = String::from_utf8_lossy(value.as_bytes());
        match headers.get_mut(name.as_str()) {
            Some(present) => {
                let present: &mut String = present;
                present.push_str(", ");
                present.push_str(&text);
            }
            None => {
                headers.insert(name.as_str().to_owned(), text.into_owned());
            }
        }
    }
    headers
}

/// The verb that a POST stands for. Source: the reference on verb override.
fn override_of(headers: &Headers, parameters: &Object) -> Result<Option<Verb>> {
    let from_headers = ["x-http-method", "x-http-method-override", "x-method-override"]
        .into_iter()
        .filter_map(|name| headers.get(name).map(String::as_str));
    let from_query = ["method", "_method"].into_iter().filter_map(|name| parameters.get(name).and_then(Value::as_str));
    let Some(name) = from_headers.chain(from_query).map(str::trim).find(|name| !name.is_empty()) else {
        return Ok(None);
    };
    Verb::parse(name).map(Some).ok_or_else(|| {
        Error::bad_request(format!(
            "The verb override '{name}' names no verb. Use GET, POST, PUT, PATCH, MERGE or DELETE."
        ))
    })
}

/// A read that is tunnelled through POST may give its options in the body, where they can be longer than in a URL.
fn merge_options(request: &mut Request) {
    let Value::Object(options) = &request.payload else { return };
    for (name, value) in options.iter().filter(|(name, _)| *name != WRAPPER) {
        request.parameters.insert(name.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(method: &str, uri: &str, headers: &[(&str, &str)], content: &str) -> Result<Request> {
        let mut builder = hyper::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let (parts, ()) = builder.body(()).unwrap().into_parts();
        let verb = Verb::parse(method).unwrap();
        decode(&parts, verb, "db".into(), "_table/todo".into(), Bytes::copy_from_slice(content.as_bytes()))
    }

    const JSON: (&str, &str) = ("Content-Type", "application/json");

    #[test]
    fn query_headers_and_body_arrive() {
        let request =
            call("POST", "/api/v2/db?a=1&b[]=x", &[JSON, ("X-A", "1"), ("X-A", "2")], r#"{"resource":[]}"#).unwrap();
        assert_eq!(request.verb, Verb::Post);
        assert_eq!(Value::Object(request.parameters.clone()), json!({"a": "1", "b": ["x"]}));
        assert_eq!(request.header("x-a"), Some("1, 2"));
        assert_eq!(request.payload, json!({"resource": []}));
        assert_eq!(request.content, Bytes::from_static(br#"{"resource":[]}"#));
        assert_eq!(request.content_type.as_deref(), Some("application/json"));
        assert_eq!(request.uri.as_deref(), Some("/api/v2/db?a=1&b[]=x"));
    }

    #[test]
    fn only_a_post_can_stand_for_another_verb() {
        let verb = |method, uri, headers: &[(&str, &str)]| call(method, uri, headers, "").unwrap().verb;
        assert_eq!(verb("POST", "/", &[("X-HTTP-Method", "patch")]), Verb::Patch);
        assert_eq!(verb("POST", "/", &[("X-HTTP-Method-Override", "MERGE")]), Verb::Patch);
        assert_eq!(verb("POST", "/", &[("X-HTTP-Method", ""), ("X-Method-Override", "DELETE")]), Verb::Delete);
        assert_eq!(verb("POST", "/?method=GET", &[("X-HTTP-Method", "PUT")]), Verb::Put);
        assert_eq!(verb("POST", "/?_method=get", &[]), Verb::Get);
        assert_eq!(verb("GET", "/?method=DELETE", &[("X-HTTP-Method", "DELETE")]), Verb::Get);
        assert!(call("POST", "/", &[("X-HTTP-Method", "FOO")], "").unwrap_err().message.contains("'FOO'"));
    }

    #[test]
    fn the_options_of_a_tunnelled_read_come_from_its_body() {
        let body = r#"{"filter":"id > :min","params":{":min":22},"ids":[1],"resource":[{"id":1}]}"#;
        let request = call("POST", "/?fields=id", &[JSON, ("X-HTTP-Method", "GET")], body).unwrap();
        let expected = json!({"fields": "id", "filter": "id > :min", "params": {":min": 22}, "ids": [1]});
        assert_eq!(Value::Object(request.parameters), expected);
        assert_eq!(request.payload["resource"], json!([{"id": 1}]));
        let plain = call("POST", "/?fields=id", &[JSON], body).unwrap();
        assert_eq!(Value::Object(plain.parameters), json!({"fields": "id"}));
    }

    #[test]
    fn a_broken_body_is_refused_with_its_place() {
        let error = call("POST", "/", &[JSON], "{bad").unwrap_err();
        assert_eq!(error.status, 400);
        assert!(error.message.contains("at line 1 column 2"), "{}", error.message);
    }
}
