//! From settings to a running server, and back down again.

use crate::config::{LogFormat, LogSettings, Settings};
use crate::demo;
use crate::http::{self, Cors, Edge, TrustedProxies};
use crate::lookout::Lookout;
use crate::wiring::{self, GatewayDoor};
use antiphon_model::MailDelivery;
use antiphon_services::Platform;
use antiphon_services::cors::CorsRule;
use std::io::ErrorKind;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Why the server can't start; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder can't be made or written.
    #[error(
        "The data folder '{folder}' can't be used: {reason}. Give this user the right to write there, or name another folder with --data."
    )]
    Data {
        /// As configured.
        folder: String,
        /// From the system.
        reason: std::io::Error,
    },
    /// Another program listens there.
    #[error("{0} is in use by another program. Stop that program, or choose another port with --listen.")]
    InUse(String),
    /// The address can't be listened on for another reason.
    #[error(
        "{address} can't be listened on: {reason}. Choose an address of this machine and a free port with --listen HOST:PORT."
    )]
    Listen {
        /// As configured.
        address: String,
        /// From the system.
        reason: std::io::Error,
    },
    /// A trusted proxy is no address.
    #[error("'{0}' in trusted_proxies is neither an address nor a network. Write 10.0.0.5 or 10.0.0.0/8, for example.")]
    Proxy(String),
    /// The configured origins can't be used.
    #[error("cors_origins can't be used: {0} Write origins such as https://app.example.com, or *.")]
    Origins(String),
    /// The log filter can't be understood.
    #[error("The log level '{0}' can't be understood. Use error, warn, info, debug or trace.")]
    Log(String),
    /// The platform in the data folder can't be opened.
    #[error("The data folder can't be opened: {0}.")]
    Platform(#[from] antiphon_model::Error),
    /// The system refuses threads or signals.
    #[error("The server can't start: {0}.")]
    System(#[from] std::io::Error),
}

/// Stack of each thread, in bytes of address space: room for a few scripts that call each other before one needs a thread of its
/// own. Memory is taken only when it is touched.
const THREAD_STACK: usize = 8 << 20;

/// Threads beyond one for each processor: half of all may be held by scripts and databases at a time, and the others go on.
const SPARE_THREADS: usize = 8;

/// Serves until SIGTERM or SIGINT.
pub fn run(settings: Settings) -> Result<(), StartError> {
    prepare(&settings)?;
    on_threads(serve(settings))
}

/// Starts the log, and sees to it that the data folder can be used.
pub fn prepare(settings: &Settings) -> Result<(), StartError> {
    start_log(&settings.log)?;
    prepare_data(&settings.data)
}

/// Does that on threads of which services and scripts may hold some.
pub fn on_threads(work: impl Future<Output = Result<(), StartError>>) -> Result<(), StartError> {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(processors + SPARE_THREADS.max(processors))
        .thread_stack_size(THREAD_STACK)
        .build()?;
    let _lookout = Lookout::start(runtime.handle().clone())?;
    let outcome = runtime.block_on(work);
    // What did not finish in time must not hold the end up.
    runtime.shutdown_background();
    outcome
}

async fn serve(settings: Settings) -> Result<(), StartError> {
    let proxies = TrustedProxies::parse(&settings.trusted_proxies).map_err(StartError::Proxy)?;
    let listener = listen(&settings.listen).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut settings = demo::with_admin(settings)?;
    let address = listener.local_addr()?.to_string();
    settings.accounts.public_url.get_or_insert_with(|| format!("http://{address}"));
    if settings.accounts.mail == MailDelivery::Log {
        tracing::warn!("mail goes into this log, with links that whoever reads it can use: for development only");
    }
    let platform = Arc::new(wiring::open(&settings)?);
    tracing::info!("listening on http://{address}");
    if settings.demo {
        demo::install(&platform, &settings, &address).await?;
    }
    let door = Arc::new(GatewayDoor::new(Arc::clone(&platform))?);
    let edge = Arc::new(Edge::new(door, cors_of(&settings, &platform)?, proxies, settings.limits.clone()));
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping; calls in flight may finish");
    };
    if http::serve(listener, edge, &settings.limits, stop).await {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped; some calls did not finish within {} ms", settings.limits.shutdown_ms);
    }
    platform.stop_jobs().await;
    Ok(platform.save()?)
}

/// The rules of `system/cors`, and the configured origins for requests about which no rule decides.
fn cors_of(settings: &Settings, platform: &Platform) -> Result<Cors, StartError> {
    let fallback = match settings.cors_origins.as_slice() {
        [] => None,
        origins => Some(CorsRule::of_origins(origins, &settings.limits).map_err(StartError::Origins)?),
    };
    Ok(Cors::new(Arc::clone(platform.cors()), fallback))
}

fn start_log(settings: &LogSettings) -> Result<(), StartError> {
    let filter = EnvFilter::try_new(&settings.level).map_err(|_| StartError::Log(settings.level.clone()))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second log in one process is no reason to fail; the first goes on.
    let _ = match settings.format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a call panicked")));
    Ok(())
}

/// Makes the data folder and tries to write in it, so that a wrong one is noticed now and not at the first call.
fn prepare_data(folder: &Path) -> Result<(), StartError> {
    let probe = folder.join(".antiphon-write-test");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, b""))
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|reason| StartError::Data { folder: folder.display().to_string(), reason })
}

async fn listen(address: &str) -> Result<TcpListener, StartError> {
    http::bind(address).await.map_err(|reason| match reason.kind() {
        ErrorKind::AddrInUse => StartError::InUse(address.to_owned()),
        _ => StartError::Listen { address: address.to_owned(), reason },
    })
}
