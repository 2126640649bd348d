//! One run of one script by one worker.

use super::channel::Broken;
use super::frame::{self, EventFrame, FromWorker, RunFrame, ToWorker};
use super::language::Language;
use super::process::Worker;
use super::reconcile;
use super::watch::Watch;
use crate::event::Event;
use crate::host::{ApiCall, Host};
use crate::javascript::with_lookups;
use crate::lookup;
use crate::outcome::{Finished, Outcome, Run, StopReason, SyntaxError, Thrown, status};
use crate::script::{LookupMode, Script};
use crate::typescript;
use antiphon_model::{Error, Limits, Object, Value};
use std::sync::Arc;
use std::time::Duration;

/// How long a worker that closed its channel is waited for, to learn how it ended.
const LAST_BREATH: Duration = Duration::from_millis(20);

/// What interpreters say before they end for want of memory.
const OUT_OF_MEMORY: [&str; 3] = ["heap out of memory", "Allowed memory size", "Out of memory"];

/// What is to be run.
pub(super) struct Order<'a> {
    pub(super) script: &'a Script,
    pub(super) event: &'a Event<'a>,
    pub(super) host: &'a dyn Host,
    pub(super) limits: &'a Limits,
    pub(super) language: Language,
}

/// What to do with the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing of the run is left in it.
    Clean,
    /// Something may be.
    Unclean,
}

/// Runs a script to its end.
pub(super) fn run(worker: &mut Worker, order: &Order<'_>) -> (Run, Fate) {
    let cpu = worker.meter.main_thread();
    worker.runs += 1;
    let mut watch = Watch::begin(worker, order.limits, order.script.settings().wall);
    // What was printed after the end of the run before is nobody's.
    worker.channel.drain_output(&mut watch);
    watch.forget_output();
    let (outcome, fate) = converse(worker, order, &mut watch);
    worker.channel.drain_output(&mut watch);
    let cpu = worker.meter.main_thread().saturating_sub(cpu);
    let wall = watch.elapsed();
    (Run { outcome, output: watch.into_output(), wall, cpu }, fate)
}

/// Asks whether a text is a script.
pub(super) fn check(worker: &mut Worker, kind: &str, source: &str, limits: &Limits) -> (Result<(), SyntaxError>, Fate) {
    let mut watch = Watch::begin(worker, limits, None);
    let Ok(frame) = frame::write(&ToWorker::Check { kind, source }, limits.worker_frame_bytes) else {
        return (Ok(()), Fate::Clean);
    };
    let answer = worker.channel.send(&frame, &mut watch).and_then(|()| worker.channel.receive(&mut watch));
    match answer {
        Ok(FromWorker::Checked) => (Ok(()), Fate::Clean),
        Ok(FromWorker::Threw { mut thrown, .. }) => {
            let thrown = thrown_of(&mut thrown);
            let (line, column) = (thrown.line.unwrap_or(1), thrown.column.unwrap_or(1));
            (Err(SyntaxError { message: thrown.message, line, column }), Fate::Clean)
        }
        _ => (Ok(()), Fate::Unclean),
    }
}

fn converse(worker: &mut Worker, order: &Order<'_>, watch: &mut Watch) -> (Outcome, Fate) {
    let frame = match run_frame(worker, order) {
        Ok(frame) => frame,
        Err(size) => {
            let message = format!("The call is too large for script '{}': {size}.", order.script.name);
            return (Outcome::Failed(Error::new(500, message)), Fate::Unclean);
        }
    };
    let mut fate = Fate::Clean;
    let mut sending = Some(frame);
    loop {
        let sent = sending.take().map_or(Ok(()), |frame| worker.channel.send(&frame, watch));
        let received = match sent.and_then(|()| worker.channel.receive(watch)) {
            Ok(received) => received,
            Err(broken) => return (broken_off(worker, order, watch, broken), Fate::Unclean),
        };
        match received {
            FromWorker::Unclean => fate = Fate::Unclean,
            FromWorker::Print(text) => watch.print(&text),
            FromWorker::Call { id, verb, path, payload, options } => {
                let answer = answer(order, &id, ApiCall::of_script(&verb, path, payload, options));
                sending = Some(answer);
            }
            FromWorker::Library { id, name } => {
                let found = order.host.library(&name, &order.script.kind).ok();
                let version = found.as_ref().and_then(|library| library.version);
                let source = found.as_ref().and_then(|library| typescript::library(library).ok());
                let library = ToWorker::Library { id: &id, name: &name, version, source: source.as_deref() };
                sending = Some(written(&library, &id, order.limits));
            }
            FromWorker::Done { clean, mut returned, mut event } => {
                if order.language.loss().big_integers {
                    returned.iter_mut().chain(event.values_mut()).for_each(reconcile::as_doubles);
                }
                let edits = match order.script.allow_event_modification {
                    true => reconcile::edits(order.event, event, order.language.loss()),
                    false => reconcile::told(order.event, &event),
                };
                let fate = if clean { fate } else { Fate::Unclean };
                return (Outcome::Finished(Finished { returned, edits }), fate);
            }
            FromWorker::Threw { clean, mut thrown } => {
                let fate = if clean { fate } else { Fate::Unclean };
                return (threw(order, &mut thrown), fate);
            }
            FromWorker::Ready { .. } | FromWorker::Checked => {
                let broken = Broken::Garbage("a frame that has no place in a run".to_owned());
                return (broken_off(worker, order, watch, broken), Fate::Unclean);
            }
        }
    }
}

