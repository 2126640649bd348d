//! The real program, on a port and in a data folder of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

/// A running server; ended when dropped.
pub struct Server {
    /// `127.0.0.1:port`.
    pub address: String,
    pub child: Child,
}

/// The program with these arguments and none of the settings of whoever runs the tests.
pub fn antiphon(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ANTIPHON_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

impl Server {
    /// Starts over this data folder, and waits until the server says where it listens.
    pub fn start(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Server {
        let mut child = antiphon(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
            .args(arguments)
            .current_dir(data)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut start = String::new();
        let address = loop {
            let mut line = String::new();
            if log.read_line(&mut line).unwrap() == 0 {
                panic!("the server ended at its start:\n{start}");
            }
            if let Some((_, address)) = line.split_once("listening on http://") {
                break address.trim().to_owned();
            }
            start.push_str(&line);
        };
        drain(log);
        Server { address, child }
    }
}

/// Keeps reading, because a full pipe would hold the server up.
fn drain(mut log: BufReader<ChildStderr>) {
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
