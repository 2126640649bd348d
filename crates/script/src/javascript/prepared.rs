//! An engine made ready for one script: prelude, libraries and the compiled text are in its image.

use super::libraries;
use super::literals;
use super::members;
use super::session::{Session, Throw};
use super::wrapper::Wrapped;
use crate::event::Event;
use crate::host::Host;
use crate::outcome::{Outcome, Run, StopReason, SyntaxError, Thrown, status};
use antiphon_model::Error;
use antiphon_quickjs as quickjs;
use quickjs::{Budget, Build, Engine, Exception, Failure, Function, Sizes};
use std::time::Duration;

/// Compiling a script may take this long: hostile texts end, the largest honest one needs a fraction.
const BUILDING: Budget = Budget { wall: Duration::from_secs(5), cpu: Duration::from_secs(5) };
/// The engine's message when the stack is used up.
const STACK_MESSAGE: &str = "Maximum call stack size exceeded";

/// A ready engine.
pub(crate) struct Prepared {
    /// The script's, as it stands in stacks and messages.
    name: String,
    engine: Engine,
    wrapped: Wrapped,
    begin_with_request: Function,
    begin_with_both: Function,
    finish_modifying: Function,
    finish_reading: Function,
}

/// Why an engine could not be made ready.
pub(crate) enum PrepareError {
    /// The text is no script.
    Syntax(SyntaxError),
    /// The engine could not be built, or the text is too much for it.
    Engine(Failure),
}

impl From<Failure> for PrepareError {
    fn from(failure: Failure) -> PrepareError {
        PrepareError::Engine(failure)
    }
}

/// How a run is to be done.
pub(crate) struct Order<'a> {
    pub(crate) event: &'a Event<'a>,
    pub(crate) host: &'a dyn Host,
    pub(crate) may_modify: bool,
    pub(crate) budget: Budget,
    pub(crate) output_limit: usize,
}

impl Prepared {
    /// An engine for this text. `name` stands in its stacks; `lookups` lets string literals ask for lookups.
    pub(crate) fn new(name: &str, source: &str, lookups: bool, sizes: Sizes) -> Result<Prepared, PrepareError> {
        let mut engine = Engine::new(sizes)?;
        let host = engine.host_function()?;
        let prelude = engine.load(&libraries::prelude()?, &BUILDING)?;
        let table = members::table();
        let set_up = engine.build(prelude, &[Build::Function(host), Build::Text(&table)], &BUILDING)?;
        for library in libraries::named_in(source) {
            let function = engine.load(&library.compiled()?, &BUILDING)?;
            let parts = [Build::Text("library"), Build::Text(library.name), Build::Function(function)];
            engine.build(set_up, &parts, &BUILDING)?;
        }
        let asking = if lookups { literals::with_lookups(source) } else { None };
        let (script, wrapped) = compile(&mut engine, name, asking.as_deref().unwrap_or(source))?;
        let whole = [Build::Text("script"), Build::Function(script), Build::Text(wrapped.function())];
        engine.build(set_up, &whole, &BUILDING).map_err(|failure| syntax_or_engine(failure, &wrapped, name))?;
        let mut part = |part| engine.build(set_up, &[Build::Text(part)], &BUILDING);
        let (begin_with_request, begin_with_both) = (part("beginWithRequest")?, part("beginWithBoth")?);
        let (finish_modifying, finish_reading) = (part("finishModifying")?, part("finishReading")?);
        engine.seal()?;
        let name = name.to_owned();
        Ok(Prepared { name, engine, wrapped, begin_with_request, begin_with_both, finish_modifying, finish_reading })
    }

    /// Runs the script, and makes the engine as it was before.
    pub(crate) fn run(&mut self, order: &Order<'_>) -> Run {
        let begin = if order.event.response.is_some() { self.begin_with_both } else { self.begin_with_request };
        let finish = if order.may_modify { self.finish_modifying } else { self.finish_reading };
        let session = Session::new(order.event, order.host, order.output_limit);
        let report = self.engine.run(&[begin, finish], &order.budget, &|number, call| session.answer(number, call));
        self.engine.restore();
        let state = session.into_state();
        let outcome = match (report.outcome, state.thrown) {
            (Err(Failure::Stopped(reason)), _) => stopped(reason, &self.name, &order.budget, self.engine.sizes()),
            (Err(Failure::Threw(exception)), _) => self.threw(from_exception(exception)),
            (Err(Failure::Engine(reason)), _) => {
                Outcome::Failed(Error::internal("The script engine failed; try again.", reason))
            }
            (Ok(()), Some(thrown)) => self.threw(thrown),
            (Ok(()), None) => Outcome::Finished(state.finished),
        };
        Run { outcome, output: state.output.into_text(), wall: report.wall, cpu: report.cpu }
    }

    /// Bytes of memory that this holds while it waits.
    pub(crate) fn resident(&self) -> usize {
        self.engine.resident()
    }

    fn threw(&self, thrown: Throw) -> Outcome {
        let name = &self.name;
        if thrown.message == STACK_MESSAGE {
            return Outcome::Stopped(StopReason::Stack, format!("Script '{name}' recursed too deeply."));
        }
        let position = thrown.stack.as_deref().and_then(|stack| self.wrapped.position(stack, name));
        Outcome::Threw(Thrown {
            message: Thrown::message(thrown.message),
            code: thrown.code.filter(|code| code.is_number() || code.is_string()),
            status_code: thrown.status.as_ref().and_then(status),
            context: None,
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
            stack: thrown.stack.map(|stack| self.wrapped.own_frames(&stack, name)).filter(|frames| !frames.is_empty()),
        })
    }
}

/// Compiles the text as a function: one that may wait when the word is there and the text allows it.
fn compile(engine: &mut Engine, name: &str, source: &str) -> Result<(Function, Wrapped), PrepareError> {
    let mut try_as = |asynchronous| {
        let wrapped = Wrapped::new(source, asynchronous);
        match engine.evaluate(name, &wrapped.text, &BUILDING) {
            Ok(function) => Ok((function, wrapped)),
            Err(failure) => Err(syntax_or_engine(failure, &wrapped, name)),
        }
    };
    if !source.contains("await") {
        return try_as(false);
    }
    try_as(true).or_else(|waiting| try_as(false).map_err(|_| waiting))
}

fn syntax_or_engine(failure: Failure, wrapped: &Wrapped, name: &str) -> PrepareError {
    match failure {
        Failure::Threw(exception) => {
            let (line, column) = wrapped.position(&exception.stack, name).unwrap_or((1, 1));
            PrepareError::Syntax(SyntaxError { message: exception.message, line, column })
        }
        other => PrepareError::Engine(other),
    }
}

fn from_exception(exception: Exception) -> Throw {
    Throw { message: exception.message, stack: Some(exception.stack), ..Throw::default() }
}

fn stopped(reason: quickjs::StopReason, name: &str, budget: &Budget, sizes: Sizes) -> Outcome {
    let (reason, limit) = match reason {
        quickjs::StopReason::WallTime => (StopReason::WallTime, format!("time limit of {:?}", budget.wall)),
        quickjs::StopReason::CpuTime => (StopReason::CpuTime, format!("processor time limit of {:?}", budget.cpu)),
        quickjs::StopReason::Memory => (StopReason::Memory, format!("memory limit of {} MiB", sizes.memory >> 20)),
    };
    Outcome::Stopped(reason, format!("Script '{name}' was stopped: it reached the {limit}."))
}
