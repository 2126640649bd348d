//! From a data folder to a gateway with services.

use crate::api_docs::{ApiDocsService, SelfDescription};
use crate::cors::CorsIndex;
use crate::database::{DatabaseService, Databases};
use crate::jobs::{DatabaseOutbox, Process};
use crate::memory::StoreMemory;
use crate::planned::PlannedService;
use crate::schedule::{QueueSink, Scheduler};
use crate::script_files::{FolderWatcher, LinkedFolder};
use crate::script_service::ScriptService;
use crate::secret;
use crate::system::limits::CounterWriter;
use crate::system::newcomer::Newcomer;
use crate::system::{ServiceRecord, SystemService, SystemStore, service_group, service_type};
use crate::user::UserService;
use crate::vault;
use antiphon_gateway::identity::Identity;
use antiphon_gateway::jobs::{GatewayRunner, Jobs};
use antiphon_gateway::{Gateway, Libraries, LibraryFolder, Memory as _, Service, ServiceEntry, blocking};
use antiphon_model::{
    AccountSettings, Error, Limits, Object, OutboundSettings, QueueSettings, Request, Response, Result, ScriptSettings,
    Session,
};
use antiphon_queue::{Clock, Queues, StoreSettings, WorkerPoolSettings, WorkerStatus, Workers};
use antiphon_script::{Confinement, WorkerSettings};
use antiphon_sql::watch::Watch;
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use tokio::runtime::Handle;

/// File of the system database in the data folder.
pub(crate) const SYSTEM_DATABASE: &str = "system.sqlite3";
/// Folder of the services' SQLite databases in the data folder.
const DATABASES: &str = "databases";
/// Folder of library scripts in the data folder.
const LIBRARIES: &str = "scripts";
/// File of the queue in the data folder, unless it is kept elsewhere.
const QUEUE: &str = "queue.sqlite3";
/// Folder of the processes over the data folder.
const PROCESSES: &str = "processes";

/// The packages that scripts may load, in the data folder: a link to the newest installation.
const PACKAGES: &str = "packages/installed";

/// How a platform is set up.
#[derive(Debug, Clone, Default)]
pub struct PlatformSettings {
    /// Where the secret key is, when not in the data folder.
    pub secret_key_file: Option<PathBuf>,
    /// Log-in, sessions and mail.
    pub accounts: AccountSettings,
    /// Interpreters and languages of scripts.
    pub scripts: ScriptSettings,
    /// What keeps interpreters from the rest of the machine.
    pub confinement: Confinement,
    /// What scripts may reach beyond the public internet.
    pub outbound: OutboundSettings,
    /// Where jobs are kept, and whether this process runs them.
    pub queue: QueueSettings,
    /// The limits in force.
    pub limits: Limits,
}

impl PlatformSettings {
    /// How interpreters are started, for a platform in that data folder.
    pub fn workers(&self, data: &Path) -> WorkerSettings {
        WorkerSettings {
            scripts: self.scripts.clone(),
            confinement: self.confinement.clone(),
            packages: Some(data.join(PACKAGES)),
            ..WorkerSettings::default()
        }
    }
}

/// A running platform: the door, and what the server needs beside it.
#[derive(Clone)]
pub struct Platform {
    /// Before the others, so that what it writes at the end can still be written.
    _counters: Arc<CounterWriter>,
    _watcher: Option<Arc<FolderWatcher>>,
    gateway: Arc<Gateway>,
    store: Arc<SystemStore>,
    jobs: Arc<Jobs>,
    /// None when this process runs no jobs, or does no longer.
    workers: Arc<Mutex<Option<Workers>>>,
    /// Runs where workers do.
    scheduler: Arc<Mutex<Option<Scheduler>>>,
}

