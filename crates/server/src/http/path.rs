//! What a URL's path asks for.
//!
//! `/api/{version}/{service}/{resource…}`; the version may be left out. `/rest/{service}/{resource…}` means the same.
//! Source: the reference on URL anatomy, "Paths".

use super::form_pages::FormPage;
use antiphon_model::{Error, Result};
use percent_encoding::percent_decode_str;

/// What a path asks for.
#[derive(Debug, PartialEq)]
pub enum Target {
    /// `/`.
    Welcome,
    /// `/status`.
    Status,
    /// `/setup` or `/confirm`.
    Form(FormPage),
    /// A call; both parts are empty for the list of services.
    Api {
        /// As typed.
        service: String,
        /// Below the service, without leading slash, with its trailing one.
        resource: String,
    },
    /// Anything else; holds the first segment.
    Outside(String),
}

impl Target {
    /// Reads the path of a URL, still percent-encoded. A path that can't be decoded or that could mislead a service
    /// (control characters, `..`) is a 400.
    pub fn of(path: &str) -> Result<Target> {
        let decoded = percent_decode_str(path).decode_utf8().map_err(|_| {
            Error::bad_request("The path is not UTF-8 text after percent-decoding. Encode it as UTF-8.")
        })?;
        if decoded.chars().any(char::is_control) {
            return Err(Error::bad_request("The path has a control character. Remove it."));
        }
        if decoded.split(['/', '\\']).any(|segment| segment == "..") {
            return Err(Error::bad_request("The path has a segment '..'. Address the resource by its full path."));
        }
        let (first, rest) = split(decoded.trim_start_matches('/'));
        Ok(match first {
            "" => Target::Welcome,
            "status" if rest.is_empty() => Target::Status,
            "setup" if rest.is_empty() => Target::Form(FormPage::Setup),
            "confirm" if rest.is_empty() => Target::Form(FormPage::Confirm),
            "api" => {
                let (version, below) = split(rest);
                let (service, resource) = split(if is_version(version) { below } else { rest });
                Target::Api { service: service.to_owned(), resource: resource.to_owned() }
            }
            // The address of before version 2; it has no root of its own.
            "rest" if !rest.is_empty() => {
                let (service, resource) = split(rest);
                Target::Api { service: service.to_owned(), resource: resource.to_owned() }
            }
            other => Target::Outside(other.to_owned()),
        })
    }
}

/// The first segment, and what follows its slashes.
fn split(path: &str) -> (&str, &str) {
    match path.split_once('/') {
        Some((first, rest)) => (first, rest.trim_start_matches('/')),
        None => (path, ""),
    }
}

/// `v2`, `v2.0` and the like.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|digits| {
        digits.starts_with(|first: char| first.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(service: &str, resource: &str) -> Result<Target> {
        Ok(Target::Api { service: service.into(), resource: resource.into() })
    }

    #[test]
    fn the_version_and_slashes_are_optional() {
        assert_eq!(Target::of("/api/v2/db/_table/todo"), api("db", "_table/todo"));
        assert_eq!(Target::of("/api/v2.0/db/_table/todo"), api("db", "_table/todo"));
        assert_eq!(Target::of("/api/system/environment"), api("system", "environment"));
        assert_eq!(Target::of("/api/db/"), api("db", ""));
        assert_eq!(Target::of("/api/v2/files/docs/"), api("files", "docs/"));
        assert_eq!(Target::of("/api/video/x"), api("video", "x"));
        assert_eq!(Target::of("/rest/db/_table/todo"), api("db", "_table/todo"));
        assert_eq!(Target::of("/rest"), Ok(Target::Outside("rest".into())));
        for root in ["/api", "/api/", "/api/v2", "/api/v2/"] {
            assert_eq!(Target::of(root), api("", ""), "{root}");
        }
    }

    #[test]
    fn segments_are_decoded_before_they_are_separated() {
        assert_eq!(Target::of("/api/v2/db%2F_table"), api("db", "_table"));
        assert_eq!(Target::of("/api/v2/db/_table/100%25%20%E2%98%83+"), api("db", "_table/100% ☃+"));
    }

    #[test]
    fn misleading_paths_are_refused() {
        for path in
            ["/api/v2/files/../x", "/api/v2/files/%2e%2E/x", "/api/v2/files/a%5C..%5Cb", "/api/v2/db/a%00b", "/a%FF"]
        {
            assert_eq!(Target::of(path).unwrap_err().status, 400, "{path}");
        }
        assert_eq!(Target::of("/api/v2/files/a..b/..c"), api("files", "a..b/..c"));
    }

    #[test]
    fn the_rest_is_outside() {
        assert_eq!(Target::of("/"), Ok(Target::Welcome));
        assert_eq!(Target::of("/status"), Ok(Target::Status));
        assert_eq!(Target::of("/nosuch/path"), Ok(Target::Outside("nosuch".into())));
        assert_eq!(Target::of("/apiary"), Ok(Target::Outside("apiary".into())));
    }
}
