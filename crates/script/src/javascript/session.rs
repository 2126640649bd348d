//! One run of one script: answers what the prelude asks of the host, and collects what came out.

use super::libraries;
use super::members::Call;
use crate::event::Event;
use crate::host::{ApiCall, Host};
use crate::lookup;
use crate::members::{Given, MEMBERS, Owner, given};
use crate::outcome::Finished;
use crate::output::Output;
use crate::typescript;
use antiphon_model::{Object, Value, json};
use antiphon_quickjs::{HostCall, HostError};
use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// What was thrown, before positions are made out.
#[derive(Debug, Default)]
pub(crate) struct Throw {
    pub(crate) message: String,
    pub(crate) code: Option<Value>,
    pub(crate) status: Option<Value>,
    pub(crate) stack: Option<String>,
}

/// A run. Reading an argument may run the script's code, which may call the host again: what came out so far is borrowed
/// only after every argument was read.
pub(crate) struct Session<'a> {
    event: &'a Event<'a>,
    host: &'a dyn Host,
    state: RefCell<State>,
}

/// What came out of a run so far.
#[derive(Debug)]
pub(crate) struct State {
    /// What was printed.
    pub(crate) output: Output,
    /// The result.
    pub(crate) finished: Finished,
    /// Set when the script threw.
    pub(crate) thrown: Option<Throw>,
}

impl<'a> Session<'a> {
    /// A run that has not begun.
    pub(crate) fn new(event: &'a Event<'a>, host: &'a dyn Host, output_limit: usize) -> Session<'a> {
        let state = State { output: Output::new(output_limit), finished: Finished::default(), thrown: None };
        Session { event, host, state: RefCell::new(state) }
    }

    /// What came out.
    pub(crate) fn into_state(self) -> State {
        self.state.into_inner()
    }

    /// Answers one host call.
    pub(crate) fn answer(&self, number: u32, call: &mut HostCall<'_>) -> Result<(), HostError> {
        match Call::of(number) {
            Some(Call::Member) => {
                if let Some(given) = given(self.event, index(call)) {
                    given.answer(call)?;
                }
            }
            Some(Call::Changed) => self.changed(index(call), call)?,
            Some(Call::Response) => {
                let response = call.json(0)?;
                let edits = &mut self.state.borrow_mut().finished.edits;
                edits.response_replaced = response.is_some();
                edits.response = response;
            }
            Some(Call::Ignored) => self.state.borrow_mut().finished.edits.response_ignored = true,
            Some(Call::Stop) => self.state.borrow_mut().finished.edits.stop_propagation = true,
            Some(Call::Returned) => {
                let returned = call.json(0)?;
                self.state.borrow_mut().finished.returned = returned;
            }
            Some(Call::Thrown) => self.threw(call)?,
            Some(Call::Unsettled) => {
                let message = "The script waits for a promise that is never settled.".to_owned();
                self.state.borrow_mut().thrown = Some(Throw { message, ..Throw::default() });
            }
            Some(Call::Api) => self.api(call)?,
            Some(Call::Session) => call.answer(&self.host.session())?,
            Some(Call::Config) => call.answer(&self.host.config())?,
            Some(Call::Library) => self.library(call)?,
            Some(Call::Lookup) => self.lookup(call)?,
            Some(Call::Print) => {
                let text = call.text(0)?.unwrap_or_default();
                self.state.borrow_mut().output.line(&text);
            }
            Some(Call::Sleep) => {
                let seconds = call.number(0).filter(|seconds| seconds.is_finite() && *seconds > 0.0).unwrap_or(0.0);
                let wanted = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
                std::thread::sleep(wanted.min(call.remaining()));
            }
            Some(Call::Seed) => {
                let random = RandomState::new().build_hasher().finish();
                call.answer(&json!([(random >> 32) as i32, random as i32]))?;
            }
            None => return Err(HostError::Error("The platform does not know this function.".into())),
        }
        Ok(())
    }

    fn changed(&self, member: usize, call: &HostCall<'_>) -> Result<(), HostError> {
        let (Some(given), Some((owner, name))) = (given(self.event, member), MEMBERS.get(member)) else {
            return Ok(());
        };
        let Some(now) = given.changed(call, 1)? else { return Ok(()) };
        let mut state = self.state.borrow_mut();
        let edits = &mut state.finished.edits;
        if *owner == Owner::Request {
            edits.request.insert((*name).to_owned(), now);
            return Ok(());
        }
        edits.response_changed.push(name);
        let Value::Object(response) = edits.response.get_or_insert_with(|| json!({})) else { return Ok(()) };
        response.insert((*name).to_owned(), now);
        if *name == "content" {
            self.add_unchanged(response, &["content_type", "format"]);
        }
        Ok(())
    }

    /// Completes an edited response with members that belong to a changed one.
    fn add_unchanged(&self, response: &mut Object, names: &[&str]) {
        for (member, (owner, name)) in MEMBERS.iter().enumerate() {
            if *owner == Owner::Response && names.contains(name) && !response.contains_key(*name) {
                let value = given(self.event, member).as_ref().map_or(Value::Null, Given::to_value);
                response.insert((*name).to_owned(), value);
            }
        }
    }

    fn threw(&self, call: &HostCall<'_>) -> Result<(), HostError> {
        // A member of the thrown object that is no JSON is as good as absent.
        let thrown = Throw {
            message: call.text(0)?.unwrap_or_default(),
            code: call.json(1).ok().flatten(),
            status: call.json(2).ok().flatten(),
            stack: call.text(3)?,
        };
        self.state.borrow_mut().thrown = Some(thrown);
        Ok(())
    }

    fn api(&self, call: &mut HostCall<'_>) -> Result<(), HostError> {
        let api_call = api_call(call)?;
        let response = self.host.call(api_call);
        call.answer(&response.into_value())?;
        Ok(())
    }

    fn library(&self, call: &mut HostCall<'_>) -> Result<(), HostError> {
        let name = call.text(0)?.unwrap_or_default();
        if let Some(library) = libraries::library(&name) {
            call.answer_text(library.text)?;
        } else {
            let library = self.host.library(&name, "javascript").map_err(HostError::Error)?;
            call.answer_text(&typescript::library(&library).map_err(HostError::Error)?)?;
        }
        Ok(())
    }

    fn lookup(&self, call: &mut HostCall<'_>) -> Result<(), HostError> {
        let text = call.text(0)?.unwrap_or_default();
        let replaced = lookup::replace(&text, &|name| lookup::safe(self.host, name));
        call.answer_text(&replaced)?;
        Ok(())
    }
}

fn index(call: &HostCall<'_>) -> usize {
    call.number(0).filter(|number| *number >= 0.0).map_or(usize::MAX, |number| number as usize)
}

/// What `platform.api` was called with.
fn api_call(call: &HostCall<'_>) -> Result<ApiCall, HostError> {
    let (verb, path) = (call.text(0)?.unwrap_or_default(), call.text(1)?.unwrap_or_default());
    let (payload, options) = (call.json(2)?.unwrap_or_default(), call.json(3)?.unwrap_or_default());
    ApiCall::of_script(&verb, path, payload, options).map_err(HostError::Error)
}
