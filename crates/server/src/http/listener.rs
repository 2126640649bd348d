//! Accepting connections, and letting calls in flight finish at the end.

use super::Edge;
use super::patience::Patience;
use super::target::TargetEncoder;
use antiphon_model::Limits;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::Future;
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clients that may wait to be accepted. The usual 128 are reached by a burst, and whoever comes then waits for a whole second.
const BACKLOG: u32 = 4096;
/// Pause after a failed accept (out of descriptors, usually), so that the loop does not burn a core meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Smallest buffer that the HTTP library allows.
const SMALLEST_BUFFER: usize = 8192;
/// How many times the limit a head may be for the edge to explain its refusal.
const HEAD_SLACK: usize = 4;

/// Listens on `host:port`: the first address of that host that can be listened on.
///
/// # Errors
/// The system's, for the last of its addresses.
pub async fn bind(address: &str) -> std::io::Result<TcpListener> {
    let mut outcome = Err(Error::from(ErrorKind::AddrNotAvailable));
    for address in lookup_host(address).await? {
        outcome = listen(address);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for connections of before to time out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until `stop` is ready, then waits for the calls in flight, at most `limits.shutdown_ms`. Returns
/// whether all of them finished.
pub async fn serve(listener: TcpListener, edge: Arc<Edge>, limits: &Limits, stop: impl Future<Output = ()>) -> bool {
    let connections = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let http = http_of(limits);
    tokio::pin!(stop);
    loop {
        let next = async {
            let permit = Arc::clone(&connections).acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        tokio::select! {
            () = &mut stop => break,
            (permit, accepted) = next => match (permit, accepted) {
                (Some(permit), Ok((stream, peer))) => start(&http, (stream, peer.ip()), permit, &edge, &graceful),
                (_, Err(error)) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                (None, Ok(_)) => break,
            },
        }
    }
    drop(listener);
    let finish = async {
        graceful.shutdown().await;
        edge.idle().await;
    };
    tokio::time::timeout(Duration::from_millis(limits.shutdown_ms), finish).await.is_ok()
}

fn http_of(limits: &Limits) -> http1::Builder {
    // The edge refuses heads beyond the limit with an explanation; the library, without one, those far beyond it.
    let heads = limits.header_bytes.saturating_mul(HEAD_SLACK);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.request_read_ms))
        .max_buf_size(heads.max(SMALLEST_BUFFER))
        .max_header_size(heads);
    http
}

fn start(
    http: &http1::Builder,
    (stream, peer): (TcpStream, IpAddr),
    permit: OwnedSemaphorePermit,
    edge: &Arc<Edge>,
    graceful: &GracefulShutdown,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection could not be set to send at once");
    }
    let stream = TargetEncoder::new(stream, edge.limits.header_bytes);
    let stream = Patience::new(stream, Duration::from_millis(edge.limits.response_stall_ms));
    let edge = Arc::clone(edge);
    let service = service_fn(move |request| {
        let edge = Arc::clone(&edge);
        async move { Ok::<_, Infallible>(edge.answer(peer, request).await) }
    });
    let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_is_listened_on_by_name_and_a_refusal_says_why() {
        let listener = bind("localhost:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        TcpStream::connect(address).await.unwrap();
        assert_eq!(bind(&address.to_string()).await.unwrap_err().kind(), ErrorKind::AddrInUse);
        assert!(bind("no such host").await.is_err());
    }
}
