//! One connection to one server, at an address that was checked.

use crate::address::is_public;
use crate::error::Failure;
use crate::hosts::Hosts;
use rustls::pki_types::ServerName;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// Bytes in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Which servers may be called.
pub(crate) struct Rules<'a> {
    /// What the server's settings allow beyond public addresses.
    pub(crate) allowed: &'a Hosts,
    /// The only hosts that the script's configuration lets it call.
    pub(crate) named: Option<&'a Hosts>,
}

/// Host and port of an address, for messages.
pub(crate) fn name_of(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// Looks the server up, checks every address that it has, and connects to one of those.
pub(crate) async fn connect(
    url: &Url,
    rules: &Rules<'_>,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Box<dyn Stream>, Failure> {
    let server = name_of(url);
    let addresses = addresses(url, rules).await?;
    let mut tcp = Err(Failure::Broken(format!("The server '{server}' can't be reached.")));
    for address in addresses {
        tcp = TcpStream::connect(address)
            .await
            .map_err(|error| Failure::Broken(format!("The server '{server}' can't be reached: {}.", error.kind())));
        if tcp.is_ok() {
            break;
        }
    }
    let tcp = tcp?;
    let _ = tcp.set_nodelay(true);
    if url.scheme() == "http" {
        return Ok(Box::new(tcp));
    }
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host)
        .map_err(|_| Failure::Invalid(format!("The name of the server '{server}' can't be used.")))?;
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await;
    let stream = stream.map_err(|error| {
        Failure::Broken(format!("No secure connection to the server '{server}' could be made: {error}."))
    })?;
    Ok(Box::new(stream))
}

/// The addresses of the server; all of them must be allowed.
async fn addresses(url: &Url, rules: &Rules<'_>) -> Result<Vec<SocketAddr>, Failure> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Failure::Refused("Only http and https addresses can be called.".to_owned()));
    }
    let server = name_of(url);
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Err(Failure::Invalid("The address of the call names no server.".to_owned()));
    };
    let found: Vec<SocketAddr> = match host {
        Host::Ipv4(address) => vec![(address, port).into()],
        Host::Ipv6(address) => vec![(address, port).into()],
        Host::Domain(name) => {
            check_named(name, None, rules)?;
            let found = lookup_host((name, port)).await;
            found.map_err(|_| Failure::Broken(format!("The server '{server}' is not known.")))?.collect()
        }
    };
    let name = host_name(url);
    for address in &found {
        check(&name, address.ip(), port, rules)?;
    }
    Ok(found)
}

/// The host as lists name it.
fn host_name(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn check_named(name: &str, address: Option<IpAddr>, rules: &Rules<'_>) -> Result<(), Failure> {
    match rules.named {
        Some(named) if !named.has(name.trim_end_matches('.'), address) => {
            Err(Failure::Refused(format!("The script's configuration does not name the host '{name}' in 'hosts'.")))
        }
        _ => Ok(()),
    }
}

fn check(name: &str, address: IpAddr, port: u16, rules: &Rules<'_>) -> Result<(), Failure> {
    check_named(name, name.parse().ok(), rules)?;
    if rules.named.is_some() && rules.allowed.has(name, Some(address)) {
        return Ok(());
    }
    if !is_public(address) {
        return Err(Failure::Refused(format!(
            "The host '{name}' has a private or reserved address. Scripts may call it when 'outbound.allow' of the server's settings \
             and 'hosts' of the script's configuration name it."
        )));
    }
    // Below 1024 live services that were never meant to understand HTTP, and some that can be made to.
    match port {
        80 | 443 | 1024.. => Ok(()),
        _ => Err(Failure::Refused(format!("Port {port} is none of HTTP: use 80, 443, or one above 1023."))),
    }
}