fn run_frame(worker: &mut Worker, order: &Order<'_>) -> Result<Vec<u8>, String> {
    let Order { script, event, host, limits, language } = order;
    let mode = script.settings().lookups;
    let source = match mode {
        LookupMode::Raw if lookup::has_candidate(&script.source) => {
            lookup::replace(&script.source, &|name| host.lookup(name)).into()
        }
        _ => Arc::clone(&script.source),
    };
    let told = worker.texts.tell(&script.name, mode, &source);
    // Literals of JavaScript are rewritten here, those of other languages by their workers.
    let asking = (told.is_new && mode == LookupMode::Safe && *language == Language::Node)
        .then(|| with_lookups(&source))
        .flatten();
    let lookups = match mode {
        LookupMode::Safe => lookups(&told.text.candidates, *host),
        LookupMode::Off | LookupMode::Raw => Object::new(),
    };
    let frame = ToWorker::Run(RunFrame {
        script: &script.name,
        kind: &script.kind,
        text: told.text.id,
        source: told.is_new.then_some(asking.as_deref().unwrap_or(&source)),
        forget: told.forget.map(|id| [id]),
        event: EventFrame(event),
        session: host.session(),
        may_modify: script.allow_event_modification,
        lookups,
    });
    frame::write(&frame, limits.worker_frame_bytes)
}

fn lookups(candidates: &[String], host: &dyn Host) -> Object {
    let value = |token: &String| {
        let text = lookup::resolve(token, &|name| lookup::safe(host, name))?;
        Some((token.clone(), Value::String(text)))
    };
    candidates.iter().filter_map(value).collect()
}

fn answer(order: &Order<'_>, id: &Value, call: Result<ApiCall, String>) -> Vec<u8> {
    match call {
        Ok(call) => {
            let response = order.host.call(call).into_value();
            written(&ToWorker::Answer { id, response }, id, order.limits)
        }
        Err(message) => written(&ToWorker::Refused { id, message: &message }, id, order.limits),
    }
}

/// An answer; one that is too large is refused instead.
fn written(frame: &ToWorker<'_>, id: &Value, limits: &Limits) -> Vec<u8> {
    frame::write(frame, limits.worker_frame_bytes).unwrap_or_else(|size| {
        let message = format!("The answer is too large: {size}.");
        frame::write(&ToWorker::Refused { id, message: &message }, usize::MAX).unwrap_or_default()
    })
}

fn threw(order: &Order<'_>, thrown: &mut Object) -> Outcome {
    let is_syntax = thrown.get("syntax").is_some_and(|syntax| *syntax == Value::Bool(true));
    let thrown = thrown_of(thrown);
    if is_syntax {
        let error =
            SyntaxError { message: thrown.message, line: thrown.line.unwrap_or(1), column: thrown.column.unwrap_or(1) };
        return Outcome::Failed(error.in_script(&order.script.name));
    }
    Outcome::Threw(thrown)
}

fn thrown_of(thrown: &mut Object) -> Thrown {
    let mut take = |name: &str| thrown.shift_remove(name).filter(|value| !value.is_null());
    let number = |value: Option<Value>| value.and_then(|value| u32::try_from(value.as_u64()?).ok());
    let text = |value: Option<Value>| match value {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    Thrown {
        message: Thrown::message(text(take("message"))),
        code: take("code").filter(|code| code.is_number() || code.is_string()),
        status_code: take("status_code").as_ref().and_then(status),
        context: take("context"),
        line: number(take("line")),
        column: number(take("column")),
        stack: take("stack").map(|stack| text(Some(stack))).filter(|stack| !stack.is_empty()),
    }
}

/// What to tell of a run that did not come to its end.
fn broken_off(worker: &mut Worker, order: &Order<'_>, watch: &mut Watch, broken: Broken<StopReason>) -> Outcome {
    let (name, label) = (&order.script.name, order.language.label());
    match broken {
        Broken::Stopped(reason) => {
            worker.kill();
            Outcome::Stopped(reason, watch.message(name, reason))
        }
        Broken::Garbage(what) => {
            worker.kill();
            let message = format!("The {label} interpreter was ended: script '{name}' disturbed it.");
            Outcome::Failed(Error::internal(message, what))
        }
        Broken::Closed => {
            worker.channel.drain_output(watch);
            let ending = worker.ending(LAST_BREATH);
            if OUT_OF_MEMORY.iter().any(|words| watch.last_words().contains(words)) {
                return Outcome::Stopped(StopReason::Memory, watch.message(name, StopReason::Memory));
            }
            let message = format!("The {label} interpreter ended while it ran script '{name}'.");
            Outcome::Failed(Error::internal(message, format!("{ending}: {}", watch.last_words())))
        }
    }
}
