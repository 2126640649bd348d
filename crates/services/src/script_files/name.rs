//! Names of scripts as names of files, and back.
//!
//! Letters, digits and `._{}-` stand for themselves, everything else is percent-encoded, so that any name of an event fits any
//! file system and reads the same in Git on every machine. The extension tells the script's type.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// What names keep as it is, besides letters and digits.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-').remove(b'{').remove(b'}');
/// The longest name of a file without its extension, in bytes: file systems end at 255.
const LONGEST: usize = 200;
/// Marks a name that was cut; no other has it, because it is encoded.
const CUT: char = '~';

/// Extensions and the types that they mean, the first that fits a file's name.
const EXTENSIONS: [(&str, &str); 5] =
    [("node.js", "nodejs"), ("js", "javascript"), ("ts", "typescript"), ("py", "python3"), ("php", "php")];
/// Types that share the extension of another; their settings say so.
const SHARED: [(&str, &str); 2] = [("v8js", "js"), ("python", "py")];

/// The extension of files with scripts of that type; none for types that scripts don't have.
pub(super) fn extension_of(kind: &str) -> Option<&'static str> {
    let own = EXTENSIONS.iter().find(|(_, named)| *named == kind).map(|(extension, _)| *extension);
    own.or_else(|| SHARED.iter().find(|(named, _)| *named == kind).map(|(_, extension)| *extension))
}

/// A file's name without its extension, and the type that the extension means; none for files that hold no script.
pub(super) fn split(file: &str) -> Option<(&str, &'static str)> {
    EXTENSIONS.iter().find_map(|(extension, kind)| {
        let stem = file.strip_suffix(extension)?.strip_suffix('.')?;
        (!stem.is_empty()).then_some((stem, *kind))
    })
}

/// The name of the file for a script, without extension. Too long a name is cut; its settings must tell it in full.
pub(super) fn stem(name: &str) -> String {
    let mut stem = utf8_percent_encode(name, KEPT).to_string();
    if stem.starts_with('.') {
        stem.replace_range(..1, "%2E");
    }
    // What ends in the first half of an extension must not be taken for it.
    if let Some(dot) = stem.len().checked_sub(".node".len())
        && stem.is_char_boundary(dot)
        && stem[dot..].eq_ignore_ascii_case(".node")
    {
        stem.replace_range(dot..=dot, "%2E");
    }
    if stem.len() > LONGEST {
        let hash = Sha256::digest(name.as_bytes());
        let hash: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        stem.truncate(LONGEST - hash.len() - 1);
        stem.push(CUT);
        stem.push_str(&hash);
    }
    stem
}

/// Whether the name had to be cut for its file.
pub(super) fn is_cut(stem: &str) -> bool {
    stem.contains(CUT)
}

/// The name that a file's name without extension stands for; none when it stands for no text.
pub(super) fn unstem(stem: &str) -> Option<String> {
    percent_decode_str(stem).decode_utf8().ok().map(|name| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_events_read_as_they_are_and_others_are_encoded() {
        for (name, file) in [
            ("db._table.{table_name}.get.pre_process", "db._table.{table_name}.get.pre_process"),
            ("files.a/b.get", "files.a%2Fb.get"),
            (".hidden", "%2Ehidden"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("svc.node", "svc%2Enode"),
            ("größe get", "gr%C3%B6%C3%9Fe%20get"),
        ] {
            assert_eq!(stem(name), file);
            assert_eq!(unstem(file).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_and_stays_unlike_others() {
        let (one, other) = ("ä".repeat(254) + "1", "ä".repeat(254) + "2");
        let (one, other) = (stem(&one), stem(&other));
        assert!(one.len() <= LONGEST && is_cut(&one) && one != other);
        assert!(!is_cut(&stem("a~b")));
    }

    #[test]
    fn the_extension_tells_the_type() {
        for (file, stem, kind) in [
            ("a.get.js", "a.get", "javascript"),
            ("a.get.node.js", "a.get", "nodejs"),
            ("a.get.ts", "a.get", "typescript"),
            ("a.get.py", "a.get", "python3"),
            ("a.get.php", "a.get", "php"),
        ] {
            assert_eq!(split(file), Some((stem, kind)));
        }
        for file in ["a.get.json", "README.md", ".js", "js", "node.js.orig"] {
            assert_eq!(split(file), None, "{file}");
        }
        assert_eq!(
            (extension_of("v8js"), extension_of("python"), extension_of("cobol")),
            (Some("js"), Some("py"), None)
        );
    }

    proptest! {
        #[test]
        fn every_name_comes_back_from_its_file(name in "[^\u{0}-\u{1f}]{1,60}", kind in 0..EXTENSIONS.len()) {
            let (extension, kind) = EXTENSIONS[kind];
            let file = format!("{}.{extension}", stem(&name));
            prop_assert!(!file.contains('/') && !file.starts_with('.'));
            let (stem, found) = split(&file).unwrap();
            prop_assert_eq!(found, kind);
            if !is_cut(stem) {
                prop_assert_eq!(unstem(stem).unwrap(), name);
            }
        }
    }
}
