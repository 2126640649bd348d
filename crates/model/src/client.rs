//! Where a call comes from, as the server sees it.

use std::net::IpAddr;

/// The other end of a call, and the way it came. Empty for calls that the server makes by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Its address. Behind a proxy it is what the proxy says, if the configuration trusts that proxy, else the proxy's own.
    pub address: Option<IpAddr>,
    /// Scheme, host and port under which it reached the server, such as `https://api.example.com`. It is what the client says,
    /// so it must not decide who may do what.
    pub host_url: Option<String>,
}
