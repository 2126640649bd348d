//! What a job holds: the event as it was, the script that is to run on it, and in whose name.

use crate::Frame;
use antiphon_model::{
    Client, Content, Error, Headers, Object, Request, Requestor, Response, Result, Session, Value, Verb,
};
use antiphon_script::Script;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Headers that say who asks. They are not kept: a job's identity is its own.
const CREDENTIALS: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "x-dreamfactory-session-token", "x-dreamfactory-api-key"];
/// Parameters that say the same, or are secrets of their own.
const SECRET_PARAMETERS: [&str; 4] = ["session_token", "token", "api_key", "password"];

/// What a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// A script of type `queued` on an event.
    Event,
    /// A script service that answers later.
    Service,
    /// A moment of a schedule, which is an event.
    Schedule,
}

/// What a job holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobPayload {
    /// What it is for.
    pub kind: JobKind,
    /// Full name of the event, with its type.
    pub event: String,
    /// The service that was called, as stored.
    pub service: String,
    /// `event.resource`.
    pub resource: Value,
    /// `event.limit`, of an event that no call fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Value>,
    /// The script as it was; none for the script as it is when the job runs.
    pub script: Option<SavedScript>,
    /// The request as the last script left it.
    pub request: SavedRequest,
    /// The response as the last script left it; none for events without one.
    pub response: Option<SavedResponse>,
    /// False when the process died before the response was final: then it is the one that the service gave.
    pub is_final: bool,
    /// In whose name it runs.
    pub identity: Identity,
    /// Why the queue refused the job that this one tells of; it has nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Names of the scripts above it, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<String>,
}

/// In whose name a job runs: names only, so that rights are those of the time when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// The user.
    pub user_id: Option<i64>,
    /// The app.
    pub app_id: Option<i64>,
    /// Under which address the caller reached the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_url: Option<String>,
    /// Whether a client called, or a script for one.
    #[serde(default)]
    pub from_script: bool,
}

/// A script as it was when the job was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedScript {
    /// Its stored name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its text.
    pub content: String,
    /// Its configuration.
    pub config: Value,
    /// Its version.
    pub version: u64,
}

/// A request, without what says who asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in a request")]
pub struct SavedRequest {
    pub method: String,
    pub resource: String,
    pub parameters: Object,
    pub headers: Headers,
    pub payload: Value,
    #[serde(default, skip_serializing_if = "SavedContent::is_empty")]
    pub content: SavedContent,
    pub content_type: Option<String>,
    pub uri: Option<String>,
}

/// A response.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in a response")]
pub struct SavedResponse {
    pub status_code: u16,
    pub content: SavedContent,
    pub content_type: Option<String>,
    pub headers: Headers,
}

/// A body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SavedContent {
    /// Nothing.
    #[default]
    Empty,
    /// A native value.
    Value(Value),
    /// A text.
    Text(String),
    /// Bytes, in base64.
    Bytes(String),
}

impl SavedContent {
    fn is_empty(&self) -> bool {
        *self == SavedContent::Empty
    }

    /// Bytes that most often are a text.
    fn raw(bytes: &Bytes) -> SavedContent {
        match (bytes.is_empty(), std::str::from_utf8(bytes)) {
            (true, _) => SavedContent::Empty,
            (false, Ok(text)) => SavedContent::Text(text.to_owned()),
            (false, Err(_)) => SavedContent::Bytes(STANDARD.encode(bytes)),
        }
    }

    fn into_content(self) -> Result<Content> {
        Ok(match self {
            SavedContent::Empty => Content::Empty,
            SavedContent::Value(value) => Content::Value(value),
            SavedContent::Text(text) => Content::Text(text),
            SavedContent::Bytes(encoded) => Content::Bytes(
                STANDARD
                    .decode(encoded)
                    .map_err(|error| Error::bad_request("The content of the job is no base64.").with_cause(error))?
                    .into(),
            ),
        })
    }
}

impl From<&Content> for SavedContent {
    fn from(content: &Content) -> SavedContent {
        match content {
            Content::Empty => SavedContent::Empty,
            Content::Value(value) => SavedContent::Value(value.clone()),
            Content::Text(text) => SavedContent::Text(text.clone()),
            Content::Bytes(bytes) => SavedContent::Bytes(STANDARD.encode(bytes)),
        }
    }
}

impl SavedScript {
    /// The script as it is.
    pub(crate) fn of(script: &Script) -> SavedScript {
        SavedScript {
            name: script.name.clone(),
            kind: script.kind.clone(),
            content: script.source.to_string(),
            config: script.config.clone(),
            version: script.version,
        }
    }

    /// The script as it was. What it does to the event counts for nothing any more.
    pub(crate) fn into_script(self, allow_event_modification: bool) -> Script {
        Script {
            name: self.name,
            kind: self.kind,
            source: self.content.into(),
            config: self.config,
            allow_event_modification,
            version: self.version,
        }
    }
}

