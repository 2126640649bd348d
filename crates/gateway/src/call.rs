//! The pipeline: every step of a call in order (events-and-scripting 2.1).

use crate::access::{self, Access};
use crate::failure::report;
use crate::identity::{Authenticated, Identity};
use crate::jobs::{Jobs, Promised};
use crate::linked::LinkedTexts;
use crate::platform;
use crate::rate::{Attempt, RateLimiter, SystemClock, Verdict};
use crate::scripts::{EventRunner, Plan, ScriptRunner};
use crate::{
    Call, Frame, Ledger, Libraries, Matched, Memory, Registry, ScriptIndex, Service, ServiceEntry, blocking, root,
};
use antiphon_model::{Client, Error, Limits, OutboundSettings, Request, Requestor, Response, Result, Session, Verb};
use antiphon_script::{Engines, WorkerSettings};
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// What a client sent to say who it is, and where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Names the app.
    pub api_key: Option<String>,
    /// Names the user.
    pub session_token: Option<String>,
    /// E-mail address or user name, and password.
    pub basic: Option<(String, String)>,
    /// Not sent: what the edge knows of the other end.
    pub client: Client,
}

/// The end of a call: the response, and the request as the last script left it, by which the edge chooses the format.
#[derive(Debug)]
pub struct Answer {
    /// What the client gets.
    pub response: Response,
    /// What was asked for in the end.
    pub request: Request,
}

/// The one door.
pub struct Gateway {
    registry: Registry,
    scripts: ScriptIndex,
    engines: Engines,
    identity: Identity,
    libraries: Libraries,
    outbound: antiphon_outbound::Client,
    linked_texts: LinkedTexts,
    limits: Limits,
    rates: RateLimiter,
    script_permits: Semaphore,
    memory: OnceLock<Arc<dyn Memory>>,
    common: OnceLock<Arc<dyn Service>>,
    jobs: OnceLock<Arc<Jobs>>,
}

/// Where a call comes from.
pub(crate) enum Origin<'a> {
    /// A client; with what is wrong with its token. Whether that matters depends on the route.
    Client(Option<Error>),
    /// A script or a service, for a call that is going on; with the scripts above.
    Inside(Option<&'a Arc<Frame>>),
}

/// A call that may go on: its service, its route, its scripts.
struct Admitted {
    entry: Arc<ServiceEntry>,
    /// What answers: the entry's own service, or what answers for every service.
    service: Arc<dyn Service>,
    matched: Matched,
    plan: Plan,
}

impl Gateway {
    /// A gateway without services.
    ///
    /// # Errors
    /// When the settings of calls to other servers can't be used.
    pub fn new(
        identity: Identity,
        libraries: Libraries,
        outbound: &OutboundSettings,
        limits: &Limits,
        workers: WorkerSettings,
    ) -> Result<Arc<Gateway>> {
        let workers = WorkerSettings { config: platform::config(limits), ..workers };
        Ok(Arc::new(Gateway {
            registry: Registry::default(),
            scripts: ScriptIndex::default(),
            engines: Engines::with_workers(limits, workers),
            identity,
            libraries,
            outbound: antiphon_outbound::Client::new(outbound, limits)?,
            script_permits: Semaphore::new(limits.script_concurrency),
            common: OnceLock::new(),
            jobs: OnceLock::new(),
            rates: RateLimiter::new(limits.rate_buckets, Arc::new(SystemClock)),
            linked_texts: LinkedTexts::default(),
            limits: limits.clone(),
            memory: OnceLock::new(),
        }))
    }

    /// Lets `memory` catch up with the store before each call from now on. Only the first one counts.
    pub fn keep(&self, memory: Arc<dyn Memory>) {
        let _ = self.memory.set(memory);
    }

