//! The HTTP edge: from a request on a socket to a call through the door, and from its answer back to the socket.
//!
//! Every answer of the edge is an envelope that the caller can read: broken requests, unknown paths and even a panic
//! behind the door. Knows no service, no script and no rule about who may do what.

mod cors;
mod credentials;
mod decode;
mod door;
mod encode;
mod form_pages;
mod forms;
mod framing;
mod listener;
mod negotiate;
mod pages;
mod path;
mod patience;
#[cfg(test)]
mod properties;
mod proxies;
mod target;
#[cfg(test)]
mod tests;
mod wishes;

pub use cors::Cors;
pub use door::Door;
pub use listener::{bind, serve};
pub use proxies::TrustedProxies;

use antiphon_gateway::{Credentials, report};
use antiphon_model::{Client, Error, Limits, Request, Result, Verb};
use bytes::Bytes;
use encode::HttpResponse;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_LENGTH, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use path::Target;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use wishes::Wishes;

/// Verbs of the API.
const API_VERBS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/// Verbs of the pages outside the API.
const PAGE_VERBS: &str = "GET, HEAD";

/// Verbs of the forms.
const FORM_VERBS: &str = "GET, HEAD, POST";

/// `: ` and the line's end of a header field.
const FIELD_OVERHEAD: usize = 4;
/// Errors after which the rest of a body is still to come, so the connection can't be used again.
const UNREAD: [u16; 3] = [408, 413, 431];

/// Answers HTTP requests through a door.
pub struct Edge {
    door: Arc<dyn Door>,
    cors: Cors,
    proxies: TrustedProxies,
    limits: Limits,
    /// Room for calls behind the door; a call keeps its place even when its client went away.
    calls: Arc<Semaphore>,
    capacity: u32,
}

impl Edge {
    /// An edge in front of this door.
    pub fn new(door: Arc<dyn Door>, cors: Cors, proxies: TrustedProxies, limits: Limits) -> Edge {
        let capacity = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        Edge { door, cors, proxies, limits, calls: Arc::new(Semaphore::new(capacity as usize)), capacity }
    }

    /// Waits until no call is behind the door.
    async fn idle(&self) {
        // Fails only on a closed semaphore, and nobody closes this one.
        let _ = self.calls.acquire_many(self.capacity).await;
    }

    /// Answers one request on a connection from that address.
    pub async fn answer(&self, peer: IpAddr, request: hyper::Request<Incoming>) -> HttpResponse {
        let started = Instant::now();
        let (parts, body) = request.into_parts();
        if parts.headers.contains_key(ORIGIN)
            && let Err(error) = self.door.catch_up()
        {
            tracing::error!(%error, "changed CORS rules are not in force yet");
        }
        let grant = self.cors.grant(&parts);
        let answer = match self.cors.preflight(&parts, grant.as_ref()) {
            Some(answer) => self.check_head(&parts).map(|()| answer),
            None => self.route(peer, &parts, body).await,
        };
        let mut response = match answer {
            Ok(response) => response,
            Err(error) => {
                let mut response = encode::encode(report(&error), &Wishes::of_head(&parts));
                if UNREAD.contains(&error.status) {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response
            }
        };
        self.cors.annotate(grant.as_ref(), cors::is_preflight(&parts), response.headers_mut());
        // The query may hold credentials and is left out.
        tracing::debug!(
            method = %parts.method,
            path = parts.uri.path(),
            status = response.status().as_u16(),
            micros = started.elapsed().as_micros() as u64,
            "answered"
        );
        response
    }

    async fn route(&self, peer: IpAddr, parts: &Parts, body: Incoming) -> Result<HttpResponse> {
        self.check_head(parts)?;
        let target = Target::of(parts.uri.path())?;
        let is_read = matches!(parts.method, Method::GET | Method::HEAD);
        Ok(match target {
            Target::Api { .. } if parts.method == Method::OPTIONS => pages::options(API_VERBS),
            Target::Api { service, resource } => match verb_of(&parts.method) {
                Some(verb) => {
                    let client = self.proxies.client(peer, &parts.headers);
                    let content = self.read(&parts.headers, body).await?;
                    self.enter(decode::decode(parts, verb, service, resource, content)?, client).await?
                }
                None => pages::not_allowed(&parts.method, API_VERBS),
            },
            Target::Form(page) if is_read || parts.method == Method::POST => self.form(page, peer, parts, body).await?,
            Target::Form(_) => pages::options_or_refusal(&parts.method, FORM_VERBS),
            _ if parts.method == Method::OPTIONS => pages::options(PAGE_VERBS),
            _ if !is_read => pages::not_allowed(&parts.method, PAGE_VERBS),
            Target::Welcome if forms::wants_page(&parts.headers) && !self.door.is_set_up()? => {
                forms::redirect("/setup")
            }
            Target::Welcome => pages::welcome(parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok())),
            Target::Status => self.status(peer, parts).await?,
            Target::Outside(first) => return Err(pages::nowhere(&first)),
        })
    }