fn is_secret(parameter: &str) -> bool {
    SECRET_PARAMETERS.iter().any(|secret| secret.eq_ignore_ascii_case(parameter))
}

/// The address of a request without the parameters that are secrets.
fn without_secrets(uri: &str) -> String {
    let Some((path, query)) = uri.split_once('?') else { return uri.to_owned() };
    let is_open = |pair: &&str| !is_secret(pair.split_once('=').map_or(pair, |(name, _)| name));
    let query: Vec<&str> = query.split('&').filter(is_open).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

impl SavedRequest {
    /// The request, with what scripts may see of its body in the place of the body when that is less.
    pub(crate) fn of(request: &Request, masked: Option<Value>) -> SavedRequest {
        let mut headers = request.headers.clone();
        headers.retain(|name, _| !CREDENTIALS.contains(&name.as_str()));
        let mut parameters = request.parameters.clone();
        parameters.retain(|name, _| !is_secret(name));
        let content = match masked {
            Some(_) => SavedContent::Empty,
            None => SavedContent::raw(&request.content),
        };
        SavedRequest {
            method: request.verb.as_str().to_owned(),
            resource: request.resource.clone(),
            parameters,
            headers,
            payload: masked.unwrap_or_else(|| request.payload.clone()),
            content,
            content_type: request.content_type.clone(),
            uri: request.uri.as_deref().map(without_secrets),
        }
    }

    /// The request as it was.
    ///
    /// # Errors
    /// When it was edited into something that is no request.
    pub(crate) fn into_request(self, service: &str, requestor: Requestor) -> Result<Request> {
        let verb = Verb::parse(&self.method)
            .ok_or_else(|| Error::bad_request(format!("'{}' is no method of a request.", self.method)))?;
        let content = match self.content.into_content()? {
            Content::Text(text) => text.into(),
            Content::Bytes(bytes) => bytes,
            Content::Empty | Content::Value(_) => Bytes::new(),
        };
        Ok(Request {
            parameters: self.parameters,
            headers: self.headers,
            payload: self.payload,
            content,
            content_type: self.content_type,
            uri: self.uri,
            requestor,
            ..Request::new(verb, service, self.resource)
        })
    }
}

impl SavedResponse {
    /// The response as it is.
    pub(crate) fn of(response: &Response) -> SavedResponse {
        SavedResponse {
            status_code: response.status,
            content: SavedContent::from(&response.content),
            content_type: response.content_type.clone(),
            headers: response.headers.clone(),
        }
    }

    /// The response as it was.
    ///
    /// # Errors
    /// When it was edited into something that is no response.
    pub(crate) fn into_response(self) -> Result<Response> {
        Ok(Response {
            status: self.status_code,
            content: self.content.into_content()?,
            content_type: self.content_type,
            headers: self.headers,
        })
    }
}

impl Identity {
    /// Who asks in that session.
    pub(crate) fn of(session: &Session, requestor: Requestor) -> Identity {
        Identity {
            user_id: session.user_id(),
            app_id: session.app.as_ref().map(|app| app.id),
            host_url: session.client.host_url.clone(),
            from_script: requestor == Requestor::Script,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client { address: None, host_url: self.host_url.clone() }
    }

    pub(crate) fn requestor(&self) -> Requestor {
        if self.from_script { Requestor::Script } else { Requestor::Api }
    }
}

impl JobPayload {
    /// What tells of a job that its queue refused.
    pub(super) fn refused(script: &str, event: &str, reason: &str) -> JobPayload {
        let request = Request::new(Verb::Post, "", "");
        JobPayload {
            kind: JobKind::Event,
            event: event.to_owned(),
            service: String::new(),
            resource: Value::Null,
            limit: None,
            script: None,
            request: SavedRequest::of(&request, None),
            response: None,
            is_final: true,
            identity: Identity::default(),
            refused: Some(format!("The queue refused the job of '{script}': {reason}")),
            above: Vec::new(),
        }
    }

    /// The bytes that are sealed. No token is in them, wherever the client put it.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub(crate) fn to_bytes(&self, session_token: Option<&str>) -> Result<Vec<u8>> {
        let failed = |error| Error::internal("A job can't be written down.", error);
        match session_token.filter(|token| !token.is_empty()) {
            None => serde_json::to_vec(self).map_err(failed),
            Some(token) => Ok(serde_json::to_string(self).map_err(failed)?.replace(token, "").into_bytes()),
        }
    }

    /// Reads them back.
    ///
    /// # Errors
    /// When they are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<JobPayload> {
        serde_json::from_slice(bytes).map_err(|error| Error::internal("What the job holds can't be understood.", error))
    }

    /// The scripts above it.
    pub(crate) fn frame(&self) -> Option<Arc<Frame>> {
        self.above.iter().fold(None, |above, name| Some(Frame::push(name, above.as_ref())))
    }
}