    /// Brings what is kept in memory up to what is stored.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn catch_up(&self) -> Result<()> {
        self.memory.get().map_or(Ok(()), |memory| memory.catch_up())
    }

    /// Sets what answers under every service's name, before the service itself; only the first call counts.
    pub fn answer_everywhere(&self, common: Arc<dyn Service>) {
        self.common.get_or_init(|| common);
    }

    /// Lets scripts run later from now on. Only the first one counts; without it queued scripts are skipped, and the ledger says so.
    pub fn employ(&self, jobs: Arc<Jobs>) {
        let _ = self.jobs.set(jobs);
    }

    /// What makes jobs of scripts that run later.
    pub fn jobs(&self) -> Option<&Arc<Jobs>> {
        self.jobs.get()
    }

    /// What calls other servers.
    pub(crate) fn outbound(&self) -> &antiphon_outbound::Client {
        &self.outbound
    }

    /// The services.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The scripts by event.
    pub fn scripts(&self) -> &ScriptIndex {
        &self.scripts
    }

    /// What runs scripts.
    pub fn engines(&self) -> &Engines {
        &self.engines
    }

    /// Who is who.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What bounds everything.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn linked_texts(&self) -> &LinkedTexts {
        &self.linked_texts
    }

    /// How many calls clients may make.
    pub fn rates(&self) -> &RateLimiter {
        &self.rates
    }

    /// What scripts share.
    pub fn libraries(&self) -> &Libraries {
        &self.libraries
    }

    /// Answers a client's call. Failures are answers too.
    pub async fn call(self: &Arc<Self>, request: Request, credentials: Credentials) -> Answer {
        let authenticate = || self.catch_up().and_then(|()| self.identity.authenticate(&credentials));
        let authenticated = match credentials.basic {
            Some(_) => blocking(authenticate),
            None => authenticate(),
        };
        match authenticated {
            Ok(Authenticated { session, token_error }) => {
                self.dispatch(request, Arc::new(session), Origin::Client(token_error)).await
            }
            Err(error) => Answer { response: report(&error), request },
        }
    }

    /// Answers a call that the server itself makes, in the name of `session`: access check, events and all, but no credentials.
    pub async fn call_from_inside(self: &Arc<Self>, request: Request, session: Session) -> Response {
        self.dispatch(request, Arc::new(session), Origin::Inside(None)).await.response
    }

    /// Who these credentials name, for what is answered without a call.
    ///
    /// # Errors
    /// When they are no good, or the store can't be read.
    pub fn identify(&self, credentials: &Credentials) -> Result<Session> {
        self.catch_up()?;
        let Authenticated { session, token_error } = self.identity.authenticate(credentials)?;
        token_error.map_or(Ok(session), Err)
    }

    /// Answers any call, a client's or one from inside, whose caller is known.
    pub(crate) async fn dispatch(
        self: &Arc<Self>,
        mut request: Request,
        session: Arc<Session>,
        origin: Origin<'_>,
    ) -> Answer {
        let is_client = matches!(origin, Origin::Client(_));
        let (token_error, frame) = match origin {
            Origin::Client(token_error) => (token_error, None),
            Origin::Inside(frame) => (None, frame),
        };
        if request.service.is_empty() {
            return Answer { response: root::list(self, &session, &request, token_error), request };
        }
        let mut ledger = Ledger::default();
        let trace = session.is_admin() && request.flag("trace_events");
        let mut response = match self.admit(&request, &session, token_error, trace) {
            Err(error) => report(&error),
            Ok(admitted) => match self.count(&admitted, &request, &session, is_client) {
                Verdict::Exceeded(refusal) => {
                    let secrecy = admitted.service.secrecy(&admitted.matched);
                    self.announce_refusal(&refusal, &request, &session, secrecy);
                    refusal.response()
                }
                Verdict::Unlimited => self.run(&admitted, &mut request, &session, frame, &mut ledger).await,
                Verdict::Within(standing) => {
                    let mut response = self.run(&admitted, &mut request, &session, frame, &mut ledger).await;
                    standing.annotate(&mut response);
                    response
                }
            },
        };
        ledger.annotate(&mut response, trace);
        Answer { response, request }
    }

    /// Whether the call may go on, and to where. No event fires for a call that may not.
    fn admit(&self, request: &Request, session: &Session, token_error: Option<Error>, trace: bool) -> Result<Admitted> {
        let (verb, resource) = (request.verb, request.resource.as_str());
        let entry = self.registry.find(&request.service);
        let common = self.common.get().and_then(|common| Some((common, common.routes().find(resource)?)));
        let common = common.filter(|(_, matched)| matched.route.accepts(verb));
        let (service, matched) = match common {
            Some((common, matched)) => (Some(common), Some(matched)),
            None => {
                let service = entry.as_ref().map(|entry| &entry.service);
                (service, service.and_then(|service| service.routes().find(resource)))
            }
        };
        let service = service.map(Arc::clone);
        let route = matched.as_ref().map(|matched| &matched.route);
        if let Some(error) = token_error
            && !route.is_some_and(|route| route.tolerates_bad_token(verb))
        {
            return Err(error);
        }
        if !route.is_some_and(|route| route.is_public(verb)) {
            let service_id = entry.as_ref().map(|entry| entry.id);
            let service = entry.as_ref().map_or(request.service.as_str(), |entry| &entry.name);
            access::check(session, Access { requestor: request.requestor, verb, service, service_id, resource })?;
        }
        let entry =
            entry.ok_or_else(|| Error::not_found(format!("Could not find a service for {}", request.service)))?;
        if !entry.is_active {
            return Err(Error::forbidden(format!("Service {} is deactivated.", entry.name)));
        }
        let (Some(service), Some(matched)) = (service, matched) else {
            return Err(unknown_resource(&entry.name, resource));
        };
        if !matched.route.accepts(verb) {
            return Err(unsupported_verb(verb, &entry.name, &matched));
        }
        let plan = Plan::of(self, &entry.name, &matched, request, trace);
        Ok(Admitted { entry, service, matched, plan })
    }

    /// Counts a call that may go on. Administrators, scripts and calls from inside are never too many.
    fn count(&self, admitted: &Admitted, request: &Request, session: &Session, is_client: bool) -> Verdict {
        let is_counted = is_client && admitted.matched.route.is_counted();
        if !is_counted || session.is_admin() || request.requestor == Requestor::Script {
            return Verdict::Unlimited;
        }
        self.rates.admit(&Attempt {
            user_id: session.user_id(),
            role_id: session.role.as_ref().map(|role| role.id),
            service_id: admitted.entry.id,
            resource: &request.resource,
            verb: request.verb,
        })
    }

    /// Answers a call that was admitted, when there is room for its scripts.
    async fn run(
        self: &Arc<Self>,
        admitted: &Admitted,
        request: &mut Request,
        session: &Arc<Session>,
        frame: Option<&Arc<Frame>>,
        ledger: &mut Ledger,
    ) -> Response {
        if admitted.plan.is_empty() && !admitted.service.runs_scripts() {
            return self.process(admitted, request, session, frame, ledger).await;
        }
        match self.script_permit(frame).await {
            Err(error) => report(&error),
            Ok(_permit) => self.process(admitted, request, session, frame, ledger).await,
        }
    }

    /// Pre-process scripts, the service, post-process scripts, base scripts; scripts that run later get their jobs.
    async fn process(
        self: &Arc<Self>,
        admitted: &Admitted,
        request: &mut Request,
        session: &Arc<Session>,
        frame: Option<&Arc<Frame>>,
        ledger: &mut Ledger,
    ) -> Response {
        let Admitted { entry, service, matched, plan } = admitted;
        let secrecy = (!plan.is_empty()).then(|| service.secrecy(matched)).flatten();
        let runner = ScriptRunner { gateway: self, session, frame, service: &entry.name, secrecy };
        let runner = EventRunner { runner, plan };
        let signed_in = OnceLock::new();
        let promised = Promised::new(self.jobs(), plan.jobs());
        let outcome = match blocking(|| runner.pre_process(request, ledger)) {
            Ok(None) => {
                let shared = Mutex::new(std::mem::take(ledger));
                let call = Call {
                    gateway: self,
                    entry,
                    request,
                    session,
                    matched,
                    frame,
                    signed_in: &signed_in,
                    ledger: &shared,
                    plan,
                    promised: &promised,
                };
                let answer = service.handle(call).await;
                *ledger = shared.into_inner();
                answer
            }
            Ok(Some(answer)) => Ok(answer),
            Err(error) => Err(error),
        };
        let mut response = outcome.unwrap_or_else(|error| report(&error));
        if plan.is_empty() {
            return response;
        }
        let session = signed_in.get().unwrap_or(session);
        let runner = EventRunner { runner: ScriptRunner { session, ..runner.runner }, plan };
        let later = blocking(|| {
            runner.post_process(request, &mut response, ledger);
            runner.base(request, Some(&response), ledger);
            runner.queued(request, Some(&response), &promised, ledger)
        });
        self.entrust(later, ledger).await;
        response
    }

    /// Room for the script of a job, which can wait: nobody waits for it.
    pub(crate) async fn script_permit_of_job(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.script_permits.acquire().await.ok()
    }

    /// Room for one more call with scripts. Calls from inside use their caller's room.
    pub(crate) async fn script_permit(&self, frame: Option<&Arc<Frame>>) -> Result<Option<SemaphorePermit<'_>>> {
        if frame.is_some() {
            return Ok(None);
        }
        let wait = Duration::from_millis(self.limits.script_wait_ms);
        match tokio::time::timeout(wait, self.script_permits.acquire()).await {
            Ok(Ok(permit)) => Ok(Some(permit)),
            _ => Err(Error::unavailable("The server is busy running scripts. Please try again.", 1)),
        }
    }
}

fn unknown_resource(service: &str, resource: &str) -> Error {
    let first = resource.split('/').next().unwrap_or_default();
    Error::not_found(format!("Resource '{first}' not found for service '{service}'."))
}

/// The refusal names the last fixed part of the path, as the original's handlers name themselves.
fn unsupported_verb(verb: Verb, service: &str, matched: &Matched) -> Error {
    let (handler, below) = matched.route.handler_and_below();
    let handler = handler.unwrap_or(service);
    Error::bad_request(match below {
        None => format!("{verb} requests without a resource are not currently supported by the '{handler}' service."),
        Some(below) => {
            let name = matched.parameter(below);
            format!("{verb} requests for resource '{name}' are not currently supported by the '{handler}' service.")
        }
    })
}
