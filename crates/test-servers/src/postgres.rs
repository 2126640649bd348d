//! PostgreSQL.

mod programs;

use crate::StartError;
use crate::account::Account;
use crate::watchdog::Watchdog;
use programs::Programs;
use std::fs::{self, File, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Whom tests connect as: no superuser, so that limits hold for it, and the owner of every database made here.
const ROLE: &str = "antiphon";

/// How long a server may take to start; recovery after a crash on a busy machine is the longest.
const START: Duration = Duration::from_secs(120);

/// How often it is asked whether it has started.
const LOOK: Duration = Duration::from_millis(20);

/// In the data folder: the number of the process, and what it is doing.
const PID_FILE: &str = "postmaster.pid";

/// A PostgreSQL server with a data folder of its own. It accepts everybody on 127.0.0.1 and ends when this is dropped, at the latest
/// with this process.
#[derive(Debug)]
pub struct PostgresServer {
    programs: Programs,
    account: Account,
    port: u16,
    settings: Vec<(String, String)>,
    process: Mutex<Option<Child>>,
    databases: AtomicU32,
    // Dropped in this order: the watchdog ends the server and removes what is in the folder.
    _watchdog: Watchdog,
    folder: TempDir,
}

impl PostgresServer {
    /// A new server as PostgreSQL's defaults want it, with writes that reach the disk.
    ///
    /// # Errors
    ///
    /// When it is not installed or does not start.
    pub fn start() -> Result<PostgresServer, StartError> {
        PostgresServer::start_with(&[])
    }

    /// The same with some of its settings changed, such as `("fsync", "off")` where only speed matters, or `max_connections`.
    ///
    /// # Errors
    ///
    /// When it is not installed or does not start.
    pub fn start_with(settings: &[(&str, &str)]) -> Result<PostgresServer, StartError> {
        let programs = Programs::find()?;
        let account = Account::unprivileged(&["postgres", "nobody"])?;
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir()?;
        account.own(folder.path())?;
        let data = folder.path().join("data");
        let mut create = account.command(&programs.path("initdb"));
        create
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data);
        told(create.current_dir(folder.path()))?;
        let server = PostgresServer {
            _watchdog: Watchdog::start(&data.join(PID_FILE), folder.path())?,
            port: TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port(),
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            process: Mutex::new(None),
            databases: AtomicU32::new(0),
            programs,
            account,
            folder,
        };
        *server.process() = Some(server.launch()?);
        server.tell("postgres", &format!("create role {ROLE} login"))?;
        Ok(server)
    }

    /// The server that all tests of this process share, started when the first asks for it. Each takes a database of its own.
    ///
    /// # Errors
    ///
    /// When it is not installed or does not start; every caller is told.
    pub fn shared() -> Result<&'static PostgresServer, &'static StartError> {
        static SHARED: OnceLock<Result<PostgresServer, StartError>> = OnceLock::new();
        SHARED.get_or_init(PostgresServer::start).as_ref()
    }

    /// Creates an empty database and tells its name.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub fn create_database(&self) -> Result<String, StartError> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.tell("postgres", &format!("create database {name} owner {ROLE}"))?;
        Ok(name)
    }

    /// Where that database is, for clients; its user may do everything in it but is no superuser.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{database}", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements as superuser; tells the rows of the answer as text, fields parted by `|`.
    ///
    /// # Errors
    ///
    /// What the server said when it refused.
    pub fn tell(&self, database: &str, statements: &str) -> Result<String, StartError> {
        let mut client = Command::new(self.programs.path("psql"));
        client.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            statements,
        ]);
        client.args(["-p", &self.port.to_string(), "-h"]).arg(self.folder.path());
        told(&mut client)
    }

    /// Ends every connection of clients to that database, in the midst of whatever they do.
    ///
    /// # Errors
    ///
    /// When the server can't be asked.
    pub fn kill_connections(&self, database: &str) -> Result<(), StartError> {
        let kill = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}' and pid <> pg_backend_pid()"
        );
        self.tell("postgres", &kill).map(drop)
    }

    /// Lets that database have so many connections and no more; those that it has stay. Without a number it has no limit of its own.
    ///
    /// # Errors
    ///
    /// When the server can't be asked.
    pub fn limit_connections(&self, database: &str, most: Option<u32>) -> Result<(), StartError> {
        let most = most.map_or("-1".to_owned(), |most| most.to_string());
        self.tell("postgres", &format!("alter database {database} connection limit {most}")).map(drop)
    }

    /// Lets clients encrypt their connections, with this certificate and its key, both in PEM. Comes into force within a moment.
    ///
    /// # Errors
    ///
    /// When the files can't be written, or the server can't be asked.
    pub fn encrypt(&self, certificate: &str, key: &str) -> Result<(), StartError> {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = self.folder.path().join("data").join(name);
            fs::write(&file, text)?;
            fs::set_permissions(&file, Permissions::from_mode(0o600))?;
            self.account.own(&file)?;
        }
        self.tell("postgres", "alter system set ssl = on")?;
        self.tell("postgres", "select pg_reload_conf()").map(drop)
    }

    /// Ends the server at once, as a crash would: connections break, nothing is tidied up.
    ///
    /// # Errors
    ///
    /// When it can't be signalled.
    pub fn stop(&self) -> Result<(), StartError> {
        let Some(mut child) = self.process().take() else { return Ok(()) };
        told(Command::new("kill").args(["-s", "QUIT", &child.id().to_string()]))?;
        child.wait()?;
        // Where the server left it: its number may soon be another process's.
        match fs::remove_file(self.pid_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Ends it at once and starts it again on the same port with the same data; ready when this returns.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn restart(&self) -> Result<(), StartError> {
        self.stop()?;
        *self.process() = Some(self.launch()?);
        Ok(())
    }

    /// Starts the process and waits until it accepts connections.
    fn launch(&self) -> Result<Child, StartError> {
        let log = self.folder.path().join("log");
        let mut command = self.account.command(&self.programs.path("postgres"));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::options().create(true).append(true).open(&log)?);
        command.arg("-D").arg(self.folder.path().join("data")).args([
            "-p",
            &self.port.to_string(),
            "-h",
            "127.0.0.1",
            "-k",
        ]);
        command.arg(self.folder.path());
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let mut child = command.spawn()?;
        let deadline = Instant::now() + START;
        while !self.is_ready(&child) {
            if child.try_wait()?.is_some() || Instant::now() > deadline {
                // Either it has ended, or it must.
                let _ = child.kill();
                child.wait()?;
                let reason = fs::read_to_string(&log).unwrap_or_default();
                return Err(StartError::Failed { server: "PostgreSQL", reason });
            }
            thread::sleep(LOOK);
        }
        Ok(child)
    }

    /// Whether that process says in its file that it accepts connections.
    fn is_ready(&self, child: &Child) -> bool {
        let text = fs::read_to_string(self.pid_file()).unwrap_or_default();
        let mut lines = text.lines();
        lines.next() == Some(&child.id().to_string()) && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.path().join("data").join(PID_FILE)
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // The watchdog ends what this can't.
        let _ = self.stop();
    }
}

/// Runs a program to its end and tells what it printed.
fn told(command: &mut Command) -> Result<String, StartError> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    let program = PathBuf::from(command.get_program());
    let reason = format!("{}: {}", program.display(), String::from_utf8_lossy(&output.stderr).trim_end());
    Err(StartError::Failed { server: "PostgreSQL", reason })
}

#[cfg(test)]
mod tests;
