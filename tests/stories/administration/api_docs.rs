//! The documentation of the API: what it shows to whom, and that it is valid OpenAPI 3.
//!
//! Statements 71 to 76 are those of the reference on other services, 185 that of the reference on system and users.

use crate::support::{TestApp, Value, json};
use openapiv3::{OpenAPI, ReferenceOr};
use std::collections::BTreeSet;

/// Parses a document as OpenAPI 3, and checks what the types alone don't.
#[track_caller]
fn valid(document: &Value) -> OpenAPI {
    let parsed: OpenAPI =
        serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{error}: {document}"));
    assert_eq!(parsed.openapi, "3.0.0");
    let mut ids = BTreeSet::new();
    for (path, item) in &parsed.paths.paths {
        let ReferenceOr::Item(item) = item else { panic!("{path} is a reference") };
        let declared: BTreeSet<String> = item
            .parameters
            .iter()
            .filter_map(|parameter| Some(parameter.as_item()?.parameter_data_ref().name.clone()))
            .collect();
        let in_path: BTreeSet<String> =
            path.split('{').skip(1).map(|part| part.split('}').next().unwrap().to_owned()).collect();
        assert_eq!(declared, in_path, "the parameters of {path}");
        for (verb, operation) in item.iter() {
            let id = operation.operation_id.as_ref().unwrap_or_else(|| panic!("{verb} {path} has no operationId"));
            assert!(ids.insert(id.clone()), "{id} is there twice");
            assert!(operation.responses.default.is_some(), "{verb} {path} says nothing of errors");
        }
    }
    each_reference(document, &mut |reference| {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads elsewhere"));
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    });
    parsed
}

fn each_reference(value: &Value, each: &mut dyn FnMut(&str)) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                each(reference);
            }
            members.values().for_each(|member| each_reference(member, each));
        }
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, each)),
        _ => {}
    }
}

