//! Records in an uploaded file: how administration pages import users and others (system-and-users 1.7, 4.3).

use antiphon_formats::decode_upload;
use antiphon_model::{Error, Request, Result, Value};

/// Fields of a form that hold records.
const FIELDS: [&str; 3] = ["file", "files", "files[]"];

/// The records of a request's file; none when it has no file.
///
/// # Errors
/// 400 for more than one file, and for one that holds no records.
pub(super) fn records_of(request: &Request) -> Result<Option<Value>> {
    let mut files = request.uploads.iter().filter(|upload| FIELDS.contains(&upload.field.as_str()));
    let Some(file) = files.next() else { return Ok(None) };
    if files.next().is_some() {
        return Err(Error::bad_request("More than one file was uploaded. Send one file with all records."));
    }
    match decode_upload(file)? {
        Some(records) => Ok(Some(records)),
        None => Err(Error::bad_request(format!(
            "Unrecognized payload type. The file '{}' is neither JSON nor XML nor CSV; name it so or send its media type.",
            file.file_name
        ))),
    }
}
