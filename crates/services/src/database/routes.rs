//! What a database service answers to (database-service 2, 20).

use antiphon_gateway::{Route, RouteTable, Shape};
use antiphon_model::Verb::{self, Delete, Get, Patch, Post, Put};

const READ_AND_WRITE: [Verb; 5] = [Get, Post, Put, Patch, Delete];
const ONE: [Verb; 4] = [Get, Put, Patch, Delete];

pub(super) fn routes() -> RouteTable {
    RouteTable::new(vec![
        Route::new("", &[Get], "List the resources of the database").carries(Shape::Listing),
        Route::new("_schema", &[Get, Post, Put, Patch], "List, create and change tables").also(&[Delete]),
        Route::new("_schema/{table_name}", &READ_AND_WRITE, "Describe, change or drop a table")
            .concrete_by("table_name"),
        Route::new("_schema/{table_name}/_field", &READ_AND_WRITE, "Fields of a table")
            .legacy_event("_schema.{table_name}.{field}")
            .concrete_by("table_name"),
        Route::new("_schema/{table_name}/_field/{field_name}", &ONE, "One field")
            .also(&[Post])
            .legacy_event("_schema")
            .concrete_by("table_name"),
        Route::new("_schema/{table_name}/_related", &READ_AND_WRITE, "Relations of a table")
            .legacy_event("_schema.{table_name}.{field}")
            .concrete_by("table_name"),
        Route::new("_schema/{table_name}/_related/{relationship_name}", &ONE, "One relation")
            .also(&[Post])
            .legacy_event("_schema")
            .concrete_by("table_name"),
        Route::new("_schema/{table_name}/{field}", &ONE, "One field, in the old spelling")
            .also(&[Post])
            .concrete_by("table_name")
            .unlisted(),
        Route::new("_table", &[Get], "List the tables").carries(Shape::Listing),
        Route::new("_table/{table_name}", &READ_AND_WRITE, "Records of a table")
            .concrete_by("table_name")
            .carries(Shape::Collection("table_name")),
        Route::new("_table/{table_name}/{id}", &ONE, "One record")
            .also(&[Post])
            .concrete_by("table_name")
            .carries(Shape::Record("table_name")),
        // What stands behind the identifier is ignored. Installations of the original know its events as those of the list
        // (events-and-scripting 1.2); those of the record fire too, else a longer path would get around their scripts.
        Route::new("_table/{table_name}/{id}/{more*}", &ONE, "One record")
            .legacy_event("_table")
            .fires_as("_table.{table_name}.{id}")
            .concrete_by("table_name")
            .unlisted(),
    ])
}
