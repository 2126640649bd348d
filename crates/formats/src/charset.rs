//! Texts in other character sets than UTF-8: what a `charset` parameter, a byte order mark or an XML declaration says.

use antiphon_model::{Error, Result};
use encoding_rs::{Encoding, UTF_8};
use std::borrow::Cow;

/// How far into an XML document its declaration may reach.
const DECLARATION: usize = 128;

/// The bytes of a text as UTF-8. Bytes that are said to be UTF-8, or of which nothing is said, come back as they are; their
/// reader says what is wrong with them.
///
/// # Errors
/// 400 for a character set that is not known, and for bytes that are not text in it.
pub fn to_utf8<'b>(media_type: &str, body: &'b [u8]) -> Result<Cow<'b, [u8]>> {
    let (encoding, marked) = match Encoding::for_bom(body) {
        Some((encoding, length)) => (encoding, length),
        None => (named(media_type, body)?, 0),
    };
    if encoding == UTF_8 {
        return Ok(Cow::Borrowed(&body[marked..]));
    }
    match encoding.decode_without_bom_handling_and_without_replacement(&body[marked..]) {
        Some(text) => Ok(Cow::Owned(text.into_owned().into_bytes())),
        None => Err(Error::bad_request(format!(
            "The request body is not text in the character set {}. Send UTF-8, or name the right one in Content-Type.",
            encoding.name()
        ))),
    }
}

fn named(media_type: &str, body: &[u8]) -> Result<&'static Encoding> {
    let Some(label) = parameter(media_type, "charset").or_else(|| declared(body)) else { return Ok(UTF_8) };
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Error::bad_request(format!("The character set '{label}' is not known. Send the request body as UTF-8."))
    })
}

/// What an XML declaration says of its document.
fn declared(body: &[u8]) -> Option<&str> {
    let start = &body[..body.len().min(DECLARATION)];
    let ascii = start.iter().position(|byte| !byte.is_ascii()).unwrap_or(start.len());
    let declaration = std::str::from_utf8(&start[..ascii]).ok()?.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    value[1..].split_once(quote).map(|(label, _)| label)
}

/// The value of a media type's parameter, without its quotes.
pub(crate) fn parameter<'m>(media_type: &'m str, name: &str) -> Option<&'m str> {
    media_type.split(';').skip(1).find_map(|parameter| {
        let (found, value) = parameter.split_once('=')?;
        let value = value.trim();
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        found.trim().eq_ignore_ascii_case(name).then_some(unquoted).filter(|value| !value.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(media_type: &str, body: &[u8]) -> String {
        String::from_utf8(to_utf8(media_type, body).unwrap().into_owned()).unwrap()
    }

    #[test]
    fn the_parameter_the_mark_and_the_declaration_are_heard() {
        assert_eq!(text("text/csv; charset=windows-1252", b"caf\xE9 \x80"), "café €");
        assert_eq!(text("text/csv; Charset=\"ISO-8859-1\"", b"\xFC"), "ü");
        assert_eq!(text("text/csv", b"\xFF\xFEa\0,\0\xFC\0"), "a,ü");
        assert_eq!(text("application/json; charset=utf-8", "\u{feff}[1]".as_bytes()), "[1]");
        let xml = b"<?xml version=\"1.0\" encoding='latin1'?><a>\xE9</a>";
        assert!(text("text/xml", xml).ends_with("<a>é</a>"));
        assert_eq!(text("text/xml", "<?xml version=\"1.0\"?><é/>".as_bytes()), "<?xml version=\"1.0\"?><é/>");
    }

    #[test]
    fn what_is_unknown_or_broken_is_refused() {
        assert!(to_utf8("text/csv; charset=klingon", b"a").unwrap_err().message.contains("'klingon'"));
        assert!(to_utf8("text/csv; charset=shift_jis", b"\x81").unwrap_err().message.contains("Shift_JIS"));
    }
}
