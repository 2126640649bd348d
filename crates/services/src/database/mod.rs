//! Database services: `_table` and `_schema` over one database.

mod extras;
mod nested_writes;
mod related;
mod routes;
mod source;
mod structure;
#[cfg(test)]
mod tests;

pub use extras::SystemExtras;
pub use source::{Databases, Source};

use crate::api_docs::tables::record_schema;
use crate::jobs::Following;
use antiphon_gateway::jobs::CallFollowup;
use antiphon_gateway::{Cache, Call, RouteTable, Schema, Service, authorize, blocking, row_filters, verbs_for};
use antiphon_model::{Response, Result, Session, Verb, VerbMask, json};
use antiphon_sql::database::Database;
use antiphon_sql::lookup::{Lookups, NoLookups};
use antiphon_sql::outbox::Followup;
use antiphon_sql::records::{self, Caller, NoRule, RecordRequest, RowFilters, Verbatim};
use antiphon_sql::schema::{self, Member, SchemaCaller, SchemaRequest};
use async_trait::async_trait;
use related::Endpoints;
use std::borrow::Cow;
use std::sync::Arc;

/// A service over one database. When the database can't be opened, every call says why.
pub struct DatabaseService {
    source: Source,
    routes: RouteTable,
}

impl DatabaseService {
    /// The service over the database that comes from there.
    pub fn new(source: Source) -> DatabaseService {
        DatabaseService { source, routes: routes::routes() }
    }

    /// The database for that caller.
    fn database(&self, session: &Session) -> Result<Arc<Database>> {
        self.source.database(&SessionLookups(session))
    }

    fn answer(&self, call: &Call<'_>) -> Result<Response> {
        call.request.require_readable_payload()?;
        let table = Some(call.matched.parameter("table_name"));
        let field = Some(call.matched.parameter("field_name"));
        let relation = Some(call.matched.parameter("relationship_name"));
        match call.matched.route.pattern() {
            "" => self.root(call),
            "_table" => self.tables(call),
            "_table/{table_name}" => self.records(call, None),
            "_table/{table_name}/{id}" | "_table/{table_name}/{id}/{more*}" => {
                self.records(call, Some(call.matched.parameter("id")))
            }
            "_schema" => {
                structure::refuse_denied_tables(call)?;
                self.schema(call, None, None)
            }
            "_schema/{table_name}" => self.schema(call, table, None),
            "_schema/{table_name}/_field" => self.schema(call, table, Some(Member::Field(None))),
            "_schema/{table_name}/_field/{field_name}" => self.schema(call, table, Some(Member::Field(field))),
            "_schema/{table_name}/_related" => self.schema(call, table, Some(Member::Relation(None))),
            "_schema/{table_name}/_related/{relationship_name}" => {
                self.schema(call, table, Some(Member::Relation(relation)))
            }
            _ => self.schema(call, table, Some(Member::Field(Some(call.matched.parameter("field"))))),
        }
    }

    fn records(&self, call: &Call<'_>, id: Option<&str>) -> Result<Response> {
        let Call { request, session, .. } = call;
        let database = &self.database(session)?;
        let table = call.matched.parameter("table_name");
        let mut payload = Cow::Borrowed(&request.payload);
        let mut carried = Vec::new();
        if matches!(request.verb, Verb::Post | Verb::Put | Verb::Patch) && call.has_scripts() {
            let table = database.table_by_wire_name(table)?;
            carried = nested_writes::before(database, call, &table, payload.to_mut())?;
        }
        let is_write = request.verb != Verb::Get;
        let followup = CallFollowup::of(call, &carried).filter(|_| is_write);
        let following = followup.map(|followup| Following::new(followup, database));
        let record_request =
            RecordRequest { verb: request.verb, table, id, parameters: &request.parameters, payload: &payload };
        let session_lookups = SessionLookups(session);
        let caller = Caller {
            lookups: if request.verbatim { &NoLookups } else { &session_lookups },
            user_id: session.user_id(),
            row_filters: filters_of_rows(call, table),
            related: &Endpoints { call },
            rule: if request.verbatim { &Verbatim } else { &NoRule },
            is_admin: session.is_admin(),
            followup: following.as_ref().map(|following| following as &dyn Followup),
        };
        let answer = records::handle(database, &record_request, &caller)?;
        for write in &carried {
            call.carried(write);
        }
        Ok(Response::ok(answer))
    }

    fn tables(&self, call: &Call<'_>) -> Result<Response> {
        let access = |table: &str| table_access(call, "_table", table);
        let service_name = |id| service_name(call, id);
        let caller = SchemaCaller { access: &access, is_admin: call.session.is_admin(), service_name: &service_name };
        schema::list_tables(&*self.database(call.session)?, &call.request.parameters, &caller, true).map(Response::ok)
    }

    fn schema(&self, call: &Call<'_>, table: Option<&str>, member: Option<Member<'_>>) -> Result<Response> {
        let Call { request, session, .. } = call;
        let access = |table: &str| table_access(call, "_schema", table);
        let service_name = |id| service_name(call, id);
        let caller = SchemaCaller { access: &access, is_admin: session.is_admin(), service_name: &service_name };
        let schema_request = SchemaRequest {
            verb: request.verb,
            table,
            member,
            parameters: &request.parameters,
            payload: &request.payload,
        };
        schema::handle(&*self.database(session)?, &schema_request, &caller).map(Response::ok)
    }

