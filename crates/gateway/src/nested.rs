//! Calls that scripts and services make on behalf of a call: the same door, one level deeper.

use crate::Gateway;
use crate::blocking::wait_for;
use crate::call::Origin;
use antiphon_model::{Error, Limits, Request, Response, Session};
use std::sync::Arc;
use tokio::runtime::Handle;

/// The scripts above a call, innermost first: what the recursion guard looks at (events-and-scripting 2.8).
#[derive(Debug)]
pub struct Frame {
    script: String,
    depth: u8,
    above: Option<Arc<Frame>>,
}

impl Frame {
    /// One script more above what is there.
    pub(crate) fn push(script: &str, above: Option<&Arc<Frame>>) -> Arc<Frame> {
        Arc::new(Frame {
            script: script.to_owned(),
            depth: above.map_or(1, |frame| frame.depth.saturating_add(1)),
            above: above.cloned(),
        })
    }

    /// Name of the innermost script.
    pub(crate) fn script(&self) -> &str {
        &self.script
    }

    /// The scripts above it.
    pub(crate) fn above(&self) -> Option<&Arc<Frame>> {
        self.above.as_ref()
    }

    /// How many scripts there are, this one included.
    pub(crate) fn depth(&self) -> u8 {
        self.depth
    }

    /// How many times that script is among them.
    pub(crate) fn count(&self, script: &str) -> usize {
        let mut frame = Some(self);
        let mut count = 0;
        while let Some(current) = frame {
            count += usize::from(current.script.eq_ignore_ascii_case(script));
            frame = current.above.as_deref();
        }
        count
    }
}

impl Gateway {
    /// A call from inside, in the name of `session`: access check, events and all, but no credentials. Blocks; to be called
    /// from a section in which blocking is fine.
    pub(crate) fn nested(
        self: &Arc<Self>,
        mut request: Request,
        session: &Arc<Session>,
        frame: Option<&Arc<Frame>>,
        runtime: &Handle,
    ) -> Response {
        let depth = frame.map_or(0, |frame| frame.depth());
        if depth > self.limits().call_depth {
            return Response::from(&recursion_error());
        }
        if let Err(error) = self.catch_up() {
            return Response::from(&error);
        }
        request.depth = depth;
        let answer = self.dispatch(request, Arc::clone(session), Origin::Inside(frame));
        wait_for(runtime, answer).response
    }
}

/// Whether one more run of that script is one too many.
pub(crate) fn is_too_deep(limits: &Limits, frame: Option<&Arc<Frame>>, script: &str) -> bool {
    frame.is_some_and(|frame| {
        frame.depth() > limits.call_depth || frame.count(script) >= usize::from(limits.script_reentry)
    })
}

/// 500 for scripts that call themselves, or each other, too deeply.
pub(crate) fn recursion_error() -> Error {
    Error::new(500, "Script recursion limit exceeded")
}
