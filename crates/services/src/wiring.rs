//! From a data folder to a gateway with services.

use crate::api_docs::{ApiDocsService, SelfDescription};
use crate::cors::CorsIndex;
use crate::database::{DatabaseService, Databases};
use crate::memory::StoreMemory;
use crate::planned::PlannedService;
use crate::script_files::{FolderWatcher, LinkedFolder};
use crate::script_service::ScriptService;
use crate::secret;
use crate::system::limits::CounterWriter;
use crate::system::newcomer::Newcomer;
use crate::system::{ServiceRecord, SystemService, SystemStore, service_group, service_type};
use crate::user::UserService;
use antiphon_gateway::identity::Identity;
use antiphon_gateway::{Gateway, Libraries, LibraryFolder, Memory as _, Service, ServiceEntry};
use antiphon_model::{
    AccountSettings, Error, Limits, Object, OutboundSettings, Request, Response, Result, ScriptSettings, Session,
};
use antiphon_script::{Confinement, WorkerSettings};
use antiphon_sql::watch::Watch;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

/// File of the system database in the data folder.
pub(crate) const SYSTEM_DATABASE: &str = "system.sqlite3";
/// Folder of the services' SQLite databases in the data folder.
const DATABASES: &str = "databases";
/// Folder of library scripts in the data folder.
const LIBRARIES: &str = "scripts";

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
        let watch = Watch::start(store.database())?;
        let memory = Arc::new_cyclic(|memory| {
            let builder = Builder {
                gateway: Arc::downgrade(&gateway),
                memory: Weak::clone(memory),
                store: Arc::clone(&store),
                folder: folder.clone(),
                databases: Databases::new(store.clone(), data.join(DATABASES), data.join(SYSTEM_DATABASE), limits),
            };
            StoreMemory::new(&gateway, Arc::clone(&store), watch, Box::new(move || builder.rebuild()))
        });
        gateway.answer_everywhere(Arc::new(SelfDescription::default()));
        store.restore_counters(gateway.rates())?;
        memory.catch_up()?;
        gateway.keep(memory);
        let counters = Arc::new(CounterWriter::start(Arc::clone(&store), Arc::clone(&gateway))?);
        let watcher = folder.map(FolderWatcher::start).transpose()?.map(Arc::new);
        Ok(Platform { _counters: counters, _watcher: watcher, gateway, store })
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
