//! Runs in Node.js, Python and PHP workers beside a bare echo: the same interpreter behind the same kind of channel, which reads a
//! frame's JSON and writes it back. What the platform adds to that is the fresh world, the conventions of the language and the
//! search for changes.

use antiphon_model::{Headers, Object, Phase, Value, json};
use antiphon_script::{
    ApiCall, ApiResponse, Confinement, Engines, Event, EventRequest, EventResponse, Host, Library, Outcome, Script,
    WorkerSettings,
};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Runs at one time, each with a process of its own.
const IN_FLIGHT: usize = 4;
const ROUNDS: usize = 12;
const TURN: Duration = Duration::from_millis(400);
/// What a worker must reach of the echo's rate.
const PROMISED: f64 = 0.5;

struct Language {
    kind: &'static str,
    interpreter: &'static str,
    echo: &'static str,
    script: &'static str,
}

const LANGUAGES: [Language; 3] = [
    Language {
        kind: "nodejs",
        interpreter: "node",
        echo: "echo.js",
        script: "event.response.content.summary = event.response.content.owner + ': ' + event.response.content.name;",
    },
    Language {
        kind: "python3",
        interpreter: "python3",
        echo: "echo.py",
        script: "event.response.content.summary = event.response.content.owner + ': ' + event.response.content.name",
    },
    Language {
        kind: "php",
        interpreter: "php",
        echo: "echo.php",
        script: "$event['response']['content']['summary'] = $event['response']['content']['owner'] . ': ' . \
            $event['response']['content']['name'];",
    },
];

/// Why nothing was measured.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A world in which scripts call nothing.
struct Nowhere;

impl Host for Nowhere {
    fn call(&self, _call: ApiCall) -> ApiResponse {
        ApiResponse { status_code: 501, content: Value::Null, content_type: None, headers: Headers::new() }
    }

    fn session(&self) -> Value {
        json!({"user": {"id": 7, "name": "Jane"}, "app": {"id": 3}, "api_key": "k", "session_token": null, "lookup": {}})
    }

    fn config(&self) -> Value {
        json!({"version": "1"})
    }

    fn lookup(&self, _name: &str) -> Option<String> {
        None
    }

    fn library(&self, name: &str, _kind: &str) -> Result<Library, String> {
        Err(format!("There is no library '{name}'."))
    }
}

fn main() -> ExitCode {
    // This program starts itself again as the launcher of the workers' sandbox.
    if let Some(code) = antiphon_sandbox::enter_from_arguments(std::env::args_os()) {
        return code;
    }
    let (text, code) = match report() {
        Ok(report) => (report, ExitCode::SUCCESS),
        Err(failure) => (format!("The measurement failed: {failure}\n"), ExitCode::FAILURE),
    };
    // Nobody is left to be told when the terminal is gone.
    let _ = std::io::stdout().write_all(text.as_bytes());
    code
}

fn report() -> Result<String, Failure> {
    let confinement = Confinement::Sandbox(std::env::current_exe()?);
    let settings = WorkerSettings { confinement, ..WorkerSettings::default() };
    let engines = Engines::with_workers(&antiphon_model::Limits::default(), settings);
    let mut report = String::from(
        "| Worker | echo/s | echo, one at a time µs | runs/s | one at a time µs | of the echo's rate | at least 50 % |\n\
         |---|--:|--:|--:|--:|--:|---|\n",
    );
    for language in &LANGUAGES {
        report.push_str(&measure(&engines, language)?);
    }
    Ok(report)
}

/// One line of the report: echo and runs in turns.
fn measure(engines: &Engines, language: &Language) -> Result<String, Failure> {
    let scene = Scene::new();
    let frame = scene.frame();
    let mut echoes = (0..IN_FLIGHT).map(|_| Echo::start(language)).collect::<Result<Vec<_>, _>>()?;
    let script = scene.script(language);
    let run = || scene.run(engines, &script);
    run()?;
    let (mut ratios, mut rates) = (Vec::new(), [Vec::new(), Vec::new()]);
    let mut alone = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        alone[0].push(1e6 / rate(&mut echoes[..1], |echo| echo.exchange(&frame))?);
        alone[1].push(1e6 / rate(&mut [()], |()| run())?);
        let echo = rate(&mut echoes, |echo| echo.exchange(&frame))?;
        let runs = rate(&mut [(); IN_FLIGHT], |()| run())?;
        ratios.push(runs / echo);
        rates[0].push(echo);
        rates[1].push(runs);
    }
    let ratio = median(ratios);
    let [echo, runs] = rates.map(median);
    let [echo_alone, run_alone] = alone.map(median);
    let verdict = if ratio >= PROMISED { "PASS" } else { "**MISS**" };
    let kind = language.kind;
    Ok(format!(
        "| {kind} | {echo:.0} | {echo_alone:.1} | {runs:.0} | {run_alone:.1} | {:.1} % | {verdict} |\n",
        ratio * 100.0
    ))
}

