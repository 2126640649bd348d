//! The client: one call with its redirects.

use crate::answer;
use crate::connection::{Rules, connect, name_of};
use crate::error::Failure;
use crate::hosts::Hosts;
use crate::request::{Answer, Bounds, Call, Guard, Prepared};
use antiphon_model::{Error, Limits, OutboundSettings};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION, USER_AGENT,
};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;

/// Most header fields of an answer.
const HEADERS: usize = 100;
/// The least that the reader of answers takes for a header block.
const LEAST_BUFFER: usize = 8 << 10;

/// Makes calls to other servers. One for the process.
pub struct Client {
    allowed: Hosts,
    tls: Arc<ClientConfig>,
    places: Semaphore,
    bounds: Bounds,
    response_bytes: usize,
    header_bytes: usize,
}

impl Client {
    /// A client with these settings.
    ///
    /// # Errors
    /// When the settings name something that is no host, or a file of authorities that can't be read.
    pub fn new(settings: &OutboundSettings, limits: &Limits) -> Result<Client, Error> {
        let allowed = Hosts::parse(settings.allow.iter().map(String::as_str))
            .map_err(|error| Error::bad_request(format!("The setting 'outbound.allow' can't be used: {error}.")))?;
        Ok(Client {
            allowed,
            tls: Arc::new(tls(settings)?),
            places: Semaphore::new(limits.outbound_concurrency),
            bounds: Bounds {
                connect: Duration::from_millis(limits.outbound_connect_ms),
                total: Duration::from_millis(limits.outbound_total_ms),
                redirects: limits.outbound_redirects,
                request_bytes: limits.outbound_request_bytes,
            },
            response_bytes: limits.outbound_response_bytes,
            header_bytes: limits.outbound_header_bytes,
        })
    }

    /// Makes one call and follows its redirects. Any status is an answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(&self, call: Call, guard: &Guard<'_>) -> Result<Answer, Failure> {
        let prepared = Prepared::new(call, guard, &self.bounds)?;
        let _place = self.places.try_acquire().map_err(|_| Failure::Busy)?;
        let (server, total) = (name_of(&prepared.url), prepared.total);
        timeout(total, self.follow(prepared)).await.unwrap_or(Err(Failure::Late(server)))
    }

    async fn follow(&self, mut call: Prepared) -> Result<Answer, Failure> {
        let mut left = call.follow;
        loop {
            let exchange = self.send(&call).await?;
            let server = name_of(&call.url);
            match redirected(&call.url, &exchange.response) {
                Some(next) if left > 0 => {
                    left -= 1;
                    redirect(&mut call, next, exchange.response.status());
                }
                Some(_) if call.follow > 0 => {
                    return Err(Failure::Broken(format!("The call was redirected too often, at last by '{server}'.")));
                }
                _ => {
                    let mut answer = answer::read(exchange.response, &server, self.response_bytes).await?;
                    answer.notes = call.notes;
                    return Ok(answer);
                }
            }
        }
    }

    async fn send(&self, call: &Prepared) -> Result<Exchange, Failure> {
        let server = name_of(&call.url);
        let rules = Rules { allowed: &self.allowed, named: call.hosts.as_ref() };
        let stream = timeout(call.connect, connect(&call.url, &rules, &self.tls)).await;
        let stream = stream.unwrap_or_else(|_| Err(Failure::Late(server.clone())))?;
        let broken = |_| Failure::Broken(format!("The server '{server}' gave no answer in HTTP within the limits."));
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(self.header_bytes.max(LEAST_BUFFER))
            .max_headers(HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        let connection = Connection(connection);
        let response = sender.send_request(request(call)?).await.map_err(broken)?;
        Ok(Exchange { response, _connection: connection })
    }
}

/// An answer on its way.
struct Exchange {
    response: Response<Incoming>,
    _connection: Connection,
}

/// Closes the connection when the call is over, in whatever way.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn tls(settings: &OutboundSettings) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = &settings.ca_file {
        let unusable = |cause: String| {
            Error::internal("The file that 'outbound.ca_file' names holds no certificates that can be used.", cause)
        };
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("Secure connections can't be set up.", error))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn request(call: &Prepared) -> Result<Request<Full<Bytes>>, Failure> {
    let unusable = |_| Failure::Invalid("The address of the call can't be sent.".to_owned());
    let target = &call.url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &call.url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request =
        Request::builder().method(&call.method).uri(target).body(Full::new(call.body.clone())).map_err(unusable)?;
    *request.headers_mut() = call.headers.clone();
    let host =
        HeaderValue::from_str(host).map_err(|_| Failure::Invalid("The host of the call can't be sent.".to_owned()))?;
    request.headers_mut().insert(HOST, host);
    Ok(request)
}

/// Where an answer sends the call.
fn redirected(from: &Url, response: &Response<Incoming>) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    from.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// Turns the call to its next address, as browsers do: 303 asks with GET, and so do 301 and 302 after POST; credentials stay with the
/// server that they were meant for.
fn redirect(call: &mut Prepared, mut next: Url, status: StatusCode) {
    let asks = match status {
        StatusCode::SEE_OTHER => call.method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => call.method == Method::POST,
        _ => false,
    };
    if asks {
        call.method = Method::GET;
        call.body = Bytes::new();
        call.headers.remove(CONTENT_TYPE);
    }
    if next.origin() != call.url.origin() {
        forget_credentials(&mut call.headers);
    }
    let _ = next.set_username("");
    let _ = next.set_password(None);
    next.set_fragment(None);
    call.url = next;
}

/// Which of the headers are secret can't be known; those that say nothing about the caller stay.
fn forget_credentials(headers: &mut HeaderMap) {
    let kept = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT];
    let kept = kept.into_iter().filter_map(|name| headers.remove(&name).map(|value| (name, value)));
    *headers = kept.collect();
}
