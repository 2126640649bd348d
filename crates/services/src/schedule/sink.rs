//! From the moment of a schedule to a job in the queue.

use super::{JobSink, Schedule};
use antiphon_gateway::jobs::{Identity, JobKind, JobOptions, JobPayload, Jobs, SavedContent, SavedRequest};
use antiphon_gateway::{Gateway, wait_for};
use antiphon_model::{Headers, Limits, Object, Result, Verb, json};
use antiphon_queue::{Clock, Enqueued, Job, JobId};
use jiff::Timestamp;
use std::sync::{Arc, Weak};
use tokio::runtime::Handle;

/// The system service, whose event it is.
const SERVICE: &str = "system";

/// The queues of a gateway.
pub(crate) struct QueueSink {
    gateway: Weak<Gateway>,
    runtime: Handle,
}

impl QueueSink {
    /// Waits for the queues on that runtime.
    pub(crate) fn new(gateway: &Arc<Gateway>, runtime: Handle) -> QueueSink {
        QueueSink { gateway: Arc::downgrade(gateway), runtime }
    }
}

impl JobSink for QueueSink {
    fn enqueue(&self, schedule: &Schedule, moments: &[i64]) -> Result<()> {
        let Some(gateway) = self.gateway.upgrade() else { return Ok(()) };
        let Some(jobs) = gateway.jobs() else { return Ok(()) };
        for moment in moments {
            // The name is what nodes with system databases of their own have in common.
            let id = JobId::of_moment(&format!("schedule {}", schedule.name.to_lowercase()), *moment);
            wait_for(&self.runtime, schedule.enqueue(jobs, id, *moment, gateway.limits()))?;
        }
        Ok(())
    }
}

impl Schedule {
    /// Queues a job for that moment, and tells which one there is now.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub(crate) async fn enqueue(&self, jobs: &Jobs, id: JobId, moment: i64, limits: &Limits) -> Result<JobId> {
        let options = JobOptions::of(&self.config, limits);
        let event = format!("{SERVICE}.schedule.{}.run", self.name);
        let job = Job {
            id: id.clone(),
            queue: options.queue,
            script: event.clone(),
            event: event.clone(),
            priority: options.priority,
            delay_ms: options.delay_ms,
            order_key: options.order_key,
            dedup_key: options.dedup_key,
            concurrency: options.concurrency,
            tries: options.tries,
            backoff_ms: options.backoff_ms,
            backoff_max_ms: options.backoff_max_ms,
            created_ms: Clock::default().now_ms(),
        };
        let enqueued = jobs.enqueue(options.connection.as_deref(), job, &self.payload(event, moment)).await?;
        Ok(match enqueued {
            Enqueued::Stored | Enqueued::Known => id,
            Enqueued::Duplicate(other) => other,
        })
    }

    /// What the job holds: an event without a response, whose request says for which moment it is.
    fn payload(&self, event: String, moment: i64) -> JobPayload {
        let mut parameters = Object::new();
        let moment = Timestamp::from_millisecond(moment).map(|moment| moment.to_string()).unwrap_or_default();
        parameters.insert("moment".into(), json!(moment));
        JobPayload {
            kind: JobKind::Schedule,
            event,
            service: SERVICE.to_owned(),
            resource: json!(self.name),
            limit: None,
            script: None,
            request: SavedRequest {
                method: Verb::Post.as_str().to_owned(),
                resource: format!("schedule/{}/run", self.id),
                parameters,
                headers: Headers::default(),
                payload: self.payload.clone(),
                content: SavedContent::default(),
                content_type: None,
                uri: None,
            },
            response: None,
            is_final: true,
            identity: Identity { user_id: self.user_id, app_id: self.app_id, ..Identity::default() },
            refused: None,
            above: Vec::new(),
        }
    }
}