/// How many times in a second all of these do it together, each on a thread of its own.
fn rate<T: Send>(workers: &mut [T], work: impl Fn(&mut T) -> Result<(), Failure> + Sync) -> Result<f64, Failure> {
    let rates: Result<Vec<f64>, Failure> = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = workers
            .iter_mut()
            .map(|worker| {
                scope.spawn(move || {
                    let start = Instant::now();
                    let mut count = 0u64;
                    while start.elapsed() < TURN {
                        work(worker)?;
                        count += 1;
                    }
                    Ok(count as f64 / start.elapsed().as_secs_f64())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread died")?).collect()
    });
    Ok(rates?.iter().sum())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// An interpreter that sends every frame back.
struct Echo {
    child: Child,
    channel: UnixStream,
    answer: Vec<u8>,
}

impl Echo {
    fn start(language: &Language) -> Result<Echo, Failure> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/echo").join(language.echo);
        let (channel, theirs) = UnixStream::pair()?;
        let child =
            Command::new(language.interpreter).arg(program).stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
        Ok(Echo { child, channel, answer: Vec::new() })
    }

    fn exchange(&mut self, frame: &[u8]) -> Result<(), Failure> {
        self.channel.write_all(frame)?;
        let mut length = [0; 4];
        self.channel.read_exact(&mut length)?;
        self.answer.resize(u32::from_le_bytes(length) as usize, 0);
        self.channel.read_exact(&mut self.answer)?;
        let answer: Value = serde_json::from_slice(&self.answer)?;
        if answer["event"]["response"]["content"]["owner"] != "Hildegard Bingen" {
            return Err("an echo came back changed".into());
        }
        Ok(())
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The event that everybody works on: 1 KB of response.
struct Scene {
    resource: Value,
    parameters: Object,
    headers: Headers,
    payload: Value,
    content: Value,
    response_headers: Headers,
}

impl Scene {
    fn new() -> Scene {
        let content = json!({
            "id": 1, "name": "Task 1: tune the organ of the chapel", "complete": false, "priority": 3,
            "due": "2027-03-01 08:00:00", "owner": "Hildegard Bingen", "email": "hildegard@rupertsberg.example",
            "project": "Instruments", "place": "Chapel, west gallery", "phone": "555-0117", "estimate": 12.5, "spent": 3.25,
            "note": "The reeds of the great division speak late on humid days. ".repeat(6),
            "reason": "The choir sings the antiphons in two groups that face each other. ".repeat(6),
        });
        let headers = [("host", "localhost"), ("accept", "application/json"), ("x-dreamfactory-api-key", "k")];
        Scene {
            resource: json!("1"),
            parameters: Object::new(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect(),
            payload: json!({}),
            content,
            response_headers: Headers::new(),
        }
    }

    fn script(&self, language: &Language) -> Script {
        Script {
            name: "db._table.todo.{id}.get.post_process".to_owned(),
            kind: language.kind.to_owned(),
            source: language.script.into(),
            config: Value::Null,
            allow_event_modification: true,
            version: 1,
        }
    }

    /// What travels to a worker, as near as an echo needs it.
    fn frame(&self) -> Vec<u8> {
        let request = json!({
            "api_version": "2.0", "method": "GET", "parameters": {}, "payload": {}, "content": "",
            "headers": {"host": "localhost", "accept": "application/json", "x-dreamfactory-api-key": "k"},
            "content_type": "application/json", "uri": "/api/v2/db/_table/todo/1", "service": "db", "resource": "_table/todo/1",
        });
        let response = json!({
            "status_code": 200, "content": self.content, "content_type": null, "format": 201, "headers": {},
        });
        let body =
            json!({"t": "run", "event": {"request": request, "response": response, "resource": "1"}}).to_string();
        let mut frame = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        frame.extend_from_slice(body.as_bytes());
        frame
    }

    fn run(&self, engines: &Engines, script: &Script) -> Result<(), Failure> {
        let event = Event {
            name: "db._table.todo.{id}.get.post_process",
            phase: Phase::PostProcess,
            script_name: &script.name,
            resource: &self.resource,
            limit: None,
            request: EventRequest {
                api_version: "2.0",
                method: "GET",
                parameters: &self.parameters,
                headers: &self.headers,
                payload: &self.payload,
                content: b"",
                content_type: "application/json",
                uri: Some("/api/v2/db/_table/todo/1"),
                service: Some("db"),
                resource: Some("_table/todo/1"),
            },
            response: Some(EventResponse {
                status_code: 200,
                content: &self.content,
                content_type: None,
                format: 201,
                headers: &self.response_headers,
            }),
        };
        let run = engines.run(script, &event, &Nowhere);
        match &run.outcome {
            Outcome::Finished(finished) if finished.edits.response_changed == ["content"] => Ok(()),
            other => Err(format!("the script did not change the content: {other:?}").into()),
        }
    }
}
