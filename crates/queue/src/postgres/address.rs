//! Where the database is, and how it is spoken to.

use crate::{QueueError, QueueResult};
use antiphon_model::Limits;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

/// What a connection needs. Its `Debug` does not tell the password.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Address").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Address {
    /// Reads a URL such as `postgres://user:password@host:5432/database?sslmode=require`.
    ///
    /// With `sslmode` at `require`, `verify-ca` or `verify-full`, connections are encrypted, and the server's certificate is always
    /// checked, against the authorities that browsers trust or those in the file `sslrootcert`. Else they are not encrypted.
    pub(super) fn parse(url: &str, limits: &Limits) -> QueueResult<Address> {
        let (url, security) = take_security(url)?;
        // What the parser says of a URL that it can't read may hold parts of a password.
        let mut config: Config = url.as_str().parse().map_err(|_| unreadable())?;
        config.ssl_mode(if security.is_asked { SslMode::Require } else { SslMode::Disable });
        config.application_name("antiphon queue");
        config.connect_timeout(Duration::from_millis(limits.queue_timeout_ms));
        config.tcp_user_timeout(Duration::from_millis(limits.queue_timeout_ms));
        let tls = MakeRustlsConnect::new(client_config(security.authorities.as_deref())?);
        Ok(Address { config, tls })
    }
}

#[derive(Default)]
struct Security {
    is_asked: bool,
    authorities: Option<PathBuf>,
}

/// Takes out of the URL what it says of encryption, since the client library knows other words for it.
fn take_security(url: &str) -> QueueResult<(Url, Security)> {
    let mut url = Url::parse(url).map_err(|_| unreadable())?;
    let mut security = Security::default();
    let mut others = Vec::new();
    for (name, value) in url.query_pairs() {
        match &*name {
            "sslmode" => security.is_asked = is_asked(&value)?,
            "sslrootcert" => security.authorities = Some(PathBuf::from(&*value)),
            _ => others.push((name.into_owned(), value.into_owned())),
        }
    }
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    Ok((url, security))
}

fn is_asked(mode: &str) -> QueueResult<bool> {
    match mode {
        "disable" | "allow" | "prefer" => Ok(false),
        "require" | "verify-ca" | "verify-full" => Ok(true),
        _ => Err(QueueError::Refused(
            "the sslmode in the URL of PostgreSQL is one of disable, allow, prefer, require, verify-ca, verify-full"
                .to_owned(),
        )),
    }
}

fn unreadable() -> QueueError {
    QueueError::Refused(
        "the URL of PostgreSQL can't be read; it looks like postgres://user:password@host:5432/database, with %40 for @ in a password"
            .to_owned(),
    )
}

fn client_config(authorities: Option<&Path>) -> QueueResult<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match authorities {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let unusable = |error: &dyn std::fmt::Display| {
                QueueError::Refused(format!("the sslrootcert {} can't be used: {error}", file.display()))
            };
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))? {
                let certificate = certificate.map_err(|error| unusable(&error))?;
                roots.add(certificate).map_err(|error| unusable(&error))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| QueueError::Refused(format!("TLS is not available: {error}")))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_is_what_the_url_asks_for() {
        let mode = |url: &str| Address::parse(url, &Limits::default()).unwrap().config.get_ssl_mode();
        assert_eq!(mode("postgres://antiphon@db.example/jobs"), SslMode::Disable);
        assert_eq!(mode("postgresql://antiphon@db.example/jobs?sslmode=verify-full&keepalives=0"), SslMode::Require);
        assert!(Address::parse("postgres://antiphon@db.example/jobs?sslmode=perhaps", &Limits::default()).is_err());
    }

    #[test]
    fn a_password_is_told_to_nobody() {
        for url in
            ["postgres://antiphon:hush&hush@db.example/jobs", "postgres://antiphon:1?hush=2@db.example/jobs", "hush"]
        {
            let told = format!("{:?}", Address::parse(url, &Limits::default()));
            assert!(!told.contains("hush"), "{told}");
        }
    }
}
