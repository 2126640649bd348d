//! Scripts whose text is not stored with them but kept elsewhere: by another service, or in a file (events-and-scripting 6.6).

use crate::{Frame, Gateway};
use antiphon_model::{Content, Error, Request, Response, Result, Session, User, Value, Verb, json};
use antiphon_script::Script;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Where a script's text is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ScriptOrigin {
    /// Stored with the script.
    #[default]
    Stored,
    /// Kept by a service.
    Linked(Arc<Link>),
    /// In a file that can't be read; why, for the log.
    Unreadable(Arc<str>),
}

/// A script's text as another service keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Identifier of the service.
    pub service_id: i64,
    /// Path of the text in the service, or in the repository.
    pub path: String,
    /// Repository, for services of source control.
    pub repository: Option<String>,
    /// Branch or tag of the repository.
    pub reference: Option<String>,
}

/// The texts that were fetched: kept without expiry, until they are forgotten or their script is saved. As many as there are linked
/// scripts, each no larger than a script may be.
#[derive(Default)]
pub(crate) struct LinkedTexts(Mutex<HashMap<String, (Link, Arc<Script>)>>);

impl LinkedTexts {
    fn find(&self, script: &Script, link: &Link) -> Option<Arc<Script>> {
        let texts = self.0.lock();
        let (kept_link, kept) = texts.get(&script.name)?;
        (kept_link == link && kept.version == script.version).then(|| Arc::clone(kept))
    }
}

impl Gateway {
    /// The script with its text, wherever that is. Fetched with the rights of the server: an administrator linked it. Blocks.
    ///
    /// # Errors
    /// 503 when the text can't be had; the cause is for the log.
    pub(crate) fn with_text(
        self: &Arc<Self>,
        script: &Arc<Script>,
        origin: &ScriptOrigin,
        frame: Option<&Arc<Frame>>,
    ) -> Result<Arc<Script>> {
        let link = match origin {
            ScriptOrigin::Stored => return Ok(Arc::clone(script)),
            ScriptOrigin::Unreadable(reason) => return Err(unavailable(script, reason)),
            ScriptOrigin::Linked(link) => link,
        };
        if let Some(found) = self.linked_texts().find(script, link) {
            return Ok(found);
        }
        let source = self.fetch(link, frame).map_err(|reason| unavailable(script, &reason))?;
        let fetched = Arc::new(Script { source, ..Script::clone(script) });
        let kept = (Link::clone(link), Arc::clone(&fetched));
        self.linked_texts().0.lock().insert(script.name.clone(), kept);
        Ok(fetched)
    }

    /// Forgets the fetched text of that script, in any case, or of all; the next run fetches it anew.
    pub fn forget_linked(&self, name: Option<&str>) {
        self.linked_texts().0.lock().retain(|kept, _| name.is_some_and(|name| !kept.eq_ignore_ascii_case(name)));
    }

    fn fetch(self: &Arc<Self>, link: &Link, frame: Option<&Arc<Frame>>) -> Result<Arc<str>, String> {
        let service = self.registry().list().into_iter().find(|entry| entry.id == link.service_id);
        let service = service.ok_or_else(|| format!("there is no service {}", link.service_id))?;
        let response =
            self.nested(request(link, &service.name), &Arc::new(server_session()), frame, &Handle::current());
        let text = text_of(response)?;
        let largest = self.limits().script_source_bytes;
        match text.len() > largest {
            true => Err(format!("the text is larger than {largest} bytes")),
            false => Ok(text.into()),
        }
    }
}

fn unavailable(script: &Script, reason: &str) -> Error {
    let message = format!("The text of script '{}' can't be read now.", script.name);
    Error::unavailable(message, 60).with_cause(reason)
}

fn request(link: &Link, service: &str) -> Request {
    let parameters = match &link.repository {
        None => vec![("include_properties", json!("1"))],
        Some(_) => vec![("path", json!(link.path)), ("branch", json!(link.reference))],
    };
    let resource = match &link.repository {
        None => link.path.clone(),
        Some(repository) => format!("_repo/{repository}"),
    };
    let mut request = Request::new(Verb::Get, service, resource);
    let parameters = parameters.into_iter().chain([("content", json!("1"))]).filter(|(_, value)| !value.is_null());
    request.parameters.extend(parameters.map(|(name, value)| (name.to_owned(), value)));
    request.verbatim = true;
    request
}

fn server_session() -> Session {
    let server = User { name: "the server".to_owned(), is_sys_admin: true, ..User::default() };
    Session { user: Some(Arc::new(server)), ..Session::default() }
}

/// The text that a service answers with: as it is, or in base64 as the `content` of a file's properties.
fn text_of(response: Response) -> Result<String, String> {
    let status = response.status;
    if !(200..300).contains(&status) {
        let message = response.content.to_value();
        let message = message["error"]["message"].as_str().unwrap_or_default().to_owned();
        return Err(format!("its service answered with status {status}: {message}"));
    }
    let utf8 =
        |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| "what its service has is no text in UTF-8".to_owned());
    match response.content {
        Content::Text(text) => Ok(text),
        Content::Bytes(bytes) => utf8(bytes.to_vec()),
        Content::Value(Value::String(text)) => Ok(text),
        Content::Value(properties) => {
            let content = properties["content"].as_str().ok_or("its service answered without content")?;
            utf8(
                STANDARD
                    .decode(content)
                    .map_err(|_| "its service answered with content that is no base64".to_owned())?,
            )
        }
        Content::Empty => Ok(String::new()),
    }
}