impl Platform {
    /// Opens the data folder and starts every service in it.
    ///
    /// # Errors
    /// When the folder's databases or its secret can't be used.
    pub fn start(data: &Path, settings: &PlatformSettings) -> Result<Platform> {
        let limits = &settings.limits;
        let secret_file = settings.secret_key_file.clone().unwrap_or_else(|| data.join(secret::FILE));
        let (store, secret) = SystemStore::open(&data.join(SYSTEM_DATABASE), &secret_file, limits)?;
        let identity = Identity::new(store.clone(), &secret, limits, &settings.accounts)?;
        let folder = LibraryFolder::new(data.join(LIBRARIES), limits.script_source_bytes);
        let libraries = Libraries::new(store.clone(), folder, limits.script_library_bytes);
        let gateway = Gateway::new(identity, libraries, &settings.outbound, limits, settings.workers(data))?;
        gateway.registry().declare_kinds(service_type::kinds());
        let folder = settings.scripts.folder.as_deref().map(|folder| LinkedFolder::open(folder, Arc::clone(&store)));
        let folder = folder.transpose()?.map(Arc::new);
        if let Some(folder) = &folder {
            folder.read()?;
        }
        let jobs = start_jobs(data, settings, &store, &vault::instance_name(&secret)?)?;
        gateway.employ(Arc::clone(&jobs));
        let watch = Watch::start(store.database())?;
        let memory = Arc::new_cyclic(|memory| {
            let system = data.join(SYSTEM_DATABASE);
            let builder = Builder {
                gateway: Arc::downgrade(&gateway),
                memory: Weak::clone(memory),
                store: Arc::clone(&store),
                folder: folder.clone(),
                databases: Databases::new(store.clone(), data.join(DATABASES), system, Arc::clone(&jobs)),
            };
            StoreMemory::new(&gateway, Arc::clone(&store), watch, Box::new(move || builder.rebuild()))
        });
        gateway.answer_everywhere(Arc::new(SelfDescription::default()));
        store.restore_counters(gateway.rates())?;
        memory.catch_up()?;
        gateway.keep(memory);
        let counters = Arc::new(CounterWriter::start(Arc::clone(&store), Arc::clone(&gateway))?);
        let watcher = folder.map(FolderWatcher::start).transpose()?.map(Arc::new);
        let workers = Arc::new(Mutex::new(settings.queue.workers.then(|| start_workers(settings, &gateway, &jobs))));
        let scheduler = settings.queue.workers.then(|| {
            let sink = QueueSink::new(&gateway, Handle::current());
            Scheduler::start(Arc::clone(&store), Clock::default(), Box::new(sink))
        });
        let scheduler = Arc::new(Mutex::new(scheduler.transpose()?));
        Ok(Platform { _counters: counters, _watcher: watcher, gateway, store, jobs, workers, scheduler })
    }

    /// Ends the work on jobs: those that run may finish, up to the limit `shutdown_ms`, and those of calls that were answered are seen into the queue.
    pub async fn stop_jobs(&self) {
        let scheduler = self.scheduler.lock().take();
        blocking(|| drop(scheduler));
        let workers = self.workers.lock().take();
        if let Some(workers) = workers
            && !workers.stop().await
        {
            tracing::warn!("some jobs did not finish in time; they are tried again later");
        }
        self.jobs.settle().await;
    }

    /// What the workers of this process do; none when it has none.
    pub fn workers(&self) -> Option<WorkerStatus> {
        self.workers.lock().as_ref().map(Workers::status)
    }

    /// Writes down what waits for that. To be called when the last call is answered: whoever still holds a copy of the platform
    /// then may never drop it.
    ///
    /// # Errors
    /// When the system database can't be written.
    pub fn save(&self) -> Result<()> {
        self.store.save_counters(self.gateway.rates())
    }

    /// The door.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    pub(crate) fn store(&self) -> &Arc<SystemStore> {
        &self.store
    }

    /// Which web pages may call.
    pub fn cors(&self) -> &Arc<CorsIndex> {
        self.store.cors()
    }

    /// Whether there is an administrator who can log in.
    ///
    /// # Errors
    /// When the system database can't be read.
    pub fn has_admin(&self) -> Result<bool> {
        self.store.admin_exists()
    }

    /// Answers a call in the name of the first administrator: for programs whose user may read the data folder anyway.
    ///
    /// # Errors
    /// 503 when there is no administrator; when the system database can't be read.
    pub async fn call_as_administrator(&self, request: Request) -> Result<Response> {
        self.gateway.catch_up()?;
        let administrator =
            self.store.first_admin()?.ok_or_else(|| Error::new(503, "There is no administrator yet."))?;
        let session = Session { user: Some(Arc::new(administrator)), ..Session::default() };
        Ok(self.gateway.call_from_inside(request, session).await)
    }

    /// Creates the first administrator from the fields that a person may choose (system-and-users 2.4). False when there is an
    /// administrator already.
    ///
    /// # Errors
    /// 400 with the reasons by field; 503 when too many hashes are asked for at once.
    pub fn create_first_admin(&self, person: &Object) -> Result<bool> {
        let newcomer = Newcomer::of(person, self.store.limits(), true)?;
        self.store.add_first_admin(newcomer, self.gateway.identity().passwords())
    }
}

