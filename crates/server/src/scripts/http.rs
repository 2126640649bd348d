//! The API of a running server.

use super::api::{Api, Reply};
use antiphon_model::{Value, Verb, json};
use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use std::time::Duration;

/// Longest that one call may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Largest answer that is read, in bytes.
const LARGEST: usize = 256 << 20;

/// A server, and who asks it.
pub struct Http {
    client: Client,
    base: String,
    credentials: HeaderMap,
}

impl Http {
    /// A client of that server, with the credentials of the environment, logged in where an address is given.
    ///
    /// # Errors
    /// When the address can't be used, credentials are missing, or the server refuses them.
    pub async fn log_in(server: &str, email: Option<&str>) -> Result<Http, String> {
        let server = server.trim_end_matches('/');
        let server = server.strip_suffix("/api/v2").unwrap_or(server);
        if !["http://", "https://"].iter().any(|scheme| server.starts_with(scheme)) {
            return Err(format!("'{server}' is no address of a server; write http://HOST:PORT or https://HOST."));
        }
        let mut http = Http { client: client()?, base: format!("{server}/api/v2"), credentials: HeaderMap::new() };
        if let Some(key) = secret("ANTIPHON_API_KEY") {
            http.give("x-dreamfactory-api-key", &key)?;
        }
        if let Some(token) = secret("ANTIPHON_SESSION_TOKEN") {
            http.give("x-dreamfactory-session-token", &token)?;
        } else if let Some(email) = email {
            let password = secret("ANTIPHON_PASSWORD").ok_or("Put the password for --email into ANTIPHON_PASSWORD.")?;
            let token = http.token(email, &password).await?;
            http.give("x-dreamfactory-session-token", &token)?;
        } else if http.credentials.is_empty() {
            return Err("Say who asks: put a session token into ANTIPHON_SESSION_TOKEN, or give --email and put the password into \
                        ANTIPHON_PASSWORD."
                .to_owned());
        }
        Ok(http)
    }

    /// The session token of an administrator, or of a user.
    async fn token(&self, email: &str, password: &str) -> Result<String, String> {
        let person = json!({ "email": email, "password": password });
        let mut reply = self.call(Verb::Post, "system/admin/session", person.clone()).await?;
        if reply.status == 401 {
            reply = self.call(Verb::Post, "user/session", person).await?;
        }
        let token = reply.content["session_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| {
            let message = reply.content["error"]["message"].as_str().unwrap_or("no reason given");
            format!("The server did not let '{email}' in (status {}): {message}", reply.status)
        })
    }

    fn give(&mut self, name: &'static str, value: &str) -> Result<(), String> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| "A key or token of the environment has characters that no header can have.".to_owned())?;
        value.set_sensitive(true);
        self.credentials.insert(HeaderName::from_static(name), value);
        Ok(())
    }
}

#[async_trait]
impl Api for Http {
    async fn call(&self, verb: Verb, path: &str, payload: Value) -> Result<Reply, String> {
        let unreachable = |error: reqwest::Error| format!("{} can't be reached: {}.", self.base, innermost(&error));
        let method = Method::from_bytes(verb.as_str().as_bytes()).map_err(|error| error.to_string())?;
        let mut request =
            self.client.request(method, format!("{}/{path}", self.base)).headers(self.credentials.clone());
        if !payload.is_null() {
            request = request.header(CONTENT_TYPE, "application/json").body(payload.to_string());
        }
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&part);
            if body.len() > LARGEST {
                return Err(format!("The answer to {verb} {path} is larger than {LARGEST} bytes."));
            }
        }
        let content = match serde_json::from_slice(&body) {
            Ok(content) => content,
            Err(_) => Value::String(String::from_utf8_lossy(&body).into_owned()),
        };
        Ok(Reply { status, content })
    }
}

fn client() -> Result<Client, String> {
    // A second installation in one process is no reason to fail: the first is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(PATIENCE)
        // Credentials must not follow a redirect to wherever it points.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| format!("No HTTP client can be made: {error}."))
}

fn secret(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The reason behind the reasons: "connection refused", not "error sending request".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
