//! A server under measurement: a child process on a free loopback port, stopped when it is let go.

use crate::client::{Client, request};
use crate::error::{BenchError, Result, attempt};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const START_WAIT: Duration = Duration::from_secs(20);
const START_POLL: Duration = Duration::from_millis(1);
/// Bytes at the end of a log that an error shows.
const LOG_SHOWN: usize = 2000;

/// A running server.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process to its first answer.
    pub first_answer: Duration,
}

/// A loopback address that nobody listens on.
///
/// # Errors
/// When no port is free.
pub fn free_address() -> Result<SocketAddr> {
    let listener = attempt("finding a free port", TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    attempt("finding a free port", listener.local_addr())
}

impl Process {
    /// Starts a server that listens on `address` and writes its words to `log`; returns when `/status` answers 200.
    ///
    /// # Errors
    /// When it can't be started, ends, or does not answer within 20 s.
    pub fn start(what: &str, mut command: Command, address: SocketAddr, log: &Path) -> Result<Process> {
        let output = attempt("creating a log", fs::File::create(log))?;
        let errors = attempt("creating a log", output.try_clone())?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let start = Instant::now();
        let child = attempt(&format!("starting {what}"), command.spawn())?;
        let mut process = Process { child, address, first_answer: Duration::ZERO };
        while !answers(address) {
            let ended = attempt("looking after the server", process.child.try_wait())?.is_some();
            if ended || start.elapsed() > START_WAIT {
                let log = end_of(log);
                return Err(BenchError::NoAnswer { what: what.to_owned(), seconds: start.elapsed().as_secs(), log });
            }
            thread::sleep(START_POLL);
        }
        process.first_answer = start.elapsed();
        Ok(process)
    }

    /// Memory in KiB as the kernel counts it: `VmRSS` now, `VmHWM` at most so far.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn memory(&self, key: &str) -> Result<u64> {
        let status = attempt("reading the memory", fs::read_to_string(format!("/proc/{}/status", self.child.id())))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        Ok(line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0))
    }

    /// Memory in KiB of each process that it started, as far as that shares it with no other (`Pss`).
    ///
    /// # Errors
    /// When the process is gone.
    pub fn memory_of_children(&self) -> Result<Vec<u64>> {
        let tasks = attempt("reading the threads", fs::read_dir(format!("/proc/{}/task", self.child.id())))?;
        let children = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let children: Vec<String> =
            children.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
        let memory = |child: &String| {
            let rollup = fs::read_to_string(format!("/proc/{child}/smaps_rollup")).ok()?;
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Ok(children.iter().filter_map(memory).collect())
    }

    /// Processor time that its threads have used so far.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn processor_time(&self) -> Result<Duration> {
        let tasks = attempt("reading the threads", fs::read_dir(format!("/proc/{}/task", self.child.id())))?;
        let nanoseconds = tasks
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(Duration::from_nanos(nanoseconds.sum()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut client) = Client::connect(address) else { return false };
    client.exchange(&request("GET", "/status", &[], None)).is_ok_and(|answer| answer.status == 200)
}

fn end_of(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&text[text.len().saturating_sub(LOG_SHOWN)..]).into_owned()
}
