//! Writes that a call carries along: nested records go to other tables in the same transaction, and those tables' scripts
//! still run, before it begins and after it ends (database-service 15.3, 17).

use crate::blocking::wait_for;
use crate::jobs::Promised;
use crate::scripts::{EventRunner, Plan, ScriptRunner};
use crate::{Call, Ledger, Matched, authorize};
use antiphon_model::{Request, Response, Result, Value, Verb, json};
use tokio::runtime::Handle;

/// A write to another resource of the service, as part of a call.
pub struct CarriedWrite {
    request: Request,
    matched: Matched,
    plan: Plan,
    promised: Promised,
}

impl CarriedWrite {
    /// What the transaction must know to leave the jobs of this write behind.
    pub(crate) fn promising<'a>(
        &'a self,
        call: &'a Call<'a>,
    ) -> (EventRunner<'a>, &'a Request, &'a Promised, Option<Response>) {
        (call.event_runner(&self.plan, &self.matched), &self.request, &self.promised, Some(self.answer()))
    }

    /// What it is answered with, as its scripts see it.
    fn answer(&self) -> Response {
        Response::ok(self.request.payload.clone())
    }
}

impl Call<'_> {
    /// Runs the pre-process scripts of a write to `resource`, and gives the records as they left them. None when that resource has no
    /// scripts, or when the caller may not write to it: then no script runs, and the write itself is refused.
    ///
    /// # Errors
    /// What a script threw, or the error that it answered with: the whole call is refused.
    pub fn carry(
        &self,
        verb: Verb,
        resource: String,
        records: Vec<Value>,
    ) -> Result<Option<(CarriedWrite, Vec<Value>)>> {
        let Some(matched) = self.entry.service.routes().find(&resource) else { return Ok(None) };
        let mut request = Request::new(verb, self.entry.name.clone(), resource);
        request.requestor = self.request.requestor;
        request.depth = self.request.depth;
        request.payload = json!({ "resource": records });
        let plan = Plan::of(self.gateway, &self.entry.name, &matched, &request, false);
        if plan.is_empty() || !self.may_write(&request) {
            return Ok(None);
        }
        let mut ledger = Ledger::default();
        if let Some(answer) = self.event_runner(&plan, &matched).pre_process(&mut request, &mut ledger)?
            && answer.status >= 400
        {
            return Err(answer.into_error());
        }
        let records = match request.payload.get_mut("resource").map(Value::take) {
            Some(Value::Array(records)) => records,
            Some(record @ Value::Object(_)) => vec![record],
            _ => Vec::new(),
        };
        request.payload = json!({ "resource": records });
        let promised = Promised::new(self.gateway.jobs(), plan.jobs());
        Ok(Some((CarriedWrite { request, matched, plan, promised }, records)))
    }

    /// Runs the scripts that come after that write. The response of the call is no longer theirs to change.
    pub fn carried(&self, write: &CarriedWrite) {
        let CarriedWrite { request, matched, plan, promised } = write;
        let mut ledger = Ledger::default();
        let mut response = write.answer();
        let runner = self.event_runner(plan, matched);
        runner.post_process(request, &mut response, &mut ledger);
        runner.base(request, Some(&response), &mut ledger);
        let later = runner.queued(request, Some(&response), promised, &mut ledger);
        if !later.is_empty() {
            wait_for(&Handle::current(), self.gateway.entrust(later, &mut ledger));
        }
    }

    fn may_write(&self, request: &Request) -> bool {
        authorize(self.session, request.requestor, request.verb, self.entry, &request.resource).is_ok()
    }

    /// What runs the scripts of that plan in the name of this call's caller.
    pub(crate) fn event_runner<'p>(&'p self, plan: &'p Plan, matched: &Matched) -> EventRunner<'p> {
        let runner = ScriptRunner {
            gateway: self.gateway,
            session: self.session,
            frame: self.frame,
            service: &self.entry.name,
            secrecy: self.entry.service.secrecy(matched),
        };
        EventRunner { runner, plan }
    }
}
