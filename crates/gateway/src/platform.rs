//! What a script reaches of the platform: `platform.api`, `platform.session`, `platform.config`, lookups, libraries.

use crate::outside::{self, Outside};
use crate::{Frame, Gateway};
use antiphon_model::{Content, Error, Limits, Object, Request, Requestor, Response, Session, Value, json};
use antiphon_script::{ApiCall, ApiResponse, Host, Library, Script};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::runtime::Handle;

/// The world of one script run.
pub(crate) struct Platform<'a> {
    pub gateway: &'a Arc<Gateway>,
    pub session: &'a Arc<Session>,
    /// The running script, on top of those above it.
    pub frame: &'a Arc<Frame>,
    pub requestor: Requestor,
    pub script: &'a Script,
    /// The stored libraries that it loaded, with their versions.
    pub libraries: Mutex<BTreeMap<String, u64>>,
    /// Its calls to other servers.
    pub outside: Outside,
    /// The runtime of the call: the script may run on a thread that knows none.
    pub runtime: Handle,
}

impl Host for Platform<'_> {
    fn call(&self, call: ApiCall) -> ApiResponse {
        if outside::is_outside(&call.path) {
            return self.outside.call(self.gateway, self.script, &self.runtime, call);
        }
        let response = match internal_request(call) {
            Ok(request) => self.gateway.nested(request, self.session, Some(self.frame), &self.runtime),
            Err(error) => Response::from(&error),
        };
        ApiResponse {
            status_code: response.status,
            content: match response.content {
                Content::Value(value) => value,
                other => other.to_value(),
            },
            content_type: response.content_type,
            headers: response.headers,
        }
    }

    fn session(&self) -> Value {
        session_value(self.session, self.requestor)
    }

    fn config(&self) -> Value {
        config(self.gateway.limits())
    }

    fn lookup(&self, name: &str) -> Option<String> {
        let is_person = ["user.", "role.", "session."].iter().any(|scope| name.starts_with(scope));
        if is_person { None } else { self.session.lookup(name, true) }
    }

    fn library(&self, name: &str, kind: &str) -> Result<Library, String> {
        let library = self.gateway.libraries().find(name, kind, &|name| self.script.pinned(name))?;
        if let Some(version) = library.version {
            self.libraries.lock().insert(library.name.clone(), version);
        }
        Ok(library)
    }

    fn depth(&self) -> u8 {
        self.frame.depth()
    }
}

/// `platform.config` (events-and-scripting 3.3).
pub fn config(limits: &Limits) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "api_version": "2.0",
        "always_wrap_resources": true,
        "resources_wrapper": "resource",
        "login_attribute": "email",
        "max_records_returned": limits.max_records,
    })
}

/// The request for `service/resource?query`, also written `/service/...` or `[/]api/v2/service/...`
/// (events-and-scripting 3.4).
fn internal_request(call: ApiCall) -> Result<Request, Error> {
    let path = call.path.trim();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.trim_start_matches('/');
    let path = strip_prefix_ignore_case(path, "api/v2/").unwrap_or(path);
    let (service, resource) = path.split_once('/').unwrap_or((path, ""));
    if service.is_empty() {
        return Err(Error::bad_request(
            "The path of a call must begin with the name of a service, as in 'db/_table/todo'.",
        ));
    }
    let resource = decode(resource);
    if resource.split('/').any(|part| part == "..") {
        return Err(Error::bad_request("The path of a call must not contain '..'."));
    }
    let mut request = Request::new(call.verb, decode(service), resource);
    request.requestor = Requestor::Script;
    request.parameters = call.parameters;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        request.parameters.insert(decode(&name.replace('+', " ")), Value::String(decode(&value.replace('+', " "))));
    }
    request.headers = call.headers;
    request.payload = match call.payload {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        payload => payload,
    };
    Ok(request)
}

fn strip_prefix_ignore_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// `platform.session` (events-and-scripting 3.3). Private lookups are left out.
fn session_value(session: &Session, requestor: Requestor) -> Value {
    let mut value = Object::new();
    value.insert("api_key".into(), json!(session.api_key));
    value.insert("session_token".into(), json!(session.session_token));
    if let Some(user) = &session.user {
        let user = &**user;
        value.insert(
            "user".into(),
            json!({
                "id": user.id, "name": user.name, "username": user.username, "display_name": user.name,
                "first_name": user.first_name, "last_name": user.last_name, "email": user.email,
                "is_sys_admin": user.is_sys_admin, "last_login_date": user.last_login_date,
                "ldap_username": user.ldap_username,
            }),
        );
    }
    value.insert("app".into(), json!({ "id": session.app.as_ref().map(|app| app.id) }));
    if let Some(role) = &session.role {
        let services: Vec<Value> = role
            .access
            .iter()
            .map(|row| {
                json!({
                    "service": row.service, "component": row.component, "verb_mask": row.verb_mask.0,
                    "requestor_mask": row.requestor_mask, "filters": row.filters,
                    "filter_op": match row.filter_op { antiphon_model::FilterOp::And => "AND", antiphon_model::FilterOp::Or => "OR" },
                })
            })
            .collect();
        value.insert("role".into(), json!({ "id": role.id, "name": role.name, "services": services }));
    }
    let mut lookup = Object::new();
    for entry in session.lookups.iter().filter(|entry| !entry.private) {
        lookup.insert(entry.name.clone(), Value::String(entry.value.clone()));
    }
    value.insert("lookup".into(), Value::Object(lookup));
    value.insert("requestor".into(), json!(requestor.bit()));
    Value::Object(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::{Headers, Verb};

    fn request(path: &str) -> Result<Request, Error> {
        internal_request(ApiCall {
            verb: Verb::Get,
            path: path.into(),
            payload: Value::Null,
            headers: Headers::new(),
            parameters: Object::new(),
            options: Object::new(),
        })
    }

    #[test]
    fn every_spelling_of_a_path_means_the_same_call() {
        for path in ["db/_table/todo", "/db/_table/todo", "/api/v2/db/_table/todo", "api/v2/db/_table/todo"] {
            let request = request(path).unwrap();
            assert_eq!((request.service.as_str(), request.resource.as_str()), ("db", "_table/todo"), "{path}");
        }
    }

    #[test]
    fn a_query_is_decoded_and_wins_over_the_options() {
        let request = request("db/_table/todo?filter=name%20%3D%20'a%26b'&limit=2&q=a+b").unwrap();
        assert_eq!(request.parameters["filter"], "name = 'a&b'");
        assert_eq!(request.parameters["limit"], "2");
        assert_eq!(request.parameters["q"], "a b");
    }

    #[test]
    fn a_path_without_service_or_with_dots_is_refused() {
        assert_eq!(request("").unwrap_err().status, 400);
        assert_eq!(request("db/../system/user").unwrap_err().status, 400);
    }
}
