//! Multipart forms (RFC 7578): fields, which are read like those of any form, and files, which stay as they are.

use crate::charset::parameter;
use crate::form::Fields;
use antiphon_model::{Error, Object, Result, Upload};
use bytes::Bytes;
use memchr::memmem;
use percent_encoding::percent_decode_str;

/// Most parts of one form.
pub const PARTS: usize = 1000;
/// Longest block of header fields of one part, in bytes.
pub const PART_HEAD: usize = 8 << 10;
/// Longest boundary (RFC 2046, 5.1.1).
const BOUNDARY: usize = 70;

/// Reads the form whose boundary the media type names. Files share the memory of the body.
///
/// # Errors
/// 400 for a form that is not whole, has too many parts, or a field that is not text.
pub fn decode(media_type: &str, body: &Bytes) -> Result<(Object, Vec<Upload>)> {
    let boundary = parameter(media_type, "boundary").filter(|boundary| boundary.len() <= BOUNDARY);
    let boundary = boundary.ok_or_else(|| unreadable("its Content-Type names no boundary"))?;
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    let mut fields = Fields::default();
    let mut uploads = Vec::new();
    // The first delimiter may stand at the very start, where no line ends before it.
    let mut at = match body.starts_with(&delimiter.as_bytes()[2..]) {
        true => delimiter.len() - 2,
        false => finder.find(body).ok_or_else(|| unreadable("its boundary is not there"))? + delimiter.len(),
    };
    for _ in 0..=PARTS {
        let rest = &body[at..];
        if rest.starts_with(b"--") {
            return Ok((fields.finish(), uploads));
        }
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        at += padding;
        // The line's end of the delimiter is that of the head's first line, too, so that a part may have no head.
        let head = memmem::find(&body[at..body.len().min(at + PART_HEAD)], b"\r\n\r\n")
            .ok_or_else(|| unreadable("the head of a part is not whole or too long"))?;
        let start = at + head + 4;
        // A part without content ends where its head does.
        let from = start - 2;
        let length = finder.find(&body[from..]).ok_or_else(|| unreadable("a part is not closed"))?;
        let content = body.slice(start.min(from + length)..from + length);
        take(&body[at..at + head], content, &mut fields, &mut uploads)?;
        at = from + length + delimiter.len();
    }
    Err(unreadable(&format!("it has more than {PARTS} parts")))
}

fn unreadable(reason: &str) -> Error {
    Error::bad_request(format!("The multipart form in the request body can't be read: {reason}."))
}

