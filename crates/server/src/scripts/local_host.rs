//! What a script that is run from a file reaches of the world.

use super::api::Api;
use antiphon_model::{Headers, Limits, Object, Value, Verb, json};
use antiphon_script::{ApiCall, ApiResponse, Host, Library};
use antiphon_services::script_files::{Section, read_folder};
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::PathBuf;
use tokio::runtime::Handle;

/// Where the answers to `platform.api` come from.
pub enum Answers {
    /// Nowhere: calls say so.
    Refused,
    /// From a file. Of several that fit a call the first is taken, and of those that fit the same call each once, the last for ever.
    Recorded(Mutex<Vec<Recorded>>),
    /// From a server, for real.
    Server(Box<dyn Api>),
}

/// An answer in a file.
pub struct Recorded {
    verb: Verb,
    path: String,
    response: ApiResponse,
}

/// The world of a script in a file.
pub struct LocalHost {
    pub answers: Answers,
    pub session: Value,
    pub lookups: Object,
    pub config: Value,
    /// The folder that `libraries` is in.
    pub libraries: PathBuf,
    pub limits: Limits,
    pub runtime: Handle,
}

impl Answers {
    /// The answers in a file.
    ///
    /// # Errors
    /// When it is no list of them.
    pub fn recorded(file: Value) -> Result<Answers, String> {
        let Value::Array(items) = file else { return Err("Recorded answers are a JSON list.".to_owned()) };
        let read = |item: &Value| {
            let verb = item.get("verb").and_then(Value::as_str).unwrap_or("GET");
            let verb = Verb::parse(verb).ok_or_else(|| format!("'{verb}' is no verb of recorded answers."))?;
            let path = item.get("path").and_then(Value::as_str).ok_or("A recorded answer has a member 'path'.")?;
            let status = item.get("status_code").and_then(Value::as_u64).unwrap_or(200);
            let response = ApiResponse {
                status_code: u16::try_from(status).map_err(|_| format!("{status} is no status of an answer."))?,
                content: item.get("content").cloned().unwrap_or_default(),
                content_type: item.get("content_type").and_then(Value::as_str).map(str::to_owned),
                headers: Headers::new(),
            };
            Ok(Recorded { verb, path: plain(path).to_owned(), response })
        };
        items.iter().map(read).collect::<Result<_, String>>().map(|recorded| Answers::Recorded(Mutex::new(recorded)))
    }

    /// The answers of a server.
    pub fn from_server(api: Box<dyn Api>) -> Answers {
        Answers::Server(api)
    }
}

impl Host for LocalHost {
    fn call(&self, call: ApiCall) -> ApiResponse {
        let path = plain(&call.path);
        match &self.answers {
            Answers::Refused => {
                refused(501, "platform.api has nobody to ask: run with --api FILE, --server URL or --data DIR.")
            }
            Answers::Recorded(answers) => {
                let mut answers = answers.lock();
                let fits = |recorded: &Recorded| recorded.verb == call.verb && recorded.path == path;
                let Some(first) = answers.iter().position(fits) else {
                    return refused(501, &format!("There is no recorded answer to {} {path}.", call.verb));
                };
                match answers.iter().filter(|recorded| fits(recorded)).count() {
                    1 => answers[first].response.clone(),
                    _ => answers.remove(first).response,
                }
            }
            Answers::Server(api) => {
                let path = with_parameters(path, &call.parameters);
                match self.runtime.block_on(api.call(call.verb, &path, call.payload)) {
                    Ok(reply) => ApiResponse {
                        status_code: reply.status,
                        content: reply.content,
                        content_type: None,
                        headers: Headers::new(),
                    },
                    Err(reason) => refused(503, &reason),
                }
            }
        }
    }

    fn session(&self) -> Value {
        self.session.clone()
    }

    fn config(&self) -> Value {
        self.config.clone()
    }

    fn lookup(&self, name: &str) -> Option<String> {
        self.lookups.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    fn library(&self, name: &str, kind: &str) -> Result<Library, String> {
        let scripts =
            read_folder(&self.libraries, Section::Libraries, &self.limits).map_err(|error| error.to_string())?;
        let (plain, _pin) = name.split_once('@').unwrap_or((name, ""));
        let found = scripts
            .into_iter()
            .flatten()
            .find(|script| script.name.eq_ignore_ascii_case(plain) && grammar(&script.kind) == grammar(kind));
        let folder = self.libraries.join(Section::Libraries.folder());
        let found = found.ok_or_else(|| {
            format!("There is no library '{name}' for scripts of type '{kind}' in '{}'.", folder.display())
        })?;
        Ok(Library { name: found.name, version: None, kind: found.kind, source: found.content.into() })
    }
}

/// Types whose scripts share libraries.
fn grammar(kind: &str) -> &str {
    match kind {
        "v8js" | "typescript" | "nodejs" => "javascript",
        "python" => "python3",
        other => other,
    }
}

/// A path without the spellings that make no difference.
fn plain(path: &str) -> &str {
    let path = path.trim().trim_start_matches('/');
    path.strip_prefix("api/v2/").unwrap_or(path)
}

fn with_parameters(path: &str, parameters: &Object) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut path = path.to_owned();
    for (name, value) in parameters {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&format!("{}={}", encode(name), encode(&value)));
    }
    path
}

fn refused(status: u16, message: &str) -> ApiResponse {
    ApiResponse {
        status_code: status,
        content: json!({ "error": { "code": status, "context": null, "message": message, "status_code": status } }),
        content_type: None,
        headers: Headers::new(),
    }
}
