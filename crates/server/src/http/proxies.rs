//! Clients behind proxies: whose `X-Forwarded-*` headers count, and what they say.
//!
//! Anybody can send these headers, so they count only on connections from proxies that the configuration names. Each proxy
//! appends the address that it saw; read from the end, the first that is no trusted proxy is the client.

use antiphon_model::Client;
use hyper::HeaderMap;
use hyper::header::HOST;
use std::net::{IpAddr, Ipv6Addr};

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    networks: Vec<Network>,
}

/// Addresses that begin with the same bits; IPv4 ones are kept as IPv6 ones.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Network {
    first: u128,
    bits: u32,
}

impl TrustedProxies {
    /// Believes the proxies at these addresses (`10.0.0.5`, `::1`) and in these networks (`10.0.0.0/8`, `fd00::/8`).
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse(texts: &[String]) -> Result<TrustedProxies, String> {
        let networks = texts.iter().map(|text| Network::parse(text).ok_or_else(|| text.clone()));
        Ok(TrustedProxies { networks: networks.collect::<Result<_, _>>()? })
    }

    /// Who is at the other end of a connection from `peer`.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        let is_proxied = self.trusts(peer);
        let forwarded = |name| if is_proxied { last_of(headers, name) } else { None };
        let address = if is_proxied { self.origin(peer, headers) } else { peer };
        let is_encrypted = forwarded(FORWARDED_PROTO).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        let scheme = if is_encrypted { "https" } else { "http" };
        let host = forwarded(FORWARDED_HOST).or_else(|| headers.get(HOST)?.to_str().ok());
        let host_url = host.filter(|host| is_host(host)).map(|host| format!("{scheme}://{host}"));
        Client { address: Some(address), host_url }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// The last address in the way that is no trusted proxy. What can't be read ends the way: whoever wrote it is unknown.
    fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut origin = peer;
        let fields = headers.get_all(FORWARDED_FOR).iter().rev();
        for field in fields {
            let Ok(list) = field.to_str() else { return origin };
            for entry in list.rsplit(',').map(str::trim).filter(|entry| !entry.is_empty()) {
                let Some(address) = address_of(entry) else { return origin };
                origin = address;
                if !self.trusts(origin) {
                    return origin;
                }
            }
        }
        origin
    }
}

impl Network {
    fn parse(text: &str) -> Option<Network> {
        let (address, length) = match text.trim().split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().ok()?;
        let own_bits = if address.is_ipv4() { 32 } else { Ipv6Addr::BITS };
        let length = length.unwrap_or(own_bits);
        let bits = Ipv6Addr::BITS - own_bits.checked_sub(length)?;
        Some(Network { first: number_of(address), bits })
    }

    fn contains(self, address: IpAddr) -> bool {
        let differing = self.first ^ number_of(address);
        differing.leading_zeros() >= self.bits
    }
}

fn number_of(address: IpAddr) -> u128 {
    let address = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    u128::from(address)
}

/// An address, with or without port, IPv6 with or without brackets.
fn address_of(entry: &str) -> Option<IpAddr> {
    let bracketed = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
    let address = bracketed.and_then(|address| address.parse().ok());
    let address = address.or_else(|| entry.parse().ok());
    let address = address.or_else(|| entry.rsplit_once(':')?.0.parse().ok());
    address.map(|address: IpAddr| address.to_canonical())
}

/// What the nearest proxy wrote: the last entry of the last field of that name.
fn last_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let field = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    field.rsplit(',').next().map(str::trim).filter(|entry| !entry.is_empty())
}

/// Whether a text can stand in a URL between scheme and path.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    fn proxies(texts: &[&str]) -> TrustedProxies {
        TrustedProxies::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn client(proxies: &TrustedProxies, peer: &str, headers: &[(&'static str, &str)]) -> (String, Option<String>) {
        let fields =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let client = proxies.client(peer.parse().unwrap(), &fields.collect());
        (client.address.unwrap().to_string(), client.host_url)
    }

    const HEADERS: [(&str, &str); 4] = [
        ("host", "inside:8080"),
        ("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "api.example.com"),
    ];

    #[test]
    fn nobody_is_believed_unless_named() {
        let told = ("192.0.2.1".to_owned(), Some("http://inside:8080".to_owned()));
        assert_eq!(client(&proxies(&[]), "192.0.2.1", &HEADERS), told);
        assert_eq!(client(&proxies(&["10.0.0.0/8"]), "::ffff:192.0.2.1", &HEADERS), told);
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
        let told = ("203.0.113.9".to_owned(), Some("https://api.example.com".to_owned()));
        assert_eq!(client(&proxies(&["10.0.0.0/8", "::1"]), "::1", &HEADERS), told);
        assert_eq!(client(&proxies(&["192.0.2.1", "10.0.0.7"]), "192.0.2.1", &HEADERS), told);
        let all = proxies(&["0.0.0.0/0", "::/0"]);
        assert_eq!(client(&all, "10.0.0.1", &HEADERS).0, "6.6.6.6", "the first of a way that is trusted as a whole");
    }

    #[test]
    fn what_cannot_be_read_ends_the_way() {
        let all = proxies(&["10.0.0.0/8"]);
        let address = |list| client(&all, "10.0.0.1", &[("x-forwarded-for", list)]).0;
        assert_eq!(address("203.0.113.9, unknown"), "10.0.0.1");
        assert_eq!(address("203.0.113.9, unknown, 10.0.0.7"), "10.0.0.7");
        assert_eq!(address("203.0.113.9:4711"), "203.0.113.9");
        assert_eq!(address("[2001:db8::1]:80"), "2001:db8::1");
        assert_eq!(address("2001:db8::1"), "2001:db8::1");
        assert_eq!(address(""), "10.0.0.1");
        let split = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "10.0.0.7")];
        assert_eq!(client(&all, "10.0.0.1", &split).0, "203.0.113.9");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        assert_eq!(client(&proxies(&[]), "::1", &[("host", "a/b\"<c>")]).1, None);
        assert_eq!(client(&proxies(&[]), "::1", &[]).1, None);
    }

    #[test]
    fn what_is_no_address_is_named() {
        for text in ["10.0.0.0/33", "::/129", "proxy.example.com", "10.0.0.0/x", ""] {
            assert_eq!(TrustedProxies::parse(&[text.to_owned()]).unwrap_err(), text);
        }
    }
}
