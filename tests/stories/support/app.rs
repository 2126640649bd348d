//! A server of a test's own, with the fixture in its data folder.

use super::fixture::{Fixture, fixture};
use super::{Caller, Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a journaling script does: writes its own name into the table `journal`. It passes over calls to the journal itself.
const JOURNAL: &str = "
    if (!/^journal/.test(event.resource)) {
        const written = platform.api.post('db/_table/journal', {resource: [{entry: event.script_name}]});
        if (written.status_code >= 300) throw 'journal: ' + JSON.stringify(written.content);
    }";

/// A running server; ended when dropped.
pub struct TestApp {
    process: Child,
    log: Arc<Log>,
    address: String,
    folder: Arc<TempDir>,
}

/// What the server has logged so far.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

/// The program, with none of the settings of whoever runs the tests.
pub fn antiphon(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// A data folder with the fixture in it.
pub fn fixture_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fixture().copy_to(folder.path());
    folder
}

impl TestApp {
    /// A server with default limits.
    pub fn start() -> TestApp {
        TestApp::with_limits(&[])
    }

    /// A server with these limits.
    pub fn with_limits(limits: &[(&str, u64)]) -> TestApp {
        let variables = limits.iter().map(|(name, value)| (format!("ANTIPHON_LIMITS__{name}"), value.to_string()));
        TestApp::in_folder(fixture_folder(), &variables.collect::<Vec<_>>())
    }

    /// A server over this data folder, with these settings as variables.
    pub fn in_folder(folder: TempDir, variables: &[(String, String)]) -> TestApp {
        TestApp::over(Arc::new(folder), variables)
    }

    /// Another server over the same data, at the same time.
    pub fn another(&self) -> TestApp {
        TestApp::over(Arc::clone(&self.folder), &[])
    }

    /// The same with these settings as variables.
    pub fn another_with(&self, variables: &[(String, String)]) -> TestApp {
        TestApp::over(Arc::clone(&self.folder), variables)
    }

    /// A server that the system does not kill when it writes beyond its limit on sizes of files: writing fails, as on a full disk.
    pub fn on_a_small_disk(folder: TempDir, variables: &[(String, String)]) -> TestApp {
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_antiphon")]);
        TestApp::run(shell, Arc::new(folder), variables)
    }

    fn over(folder: Arc<TempDir>, variables: &[(String, String)]) -> TestApp {
        TestApp::run(antiphon(&[]), folder, variables)
    }

    fn run(mut program: Command, folder: Arc<TempDir>, variables: &[(String, String)]) -> TestApp {
        let mut process = program
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .current_dir(folder.path())
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::follow(process.stderr.take().unwrap());
        let start = log.wait_for("listening on http://");
        let address = start.split("listening on http://").nth(1).unwrap().lines().next().unwrap().trim().to_owned();
        TestApp { process, log, address, folder }
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where the data is.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The server's process.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Asks the server to stop.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Ends the server without asking.
    pub fn kill(&self) {
        self.signal("-KILL");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }

    /// Asks the server to stop, and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        self.terminate();
        self.ended()
    }

    /// How the server ended; waits for that.
    pub fn ended(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// A new server over the same data, after this one has stopped.
    pub fn restart(mut self) -> TestApp {
        assert!(self.stop().success());
        self.again()
    }

    /// A new server over the same data, after this one was given no time to stop.
    pub fn restart_after_kill(mut self) -> TestApp {
        self.kill();
        self.ended();
        self.again()
    }

    /// A new server over the same data, after this one has ended.
    pub fn again(self) -> TestApp {
        self.another()
    }

    /// The administrator.
    pub fn admin(&self) -> Caller<'_> {
        TestApp::admin_at(&self.address)
    }

    /// The administrator at another server over the same data.
    pub fn admin_at(address: &str) -> Caller<'_> {
        Caller::new(address).with("X-DreamFactory-Session-Token", &fixture().admin_token)
    }

    /// Jane, who is logged in and has the role `clerk` by the app `desk`.
    pub fn user(&self) -> Caller<'_> {
        let Fixture { desk_key, jane_token, .. } = fixture();
        self.anonymous().with("X-DreamFactory-API-Key", desk_key).with("X-DreamFactory-Session-Token", jane_token)
    }

    /// A client of the app `kiosk`, whose default role `visitor` may only read todos.
    pub fn key_only(&self) -> Caller<'_> {
        self.anonymous().with("X-DreamFactory-API-Key", &fixture().kiosk_key)
    }

    /// Somebody without credentials.
    pub fn anonymous(&self) -> Caller<'_> {
        Caller::new(&self.address)
    }

    /// The key of Jane's app.
    pub fn desk_key(&self) -> &str {
        &fixture().desk_key
    }

    /// The key of the app whose role may only read todos.
    pub fn kiosk_key(&self) -> &str {
        &fixture().kiosk_key
    }

    /// Attaches an active script that may modify the event.
    pub fn attach(&self, event: &str, source: &str) {
        self.store(event, json!({"content": source}));
    }

    /// Attaches an active script whose edits must not count.
    pub fn attach_read_only(&self, event: &str, source: &str) {
        self.store(event, json!({"content": source, "allow_event_modification": false}));
    }

    /// Stores a script that must not run.
    pub fn attach_inactive(&self, event: &str, source: &str) {
        self.store(event, json!({"content": source, "is_active": false}));
    }

    /// Attaches a script with these members of its record.
    pub fn store(&self, event: &str, members: Value) {
        let mut record = json!({"type": "javascript", "is_active": true, "allow_event_modification": true});
        record.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = self.admin().post(&format!("system/event_script/{event}"), record);
        assert!(matches!(answer.status(), 200 | 201), "{event}: {answer:?}");
    }

    /// Makes these events write their names into the journal.
    pub fn journal(&self, events: &[&str]) {
        for event in events {
            self.attach(event, JOURNAL);
        }
    }

    /// Which of the journaling scripts ran since this was last asked, in order.
    pub fn ran(&self) -> Vec<String> {
        let entries = self.admin().get("db/_table/journal?fields=entry&order=id").expect(200);
        self.admin().delete("db/_table/journal?force=true").expect(200);
        entries["resource"].as_array().unwrap().iter().map(|row| row["entry"].as_str().unwrap().to_owned()).collect()
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> u64 {
        self.admin().get(&format!("db/_table/{table}?count_only=true")).expect(200).as_u64().unwrap()
    }

    /// The todo of that identifier.
    pub fn todo(&self, id: u64) -> Value {
        self.admin().get(&format!("db/_table/todo/{id}")).expect(200)
    }

    /// Waits until the log has that text; answers with the whole log so far.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.log.wait_for(text)
    }

    /// Whether the log has that text now.
    pub fn has_logged(&self, text: &str) -> bool {
        self.log.text.lock().unwrap().contains(text)
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Log {
    /// Collects what comes, on a thread of its own, because a full pipe would hold the server up.
    fn follow(stderr: ChildStderr) -> Arc<Log> {
        let log = Arc::new(Log::default());
        let writer = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut text = writer.text.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
                writer.grown.notify_all();
            }
        });
        log
    }

    /// The log once it has that text.
    fn wait_for(&self, wanted: &str) -> String {
        let text = self.text.lock().unwrap();
        let (text, timeout) = self.grown.wait_timeout_while(text, PATIENCE, |text| !text.contains(wanted)).unwrap();
        assert!(!timeout.timed_out(), "the server never logged {wanted:?}; it logged:\n{text}");
        text.clone()
    }
}