fn paths(document: &Value) -> Vec<&str> {
    document["paths"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn statement_071_and_185_every_document_is_valid_openapi_with_group_and_paths() {
    let app = TestApp::start();
    let services = app.admin().get("system/service?fields=name&filter=is_active=true").values("name");
    assert!(services.len() >= 6, "{services:?}");
    for name in services {
        let name = name.as_str().unwrap();
        let document = app.admin().get(&format!("api_docs/{name}")).expect(200);
        valid(&document);
        assert!(!document["info"]["group"].as_str().unwrap().is_empty(), "{name}: {}", document["info"]);
        assert!(!paths(&document).is_empty(), "{name}");
    }
    let all = app.admin().get("api_docs").expect(200);
    valid(&all);
    assert_eq!(all["info"]["group"], "API Doc");
    for expanded in ["api_docs?expand_schema=true", "api_docs/db?expand_schema=true", "db/_spec?compact=true"] {
        valid(&app.admin().get(expanded).expect(200));
    }
}

#[test]
fn statement_072_without_access_to_a_service_its_document_is_refused_and_administrators_see_everything() {
    let app = TestApp::start();
    let message = "You do not have access to API Docs for the requested service files.";
    assert_eq!(app.user().get("api_docs/files").refused(403), message);
    assert_eq!(app.anonymous().get("api_docs/files").refused(403), message);
    let unknown = "You do not have access to API Docs for the requested service nosuch.";
    assert_eq!(app.user().get("api_docs/nosuch").refused(403), unknown, "names are no business of users");
    assert_eq!(app.admin().get("api_docs/nosuch").refused(404), "Could not find a service for nosuch");
    let everything = app.admin().get("api_docs/system").expect(200);
    for path in ["/", "/role", "/role/{id}", "/admin/session", "/cache/{service}", "/event_script/{id}", "/package"] {
        assert!(paths(&everything).contains(&path), "{path} is missing in {:?}", paths(&everything));
    }
    assert!(paths(&app.anonymous().get("api_docs").expect(200)).is_empty());
}

#[test]
fn statement_073_a_role_limited_to_one_table_sees_its_paths_and_nothing_else() {
    let app = TestApp::start();
    let document = app.key_only().get("api_docs/db").expect(200);
    valid(&document);
    assert_eq!(paths(&document), ["/_table/{table_name}", "/_table/{table_name}/{id}"]);
    let item = &document["paths"]["/_table/{table_name}"];
    assert_eq!(item["parameters"][0]["schema"]["enum"], json!(["todo"]));
    assert!(item["get"].is_object() && item["post"].is_null(), "the role only reads: {item}");
    let schemas: Vec<&String> = document["components"]["schemas"].as_object().unwrap().keys().collect();
    assert!(schemas.iter().any(|name| *name == "todoRecord"), "{schemas:?}");
    assert!(!schemas.iter().any(|name| *name == "vaultRecord" || *name == "contactRecord"), "{schemas:?}");
    assert_eq!(app.key_only().get("api_docs?as_list=true").expect(200), json!({"resource": ["db"]}));
}

#[test]
fn statement_074_paths_are_relative_alone_and_prefixed_together() {
    let app = TestApp::start();
    let alone = app.admin().get("api_docs/db").expect(200);
    assert_eq!(alone["servers"][0]["url"], "/api/v2/db");
    assert!(paths(&alone).contains(&"/_schema/{table_name}"));
    let together = app.admin().get("api_docs").expect(200);
    assert_eq!(together["servers"][0]["url"], "/api/v2");
    assert!(paths(&together).iter().all(|path| path.starts_with("/db") || !path.contains("_schema")));
    assert!(paths(&together).contains(&"/db/_schema/{table_name}") && paths(&together).contains(&"/user/session"));
    let tags: Vec<&Value> = together["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    assert!(tags.contains(&&json!("db")) && tags.contains(&&json!("system")), "{tags:?}");
}

#[test]
fn statement_075_expanded_documents_have_one_set_of_paths_for_each_table() {
    let app = TestApp::start();
    let document = app.admin().get("api_docs/db?expand_schema=true").expect(200);
    for path in ["/_table/todo", "/_table/todo/{id}", "/_table/vault", "/_schema/contact"] {
        assert!(paths(&document).contains(&path), "{path} is missing in {:?}", paths(&document));
    }
    let answer = &document["paths"]["/_table/todo"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(answer["properties"]["resource"]["items"]["$ref"], "#/components/schemas/todoRecord");
    let record = &document["components"]["schemas"]["todoRecord"];
    let properties = &record["properties"];
    assert_eq!((&properties["id"]["type"], &properties["id"]["readOnly"]), (&json!("integer"), &json!(true)));
    assert_eq!(properties["note"]["nullable"], true);
    assert_eq!(properties["complete"]["type"], "boolean");
    assert_eq!(record["required"], json!(["name"]));
    let contacts = &document["components"]["schemas"]["accountRecord"]["properties"]["contact_by_account_id"];
    assert_eq!(contacts["items"]["$ref"], "#/components/schemas/contactRecord");
}

#[test]
fn statement_076_every_operation_names_events_that_are_listed() {
    let app = TestApp::start();
    let listed = app.admin().get("system/event?as_list=true").expect(200);
    let listed: BTreeSet<&str> = listed["resource"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let document = app.admin().get("api_docs").expect(200);
    let mut named = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let events = operation["x-events"].as_array().unwrap();
            let documented = events.last().and_then(Value::as_str).unwrap();
            assert!(listed.contains(documented), "{verb} {path} fires {documented}, which is not listed");
            named.insert(documented);
        }
    }
    // No call fires these: the server does, when a limit is used up or a schedule's moment has come.
    named.extend(["system.limit.{id}.exceeded", "system.schedule.{name}.run"]);
    assert_eq!(named, listed, "an administrator's document has every event that is listed");
}

#[test]
fn the_documentation_changes_with_the_tables_and_the_services_it_is_about() {
    let app = TestApp::start();
    let table = json!({"resource": [{"name": "fresh", "field": [{"name": "id", "type": "id"}]}]});
    app.admin().post("db/_schema", table).expect(200);
    let document = app.admin().get("api_docs/db").expect(200);
    assert!(document["components"]["schemas"]["freshRecord"].is_object());
    app.admin().patch("system/service/5", json!({"label": "Things"})).expect(200);
    assert_eq!(app.admin().get("api_docs/db").expect(200)["info"]["title"], "Things");
    app.admin().patch("system/service/5", json!({"is_active": false})).expect(200);
    assert_eq!(app.admin().get("api_docs/db").refused(403), "Service db is deactivated.");
}

/// A service of a type whose documents administrators write.
fn weather(app: &TestApp, content: &str, format: u8) -> Value {
    let service = json!({
        "name": "weather", "label": "The \"Weather\"", "type": "nodejs", "is_active": true,
        "config": {"content": "return 1;"}, "service_doc_by_service_id": {"format": format, "content": content},
    });
    let created = app.admin().post("system/service?fields=*", json!({"resource": [service]})).expect(201);
    created["resource"][0].clone()
}

const YAML: &str = "
openapi: 3.0.1
info: {title: '{service.name} of tomorrow', version: '7'}
paths:
  /weather/city/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get: {operationId: getCity, responses: {200: {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/City'}}}}}}
    delete: {operationId: dropCity, responses: {}}
components:
  schemas:
    City: {type: object}
";

#[test]
fn a_stored_document_is_served_in_the_terms_of_this_server() {
    let app = TestApp::start();
    weather(&app, YAML, 1);
    let document = app.admin().get("api_docs/weather").expect(200);
    valid(&document);
    assert_eq!(document["info"]["title"], "weather of tomorrow");
    assert_eq!(
        (&document["info"]["group"], &document["servers"][0]["url"]),
        (&json!("Script"), &json!("/api/v2/weather"))
    );
    let get = &document["paths"]["/city/{id}"]["get"];
    assert_eq!(get["x-events"], json!(["weather.city.{id}.get"]));
    assert_eq!(get["responses"]["default"]["$ref"], "#/components/responses/Error");
    assert!(document["components"]["securitySchemes"]["ApiKeyHeader"].is_object());
    let together = app.admin().get("api_docs").expect(200);
    valid(&together);
    assert!(together["components"]["schemas"]["weather.City"].is_object());
    let listed = app.admin().get("system/event?service=weather&as_list=true").expect(200);
    assert!(listed["resource"].as_array().unwrap().contains(&json!("weather.city.{id}.delete")), "{listed}");
    let stock = app.admin().get("weather/_spec?stock=true").expect(200);
    assert_eq!(stock["info"]["title"], "The \"Weather\"");
}

#[test]
fn a_stored_document_of_swagger_2_is_converted_and_one_that_is_broken_harms_nobody_else() {
    let app = TestApp::start();
    let old = json!({
        "swagger": "2.0", "info": {"title": "old", "version": "1"},
        "paths": {"/add": {"post": {"operationId": "add", "parameters": [
            {"name": "numbers", "in": "body", "schema": {"$ref": "#/definitions/Numbers"}}], "responses": {"200": {"description": "sum"}}}}},
        "definitions": {"Numbers": {"type": "array", "items": {"type": "number"}}},
    });
    let service = weather(&app, &old.to_string(), 0);
    let document = app.admin().get("api_docs/weather").expect(200);
    valid(&document);
    let body = &document["paths"]["/add"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["$ref"], "#/components/schemas/Numbers");
    let broken = json!({"service_doc_by_service_id": {"format": 0, "content": "{\"paths\": {"}});
    app.admin().patch(&format!("system/service/{}", service["id"]), broken).expect(200);
    let message = app.admin().get("api_docs/weather").refused(500);
    assert!(message.contains("not readable") && message.contains("system/service/"), "{message}");
    assert!(paths(&app.admin().get("api_docs").expect(200)).contains(&"/db/_table"));
    assert!(app.admin().get("system/event").expect(200)["db"].is_object());
}

#[test]
fn every_service_describes_itself_to_whom_a_role_lets_it() {
    let app = TestApp::start();
    app.journal(&["db.get.post_process", "db._spec.get.post_process"]);
    valid(&app.admin().get("db/_spec").expect(200));
    valid(&app.admin().get("user/_spec?resource_name=profile").expect(200));
    assert_eq!(paths(&app.admin().get("system/_spec?resource_name=role").expect(200)), ["/role", "/role/{id}"]);
    assert!(app.ran().is_empty(), "what a service says of itself fires no events");
    app.user().get("db/_spec").refused(403);
    app.key_only().get("db/_spec").refused(401);
    let listed = app.admin().get("system/event?as_list=true").expect(200).to_string();
    assert!(!listed.contains("_spec"));
}

#[test]
fn the_data_model_shows_what_the_caller_may_read_after_the_scripts() {
    let app = TestApp::start();
    app.attach(
        "db._table.todo.get.post_process",
        "for (const row of event.response.content.resource) delete row.note;",
    );
    let model = app.admin().get("db/_spec?model=true").expect(200);
    let todo = &model["tables"]["todo"];
    assert_eq!(
        (&todo["row_count"], &todo["columns"][0]),
        (&json!(3), &json!({"name": "id", "type": "id", "pk": true, "required": true}))
    );
    assert_eq!(todo["enum_values"]["name"], json!(["buy milk", "call Bob", "feed cat"]));
    assert!(todo["sample_data"][0].get("note").is_none(), "a script took it out: {todo}");
    assert_eq!(model["relationships"]["contact"][0]["usage"], "related=account_by_account_id");
    let few = app.admin().get("db/_spec?model=true&tables=vault").expect(200);
    assert_eq!(few["tables"].as_object().unwrap().len(), 1);
}

/// What a document says, one line for each operation and each schema.
fn digest(document: &Value) -> String {
    let list = |value: &Value| value.as_array().into_iter().flatten().map(short).collect::<Vec<_>>().join(" ");
    let mut lines = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let content = |body: &Value| short(&body["content"]["application/json"]["schema"]);
            let answers = operation["responses"].as_object().unwrap();
            let (status, answer) = answers.iter().find(|(status, _)| *status != "default").unwrap();
            lines.push(format!(
                "{verb} {path} [{}] {} -> {status} {}; {}",
                list(&operation["parameters"]),
                content(&operation["requestBody"]),
                content(answer),
                list(&operation["x-events"]),
            ));
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let members = schema["properties"].as_object().unwrap().iter();
        let members: Vec<String> = members.map(|(name, schema)| format!("{name}:{}", short(schema))).collect();
        lines.push(format!("{name} {{ {} }}", members.join(" ")));
    }
    lines.join("\n") + "\n"
}

/// A schema or a parameter in a word.
fn short(value: &Value) -> String {
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) if members.contains_key("$ref") => last(value["$ref"].as_str().unwrap()),
        Value::Object(_) if value["properties"]["resource"].is_object() => short(&value["properties"]["resource"]),
        Value::Object(_) if value["type"] == "array" => format!("[{}]", short(&value["items"])),
        Value::Object(_) => value["type"].as_str().unwrap_or("any").to_owned(),
        _ => "-".to_owned(),
    }
}

/// To accept a change, run the test with `UPDATE_GOLDEN=1` and look at the difference.
#[test]
fn the_document_of_the_system_service_is_as_it_was_accepted() {
    let app = TestApp::start();
    let found = digest(&app.admin().get("api_docs/system").expect(200));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/stories/administration/system_openapi.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file, &found).unwrap();
    }
    let accepted = std::fs::read_to_string(file).unwrap_or_default();
    let changed = found.lines().find(|line| !accepted.lines().any(|known| known == *line));
    assert!(found == accepted, "the document changed; look at it and accept it with UPDATE_GOLDEN=1: {changed:?}");
}
