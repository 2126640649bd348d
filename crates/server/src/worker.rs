//! `antiphon worker`: runs queued jobs over a server's data folder, beside the server or in its place.

use crate::config::Settings;
use crate::serve::{self, StartError};
use crate::wiring;
use tokio::signal::unix::{SignalKind, signal};

/// Runs jobs until SIGTERM or SIGINT.
pub fn run(mut settings: Settings) -> Result<(), StartError> {
    // The setting says whether servers run jobs as well.
    settings.queue.workers = true;
    serve::prepare(&settings)?;
    serve::on_threads(work(settings))
}

async fn work(settings: Settings) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let platform = wiring::open(&settings)?;
    let queues = if settings.queue.serve.is_empty() { "all".to_owned() } else { settings.queue.serve.join(", ") };
    tracing::info!(queues, jobs = settings.limits.job_concurrency, "running jobs");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping; jobs that run may finish");
    platform.stop_jobs().await;
    tracing::info!("stopped");
    Ok(platform.save()?)
}
