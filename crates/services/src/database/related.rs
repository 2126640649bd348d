//! Related tables are reached through their own endpoints: their access rows, row filters and events apply
//! (database-service 13, 15).

use antiphon_gateway::{Call, authorize, row_filters};
use antiphon_model::{Error, Object, Request, Result, Value, Verb};
use antiphon_sql::records::RowFilters;
use antiphon_sql::relations::RelatedTables;

/// The endpoints of the tables beside the one that is called.
pub(super) struct Endpoints<'a> {
    pub call: &'a Call<'a>,
}

impl RelatedTables for Endpoints<'_> {
    fn read(&self, service_id: Option<i64>, table: &str, parameters: Object) -> Result<Vec<Value>> {
        let service = match service_id.filter(|id| *id != self.call.entry.id) {
            None => self.call.entry.name.clone(),
            Some(id) => {
                let entry = self.call.gateway.registry().find_by_id(id);
                entry.ok_or_else(|| Error::not_found("The service of the related table does not exist."))?.name.clone()
            }
        };
        let mut request = Request::new(Verb::Get, service, format!("_table/{table}"));
        request.parameters = parameters;
        request.requestor = self.call.request.requestor;
        let Value::Object(mut body) = self.call.ask(request)? else { return Ok(Vec::new()) };
        match body.shift_remove("resource") {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Ok(Vec::new()),
        }
    }

    fn authorize_write(&self, table: &str, verb: Verb) -> Result<RowFilters> {
        let Call { session, request, entry, .. } = self.call;
        let resource = format!("_table/{table}");
        authorize(session, request.requestor, verb, entry, &resource)?;
        Ok(row_filters(session, request.requestor, verb, entry.id, &resource))
    }
}
