//! `antiphon scripts run`: a script in a file, on an event in a file, with the engines and limits of the server.

use super::local_event::LocalEvent;
use super::local_host::{Answers, LocalHost};
use super::{DIFFERENT, Target, open};
use crate::config::Settings;
use crate::terminal::say;
use crate::wiring;
use antiphon_gateway::script_config;
use antiphon_model::Value;
use antiphon_script::{Engines, Outcome, Run, Script, WorkerSettings};
use antiphon_services::script_files::{self, ScriptFile};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Handle;

/// Largest file with an event or with recorded answers, in bytes.
const LARGEST: u64 = 256 << 20;

/// Flags of `run`.
#[derive(Debug, Args)]
pub struct RunFlags {
    /// The script: its name tells event and type, the settings beside it count. Libraries are found in the folder `libraries` beside its own.
    pub file: PathBuf,
    /// The event: a JSON object with `request`, `response` after the call, and what else scripts see; `session` and `lookups` may be in it.
    #[arg(long, value_name = "FILE")]
    pub event: PathBuf,
    /// Recorded answers to platform.api: a JSON list of objects with `verb`, `path`, `status_code` and `content`.
    #[arg(long, value_name = "FILE")]
    pub api: Option<PathBuf>,
    /// Whose platform.api answers otherwise. Calls are made for real, in the name of who asks.
    #[command(flatten)]
    pub target: Target,
}

/// Runs it and prints what came of it. The exit code is 1 when the script failed.
///
/// # Errors
/// When a file can't be used, or the server not be reached.
pub async fn run(flags: &RunFlags, settings: &Settings) -> Result<ExitCode, String> {
    let file = script_files::read_file(&flags.file, &settings.limits).map_err(|error| error.to_string())?;
    let event = LocalEvent::parse(json_of(&flags.event)?, &file.name)?;
    let answers = match &flags.api {
        Some(path) => Answers::recorded(json_of(path)?)?,
        None if flags.target.server.is_some() || flags.target.data.is_some() => {
            Answers::from_server(open(&flags.target, settings).await?)
        }
        None => Answers::Refused,
    };
    let script = script_of(&file);
    let config = script_config(&settings.limits);
    let root = flags.file.canonicalize().ok().and_then(|path| Some(path.parent()?.parent()?.to_owned()));
    let host = LocalHost {
        answers,
        session: event.session.clone(),
        lookups: event.lookups.clone(),
        config: config.clone(),
        libraries: root.unwrap_or_default(),
        limits: settings.limits.clone(),
        runtime: Handle::current(),
    };
    let platform = wiring::platform_settings(settings).map_err(|error| error.to_string())?;
    let workers = WorkerSettings { config, ..platform.workers(&settings.data) };
    let engines = Engines::with_workers(&settings.limits, workers);
    let (run, event) = tokio::task::spawn_blocking(move || (engines.run(&script, &event.event(), &host), event))
        .await
        .map_err(|error| format!("The script could not be run: {error}."))?;
    print(&run, &event, &file);
    Ok(match run.outcome {
        Outcome::Finished(_) => ExitCode::SUCCESS,
        _ => ExitCode::from(DIFFERENT),
    })
}

fn script_of(file: &ScriptFile) -> Script {
    Script {
        name: file.name.clone(),
        kind: file.kind.clone(),
        source: file.content.as_str().into(),
        config: file.settings.get("config").cloned().unwrap_or_default(),
        allow_event_modification: may_modify(file),
        version: 1,
    }
}

fn may_modify(file: &ScriptFile) -> bool {
    file.section == script_files::Section::Services
        || file.settings.get("allow_event_modification").and_then(Value::as_bool).unwrap_or_default()
}

fn json_of(path: &Path) -> Result<Value, String> {
    let failed = |reason: String| format!("'{}' can't be used: {reason}.", path.display());
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > LARGEST {
        return Err(failed(format!("it is larger than {LARGEST} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failed(format!("it is no JSON: {error}")))
}

/// The changed event as a difference, then the output, then the outcome.
fn print(run: &Run, event: &LocalEvent, file: &ScriptFile) {
    if let Outcome::Finished(finished) = &run.outcome {
        say(event.difference(&finished.edits).trim_end());
        if finished.edits.response_ignored || !may_modify(file) {
            say("note: edits of the event don't count, because allow_event_modification is off");
        }
        if let Some(returned) = &finished.returned {
            say(&format!("returned: {returned:#}"));
        }
    }
    if !run.output.is_empty() {
        say("output:");
        run.output.lines().for_each(|line| say(&format!("  {line}")));
    }
    let told = match &run.outcome {
        Outcome::Finished(_) => "finished".to_owned(),
        Outcome::Threw(thrown) => {
            let place = thrown.line.map(|line| format!(" (line {line})")).unwrap_or_default();
            let status = thrown.status_code.map(|status| format!(", status {status}")).unwrap_or_default();
            format!("threw: {}{status}{place}", thrown.message)
        }
        Outcome::Stopped(_, message) => format!("stopped: {message}"),
        Outcome::Failed(error) => format!("failed: {}", error.message),
    };
    say(&format!("{told}, after {:.1} ms", run.wall.as_secs_f64() * 1000.0));
}
