//! What is measured once and not under load: start, memory at rest, the first call of a new script.

use crate::client::{Client, request};
use crate::error::{Result, attempt};
use crate::platform::{Platform, TODO, command};
use crate::process::{Process, free_address};
use crate::statistics::median;
use std::path::Path;
use std::time::{Duration, Instant};

/// Starts and new scripts of which the median is taken.
#[derive(Debug, Clone, Copy)]
pub struct Repeats {
    /// Starts.
    pub starts: usize,
    /// New scripts.
    pub scripts: usize,
}

/// What was seen.
#[derive(Debug, Clone)]
pub struct Singles {
    /// Milliseconds from the start in an empty folder, demo included, to the first answer.
    pub first_start: f64,
    /// The same when the folder is there already.
    pub next_start: f64,
    /// MiB at rest, with the demo and after a few calls.
    pub memory: f64,
    /// MiB at rest of the crowded server after the load.
    pub crowded_memory: f64,
    /// Milliseconds of the first call that runs a script just saved.
    pub first_call: f64,
    /// Milliseconds of the call after it.
    pub second_call: f64,
}

/// Time for a server to come to rest before its memory is read.
const REST: Duration = Duration::from_millis(500);
const CALLS_BEFORE_REST: usize = 20;

/// Starts servers, first in an empty folder each, then once more; gives both medians and the memory at rest.
///
/// # Errors
/// When a server does not start.
pub fn starts_and_memory(binary: &Path, scratch: &Path, starts: usize) -> Result<(f64, f64, f64)> {
    let (mut first, mut next, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..starts {
        let data = scratch.join(format!("start-{number}"));
        let log = scratch.join(format!("start-{number}.log"));
        let start = || {
            let address = free_address()?;
            Process::start("Antiphon", command(binary, &data, &address.to_string(), true), address, &log)
        };
        let process = start()?;
        first.push(process.first_answer.as_secs_f64() * 1e3);
        memory.push(memory_after_calls(&process)?);
        drop(process);
        next.push(start()?.first_answer.as_secs_f64() * 1e3);
    }
    Ok((median(first), median(next), median(memory)))
}

fn memory_after_calls(process: &Process) -> Result<f64> {
    let mut client = attempt("connecting", Client::connect(process.address))?;
    let calls = ["/status", "/api/v2/system/environment", "/api/v2/db/_table/todo", "/"];
    for target in calls.iter().cycle().take(CALLS_BEFORE_REST) {
        attempt(target, client.exchange(&request("GET", target, &[], None)))?;
    }
    std::thread::sleep(REST);
    mebibytes(process)
}

/// MiB that a process has in memory now.
///
/// # Errors
/// When it is gone.
pub fn mebibytes(process: &Process) -> Result<f64> {
    Ok(process.memory("VmRSS")? as f64 / 1024.0)
}

/// Saves new scripts on the measured read; gives the median milliseconds of the first and of the second call after.
///
/// # Errors
/// When a script can't be saved or a call fails.
pub fn first_calls(platform: &Platform, scripts: usize) -> Result<(f64, f64)> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let call = platform.with_key("GET", TODO, None);
    let mut client = attempt("connecting", Client::connect(platform.process.address))?;
    for number in 0..scripts {
        let source = format!("event.request.parameters.number = '{number}';");
        platform.attach("db._table.{table_name}.{id}.get.pre_process", &source)?;
        for times in [&mut first, &mut second] {
            let start = Instant::now();
            attempt("the first call of a script", client.exchange(&call))?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok((median(first), median(second)))
}
