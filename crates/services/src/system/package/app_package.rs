//! Packages of one app (`.dfpkg`), as installations of the original exchange them (system-and-users 4.4): the app in `description.json`,
//! its services, the structure and the rows of its tables beside it. Inside they are packages like all others.

use super::archive::{Reader, Writer};
use super::contents::{Contents, MANIFEST, Part};
use super::manifest::Manifest;
use super::tables::names;
use crate::system::SystemService;
use crate::system::store::required_text;
use antiphon_gateway::Call;
use antiphon_model::{Error, Limits, Object, Result, Value, json};
use antiphon_sql::statement::Bound;
use bytes::Bytes;

const APP: &str = "description.json";
const SERVICES: &str = "services.json";
/// The files of tables: theirs, and the part that it is here.
const TABLES: [(&str, Part); 2] = [("schema.json", Part::Schema), ("data.json", Part::Rows)];
/// What an app has in one installation only, its key included: whoever gets the package makes an app of their own.
const OWN: [&str; 6] = ["id", "api_key", "role_id", "storage_service_id", "launch_url", "lookup_by_app_id"];
/// The service of tables that none is named for.
const SERVICE: &str = "db";

/// Whether an archive is a package of one app.
pub(super) fn is_one(reader: &Reader) -> bool {
    let has = |name: &str| reader.names().iter().any(|known| known == name);
    has(APP) && !has(MANIFEST)
}

/// The same content as a package like all others, and what was left out.
///
/// # Errors
/// 400 for files that are not what they should be.
pub(super) fn read(mut reader: Reader, limits: &Limits) -> Result<(Reader, Vec<String>)> {
    let mut app = object(reader.json(APP)?, APP)?;
    app.retain(|name, _| !OWN.contains(&name.as_str()));
    let mut services = json!({ "system": { "app": [app.get("name").cloned().unwrap_or_default()] } });
    let mut writer = Writer::new(limits);
    writer.add("system/app.json", &json!([app]))?;
    if reader.names().iter().any(|name| name == SERVICES) {
        let listed = unwrapped(reader.json(SERVICES)?, "service");
        services["system"]["service"] = named(&listed);
        writer.add("system/service.json", &listed)?;
    }
    for (file, part) in TABLES {
        if !reader.names().iter().any(|name| name == file) {
            continue;
        }
        for (service, tables) in by_service(reader.json(file)?) {
            services[service.as_str()][part.as_str()] = named(&tables);
            writer.add(&part.file(&service), &tables)?;
        }
    }
    writer.add(MANIFEST, &json!({ "service": services }))?;
    let known = [APP, SERVICES, TABLES[0].0, TABLES[1].0];
    let files = reader.names().iter().filter(|name| !known.contains(&name.as_str())).count();
    let left_out = format!("{files} files of the app were left out: files are not available in this release.");
    Ok((Reader::open(writer.finish()?, limits)?, Vec::from_iter((files > 0).then_some(left_out))))
}

/// The package of the app with that identifier: with the services, and the tables, that the request names.
///
/// # Errors
/// 404 for an unknown app, 400 for what is not there.
pub(super) fn write(service: &SystemService, call: &Call<'_>, id: &str) -> Result<Bytes> {
    let found = match id.parse() {
        Ok(id) => service
            .store()
            .one("SELECT name FROM app WHERE id = ?", &[Bound::Integer(id)], |row| required_text(row, 0))?,
        Err(_) => None,
    };
    let name = found.ok_or_else(|| Error::record_not_found(id))?;
    let manifest = Manifest::read(&json!({ "service": wanted(call, &name) }))?;
    let limits = service.store().limits();
    let mut contents = Contents::read(Reader::open(super::export::archive(service, call, &manifest)?, limits)?)?;
    let mut writer = Writer::new(limits);
    let mut app = contents.records.get("app").and_then(|apps| apps.first()).cloned().unwrap_or_default();
    app.retain(|name, _| !OWN.contains(&name.as_str()));
    writer.add(APP, &Value::Object(app))?;
    if let Some(services) = contents.records.get("service") {
        writer.add(SERVICES, &services.iter().cloned().map(Value::Object).collect())?;
    }
    for (file, part) in TABLES {
        let mut listed = Vec::new();
        for service in contents.manifest.databases.keys().cloned().collect::<Vec<_>>() {
            let tables = contents.tables(&service, part)?;
            if !tables.is_empty() {
                listed.push(json!({ "name": service, "table": tables }));
            }
        }
        if !listed.is_empty() {
            writer.add(file, &json!({ "service": listed }))?;
        }
    }
    writer.finish()
}

/// What a manifest would name: `service=a,b`, `schema=a,b/table`, and rows with `include_data=true`.
fn wanted(call: &Call<'_>, app: &str) -> Value {
    let list = |name: &str| -> Vec<String> {
        let text = call.request.parameter(&[name]).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let mut services = json!({ "system": { "app": [app], "service": list("service") } });
    for item in list("schema") {
        let (service, table) = item.split_once('/').unwrap_or((&item, ""));
        let tables = match table {
            "" => names(call, service, Part::Schema.as_str()).unwrap_or_default(),
            table => vec![json!(table)],
        };
        let parts = if call.request.flag("include_data") { &TABLES[..] } else { &TABLES[..1] };
        for (_, part) in parts {
            match services[service][part.as_str()].as_array_mut() {
                Some(known) => known.extend(tables.clone()),
                None => services[service][part.as_str()] = json!(tables),
            }
        }
    }
    services
}

/// Tables by the service that they are of.
fn by_service(content: Value) -> Vec<(String, Value)> {
    if content.get("service").is_none() {
        return vec![(SERVICE.to_owned(), unwrapped(content, "table"))];
    }
    let services = unwrapped(content, "service").as_array().cloned().unwrap_or_default();
    let name = |service: &Value| service.get("name").and_then(Value::as_str).unwrap_or(SERVICE).to_owned();
    services.into_iter().map(|service| (name(&service), unwrapped(service, "table"))).collect()
}

/// The list of that name, or the list itself.
fn unwrapped(mut content: Value, name: &str) -> Value {
    content.get_mut(name).map(Value::take).unwrap_or(content)
}

fn named(items: &Value) -> Value {
    items.as_array().into_iter().flatten().map(|item| item.get("name").cloned().unwrap_or_default()).collect()
}

fn object(value: Value, file: &str) -> Result<Object> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(Error::bad_request(format!("The file '{file}' of the package must be an object."))),
    }
}
