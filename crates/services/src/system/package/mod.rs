//! `system/package`: export and import of what a person would move between two installations (system-and-users 4.13).
//!
//! A package is a zip archive: the manifest `package.json`, records of the system in `system/{resource}.json`, structure and rows of
//! databases in `{service}/_schema.json` and `{service}/_table.json`. Records refer to each other by name. Only administrators make
//! packages and import them. An archive may come from anybody, so all of it is checked before anything is done with it.

mod app_package;
mod archive;
mod contents;
mod difference;
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
    match call.matched.route.pattern() {
        "package" => true,
        "app" => is_archive(&call.request.content),
        _ => false,
    }
}

/// Answers for `system/package`.
///
/// # Errors
/// 403 for everybody but administrators; 400 for packages and manifests that make no sense.
pub(super) fn handle(service: &SystemService, call: &Call<'_>) -> Result<Response> {
    only_administrators(call)?;
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
    let is_named_so = ARCHIVE_TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind));
    Ok((is_named_so || is_archive(&request.content)).then(|| request.content.clone()))
}

/// Whether that is how archives begin.
fn is_archive(content: &[u8]) -> bool {
    content.starts_with(b"PK")
}

/// An option of an import: of the form, or of the query.
fn option(call: &Call<'_>, name: &str) -> Option<Value> {
    let request = call.request;
    request.payload.get(name).or_else(|| request.parameters.get(name)).cloned()
}

fn export(service: &SystemService, call: &Call<'_>) -> Result<Response> {
    let payload = &call.request.payload;
    if option(call, "import_url").is_some() {
        return Err(no_fetching());
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
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d_%H%M%S");
    Ok(download(content, &format!("antiphon_{day}.zip")))
}

/// An archive to be saved under that name.
fn download(content: Bytes, name: &str) -> Response {
    let mut response = Response::ok(Value::Null);
    response.content = Content::Bytes(content);
    response.content_type = Some("application/zip".to_owned());
    response.headers.insert("content-disposition".into(), format!("attachment; filename=\"{name}\""));
    response
}

/// Answers for an app that is to be exported or imported as a package of its own (system-and-users 4.4); none when it is not.
///
/// # Errors
/// As [`handle`].
pub(super) fn of_app(service: &SystemService, call: &Call<'_>, id: Option<&str>) -> Result<Option<Response>> {
    match (call.request.verb, id) {
        (Verb::Get, Some(id)) if call.request.flag("pkg") => {
            only_administrators(call)?;
            let content = app_package::write(service, call, id)?;
            Ok(Some(download(content, &format!("app_{id}.dfpkg"))))
        }
        (Verb::Post, None) if option(call, "import_url").is_some() => Err(no_fetching()),
        (Verb::Post, None) => match sent_archive(call)?.filter(|content| is_archive(content)) {
            Some(content) => {
                only_administrators(call)?;
                import(service, call, content).map(Some)
            }
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

fn only_administrators(call: &Call<'_>) -> Result<()> {
    match call.session.is_admin() {
        true => Ok(()),
        false => Err(Error::forbidden("Only administrators may export and import packages.")),
    }
}

fn no_fetching() -> Error {
    Error::bad_request(
        "This server fetches no packages from other servers. Send the archive itself, as 'files' of a form or as the body.",
    )
}

fn import(service: &SystemService, call: &Call<'_>, content: Bytes) -> Result<Response> {
    let limits = service.store().limits();
    let flag = |name: &str| option(call, name).is_some_and(|value| truthy(&value));
    let password = option(call, "password");
    let outer = Reader::open(content, limits)?;
    let mut report = Report::default();
    let (reader, secured) = match app_package::is_one(&outer) {
        true => {
            let (reader, left_out) = app_package::read(outer, limits)?;
            left_out.into_iter().for_each(|text| report.warn(text));
            (reader, false)
        }
        false => sealed::open(outer, password.as_ref().and_then(Value::as_str), limits)?,
    };
    let wishes = Wishes { overwrite: flag("overwrite"), dry_run: flag("dry_run"), secured };
    let mut contents = Contents::read(reader)?;
    for files in &contents.manifest.files {
        report.warn(format!("The files of '{files}' were left out: files are not available in this release."));
    }
    import::records(service, call, &contents.records, wishes, &mut report)?;
    table_import::import(call, &mut contents, wishes, &mut report)?;
    Ok(report.into_response(wishes.dry_run))
}
