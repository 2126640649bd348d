//! Documents as pure text, without a server.

use super::{action_schemas, stored};
use antiphon_model::{Value, json};

#[test]
fn the_schemas_of_actions_are_readable() {
    let names: Vec<String> = action_schemas().into_iter().map(|schema| schema.name).collect();
    assert!(names.contains(&"LoginRequest".to_owned()), "{names:?}");
}

#[test]
fn yaml_is_read_and_its_bombs_are_not() {
    let yaml = "openapi: 3.0.0\npaths:\n  /a/{id}:\n    get:\n      responses:\n        200: {description: ok}\n";
    let document = Value::Object(stored::parse(yaml).unwrap());
    assert_eq!(document["paths"]["/a/{id}"]["get"]["responses"]["200"]["description"], "ok");
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let previous = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![previous; 10].join(", ")));
    }
    assert_eq!(stored::parse(&bomb).unwrap_err().status, 500);
    assert!(stored::parse("{\"paths\": ").unwrap_err().message.contains("line 1"));
}

#[test]
fn swagger_2_becomes_openapi_3() {
    let document = stored::parse(
        &json!({
            "swagger": "2.0", "basePath": "/x", "info": {"title": "t", "version": "1"}, "consumes": ["text/json"],
            "definitions": {"City": {"type": "object"}},
            "parameters": {"Sort": {"name": "sort", "in": "query", "type": "string"},
                           "New": {"name": "b", "in": "body", "required": true, "schema": {"$ref": "#/definitions/City"}}},
            "paths": {"/city/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": true, "type": "integer"}],
                "get": {"parameters": [{"$ref": "#/parameters/Sort"},
                                       {"name": "f", "in": "query", "type": "array", "items": {"type": "string"}}],
                        "responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/City"}}}},
                "put": {"parameters": [{"$ref": "#/parameters/New"}], "responses": {"200": {}}},
                "post": {"parameters": [{"name": "a", "in": "formData", "type": "file"}], "responses": {}},
            }},
        })
        .to_string(),
    );
    let document = Value::Object(document.unwrap());
    let item = &document["paths"]["/city/{id}"];
    assert_eq!(document["openapi"], "3.0.0");
    assert_eq!(item["parameters"][0]["schema"], json!({"type": "integer"}));
    assert_eq!(item["get"]["parameters"][0]["$ref"], "#/components/parameters/Sort");
    assert_eq!(item["get"]["parameters"][1]["explode"], false);
    assert_eq!(
        item["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/City"
    );
    assert_eq!(item["put"]["requestBody"]["$ref"], "#/components/requestBodies/New");
    assert_eq!(
        document["components"]["requestBodies"]["New"]["content"]["text/json"]["schema"]["$ref"],
        "#/components/schemas/City"
    );
    assert_eq!(
        item["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["a"]["format"],
        "binary"
    );
}
