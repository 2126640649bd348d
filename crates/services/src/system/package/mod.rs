//! `system/package`: export and import of what a person would move between two installations (system-and-users 4.13).
//!
//! A package is a zip archive: the manifest `package.json`, records of the system in `system/{resource}.json`, structure and rows of
//! databases in `{service}/_schema.json` and `{service}/_table.json`. Records refer to each other by name. Only administrators make
//! packages and import them. An archive may come from anybody, so all of it is checked before anything is done with it.

mod archive;
mod contents;
mod export;
mod import;
mod kinds;
mod listing;
mod manifest;
mod portable;
mod references;
mod report;
mod sealed;
mod secrets;
mod table_import;
mod tables;

use super::SystemService;
use antiphon_gateway::Call;
use antiphon_model::{Content, Error, Response, Result, Value, Verb, truthy};
use archive::Reader;
use bytes::Bytes;
use contents::Contents;
use import::Wishes;
use manifest::Manifest;
use report::Report;

/// Media types of an archive.
const ARCHIVE_TYPES: [&str; 3] = ["application/zip", "application/x-zip-compressed", "application/octet-stream"];

/// Whether the call brings an archive, which is no text in any format.
pub(super) fn takes_bytes(call: &Call<'_>) -> bool {
    call.matched.route.pattern() == "package"
}

/// Answers for `system/package`.
///
/// # Errors
/// 403 for everybody but administrators; 400 for packages and manifests that make no sense.
pub(super) fn handle(service: &SystemService, call: &Call<'_>) -> Result<Response> {
    if !call.session.is_admin() {
        return Err(Error::forbidden("Only administrators may export and import packages."));
    }
    if call.request.verb == Verb::Get {
        return listing::manifest(service, call).map(Response::ok);
    }
    match sent_archive(call)? {
        Some(content) => import(service, call, content),
        None => {
            call.request.require_readable_payload()?;
            export(service, call)
        }
    }
}

/// The archive in the body: as it is, or the one file of a form.
fn sent_archive(call: &Call<'_>) -> Result<Option<Bytes>> {
    let request = call.request;
    match request.uploads.as_slice() {
        [] => {}
        [only] => return Ok(Some(only.content.clone())),
        _ => return Err(Error::bad_request("More than one file was uploaded. Send one package.")),
    }
    let kind = request.content_type.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_archive = ARCHIVE_TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind));
    Ok((is_archive || request.content.starts_with(b"PK")).then(|| request.content.clone()))
}

/// An option of an import: of the form, or of the query.
fn option(call: &Call<'_>, name: &str) -> Option<Value> {
    let request = call.request;
    request.payload.get(name).or_else(|| request.parameters.get(name)).cloned()
}

fn export(service: &SystemService, call: &Call<'_>) -> Result<Response> {
    let payload = &call.request.payload;
    if option(call, "import_url").is_some() {
        return Err(Error::bad_request(
            "This server fetches no packages from other servers. Send the archive itself, as 'files' of a form or as the body.",
        ));
    }
    if payload.get("storage").is_some_and(|storage| !storage.is_null()) {
        return Err(Error::not_implemented(
            "File services are not available in this release. Leave 'storage' out: the answer is the archive itself then.",
        ));
    }
    let manifest = Manifest::read(payload)?;
    let mut content = export::archive(service, call, &manifest)?;
    if manifest.secured {
        let password = payload.get("password").and_then(Value::as_str).unwrap_or_default();
        content = sealed::seal(&content, password, &manifest.description, service.store().limits())?;
    }
    let mut response = Response::ok(Value::Null);
    response.content = Content::Bytes(content);
    response.content_type = Some("application/zip".to_owned());
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d_%H%M%S");
    response.headers.insert("content-disposition".into(), format!("attachment; filename=\"antiphon_{day}.zip\""));
    Ok(response)
}

fn import(service: &SystemService, call: &Call<'_>, content: Bytes) -> Result<Response> {
    let limits = service.store().limits();
    let flag = |name: &str| option(call, name).is_some_and(|value| truthy(&value));
    let password = option(call, "password");
    let outer = Reader::open(content, limits)?;
    let (reader, secured) = sealed::open(outer, password.as_ref().and_then(Value::as_str), limits)?;
    let wishes = Wishes { overwrite: flag("overwrite"), dry_run: flag("dry_run"), secured };
    let mut contents = Contents::read(reader)?;
    let mut report = Report::default();
    for files in &contents.manifest.files {
        report.warn(format!("The files of '{files}' were left out: files are not available in this release."));
    }
    import::records(service, call, &contents.records, wishes, &mut report)?;
    table_import::import(call, &mut contents, wishes, &mut report)?;
    Ok(report.into_response(wishes.dry_run))
}
