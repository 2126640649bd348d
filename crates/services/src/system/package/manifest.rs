//! The manifest: what a package holds, or is to hold (system-and-users 4.13).

use super::kinds::{KINDS, Kind};
use antiphon_model::{Error, Object, Result, Value, json, truthy};
use indexmap::IndexMap;

/// The version of packages that this server writes and reads.
const VERSION: &str = "0.1";
/// Parts of a database service.
const PARTS: [&str; 2] = ["_schema", "_table"];

/// What is named of a database service.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Tables {
    /// Tables whose structure is meant.
    pub(super) schema: Vec<String>,
    /// Tables whose rows are meant.
    pub(super) rows: Vec<String>,
}

/// A manifest that was read.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Manifest {
    /// Whether the package is encrypted.
    pub(super) secured: bool,
    /// Text for people.
    pub(super) description: String,
    /// By resource: what names its records. A name; an object with the name or e-mail address; or an identifier.
    pub(super) system: IndexMap<&'static str, Vec<Value>>,
    /// By service.
    pub(super) databases: IndexMap<String, Tables>,
    /// Services that it names files of.
    pub(super) files: Vec<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// 400 for what is none, for another version, and for resources that packages don't carry.
    pub(super) fn read(value: &Value) -> Result<Manifest> {
        let services = value.get("service").and_then(Value::as_object).ok_or_else(|| {
            Error::bad_request(
                "A manifest must have an object 'service'; GET system/package shows one with everything.",
            )
        })?;
        if let Some(version) = value.get("version").filter(|version| *version != VERSION) {
            return Err(Error::bad_request(format!(
                "This package has version {version}; this server reads version \"{VERSION}\"."
            )));
        }
        let mut manifest = Manifest {
            secured: value.get("secured").is_some_and(truthy),
            description: value.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
            ..Manifest::default()
        };
        for (name, content) in services {
            match name.as_str() {
                "system" => manifest.read_system(content)?,
                _ => manifest.read_service(name, content)?,
            }
        }
        Ok(manifest)
    }

    fn read_system(&mut self, content: &Value) -> Result<()> {
        for (name, records) in object(content, "system")? {
            let kind = Kind::find(name)
                .ok_or_else(|| Error::bad_request(format!("Packages do not carry 'system/{name}'.")))?;
            let selectors = list(records, &format!("system/{name}"))?;
            if let Some(odd) = selectors
                .iter()
                .find(|selector| !selector.is_string() && !selector.is_number() && !selector.is_object())
            {
                return Err(Error::bad_request(format!(
                    "The manifest names {odd} in system/{name}, which is no name."
                )));
            }
            if !selectors.is_empty() {
                self.system.insert(kind.name, selectors.clone());
            }
        }
        Ok(())
    }

    fn read_service(&mut self, service: &str, content: &Value) -> Result<()> {
        if let Some(files) = content.as_array() {
            if !files.is_empty() {
                self.files.push(service.to_owned());
            }
            return Ok(());
        }
        let members = object(content, service)?;
        if let Some(odd) = members.keys().find(|name| !PARTS.contains(&name.as_str()) && *name != "reachable") {
            return Err(Error::bad_request(format!("Packages do not carry '{service}/{odd}'.")));
        }
        let names = |part: &str| match members.get(part) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(names) => texts(names, &format!("{service}/{part}")),
        };
        let tables = Tables { schema: names("_schema")?, rows: names("_table")? };
        if tables != Tables::default() {
            self.databases.insert(service.to_owned(), tables);
        }
        Ok(())
    }

    /// Whether it names nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.system.is_empty() && self.databases.is_empty()
    }

    /// As it is written.
    pub(super) fn to_value(&self) -> Value {
        let mut services = Object::new();
        let system: Object =
            KINDS.iter().filter_map(|kind| Some((kind.name.to_owned(), json!(self.system.get(kind.name)?)))).collect();
        services.insert("system".into(), Value::Object(system));
        for (name, tables) in &self.databases {
            services.insert(name.clone(), json!({ "_schema": tables.schema, "_table": tables.rows }));
        }
        written(self.secured, &self.description, services)
    }
}

/// A manifest of these services.
pub(super) fn written(secured: bool, description: &str, services: Object) -> Value {
    json!({
        "version": VERSION,
        "df_version": env!("CARGO_PKG_VERSION"),
        "secured": secured,
        "description": description,
        "created_date": jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string(),
        "service": services,
    })
}

/// What names a record in a manifest: people by more than their address.
pub(super) fn named(kind: &Kind, record: &Object, id: &Value) -> Value {
    let field = |name: &str| record.get(name).cloned().unwrap_or_default();
    match (kind.key, id) {
        ("email", _) => json!({
            "username": field("username"), "email": field("email"),
            "first_name": field("first_name"), "last_name": field("last_name"),
        }),
        ("path", Value::Number(_)) => id.clone(),
        _ => field(kind.key),
    }
}

/// What a manifest can call a record by: compare with [`label`].
pub(super) fn labels(kind: &Kind, record: &Object, id: &Value) -> Vec<String> {
    let named = ["username", kind.key].into_iter().filter(|name| *name == kind.key || kind.key == "email");
    let texts = named.filter_map(|name| record.get(name).and_then(Value::as_str)).map(str::to_lowercase);
    texts.chain(id.as_i64().map(|id| format!("#{id}"))).collect()
}

/// What a manifest calls a record by.
pub(super) fn label(kind: &Kind, selector: &Value) -> String {
    let numbered = |value: &Value| format!("#{value}");
    match selector {
        Value::String(name) => name.to_lowercase(),
        Value::Object(members) => {
            match members.get(kind.key).or_else(|| members.get("username")).and_then(Value::as_str) {
                Some(name) => name.to_lowercase(),
                None => members.get("id").map(numbered).unwrap_or_default(),
            }
        }
        other => numbered(other),
    }
}

fn object<'v>(value: &'v Value, what: &str) -> Result<&'v Object> {
    value.as_object().ok_or_else(|| Error::bad_request(format!("'{what}' of the manifest must be an object.")))
}

fn list<'v>(value: &'v Value, what: &str) -> Result<&'v Vec<Value>> {
    value.as_array().ok_or_else(|| Error::bad_request(format!("'{what}' of the manifest must be a list.")))
}

fn texts(value: &Value, what: &str) -> Result<Vec<String>> {
    let text = |item: &Value| item.as_str().map(str::to_owned);
    list(value, what)?
        .iter()
        .map(text)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::bad_request(format!("'{what}' of the manifest must be a list of names.")))
}
