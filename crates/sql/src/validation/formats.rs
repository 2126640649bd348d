//! The formats that validations know: addresses, numbers, patterns.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

/// Largest compiled pattern in bytes; `regex` matches in linear time, so size is all that needs a bound.
const PATTERN_BYTES: usize = 1 << 20;

/// An address as RFC 5321 delivers it: a dot-atom of at most 64 bytes, and a domain with at least two labels.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
    let local_holds = local.len() <= 64 && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom));
    local_holds && domain.contains('.') && is_host(domain)
}

/// An absolute URL with a scheme and a host, and, when asked for, a path or a query.
pub fn is_url(text: &str, with_path: bool, with_query: bool) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme_holds = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !scheme_holds || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let without_fragment = rest.split('#').next().unwrap_or(rest);
    let (location, query) = without_fragment.split_once('?').unwrap_or((without_fragment, ""));
    let (authority, path) = location.split_at(location.find('/').unwrap_or(location.len()));
    let address = authority.rsplit('@').next().unwrap_or(authority);
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (address, ""),
    };
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_holds = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_host(host),
    };
    let port_holds = port.is_empty() || port.parse::<u16>().is_ok();
    host_holds && port_holds && (!with_path || !path.is_empty()) && (!with_query || !query.is_empty())
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// A whole number: decimal, and hexadecimal `0x1f` or octal `017` where allowed.
pub fn integer(text: &str, hex: bool, octal: bool) -> Option<i128> {
    let in_radix = |digits: &str, radix| {
        let all = digits.chars().all(|digit| digit.is_digit(radix));
        all.then(|| i128::from_str_radix(digits, radix).ok()).flatten()
    };
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).filter(|_| hex) {
        return in_radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix('0').filter(|digits| octal && !digits.is_empty()) {
        return in_radix(digits, 8);
    }
    text.parse().ok()
}

/// A pattern as it is configured: base64 of a delimited one (`/^[a-z]+$/i`), or such a pattern itself, or a bare one.
pub fn pattern(configured: &str) -> Option<Regex> {
    let decoded = STANDARD.decode(configured).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let delimited_text = decoded.as_deref().and_then(delimited).or_else(|| delimited(configured));
    let source = match delimited_text {
        Some((body, "")) => body.to_owned(),
        Some((body, flags)) => format!("(?{flags}){body}"),
        None => configured.to_owned(),
    };
    regex::RegexBuilder::new(&source).size_limit(PATTERN_BYTES).build().ok()
}

/// Body and flags of `/body/flags`, with any of the usual delimiters.
fn delimited(text: &str) -> Option<(&str, &str)> {
    let delimiter = text.chars().next().filter(|c| c.is_ascii_punctuation() && !r"\^[(.".contains(*c))?;
    let end = text.rfind(delimiter).filter(|end| *end > 0)?;
    let flags = &text[end + 1..];
    flags.chars().all(|flag| "imsxu".contains(flag)).then(|| (&text[1..end], flags))
}
