//! Database services: `_table` and `_schema` over one database.

mod related;
mod routes;

use antiphon_gateway::{Call, RouteTable, Service, blocking, row_filters};
use antiphon_model::{Response, Result, Session, Value, Verb, truthy};
use antiphon_sql::database::Database;
use antiphon_sql::lookup::Lookups;
use antiphon_sql::records::{self, Caller, NoRule, RecordRequest};
use antiphon_sql::schema::{self, Member, SchemaCaller, SchemaRequest};
use async_trait::async_trait;
use related::Endpoints;
use std::sync::Arc;

/// A service over one database. When the database can't be opened, every call says why.
pub struct DatabaseService {
    database: Result<Arc<Database>>,
    routes: RouteTable,
}

impl DatabaseService {
    /// The service over that database.
    pub fn new(database: Result<Arc<Database>>) -> DatabaseService {
        DatabaseService { database, routes: routes::routes() }
    }

    fn records(&self, call: &Call<'_>, table: &str, id: Option<&str>) -> Result<Response> {
        let Call { request, session, entry, .. } = call;
        let record_request =
            RecordRequest { verb: request.verb, table, id, parameters: &request.parameters, payload: &request.payload };
        let caller = Caller {
            lookups: &SessionLookups(session),
            user_id: session.user_id(),
            row_filters: row_filters(session, request.requestor, request.verb, entry.id, &request.resource),
            related: &Endpoints { call },
            rule: &NoRule,
            is_admin: session.is_admin(),
        };
        records::handle(&self.database, &record_request, &caller).map(Response::ok)
    }
}

/// The lookups of a session, as the database crate asks for them.
pub(crate) struct SessionLookups<'a>(pub &'a Session);

impl Lookups for SessionLookups<'_> {
    fn lookup(&self, name: &str, private: bool) -> Option<String> {
        self.0.lookup(name, private)
    }
}
