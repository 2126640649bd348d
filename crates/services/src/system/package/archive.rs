//! The file of a package: a zip archive of JSON files, which may come from anybody.
//!
//! Nothing is ever unpacked to disk. Every name is judged before anything is read, and what is read is counted.

#[cfg(test)]
mod tests;

use antiphon_model::{Error, Limits, Result, Value};
use bytes::Bytes;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// What an entry of a zip archive's directory begins with.
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
/// Below this size no archive is a bomb, however well it packs.
const HARMLESS_BYTES: u64 = 1 << 20;
/// Longest name of a file in an archive.
const NAME_BYTES: usize = 512;

/// Makes an archive in memory.
pub(super) struct Writer {
    zip: ZipWriter<Cursor<Vec<u8>>>,
    unpacked: usize,
    limits: Limits,
}

impl Writer {
    /// An empty archive.
    pub(super) fn new(limits: &Limits) -> Writer {
        Writer { zip: ZipWriter::new(Cursor::new(Vec::new())), unpacked: 0, limits: limits.clone() }
    }

    /// Adds a file of JSON.
    ///
    /// # Errors
    /// 400 when the archive would be larger than one that can be imported.
    pub(super) fn add(&mut self, name: &str, content: &Value) -> Result<()> {
        let text = serde_json::to_vec_pretty(content).map_err(|error| unwritable(&error))?;
        self.add_bytes(name, &text)
    }

    /// Adds a file.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(super) fn add_bytes(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let Limits { package_file_bytes, package_bytes, .. } = self.limits;
        self.unpacked = self.unpacked.saturating_add(content.len());
        if content.len() > package_file_bytes {
            return Err(Error::bad_request(format!(
                "'{name}' would be larger than {package_file_bytes} bytes (limit package_file_bytes). Export less at once."
            )));
        }
        if self.unpacked > package_bytes {
            return Err(Error::bad_request(format!(
                "The package would hold more than {package_bytes} bytes (limit package_bytes). Export less at once."
            )));
        }
        // No times: the same content makes the same file.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        self.zip.start_file(name, options).map_err(|error| unwritable(&error))?;
        self.zip.write_all(content).map_err(|error| unwritable(&error))
    }

    /// The archive.
    ///
    /// # Errors
    /// When it can't be finished.
    pub(super) fn finish(self) -> Result<Bytes> {
        let cursor = self.zip.finish().map_err(|error| unwritable(&error))?;
        Ok(Bytes::from(cursor.into_inner()))
    }
}

/// Reads an archive whose directory was found to be harmless.
pub(super) struct Reader {
    zip: ZipArchive<Cursor<Bytes>>,
    names: Vec<String>,
    largest: usize,
}

impl Reader {
    /// Opens an archive and judges every entry of its directory, before anything is unpacked.
    ///
    /// # Errors
    /// 400 for what is no archive, is too large, or has an entry that no package has.
    pub(super) fn open(content: Bytes, limits: &Limits) -> Result<Reader> {
        let entries = content.windows(DIRECTORY_ENTRY.len()).filter(|window| *window == DIRECTORY_ENTRY).count();
        if entries > limits.package_files {
            return Err(Error::bad_request(format!(
                "The package has more than {} files (limit package_files).",
                limits.package_files
            )));
        }
        let packed = content.len() as u64;
        let mut zip = ZipArchive::new(Cursor::new(content)).map_err(|error| damaged(&error))?;
        if zip.has_duplicate_names() || zip.has_overlapping_files().map_err(|error| damaged(&error))? {
            return Err(Error::bad_request("The package has two files of one name, or files that overlap."));
        }
        zip.validate_header_consistency().map_err(|error| damaged(&error))?;
        let mut names = Vec::with_capacity(zip.len());
        let mut unpacked: u64 = 0;
        for index in 0..zip.len() {
            let file = zip.by_index_raw(index).map_err(|error| damaged(&error))?;
            let name = std::str::from_utf8(file.name_raw()).map_err(|error| damaged(&error))?;
            check_name(name)?;
            if file.is_symlink() || !(file.is_file() || file.is_dir()) {
                return Err(Error::bad_request(format!("The package holds '{name}', which is no plain file.")));
            }
            if file.encrypted() {
                return Err(Error::bad_request(format!(
                    "The file '{name}' of the package is encrypted in a way that this server can't read."
                )));
            }
            unpacked = unpacked.saturating_add(file.size());
            if file.is_file() {
                names.push(name.to_owned());
            }
        }
        check_size(unpacked, packed, limits)?;
        Ok(Reader { zip, names, largest: limits.package_file_bytes })
    }

    /// The names of its files, folders left out.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The content of a file. What the directory says of its size was judged, so not a byte more is unpacked.
    ///
    /// # Errors
    /// 400 when it is not there, too large or damaged.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Vec<u8>> {
        let missing =
            |error| Error::bad_request(format!("The package has no readable file '{name}'.")).with_cause(error);
        let largest = self.largest as u64;
        let file = self.zip.by_name(name).map_err(missing)?;
        let size = file.size();
        if size > largest {
            return Err(Error::bad_request(format!(
                "The file '{name}' of the package is larger than {largest} bytes (limit package_file_bytes)."
            )));
        }
        let mut content = Vec::new();
        file.take(size + 1).read_to_end(&mut content).map_err(|error| damaged(&error))?;
        match content.len() as u64 == size {
            true => Ok(content),
            false => Err(damaged(&format!("'{name}' is not as large as its entry says"))),
        }
    }

    /// The JSON of a file.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and 400 with the place of what is no JSON.
    pub(super) fn json(&mut self, name: &str) -> Result<Value> {
        let content = self.bytes(name)?;
        serde_json::from_slice(&content).map_err(|error| {
            Error::bad_request(format!("The file '{name}' of the package is not valid JSON: {error}."))
        })
    }
}

/// Names are never used as paths here; one that tries to climb out is refused all the same, because whoever made it means harm.
fn check_name(name: &str) -> Result<()> {
    let is_drive = name.as_bytes().get(1) == Some(&b':');
    let climbs = name.split('/').any(|part| part == ".." || part == ".");
    let is_odd =
        name.is_empty() || name.len() > NAME_BYTES || name.contains(['\\', '\0']) || name.contains(char::is_control);
    match name.starts_with('/') || is_drive || climbs || is_odd {
        true => Err(Error::bad_request(format!(
            "The package holds a file with the forbidden name '{}'.",
            name.chars().take(80).collect::<String>().escape_debug()
        ))),
        false => Ok(()),
    }
}

fn check_size(unpacked: u64, packed: u64, limits: &Limits) -> Result<()> {
    if unpacked > limits.package_bytes as u64 {
        return Err(Error::bad_request(format!(
            "The package holds more than {} bytes (limit package_bytes).",
            limits.package_bytes
        )));
    }
    match unpacked > HARMLESS_BYTES && unpacked / packed.max(1) > limits.package_ratio {
        true => Err(Error::bad_request(format!(
            "The package unpacks to more than {} times its size (limit package_ratio).",
            limits.package_ratio
        ))),
        false => Ok(()),
    }
}

fn damaged(cause: &dyn std::fmt::Display) -> Error {
    Error::bad_request("The package is not a readable zip archive.").with_cause(cause)
}

fn unwritable(cause: &dyn std::fmt::Display) -> Error {
    Error::internal("The package could not be written.", cause)
}