/// Sorts a part: with a file name it is a file, without one a field. A file input that was left empty is neither.
fn take(head: &[u8], content: Bytes, fields: &mut Fields, uploads: &mut Vec<Upload>) -> Result<()> {
    let head = String::from_utf8_lossy(head);
    let line = |name: &str| {
        head.split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let disposition = line("content-disposition").unwrap_or_default();
    let (field, file_name) = (quoted(disposition, "name"), file_name(disposition));
    match (field, file_name) {
        (Some(field), None) => {
            let text =
                std::str::from_utf8(&content).map_err(|_| unreadable(&format!("'{field}' is not UTF-8 text")))?;
            fields.push(&field, text.to_owned())?;
        }
        (Some(_), Some(name)) if name.is_empty() && content.is_empty() => {}
        (Some(field), Some(file_name)) => {
            uploads.push(Upload { field, file_name, content_type: line("content-type").map(str::to_owned), content });
        }
        (None, _) => return Err(unreadable("a part has no name")),
    }
    Ok(())
}

/// The name of a part's file: its last segment only, whatever folders the client put before it.
fn file_name(disposition: &str) -> Option<String> {
    let extended = quoted(disposition, "filename*").and_then(|value| {
        let encoded = value.get(..7).filter(|start| start.eq_ignore_ascii_case("utf-8''")).map(|_| &value[7..])?;
        percent_decode_str(encoded).decode_utf8().ok().map(|name| name.into_owned())
    });
    let name = extended.or_else(|| quoted(disposition, "filename"))?;
    Some(name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned())
}

/// A parameter of a part's disposition. Browsers write a quote in a name as `%22`, others as `\"`.
fn quoted(disposition: &str, name: &str) -> Option<String> {
    let mut rest = disposition.split_once(';')?.1;
    loop {
        let (found, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let (text, after) = match value.strip_prefix('"') {
            Some(inner) => unquoted(inner)?,
            None => {
                let (text, after) = value.split_once(';').unwrap_or((value, ""));
                (text.trim_end().to_owned(), after)
            }
        };
        if found.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(name) {
            return Some(text);
        }
        rest = after;
    }
}

/// The text up to the closing quote, and what follows it.
fn unquoted(inner: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut letters = inner.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((text.replace("%22", "\""), &inner[at + 1..])),
            // Windows paths are sent with single backslashes, so only a quote can be escaped.
            '\\' if inner[at + 1..].starts_with('"') => {
                letters.next();
                text.push('"');
            }
            other => text.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::{Value, json};

    fn read(body: &str) -> Result<(Value, Vec<Upload>)> {
        let body = Bytes::copy_from_slice(body.replace('\n', "\r\n").as_bytes());
        decode("multipart/form-data; boundary=\"B\"", &body).map(|(fields, uploads)| (Value::Object(fields), uploads))
    }

    #[test]
    fn fields_and_files_are_told_apart() {
        let body = "preamble\n--B\nContent-Disposition: form-data; name=\"a[x]\"\n\none\n--B  \n\
                    content-disposition: form-data; filename=\"C:\\dir\\t \\\"1\\\".csv\"; name=file\nContent-Type: text/csv\n\n\
                    x\n1\n\n--B\nContent-Disposition: form-data; name=\"b\"\n\n\n--B--\nepilogue";
        let (fields, files) = read(body).unwrap();
        assert_eq!(fields, json!({"a": {"x": "one"}, "b": ""}));
        assert_eq!(files.len(), 1);
        assert_eq!((files[0].field.as_str(), files[0].file_name.as_str()), ("file", "t \"1\".csv"));
        assert_eq!(files[0].content_type.as_deref(), Some("text/csv"));
        assert_eq!(files[0].content, Bytes::from_static(b"x\r\n1\r\n"));
    }

    #[test]
    fn a_file_has_no_folder_and_may_have_any_letters() {
        let part = |disposition: &str| {
            read(&format!("--B\nContent-Disposition: form-data; name=\"f\"; {disposition}\n\nx\n--B--")).unwrap().1
        };
        assert_eq!(part("filename=\"../../etc/passwd\"")[0].file_name, "passwd");
        assert_eq!(part("filename=\"a.txt\"; filename*=UTF-8''%E2%98%83%20b.txt")[0].file_name, "☃ b.txt");
        assert_eq!(part("filename=\"a%22b\"")[0].file_name, "a\"b");
        assert!(
            read("--B\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\n\n\n--B--").unwrap().1.is_empty()
        );
    }

    #[test]
    fn an_empty_form_and_an_empty_part_are_fine() {
        assert_eq!(read("--B--").unwrap(), (json!({}), vec![]));
        let empty = "--B\nContent-Disposition: form-data; name=\"a\"\n\n\n--B--";
        assert_eq!(read(empty).unwrap().0, json!({"a": ""}));
    }

    #[test]
    fn broken_and_hostile_forms_are_refused() {
        let part = "--B\nContent-Disposition: form-data; name=\"a\"\n\nx\n";
        let many = format!("{}--B--", part.repeat(PARTS + 1));
        let long = format!("--B\nX: {}\n\nx\n--B--", "y".repeat(PART_HEAD));
        for body in ["", "nothing", "--B", "--B\n", part, "--B\n\nx\n--B--", "--B\nX: y\n\nx\n--B--", &many, &long] {
            assert_eq!(read(body).unwrap_err().status, 400, "{body:.60}");
        }
        assert_eq!(decode("multipart/form-data", &Bytes::from_static(b"--B--")).unwrap_err().status, 400);
        assert!(read(&format!("{}--B--", part.repeat(PARTS))).is_ok());
    }
}
