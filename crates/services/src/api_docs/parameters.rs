//! The parameters of operations (system-and-users 1.5).

use antiphon_gateway::{Route, Shape};
use antiphon_model::{Object, Value, Verb, json};

/// What a parameter's value is.
enum Kind {
    Text,
    Number,
    Flag,
    /// A comma list.
    List,
}

use Kind::{Flag, List, Number, Text};

/// Every query parameter that operations refer to.
const QUERY: [(&str, Kind, &str); 29] = [
    ("fields", List, "The fields to answer with; * for all."),
    ("related", List, "The relations to answer with."),
    ("ids", List, "The records with these identifiers."),
    ("id_field", List, "The fields that identify a record, when not the primary key."),
    ("filter", Text, "The records that fulfil this condition, such as (name like \"a%\") and (id > 5)."),
    ("limit", Number, "The most records to answer with."),
    ("offset", Number, "How many records to pass over."),
    ("order", Text, "Fields to sort by, each with asc or desc behind it."),
    ("group", List, "Fields to group by."),
    ("include_count", Flag, "Adds how many records fulfil the filter."),
    ("include_schema", Flag, "Adds the description of the table."),
    ("count_only", Flag, "Answers with the number of records alone."),
    ("as_list", Flag, "Answers with a plain list of names or identifiers."),
    ("as_access_list", Flag, "Answers with the components that roles can grant."),
    ("continue", Flag, "Goes on after a record that failed."),
    ("rollback", Flag, "All or nothing: undoes everything when one record fails."),
    ("force", Flag, "Confirms that every record is to be deleted."),
    ("file", Text, "Answers as a download: true, or a file name whose extension chooses the format. Not for consoles."),
    ("refresh", Flag, "Reads anew what is kept in memory."),
    ("expand_schema", Flag, "One set of paths for each table."),
    ("service", Text, "Only what belongs to this service."),
    ("scriptable", Flag, "Adds the names that scripts can be attached to."),
    ("services_only", Flag, "Only the names of the services."),
    ("type", Text, "Only what is of this type."),
    ("only_scripted", Flag, "Only events that have scripts."),
    ("system_only", Flag, "Only what belongs to the system itself."),
    ("full_tree", Flag, "Everything down to the single file and record."),
    ("regenerate", Flag, "A new API key for the app."),
    ("send_invite", Flag, "Sends an invitation by e-mail."),
];

/// The components that operations refer to.
pub(super) fn components() -> Object {
    QUERY.iter().map(|(name, kind, description)| ((*name).to_owned(), query(name, kind, description))).collect()
}

fn query(name: &str, kind: &Kind, description: &str) -> Value {
    let mut parameter = json!({ "name": name, "in": "query", "description": description });
    parameter["schema"] = match kind {
        Text => json!({ "type": "string" }),
        Number => json!({ "type": "integer", "format": "int32" }),
        Flag => json!({ "type": "boolean" }),
        List => json!({ "type": "array", "items": { "type": "string" } }),
    };
    if matches!(kind, List) {
        parameter["style"] = json!("form");
        parameter["explode"] = json!(false);
    }
    parameter
}

/// References to the query parameters of one operation.
pub(super) fn of_query(route: &Route, verb: Verb) -> Vec<Value> {
    let of_shape: &[&str] = match (route.shape(), verb) {
        (Shape::Collection(_), Verb::Get) => &[
            "fields",
            "related",
            "ids",
            "id_field",
            "filter",
            "limit",
            "offset",
            "order",
            "group",
            "include_count",
            "include_schema",
            "count_only",
            "as_list",
            "file",
        ],
        (Shape::Collection(_), Verb::Post) => &["fields", "related", "continue", "rollback"],
        (Shape::Collection(_), Verb::Delete) => {
            &["fields", "ids", "id_field", "filter", "force", "continue", "rollback"]
        }
        (Shape::Collection(_), _) => &["fields", "related", "ids", "id_field", "filter", "continue", "rollback"],
        (Shape::Record(_), _) => &["fields", "related", "id_field"],
        (Shape::Listing, Verb::Get) => &["fields", "as_list", "as_access_list"],
        _ => &[],
    };
    let asked = if verb == Verb::Get { route.query() } else { &[] };
    of_shape.iter().chain(asked).map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })).collect()
}

/// What a parameter in a path is.
pub(super) fn of_path(name: &str) -> String {
    match name {
        "id" => "Identifier of the record.".to_owned(),
        "file_path" | "folder_path" => "Path below the service; it may contain slashes.".to_owned(),
        "event_name" => "Name of the event, with its type.".to_owned(),
        other => format!("Name of the {}.", other.trim_end_matches("_name").replace('_', " ")),
    }
}
