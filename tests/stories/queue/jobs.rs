//! Jobs as `system/job` tells of them.

use super::support::eventually;
use crate::support::{Caller, TestApp, Value};

/// The jobs that a filter admits, latest last.
pub fn jobs(app: &TestApp, filter: &str) -> Vec<Value> {
    let list = app.admin().get(&format!("system/job?filter={filter}&order=created_date,id")).expect(200);
    list["resource"].as_array().unwrap().clone()
}

/// Those jobs, as soon as there are so many of them.
pub fn wait_for_jobs(app: &TestApp, filter: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} jobs with {filter}"), || Some(jobs(app, filter)).filter(|jobs| jobs.len() == count))
}

/// The identifier of a job.
pub fn id(job: &Value) -> String {
    job["id"].as_str().unwrap().to_owned()
}

/// Everything about a job, as somebody is told.
pub fn detail(caller: &Caller<'_>, id: &str) -> Value {
    caller.get(&format!("system/job/{id}")).expect(200)
}
