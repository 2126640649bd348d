//! One run of one script: what it is told of the call, and what the ledger says of it.

use super::{SecrecyOf, outcome, secrecy};
use crate::nested::recursion_error;
use crate::outside::Outside;
use crate::platform::Platform;
use crate::{Frame, Gateway, ScriptRun};
use antiphon_model::{Content, Phase, Request, Response, Session, Value};
use antiphon_script::{Event, EventRequest, EventResponse, Run, Script};
use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Why a script runs.
pub(crate) struct Occasion<'a> {
    /// Full name of the event, with its type.
    pub name: &'a str,
    pub phase: Phase,
    /// `event.resource`.
    pub resource: &'a Value,
    /// `event.limit`, of an event that no call fires.
    pub limit: Option<&'a Value>,
}

/// Runs scripts in one call, in the name of its caller.
#[derive(Clone, Copy)]
pub(crate) struct ScriptRunner<'a> {
    pub gateway: &'a Arc<Gateway>,
    pub session: &'a Arc<Session>,
    /// The scripts above the call.
    pub frame: Option<&'a Arc<Frame>>,
    /// The service that is called, as stored.
    pub service: &'a str,
    /// What of the body scripts must not see.
    pub secrecy: Option<SecrecyOf>,
}

impl ScriptRunner<'_> {
    /// Runs the script, unless it is above itself too often, and tells what the ledger is to say.
    pub(crate) fn run(
        &self,
        script: &Arc<Script>,
        occasion: &Occasion<'_>,
        request: &Request,
        response: Option<&Response>,
    ) -> (Run, ScriptRun) {
        let reentries = self.frame.map_or(0, |frame| frame.count(&script.name));
        let (run, libraries) = if reentries >= usize::from(self.gateway.limits().script_reentry) {
            (Run::failed(recursion_error()), BTreeMap::new())
        } else {
            self.run_in_engine(script, occasion, request, response)
        };
        let record = ScriptRun {
            outcome: outcome::name(&run.outcome),
            wall: run.wall,
            output: run.output.clone(),
            libraries,
            ..ScriptRun::skipped(script, "")
        };
        (run, record)
    }

    /// The run, and the stored libraries that the script loaded.
    fn run_in_engine(
        &self,
        script: &Arc<Script>,
        occasion: &Occasion<'_>,
        request: &Request,
        response: Option<&Response>,
    ) -> (Run, BTreeMap<String, u64>) {
        let frame = Frame::push(&script.name, self.frame);
        let host = Platform {
            gateway: self.gateway,
            session: self.session,
            frame: &frame,
            requestor: request.requestor,
            script,
            libraries: Mutex::default(),
            outside: Outside::new(script.wall_limit(self.gateway.limits())),
            runtime: Handle::current(),
        };
        let masked = secrecy::masked(request, self.secrecy, script.allow_event_modification);
        let content = match &masked {
            Some(payload) => Cow::Owned(payload.to_string().into_bytes()),
            None => raw_content(request),
        };
        let from_uri = request.uri.as_ref().map(|uri| uri.split_once('?').map_or("", |(_, query)| query));
        let path = request.resource.strip_suffix('/').unwrap_or(&request.resource);
        let resource = from_uri.map(|query| match query {
            "" => path.to_owned(),
            query => format!("{path}?{query}"),
        });
        let response_content = response.map(|response| response_value(&response.content));
        let event = Event {
            name: occasion.name,
            phase: occasion.phase,
            script_name: &script.name,
            resource: occasion.resource,
            limit: occasion.limit,
            request: EventRequest {
                api_version: "2.0",
                method: request.verb.as_str(),
                parameters: &request.parameters,
                headers: &request.headers,
                payload: masked.as_ref().unwrap_or(&request.payload),
                content: &content,
                content_type: request.content_type.as_deref().unwrap_or("application/json"),
                uri: request.uri.as_deref(),
                service: request.uri.as_ref().map(|_| self.service),
                resource: resource.as_deref(),
            },
            response: response.zip(response_content.as_ref()).map(|(response, content)| EventResponse {
                status_code: response.status,
                content,
                content_type: response.content_type.as_deref(),
                format: if response.content_type.is_none() { 201 } else { 0 },
                headers: &response.headers,
            }),
        };
        let mut run = self.gateway.engines().run(script, &event, &host);
        run.output.push_str(&host.outside.notes());
        (run, host.libraries.into_inner())
    }
}

/// The raw body. Calls from inside have none of their own, so theirs is the payload written out.
fn raw_content(request: &Request) -> Cow<'_, [u8]> {
    match request.content.is_empty() && !request.payload.is_null() {
        true => Cow::Owned(request.payload.to_string().into_bytes()),
        false => Cow::Borrowed(&request.content),
    }
}

fn response_value(content: &Content) -> Cow<'_, Value> {
    match content {
        Content::Value(value) => Cow::Borrowed(value),
        other => Cow::Owned(other.to_value()),
    }
}