fn start_workers(settings: &PlatformSettings, gateway: &Arc<Gateway>, jobs: &Arc<Jobs>) -> Workers {
    let runner = Arc::new(GatewayRunner::new(gateway, Arc::clone(jobs)));
    let serve = settings.queue.serve.clone();
    let pool = WorkerPoolSettings { limits: settings.limits.clone(), serve, ..WorkerPoolSettings::default() };
    Workers::start(jobs.queues(), runner, pool)
}

/// What makes and keeps jobs, over the configured queues.
fn start_jobs(data: &Path, settings: &PlatformSettings, store: &Arc<SystemStore>, instance: &str) -> Result<Arc<Jobs>> {
    let limits = &settings.limits;
    let stores = StoreSettings { limits: limits.clone(), ..StoreSettings::default() };
    let queues = Queues::open(&settings.queue, &data.join(QUEUE), stores)
        .map_err(|error| Error::internal("The queue can't be opened.", error))?;
    let process = Process::enter(&data.join(PROCESSES), instance)?;
    let sealer = Arc::new(store.vault().clone());
    let spool = Arc::new(DatabaseOutbox(Arc::clone(store.database())));
    Ok(Jobs::start(queues, sealer, Arc::new(process), spool, limits))
}

/// Builds the services that the system database lists, again after every change to them. Databases that stay as they are
/// stay open.
struct Builder {
    gateway: Weak<Gateway>,
    memory: Weak<StoreMemory>,
    store: Arc<SystemStore>,
    folder: Option<Arc<LinkedFolder>>,
    databases: Arc<Databases>,
}

impl Builder {
    /// Puts the services as they are stored now in place of those that the gateway has.
    ///
    /// # Errors
    /// When the system database can't be read. A service that can't be started does not stop the others: its calls say why.
    fn rebuild(&self) -> Result<()> {
        let Some(gateway) = self.gateway.upgrade() else { return Ok(()) };
        let records = self.store.services()?;
        // A service may link to another text than before, or be the one that keeps texts.
        gateway.forget_linked(None);
        self.databases.keep_only(&records);
        let entries = records
            .into_iter()
            .map(|record| {
                let service = self.service(&record);
                let ServiceRecord { id, name, label, description, kind, is_active, doc: document, .. } = record;
                ServiceEntry { id, name, label, description, kind, is_active, document, service }
            })
            .collect();
        gateway.registry().replace_all(entries);
        Ok(())
    }

    fn service(&self, record: &ServiceRecord) -> Arc<dyn Service> {
        match record.kind.as_str() {
            "system" => {
                let memory = Weak::clone(&self.memory);
                let folder = self.folder.clone();
                let reload = move || {
                    folder.as_ref().map_or(Ok(()), |folder| folder.read())?;
                    memory.upgrade().map_or(Ok(()), |memory| memory.reload())
                };
                Arc::new(SystemService::new(Arc::clone(&self.store), Arc::new(reload)))
            }
            "user" => Arc::new(UserService::new(Arc::clone(&self.store))),
            "swagger" => Arc::new(ApiDocsService::default()),
            "sqlite" => Arc::new(DatabaseService::new(self.databases.of(record))),
            kind if service_group(kind) == "Script" => {
                if let Some(gateway) = self.gateway.upgrade().filter(|_| record.is_active) {
                    gateway.engines().warm(kind);
                }
                Arc::new(ScriptService::new(record, self.store.limits()))
            }
            kind => Arc::new(PlannedService::new(&record.name, kind, record.doc.as_deref())),
        }
    }
}
