//! A worker at the other end of a channel.

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/workers/php/worker.php");

/// A worker that waits for runs.
pub struct Worker {
    channel: UnixStream,
    process: Child,
    texts: u64,
}

/// How a run went.
#[derive(Debug)]
pub struct Ran {
    /// The last frame.
    pub end: Value,
    /// Whether the process may be used again: it said so at the end, and did not say otherwise before.
    pub is_clean: bool,
    /// What was printed.
    pub printed: String,
    /// The calls of `$platform['api']`.
    pub calls: Vec<Value>,
}

impl Worker {
    /// Starts one.
    pub fn start() -> Worker {
        let (channel, other) = UnixStream::pair().unwrap();
        let process = Command::new("php")
            .args([
                "-n",
                "-ddisplay_startup_errors=0",
                "-derror_log=/dev/null",
                "-dextension=tokenizer",
                "-dextension=ctype",
                "-dextension=mbstring",
            ])
            .arg(PROGRAM)
            .env_clear()
            // Some scripts leave files.
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::from(OwnedFd::from(other)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("php is not installed");
        let mut worker = Worker { channel, process, texts: 0 };
        worker.send(&json!({"t": "hello", "version": 1, "config": {"version": "1"}, "packages": null,
            "output_limit": 65536, "memory_limit": 64 << 20}));
        assert_eq!(worker.receive()["t"], "ready");
        worker
    }

    /// Runs a script on a small event.
    pub fn run(&mut self, source: &str) -> Ran {
        self.run_with(source, json!({}))
    }

    /// Runs a script with these members of the frame in place of the usual ones.
    pub fn run_with(&mut self, source: &str, members: Value) -> Ran {
        self.texts += 1;
        let mut frame = json!({"t": "run", "script": "s", "kind": "php", "text": self.texts, "source": source,
            "event": event(), "session": {"user": {"id": 1}}, "may_modify": true});
        frame.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.send(&frame);
        let mut ran = Ran { end: Value::Null, is_clean: true, printed: String::new(), calls: Vec::new() };
        loop {
            let frame = self.receive();
            match frame["t"].as_str().unwrap() {
                "unclean" => ran.is_clean = false,
                "print" => ran.printed.push_str(frame["text"].as_str().unwrap()),
                "call" => {
                    let content = json!({"verb": frame["verb"], "path": frame["path"]});
                    self.send(&json!({"t": "answer", "id": frame["id"], "status_code": 200, "content": content,
                        "content_type": null, "format": 201, "headers": {}}));
                    ran.calls.push(frame);
                }
                "library" => {
                    let source = (frame["name"] == "tax.php").then_some("function tax($net) { return $net * 1.5; }");
                    self.send(&json!({"t": "library", "id": frame["id"], "name": frame["name"], "source": source}));
                }
                _ => {
                    ran.is_clean &= frame["clean"] == true;
                    ran.end = frame;
                    return ran;
                }
            }
        }
    }

    /// Asks whether a text is a script.
    pub fn check(&mut self, source: &str) -> Value {
        self.send(&json!({"t": "check", "kind": "php", "source": source}));
        self.receive()
    }

    fn send(&mut self, frame: &Value) {
        let body = frame.to_string();
        self.channel.write_all(&(body.len() as u32).to_le_bytes()).unwrap();
        self.channel.write_all(body.as_bytes()).unwrap();
    }

    fn receive(&mut self) -> Value {
        let mut length = [0; 4];
        self.channel.read_exact(&mut length).unwrap();
        let mut body = vec![0; u32::from_le_bytes(length) as usize];
        self.channel.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What every script is given.
pub fn event() -> Value {
    json!({"request": {"api_version": "2.0", "method": "GET", "parameters": {"limit": "3"}, "headers": {"host": "h"},
        "payload": {"resource": [{"name": "a", "n": 1}, {"name": "b", "n": 2.0}]}, "content": "",
        "content_type": "application/json", "uri": "/api/v2/db/_table/todo", "service": "db", "resource": "_table/todo"},
        "resource": "todo", "name": "db._table.todo.get.pre_process", "stage": "pre_process", "script_name": "s",
        "stop_propagation": false, "__tag__": "exposed_event"})
}
