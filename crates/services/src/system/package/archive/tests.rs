//! Archives made with care, by mistake and with malice.

use super::*;
use antiphon_model::json;
use proptest::prelude::*;

fn limits() -> Limits {
    Limits { package_files: 20, package_file_bytes: 4 << 20, package_bytes: 6 << 20, ..Limits::default() }
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The archive with one text in the place of another of the same length, wherever it stands.
fn changed(mut archive: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> =
        archive.windows(from.len()).enumerate().filter(|(_, at)| *at == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| archive[at..at + to.len()].copy_from_slice(to));
    archive
}

fn open(archive: Vec<u8>) -> Result<Reader> {
    Reader::open(Bytes::from(archive), &limits())
}

#[track_caller]
fn refused(archive: Vec<u8>, reason: &str) {
    let Err(error) = open(archive) else { panic!("accepted; {reason} expected") };
    assert_eq!(error.status, 400);
    assert!(error.message.contains(reason), "{}", error.message);
}

#[test]
fn what_is_written_is_read() {
    let mut writer = Writer::new(&limits());
    writer.add("package.json", &json!({"a": [1, "ü"]})).unwrap();
    writer.add_bytes("x/y.bin", &[0, 255]).unwrap();
    let mut reader = Reader::open(writer.finish().unwrap(), &limits()).unwrap();
    assert_eq!(reader.names(), ["package.json", "x/y.bin"]);
    assert_eq!(reader.json("package.json").unwrap(), json!({"a": [1, "ü"]}));
    assert_eq!(reader.bytes("x/y.bin").unwrap(), [0, 255]);
    assert_eq!(reader.bytes("nothing").unwrap_err().status, 400);
}

#[test]
fn the_same_content_makes_the_same_file() {
    let write = || {
        let mut writer = Writer::new(&limits());
        writer.add("package.json", &json!({"a": 1})).unwrap();
        writer.finish().unwrap()
    };
    assert_eq!(write(), write());
}

#[test]
fn nothing_is_written_that_could_not_be_read() {
    let mut writer = Writer::new(&limits());
    assert!(writer.add_bytes("large", &vec![0; (4 << 20) + 1]).unwrap_err().message.contains("package_file_bytes"));
    let mut writer = Writer::new(&limits());
    writer.add_bytes("one", &vec![0; 4 << 20]).unwrap();
    assert!(writer.add_bytes("two", &vec![0; 4 << 20]).unwrap_err().message.contains("package_bytes"));
}

#[test]
fn names_that_climb_out_are_refused() {
    for name in ["../x", "a/../../x", "/etc/passwd", "C:/x", "a\\..\\x", "./x", "a/./x", "a\nb"] {
        refused(zip(&[(name, b"{}")]), "forbidden name");
    }
    refused(changed(zip(&[("ab", b"{}")]), b"ab", b"a\0"), "forbidden name");
    assert!(open(zip(&[("a..b/c..", b"{}")])).is_ok(), "dots alone are no harm");
}

#[test]
fn only_plain_files_are_accepted() {
    let mut link = ZipWriter::new(Cursor::new(Vec::new()));
    link.add_symlink("package.json", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    refused(link.finish().unwrap().into_inner(), "no plain file");
    let mut folder = ZipWriter::new(Cursor::new(Vec::new()));
    folder.add_directory("system/", SimpleFileOptions::default()).unwrap();
    assert!(open(folder.finish().unwrap().into_inner()).unwrap().names().is_empty());
}

#[test]
fn two_files_of_one_name_are_refused() {
    let twice = changed(zip(&[("one.json", b"{}"), ("two.json", b"[]")]), b"two.json", b"one.json");
    assert_eq!(open(twice).err().map(|error| error.status), Some(400));
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    refused(zip(&[("bomb", &vec![0; 3 << 20])]), "package_ratio");
    let noise: Vec<u8> = (0..(3_u32 << 20)).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    refused(zip(&[("a", &noise), ("b", &noise), ("c", &noise)]), "package_bytes");
    let names: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    refused(zip(&names.iter().map(|name| (name.as_str(), &b""[..])).collect::<Vec<_>>()), "package_files");
}

#[test]
fn a_file_that_is_larger_than_it_says_is_not_unpacked_further() {
    let size = 300_000_u32;
    let honest = zip(&[("bomb", &vec![b' '; size as usize])]);
    let lying = changed(honest, &size.to_le_bytes(), &10_u32.to_le_bytes());
    let outcome = open(lying).and_then(|mut reader| reader.bytes("bomb"));
    assert_eq!(outcome.unwrap_err().status, 400);
    let large = zip(&[("large", &(0..5_u32 << 20).map(|place| (place % 251) as u8).collect::<Vec<_>>())]);
    let mut reader = Reader::open(Bytes::from(large), &Limits { package_ratio: u64::MAX, ..limits() }).unwrap();
    assert!(reader.bytes("large").unwrap_err().message.contains("package_file_bytes"));
}

#[test]
fn what_is_no_archive_is_no_package() {
    for content in [&b""[..], b"PK", b"PK\x03\x04", b"{}", b"PK\x05\x06\0\0\0\0"] {
        refused(content.to_vec(), "not a readable zip archive");
    }
    let whole = zip(&[("package.json", b"{}")]);
    for length in 0..whole.len() {
        assert!(open(whole[..length].to_vec()).is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn broken_json_is_told_with_its_place() {
    let mut reader = open(zip(&[("a.json", b"{\n bad"), ("deep.json", "[".repeat(5000).as_bytes())])).unwrap();
    assert!(reader.json("a.json").unwrap_err().message.contains("line 2"));
    assert_eq!(reader.json("deep.json").unwrap_err().status, 400);
}

proptest! {
    /// Whatever is damaged: an error or the files as they were, and never a panic.
    #[test]
    fn a_damaged_archive_is_never_read_wrongly(place in 0_usize..400, bits in 1_u8.., cut in 0_usize..400) {
        let files: [(&str, &[u8]); 2] = [("package.json", b"{\"version\":\"0.1\"}"), ("system/role.json", b"[{\"name\":\"r\"}]")];
        let mut archive = zip(&files);
        let place = place % archive.len();
        archive[place] ^= bits;
        archive.truncate(archive.len().max(cut));
        if let Ok(mut reader) = open(archive) {
            for name in reader.names().to_vec() {
                if let Ok(content) = reader.bytes(&name) {
                    prop_assert!(files.iter().any(|(_, known)| *known == content), "{name}: {content:?}");
                }
            }
        }
    }

    #[test]
    fn noise_is_refused(content: Vec<u8>) {
        let mut archive = zip(&[("a", b"{}")]);
        let directory = archive.split_off(archive.len() / 2);
        prop_assert!(open(content.clone()).is_err());
        let _ = open([archive, content, directory].concat());
    }
}
