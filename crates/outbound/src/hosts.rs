//! Lists of hosts and networks.

use std::net::IpAddr;

/// What a list of hosts and networks names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
enum Entry {
    Name(String),
    /// `*.example.com`: every name that ends in `.example.com`.
    Below(String),
    Network(IpAddr, u8),
}

impl Hosts {
    /// # Errors
    /// Names the entry that is neither a host nor a network.
    pub(crate) fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Hosts, String> {
        let entries: Result<_, String> = texts.into_iter().map(|text| entry(text.trim())).collect();
        Ok(Hosts { entries: entries? })
    }

    /// Whether a host is named, by its name or as an address.
    pub(crate) fn has(&self, host: &str, address: Option<IpAddr>) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Name(name) => name == host,
            Entry::Below(suffix) => host.strip_suffix(suffix.as_str()).is_some_and(|rest| !rest.is_empty()),
            Entry::Network(network, bits) => address.is_some_and(|address| is_in(address, *network, *bits)),
        })
    }
}

fn entry(text: &str) -> Result<Entry, String> {
    let wrong =
        || format!("'{text}' is neither a host nor a network; write 'api.example.com', '*.example.com', '10.1.0.0/16'");
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let (address, bits) = bare.split_once('/').map_or((bare, None), |(address, bits)| (address, Some(bits)));
    if let Ok(address) = address.parse::<IpAddr>() {
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse::<u8>().map_err(|_| wrong()))?;
        return if bits <= most { Ok(Entry::Network(address, bits)) } else { Err(wrong()) };
    }
    let name = text.to_ascii_lowercase();
    let (stem, below) = name.strip_prefix('*').map_or((name.as_str(), false), |rest| (rest, true));
    let is_host = !stem.is_empty() && stem.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    match (is_host, below) {
        (true, false) => Ok(Entry::Name(name)),
        (true, true) if stem.starts_with('.') && stem.len() > 1 => Ok(Entry::Below(stem.to_owned())),
        _ => Err(wrong()),
    }
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let ((address, family), (network, other)) = (number(address.to_canonical()), number(network.to_canonical()));
    family == other && (bits == 0 || (address ^ network) >> (128 - u32::from(bits)) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_name_hosts_and_networks() {
        let hosts =
            Hosts::parse(["API.example.com", "*.inner.example.com", "10.1.0.0/16", "127.0.0.1", "fd00::/8"]).unwrap();
        let has = |host: &str| hosts.has(host, host.parse().ok());
        for host in ["api.example.com", "a.inner.example.com", "10.1.255.1", "127.0.0.1", "fd12::1", "::ffff:10.1.0.1"]
        {
            assert!(has(host), "{host}");
        }
        for host in ["example.com", "xapi.example.com", "inner.example.com", "10.2.0.1", "127.0.0.2", "fe80::1"] {
            assert!(!has(host), "{host}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["", "*", "*x.com", "10.0.0.0/33", "10.0.0.0/x", "http://a", "a b"] {
            assert!(Hosts::parse([text]).is_err(), "{text}");
        }
    }
}
