//! What a service is to the gateway.

use crate::jobs::Promised;
use crate::scripts::Plan;
use crate::{Frame, Gateway, Ledger, Matched, RouteTable, Schema, SecrecyOf, ServiceEntry};
use antiphon_model::{Content, Request, Response, Result, Session, Value};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use tokio::runtime::Handle;

/// One call as a service sees it: after authentication, access check and pre-process scripts.
pub struct Call<'a> {
    /// The door, for calls of the service's own to other services.
    pub gateway: &'a Arc<Gateway>,
    /// The service as configured.
    pub entry: &'a Arc<ServiceEntry>,
    /// The request as the last pre-process script left it.
    pub request: &'a Request,
    /// Who asks.
    pub session: &'a Arc<Session>,
    /// The route and its parameters.
    pub matched: &'a Matched,
    /// The scripts above this call.
    pub frame: Option<&'a Arc<Frame>>,
    /// To be set by a log-in: the session of the person who logged in, which the scripts after the call see
    /// (events-and-scripting D9). It never replaces the session of a caller above.
    pub signed_in: &'a OnceLock<Arc<Session>>,
    /// What happened to the call so far.
    pub(crate) ledger: &'a Mutex<Ledger>,
    /// Its scripts.
    pub(crate) plan: &'a Plan,
    /// The jobs that it makes.
    pub(crate) promised: &'a Promised,
}

impl Call<'_> {
    /// Whether any script is stored at all.
    pub fn has_scripts(&self) -> bool {
        !self.gateway.scripts().is_empty()
    }

    /// A call to another resource, or service, on behalf of the same caller: access check, events and all. Used for related
    /// records, which the original reads through the related table's own endpoint.
    pub fn nested(&self, request: Request) -> Response {
        self.gateway.nested(request, self.session, self.frame, &Handle::current())
    }

    /// The value that such a call is answered with.
    ///
    /// # Errors
    /// When the answer is an error.
    pub fn ask(&self, request: Request) -> Result<Value> {
        let response = self.nested(request);
        match response.status >= 400 {
            true => Err(response.into_error()),
            false => match response.content {
                Content::Value(value) => Ok(value),
                other => Ok(other.to_value()),
            },
        }
    }
}

/// What a service keeps in memory to answer faster.
pub trait Cache: Send + Sync {
    /// Forgets all of it; the next call that needs it reads it anew.
    fn flush(&self);
}

/// An event that no call fires (events-and-scripting 1.5): only its plain name and `.queued` can have scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEvent {
    /// Path below the service: `limit.{id}.exceeded`.
    pub path: &'static str,
    /// Name of its parameter.
    pub parameter: &'static str,
    /// What that can be.
    pub values: Vec<String>,
}

/// A service: its routes, and the code behind them.
#[async_trait]
pub trait Service: Send + Sync {
    /// The routes; the only source of dispatch, events, components and documentation.
    fn routes(&self) -> &RouteTable;

    /// Answers one call.
    async fn handle(&self, call: Call<'_>) -> Result<Response>;

    /// What scripts must not see of the bodies of requests on that route; none when they may see all of it.
    fn secrecy(&self, _matched: &Matched) -> Option<SecrecyOf> {
        None
    }

    /// Whether its answers are made by scripts: its calls then wait for room as calls with scripts on their events do.
    fn runs_scripts(&self) -> bool {
        false
    }

    /// What it keeps in memory, if anything.
    fn cache(&self) -> Option<&dyn Cache> {
        None
    }

    /// The events that it fires by itself.
    fn service_events(&self) -> Vec<ServiceEvent> {
        Vec::new()
    }

    /// The values that a route parameter can take, as far as they are known: table names, for example. They help clients
    /// to build concrete event names and roles.
    fn parameter_values(&self, _parameter: &str) -> Vec<String> {
        Vec::new()
    }

    /// The schemas of what its routes carry, for its documentation.
    ///
    /// # Errors
    /// When they can't be found out now; the documentation then goes without.
    fn schemas(&self) -> Result<Vec<Schema>> {
        Ok(Vec::new())
    }
}