    async fn status(&self, peer: IpAddr, parts: &Parts) -> Result<HttpResponse> {
        let request = decode::decode(parts, Verb::Get, String::new(), String::new(), Bytes::new())?;
        let client = self.proxies.client(peer, &parts.headers);
        let credentials = Credentials { client, ..credentials::credentials_of(&request) };
        let is_anonymous = credentials == Credentials { client: credentials.client.clone(), ..Credentials::default() };
        let details = if is_anonymous { None } else { self.door.status(&credentials).await? };
        Ok(pages::status(details, &Wishes::of(&request)))
    }

    /// Goes through the door on a task of its own: a call whose client went away still ends properly, and a panic ends
    /// with an answer.
    async fn enter(&self, request: Request, client: Client) -> Result<HttpResponse> {
        let place = Arc::clone(&self.calls).try_acquire_owned().map_err(|_| {
            Error::unavailable("The server is busy with as many calls as it may carry out at once. Try again.", 1)
        })?;
        let credentials = Credentials { client, ..credentials::credentials_of(&request) };
        let door = Arc::clone(&self.door);
        let call = tokio::spawn(async move {
            let answer = door.call(request, credentials).await;
            drop(place);
            answer
        });
        let answer = call.await.map_err(|failure| {
            Error::internal("The server failed to carry out this call. The reason is in its log.", failure)
        })?;
        Ok(encode::encode(answer.response, &Wishes::of(&answer.request)))
    }

    /// Refuses a head that is too large with an answer that names the limit.
    fn check_head(&self, parts: &Parts) -> Result<()> {
        let limit = self.limits.header_bytes;
        let fields = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_OVERHEAD);
        let line = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
        if line + fields.sum::<usize>() > limit {
            return Err(Error::new(
                431,
                format!("The request's URL and headers are larger than {limit} bytes (limit header_bytes). Send less."),
            ));
        }
        Ok(())
    }

    /// The whole body, within its limits of size and time.
    async fn read(&self, headers: &HeaderMap, body: Incoming) -> Result<Bytes> {
        let limit = self.limits.body_bytes;
        let too_large = || {
            Error::new(
                413,
                format!("The request body is larger than {limit} bytes (limit body_bytes). Send less at once."),
            )
        };
        // Told in advance, the client is refused before it sends anything.
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let wait = Duration::from_millis(self.limits.request_read_ms);
        match tokio::time::timeout(wait, Limited::new(body, limit).collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(error)) => {
                Err(Error::bad_request("The request body could not be read to its end.").with_cause(error))
            }
            Err(_) => Err(Error::new(
                408,
                format!("The request body did not arrive within {} ms (limit request_read_ms).", wait.as_millis()),
            )),
        }
    }
}

/// The verb of a call, before any override. `HEAD` is a `GET` whose body is not sent.
fn verb_of(method: &Method) -> Option<Verb> {
    if *method == Method::HEAD { Some(Verb::Get) } else { Verb::parse(method.as_str()) }
}
