//! What the calls of a route carry, as far as its documentation says it.

use antiphon_model::Value;

/// What goes in and comes out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Shape {
    /// Whatever the service makes of it.
    #[default]
    Free,
    /// The names of the resources below.
    Listing,
    /// Records of that kind in a `resource` list; a kind that is the name of a route parameter stands for its values.
    Collection(&'static str),
    /// One record of that kind.
    Record(&'static str),
    /// An action: the names of the schemas of its body and of its answer.
    Action {
        /// Of the body of POST, PUT and PATCH.
        request: &'static str,
        /// Of the answer.
        response: &'static str,
    },
}

/// A JSON schema of a service's documentation.
///
/// In the schema of a record, `{"x-record": "contact"}` stands for a reference to the schema of such a record, if it is part of
/// the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Name: the kind of record, or what a [`Shape::Action`] calls it.
    pub name: String,
    /// Whether it describes records, which then has `x-primary-key`.
    pub is_record: bool,
    /// The schema itself, in the dialect of OpenAPI 3.0.
    pub schema: Value,
}
