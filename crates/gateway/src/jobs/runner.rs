//! Running a job: in whose name, which script, on what.

use super::{JobKind, JobPayload, Jobs};
use crate::scripts::{Occasion, ScriptRunner, judge_later};
use crate::{Gateway, Ledger, ScriptSlot, blocking};
use antiphon_model::{Error, EventName, Phase, Request, Response, Result, Session};
use antiphon_queue::{Claimed, End, Ran, Runner};
use antiphon_script::Script;
use async_trait::async_trait;
use std::sync::{Arc, Weak};

/// Runs the jobs that the gateway made.
pub struct GatewayRunner {
    gateway: Weak<Gateway>,
    jobs: Arc<Jobs>,
}

impl GatewayRunner {
    /// Runs jobs with that gateway, as long as it is there.
    pub fn new(gateway: &Arc<Gateway>, jobs: Arc<Jobs>) -> GatewayRunner {
        GatewayRunner { gateway: Arc::downgrade(gateway), jobs }
    }
}

/// What can't be run, and what becomes of the job.
enum Obstacle {
    /// Nobody wants it any more.
    Unwanted(String),
    /// Trying again does not help.
    Lasting(Error),
    /// Trying again may help.
    Passing(Error),
}

#[async_trait]
impl Runner for GatewayRunner {
    async fn run(&self, claimed: &Claimed) -> Ran {
        let Some(gateway) = self.gateway.upgrade() else { return ended(End::Failed("The server stops.".to_owned())) };
        let payload = match self.jobs.open(&claimed.payload) {
            Ok(payload) => payload,
            Err(error) => return ended(End::Hopeless(error.message)),
        };
        if let Some(refused) = payload.refused {
            return ended(End::Hopeless(refused));
        }
        let ran = match payload.kind {
            JobKind::Schedule => match gateway.run_moment(payload).await {
                Ok(output) => Ran { output, ..ended(End::Succeeded) },
                Err(error) => ended(End::Failed(error.message)),
            },
            JobKind::Event | JobKind::Service => match run_script(&gateway, payload).await {
                Ok(ran) => ran,
                Err(Obstacle::Unwanted(why)) => ended(End::Skipped(why)),
                Err(Obstacle::Lasting(error)) => ended(End::Hopeless(error.message)),
                Err(Obstacle::Passing(error)) => ended(End::Failed(error.message)),
            },
        };
        tell(claimed, &ran.end);
        ran
    }
}

/// Writes what went wrong into the log: no caller is there to be told.
fn tell(claimed: &Claimed, end: &End) {
    let (job, script, attempt) = (&claimed.job.id, &claimed.job.script, claimed.held.attempt);
    match end {
        End::Succeeded => {}
        End::Failed(error) | End::Hopeless(error) => {
            tracing::warn!(target: "antiphon::script", %job, script, attempt, error, "a queued script failed");
        }
        End::Skipped(why) => {
            tracing::info!(target: "antiphon::script", %job, script, why, "a queued script did not run")
        }
    }
}

fn ended(end: End) -> Ran {
    Ran { end, output: String::new(), script_version: None }
}

async fn run_script(gateway: &Arc<Gateway>, mut payload: JobPayload) -> Result<Ran, Obstacle> {
    gateway.catch_up().map_err(Obstacle::Passing)?;
    let session = Arc::new(session(gateway, &payload)?);
    let frame = payload.frame();
    let script = blocking(|| script(gateway, &mut payload))?;
    let (request, response) = parts(&mut payload).map_err(Obstacle::Lasting)?;
    let _permit = gateway.script_permit_of_job().await;
    let phase = match payload.kind {
        JobKind::Service => Phase::Service,
        JobKind::Event | JobKind::Schedule => Phase::Queued,
    };
    let JobPayload { event, service, resource, limit, .. } = &payload;
    let occasion = Occasion { name: event, phase, resource, limit: limit.as_ref() };
    let (session, frame) = (&session, frame.as_ref());
    // What scripts must not see was taken out when the job was made.
    let runner = ScriptRunner { gateway, session, frame, service, secrecy: None };
    let mut ledger = Ledger::default();
    let (outcome, output) = blocking(|| {
        let (run, record) = runner.run(&script, &occasion, &request, response.as_ref());
        ledger.ran(record);
        let output = run.output.clone();
        (judge_later(&script, phase, run, &mut ledger), output)
    });
    let end = match outcome {
        Ok(()) => End::Succeeded,
        Err(error) => End::Failed(error.message),
    };
    Ok(Ran { end, output, script_version: Some(script.version) })
}

/// In whose name the job runs, with the rights that these have now.
fn session(gateway: &Gateway, payload: &JobPayload) -> Result<Session, Obstacle> {
    let identity = &payload.identity;
    let session = gateway.identity().session_of(identity.user_id, identity.app_id, identity.client());
    session.map_err(|error| match error.status {
        401 | 403 => Obstacle::Lasting(error),
        _ => Obstacle::Passing(error),
    })
}

/// The script as it was saved, if it is still there and active; as it is now when none was saved.
fn script(gateway: &Arc<Gateway>, payload: &mut JobPayload) -> Result<Arc<Script>, Obstacle> {
    let saved = payload.script.take();
    if payload.kind == JobKind::Service {
        let unwanted = |what: &str| Obstacle::Unwanted(format!("The service '{}' is {what}.", payload.service));
        let entry = gateway.registry().find(&payload.service).ok_or_else(|| unwanted("deleted"))?;
        if !entry.is_active {
            return Err(unwanted("deactivated"));
        }
        let saved = saved.ok_or_else(|| {
            Obstacle::Lasting(Error::bad_request("A job of a service must hold the service's script."))
        })?;
        return Ok(Arc::new(saved.into_script(true)));
    }
    let name = saved.as_ref().map_or(payload.event.as_str(), |saved| saved.name.as_str());
    let unwanted = |what: &str| Obstacle::Unwanted(format!("The script '{name}' is {what}."));
    let slot = find(gateway, name).ok_or_else(|| unwanted("deleted"))?;
    if !slot.is_active {
        return Err(unwanted("deactivated"));
    }
    match saved {
        Some(saved) => Ok(Arc::new(saved.into_script(slot.script.allow_event_modification))),
        None => gateway.with_text(&slot.script, &slot.origin, None).map_err(Obstacle::Passing),
    }
}

fn find(gateway: &Gateway, name: &str) -> Option<ScriptSlot> {
    EventName::parse(name).ok()?;
    gateway.scripts().find(name)
}

fn parts(payload: &mut JobPayload) -> Result<(Request, Option<Response>)> {
    let requestor = payload.identity.requestor();
    let request = payload.request.clone().into_request(&payload.service, requestor)?;
    let response = payload.response.take().map(super::SavedResponse::into_response).transpose()?;
    Ok((request, response))
}
