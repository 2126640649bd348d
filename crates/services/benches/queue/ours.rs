//! Queued scripts as the platform makes and runs them.

use crate::{JOBS, PATIENCE, SINGLE, Seen, micros, rate};
use antiphon_gateway::jobs::{
    GatewayRunner, Identity, JobKind, JobPayload, Jobs, SavedContent, SavedRequest, SavedResponse, SavedScript,
};
use antiphon_model::{Error, Headers, Object, QueueDriver, QueueSettings, Request, Result, Value, Verb, json};
use antiphon_queue::{Claimed, Held, JobId, NewJob, Ran, Runner, Store, WorkerPoolSettings, Workers};
use antiphon_services::{Platform, PlatformSettings};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::mpsc;

const EVENT: &str = "bench.todo.post.queued";
/// Jobs that are added together.
const TOGETHER: usize = 256;

/// A platform whose jobs nobody runs yet.
struct World {
    platform: Platform,
    jobs: Arc<Jobs>,
    _folder: TempDir,
}

impl World {
    async fn start(driver: &str, url: Option<&str>) -> Result<World> {
        let folder = tempfile::tempdir().map_err(|error| Error::internal("No folder.", error))?;
        let driver = match driver {
            "postgres" => QueueDriver::Postgres,
            "nats" => QueueDriver::Nats,
            _ => QueueDriver::Sqlite,
        };
        let queue = QueueSettings { driver, url: url.map(str::to_owned), workers: false, ..QueueSettings::default() };
        let settings = PlatformSettings { queue, ..PlatformSettings::default() };
        let platform = Platform::start(folder.path(), &settings)?;
        let admin = json!({ "email": "admin@example.com", "password": "AdminPassw0rd12345" });
        platform.create_first_admin(admin.as_object().unwrap_or(&Object::new()))?;
        let mut request = Request::new(Verb::Post, "system", format!("event_script/{EVENT}"));
        request.payload = json!({ "type": "javascript", "content": "", "is_active": true });
        let saved = platform.call_as_administrator(request).await?;
        if saved.status >= 300 {
            return Err(saved.into_error());
        }
        let jobs = platform.gateway().jobs().ok_or_else(|| Error::new(500, "No jobs."))?;
        let jobs = Arc::clone(jobs);
        Ok(World { platform, jobs, _folder: folder })
    }

    fn store(&self) -> &Arc<dyn Store> {
        self.jobs.queues().store(None).1
    }

    fn job(&self) -> Result<NewJob> {
        let payload = payload();
        let job = self.jobs.envelope(JobId::new(), EVENT, &Value::Null, &payload);
        Ok(NewJob { job, payload: self.jobs.seal(&payload)?.into() })
    }

    fn runner(&self) -> GatewayRunner {
        GatewayRunner::new(self.platform.gateway(), Arc::clone(&self.jobs))
    }
}

/// An event with a request and a response of 1 KB.
fn payload() -> JobPayload {
    let record = json!({ "name": "tune the organ", "note": "n".repeat(900) });
    JobPayload {
        kind: JobKind::Event,
        event: EVENT.to_owned(),
        service: "bench".to_owned(),
        resource: json!("todo"),
        limit: None,
        script: Some(SavedScript {
            name: EVENT.to_owned(),
            kind: "javascript".to_owned(),
            content: String::new(),
            config: Value::Null,
            version: 1,
        }),
        request: SavedRequest {
            method: "POST".to_owned(),
            resource: "_table/todo".to_owned(),
            parameters: Object::new(),
            headers: Headers::new(),
            payload: json!({ "resource": [record] }),
            content: SavedContent::Empty,
            content_type: Some("application/json".to_owned()),
            uri: None,
        },
        response: Some(SavedResponse {
            status_code: 200,
            content: SavedContent::Value(json!({ "resource": [record] })),
            content_type: None,
            headers: Headers::new(),
        }),
        is_final: true,
        identity: Identity { user_id: Some(1), ..Identity::default() },
        refused: None,
        above: Vec::new(),
    }
}

/// Tells when each job begins.
struct Watched {
    inner: GatewayRunner,
    begun: mpsc::UnboundedSender<Instant>,
}

#[async_trait]
impl Runner for Watched {
    async fn run(&self, claimed: &Claimed) -> Ran {
        // Whoever wanted to know may have gone.
        let _ = self.begun.send(Instant::now());
        self.inner.run(claimed).await
    }
}

/// One turn on that store.
pub(crate) async fn turn(driver: &str, url: Option<&str>) -> Result<Seen> {
    let world = World::start(driver, url).await?;
    let new = (0..JOBS).map(|_| world.job()).collect::<Result<Vec<_>>>()?;
    let begin = Instant::now();
    for some in new.chunks(TOGETHER) {
        world.store().enqueue(some.to_vec()).await.map_err(failed)?;
    }
    let added = rate(JOBS, begin);
    let (begun, mut starts) = mpsc::unbounded_channel();
    let runner = Arc::new(Watched { inner: world.runner(), begun });
    let begin = Instant::now();
    let workers = Workers::start(world.jobs.queues(), runner, WorkerPoolSettings::default());
    // Looking into the queue would be work for it: the last jobs are looked for when they have begun.
    for _ in 0..JOBS {
        begun_at(&mut starts).await?;
    }
    until_empty(world.store()).await?;
    let ended = rate(JOBS, begin);
    let mut waits = Vec::with_capacity(SINGLE);
    for _ in 0..SINGLE {
        let job = world.job()?;
        let begin = Instant::now();
        world.store().enqueue(vec![job]).await.map_err(failed)?;
        let started = begun_at(&mut starts).await?;
        waits.push(started.duration_since(begin).as_secs_f64() * 1e6);
    }
    until_empty(world.store()).await?;
    workers.stop().await;
    Ok(Seen { added, ended, waits })
}

/// When the next job began.
async fn begun_at(starts: &mut mpsc::UnboundedReceiver<Instant>) -> Result<Instant> {
    let begun = tokio::time::timeout(PATIENCE, starts.recv()).await.ok().flatten();
    begun.ok_or_else(|| Error::new(500, "A job did not begin."))
}

async fn until_empty(store: &Arc<dyn Store>) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let queues = store.queues().await.map_err(failed)?;
        if queues.iter().all(|queue| queue.ready + queue.running + queue.delayed == 0) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Err(Error::new(500, "The jobs did not end."))
}

/// The script of a job run again and again, one at a time, as fast as it goes.
pub(crate) async fn without_queue() -> Result<Seen> {
    let world = World::start("sqlite", None).await?;
    let runner = world.runner();
    let NewJob { job, payload } = world.job()?;
    let held = Held { id: job.id.clone(), attempt: 1 };
    let claimed = Claimed { job, payload, held, failed: 0 };
    runner.run(&claimed).await;
    let begin = Instant::now();
    let mut waits = Vec::with_capacity(JOBS);
    for _ in 0..JOBS {
        let one = Instant::now();
        runner.run(&claimed).await;
        waits.push(micros(one));
    }
    Ok(Seen { added: 0.0, ended: rate(JOBS, begin), waits: Vec::new() })
}

fn failed(error: antiphon_queue::QueueError) -> Error {
    Error::internal("The queue failed.", error)
}
