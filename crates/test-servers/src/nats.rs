//! NATS with JetStream.

use crate::StartError;
use crate::watchdog::Watchdog;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where it is when it is not on the path.
const USUAL: &str = "/usr/sbin/nats-server";
/// In its folder: the number of its process.
const PID_FILE: &str = "pid";

/// A server of its own, gone when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct NatsServer {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Option<Child>,
    // Ends the server and removes its folder.
    _watchdog: Watchdog,
}

impl NatsServer {
    /// Starts one.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start() -> Result<NatsServer, StartError> {
        NatsServer::with_settings("")
    }

    /// Starts one whose streams may take that many bytes together.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start_with_storage(bytes: u64) -> Result<NatsServer, StartError> {
        NatsServer::with_settings(&format!("max_file_store: {bytes}"))
    }

    /// The one that all tests of this process share, each with its own [`NatsServer::prefix`].
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn shared() -> Result<&'static NatsServer, &'static StartError> {
        static SHARED: OnceLock<Result<NatsServer, StartError>> = OnceLock::new();
        SHARED.get_or_init(NatsServer::start).as_ref()
    }

    /// A prefix of names that no other test of this process has.
    pub fn prefix() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends it in order and starts it again over the same data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<(), StartError> {
        self.stop("TERM");
        self.run()
    }

    /// Ends it with SIGKILL and starts it again over the same data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn kill(&mut self) -> Result<(), StartError> {
        self.stop("KILL");
        self.run()
    }

    /// Ends it with the signal of that name, until it is started again.
    pub fn stop(&mut self, signal: &str) {
        let Some(mut process) = self.process.take() else { return };
        // When it has gone already there is nothing to end.
        let _ = Command::new("kill").args(["-s", signal, &process.id().to_string()]).status();
        let _ = process.wait();
        let _ = std::fs::remove_file(self.folder.join(PID_FILE));
    }

    /// Starts it again after [`NatsServer::stop`].
    ///
    /// # Errors
    /// When it does not start.
    pub fn run(&mut self) -> Result<(), StartError> {
        self.process = Some(self.spawn().map_err(failed)?);
        self.wait_until_it_answers()
    }

    fn spawn(&self) -> io::Result<Child> {
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.folder.join("nats.conf")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn()
    }

    fn with_settings(settings: &str) -> Result<NatsServer, StartError> {
        let program = program().ok_or(StartError::NotInstalled { server: "nats-server", package: "nats-server" })?;
        let folder = tempfile::Builder::new().prefix("nats-").tempdir().map_err(failed)?.keep();
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).map_err(failed)?.port();
        let (data, pid_file) = (folder.join("data"), folder.join(PID_FILE));
        let text = format!(
            "listen: 127.0.0.1:{port}\npid_file: {pid_file:?}\njetstream {{ store_dir: {data:?}\n{settings} }}\n"
        );
        std::fs::write(folder.join("nats.conf"), text).map_err(failed)?;
        let watchdog = Watchdog::start(&pid_file, &folder).map_err(failed)?;
        let mut server = NatsServer { program, folder, port, process: None, _watchdog: watchdog };
        server.run()?;
        Ok(server)
    }

    fn wait_until_it_answers(&self) -> Result<(), StartError> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.greeting().is_some_and(|line| line.contains("\"jetstream\":true")) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        Err(StartError::Failed { server: "nats-server", reason: log })
    }

    /// The first line that it sends.
    fn greeting(&self) -> Option<String> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        Some(line)
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.stop("KILL");
    }
}

fn failed(error: io::Error) -> StartError {
    StartError::Failed { server: "nats-server", reason: error.to_string() }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("nats-server"))
        .chain([Path::new(USUAL).to_path_buf()])
        .find(|file| file.is_file())
}