    fn root(&self, call: &Call<'_>) -> Result<Response> {
        let request = call.request;
        if request.flag("as_access_list") {
            return Ok(Response::ok(json!({ "resource": self.components(call.session) })));
        }
        if request.flag("as_list") {
            return Ok(Response::ok(json!({ "resource": ["_schema", "_table"] })));
        }
        let everything = request.parameter(&["fields"]).is_some_and(|fields| fields == "*");
        let entries = [("_schema", "Schema"), ("_table", "Tables")].into_iter().map(|(name, label)| {
            let mut entry = json!({ "name": name });
            if everything {
                entry["label"] = json!(label);
            }
            if request.flag("include_access") {
                entry["access"] = json!(verbs_for(call.session, call.entry.id, name));
            }
            entry
        });
        Ok(Response::resource(entries.collect()))
    }

    /// What roles can be granted below this service (database-service 2.1). What is the same for every database is told even
    /// when this one can't be read.
    fn components(&self, session: &Session) -> Vec<String> {
        let mut components = vec![String::new(), "*".to_owned()];
        let tables = self.database(session).and_then(|database| tables(&database)).unwrap_or_default();
        for part in ["_schema", "_table"] {
            components.extend([format!("{part}/"), format!("{part}/*")]);
            for table in &tables {
                components.extend([format!("{part}/{table}/"), format!("{part}/{table}/*")]);
            }
        }
        components
    }
}

/// The structure of the database is what is kept.
impl Cache for DatabaseService {
    fn flush(&self) {
        self.source.forget_structure();
    }
}

#[async_trait]
impl Service for DatabaseService {
    fn routes(&self) -> &RouteTable {
        &self.routes
    }

    async fn handle(&self, call: Call<'_>) -> Result<Response> {
        // One row by its key is read faster than a thread is woken; anything else may take its time.
        let reads_one_row = matches!(self.source, Source::Everybodys(_))
            && call.request.verb == Verb::Get
            && !call.matched.parameter("id").is_empty()
            && !call.request.parameters.contains_key("related");
        match reads_one_row {
            true => self.answer(&call),
            false => blocking(|| self.answer(&call)),
        }
    }

    fn cache(&self) -> Option<&dyn Cache> {
        Some(self)
    }

    fn parameter_values(&self, parameter: &str) -> Vec<String> {
        // Which database it is, where callers have their own, is not known without a caller.
        let Source::Everybodys(database) = &self.source else { return Vec::new() };
        if parameter != "table_name" {
            return Vec::new();
        }
        database.clone().and_then(|database| tables(&database)).unwrap_or_else(|error| {
            tracing::warn!(%error, "the tables of a database can't be listed");
            Vec::new()
        })
    }

    fn schemas(&self) -> Result<Vec<Schema>> {
        let Source::Everybodys(database) = &self.source else { return Ok(Vec::new()) };
        let catalog = database.as_ref().map_err(Clone::clone)?.catalog()?;
        let kind_of = |table: &str| catalog.table(table).map(|table| table.wire_name().to_owned());
        let schemas = catalog.tables().iter().map(|table| record_schema(table.wire_name(), table, &kind_of));
        Ok(schemas.collect())
    }
}

/// The tables of a database, by name.
fn tables(database: &Database) -> Result<Vec<String>> {
    let catalog = database.catalog()?;
    let mut names: Vec<String> = catalog.tables().iter().map(|table| table.wire_name().to_owned()).collect();
    names.sort_by_key(|name| name.to_lowercase());
    Ok(names)
}

/// What the caller may do with a table, or with anything below it.
fn table_access(call: &Call<'_>, part: &str, table: &str) -> VerbMask {
    let (exact, below) = (format!("{part}/{table}"), format!("{part}/{table}/*"));
    let Call { session, request, entry, .. } = call;
    let is_granted = |verb: Verb, path: &str| authorize(session, request.requestor, verb, entry, path).is_ok();
    let granted = Verb::ALL.into_iter().filter(|verb| is_granted(*verb, &exact) || is_granted(*verb, &below));
    VerbMask::of(&granted.collect::<Vec<_>>())
}

/// The conditions on the rows of the called table. Those of the table hold for a record's own path too, even where another
/// access row decides about that path: what a list hides must not be reached by its identifier (database-service 13).
fn filters_of_rows(call: &Call<'_>, table: &str) -> RowFilters {
    let Call { request, session, entry, .. } = call;
    let conditions = |path: &str| row_filters(session, request.requestor, request.verb, entry.id, path);
    let mut filters = conditions(&request.resource);
    let of_table = conditions(&format!("_table/{table}"));
    filters.extend(of_table.into_iter().filter(|condition| !filters.contains(condition)).collect::<Vec<_>>());
    filters
}

/// The name of the service with that identifier.
fn service_name(call: &Call<'_>, id: i64) -> Option<String> {
    call.gateway.registry().find_by_id(id).map(|entry| entry.name.clone())
}

/// The lookups of a session, as the database crate asks for them.
pub(crate) struct SessionLookups<'a>(pub &'a Session);

impl Lookups for SessionLookups<'_> {
    fn lookup(&self, name: &str, private: bool) -> Option<String> {
        self.0.lookup(name, private)
    }
}
