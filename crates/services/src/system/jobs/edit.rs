//! What a client wants of a job, and what that makes of what the job holds.

use super::super::resources::invalid;
use antiphon_gateway::Call;
use antiphon_gateway::jobs::{JobPayload, Jobs};
use antiphon_model::{Error, Object, Result, Value, json};
use antiphon_queue::{Clock, Edit, JobDetail, JobStatus};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A change as a client writes it, checked.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wish {
    /// `waiting` or `cancelled`.
    pub(super) status: Option<JobStatus>,
    delay_ms: Option<u64>,
    priority: Option<i16>,
    queue: Option<String>,
    tries: Option<u32>,
    request: Option<Value>,
    response: Option<Value>,
    script_version: Option<String>,
}

impl Wish {
    /// Reads a change. Members that nobody can change are passed over, because clients send whole records back.
    ///
    /// # Errors
    /// 400 for what can't be; 403 for what only administrators may see and change.
    pub(super) fn of(call: &Call<'_>, record: &Object) -> Result<Wish> {
        let limits = call.gateway.limits();
        let given = |name: &str| record.get(name).filter(|value| !value.is_null());
        let wish = Wish {
            status: given("status").map(status).transpose()?,
            delay_ms: given("delay").map(|value| delay(value, limits.job_delay_ms)).transpose()?,
            priority: given("priority").map(|value| whole("priority", value, i16::MIN, i16::MAX)).transpose()?,
            queue: given("queue").map(|value| queue(value, limits.job_key_bytes)).transpose()?,
            tries: given("tries").map(|value| whole("tries", value, 1, limits.job_tries)).transpose()?,
            request: given("request").cloned(),
            response: given("response").cloned(),
            script_version: given("script_version").map(plain),
        };
        let edits_payload = wish.request.is_some() || wish.response.is_some() || wish.script_version.is_some();
        if edits_payload && !call.session.is_admin() {
            return Err(Error::forbidden(
                "Only administrators may change what a job runs and on what: it runs in the name of whoever caused it.",
            ));
        }
        match wish == Wish::default() {
            true => Err(Error::bad_request(
                "There is nothing to change. A job has 'status' (\"waiting\" to run it again, \"cancelled\" to take it out), 'priority', \
                 'queue', 'tries', 'delay' in seconds, and for administrators 'request', 'response' and 'script_version'.",
            )),
            false => Ok(wish),
        }
    }

    /// The change for the queue.
    ///
    /// # Errors
    /// 400 when an edited payload is none; 409 when the job holds nothing any more; those of opening and sealing.
    pub(super) fn edit(&self, call: &Call<'_>, before: &JobDetail) -> Result<Edit> {
        let JobDetail { record: before, payload: sealed, .. } = before;
        let waits = || {
            // A change of something else does not make a waiting job run earlier.
            let run_at = before.run_at_ms.filter(|_| self.status.is_none())?;
            u64::try_from(run_at.saturating_sub(Clock::default().now_ms())).ok()
        };
        let edit = Edit {
            payload: None,
            priority: self.priority,
            queue: self.queue.clone().filter(|queue| *queue != before.job.queue),
            tries: self.tries.filter(|tries| *tries != before.job.tries),
            delay_ms: self.delay_ms.or_else(waits).unwrap_or_default(),
        };
        if self.request.is_none() && self.response.is_none() && self.script_version.is_none() {
            return Ok(edit);
        }
        let (Some(jobs), Some(sealed)) = (call.gateway.jobs(), sealed) else {
            return Err(Error::new(409, format!("The job {} holds nothing any more.", before.job.id)));
        };
        let mut payload = jobs.open(sealed)?;
        if let Some(request) = &self.request {
            payload.request = edited("request", &payload.request, request)?;
        }
        if let Some(response) = &self.response {
            payload.response = Some(edited("response", &payload.response, response)?);
        }
        if let Some(version) = &self.script_version {
            choose_script(call, &mut payload, version)?;
        }
        Ok(Edit { payload: Some(sealed_anew(jobs, &payload)?), ..edit })
    }
}

fn sealed_anew(jobs: &Arc<Jobs>, payload: &JobPayload) -> Result<bytes::Bytes> {
    Ok(jobs.seal(payload)?.into())
}

/// The saved part with the members that are given in place of those that it had.
fn edited<T: Serialize + DeserializeOwned>(what: &str, saved: &impl Serialize, given: &Value) -> Result<T> {
    let unusable = |reason: &str| invalid(what, &format!("The {what} can't be used: {reason}"));
    let given = given.as_object().ok_or_else(|| unusable("it must be an object."))?;
    let mut whole =
        serde_json::to_value(saved).map_err(|error| Error::internal("A job can't be written down.", error))?;
    if whole.is_null() {
        whole = json!({});
    }
    if let Some(members) = whole.as_object_mut() {
        members.extend(given.clone());
    }
    serde_json::from_value(whole).map_err(|error| unusable(&format!("{error}.")))
}

/// Which text of the script is to run: the saved one, or that of its time.
fn choose_script(call: &Call<'_>, payload: &mut JobPayload, version: &str) -> Result<()> {
    let Some(saved) = &payload.script else { return Ok(()) };
    if version == saved.version.to_string() {
        return Ok(());
    }
    let current = call.gateway.scripts().find(&saved.name);
    let is_current = current.as_ref().is_some_and(|slot| version == slot.script.version.to_string());
    match version.eq_ignore_ascii_case("current") || is_current {
        true => {
            payload.script = None;
            Ok(())
        }
        false => Err(invalid(
            "script_version",
            &format!(
                "There is no version {version} of the script '{}' any more: a job runs with the version that was saved with it ({}), or \
                 with the current one (\"current\"{}).",
                saved.name,
                saved.version,
                current.map(|slot| format!(", which is {}", slot.script.version)).unwrap_or_default()
            ),
        )),
    }
}

fn status(value: &Value) -> Result<JobStatus> {
    match value.as_str().and_then(JobStatus::parse) {
        Some(status @ (JobStatus::Waiting | JobStatus::Cancelled)) => Ok(status),
        _ => Err(invalid("status", "A job can be made \"waiting\", which lets it run (again), or \"cancelled\".")),
    }
}

fn delay(value: &Value, longest_ms: u64) -> Result<u64> {
    let seconds = number(value).filter(|seconds| (0.0..=longest_ms as f64 / 1000.0).contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        invalid("delay", &format!("The delay is a number of seconds from 0 to {}.", longest_ms / 1000))
    })?;
    Ok((seconds * 1000.0) as u64)
}

fn queue(value: &Value, longest: usize) -> Result<String> {
    let is_name = |name: &&str| !name.is_empty() && name.len() <= longest && !name.contains(char::is_control);
    let name = value.as_str().map(str::trim).filter(is_name);
    name.map(str::to_owned).ok_or_else(|| {
        invalid("queue", &format!("The queue is a name of at most {longest} bytes, without control characters."))
    })
}

fn whole<T>(name: &str, value: &Value, least: T, most: T) -> Result<T>
where
    T: TryFrom<i64> + PartialOrd + std::fmt::Display + Copy,
{
    let number = number(value).filter(|number| number.fract() == 0.0).map(|number| number as i64);
    let number = number.and_then(|number| T::try_from(number).ok()).filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| invalid(name, &format!("The {name} is a whole number from {least} to {most}.")))
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned())
}
