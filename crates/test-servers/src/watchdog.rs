//! No server outlives the process that started it, however that ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Reads until its input ends, which it does when the process that holds the other end of the pipe is gone; then ends the server and removes
/// its folder. The last line of the file with its number may have no end. The server is killed and not asked: nobody is left who wants its data.
const SCRIPT: &str =
    r#"read -r _; { read -r server < "$1" || [ -n "$server" ]; } && kill -s KILL "$server"; rm -rf "$2""#;

/// A small process that ends a server when this one ends, also when it is killed or leaves the server in a static.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Begins to watch: the first line of `pid_file` is the number of the server's process, whose data are in `folder`.
    pub(crate) fn start(pid_file: &Path, folder: &Path) -> io::Result<Watchdog> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "watchdog"]).arg(pid_file).arg(folder);
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Watchdog)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Whatever it says, it has ended.
        let _ = self.0.wait();
    }
}
