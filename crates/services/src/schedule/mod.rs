//! Schedules at work: in every process that runs jobs, a thread looks at the clock and makes a job for each moment that has come.
//!
//! Every process looks on its own and none waits for another: the identifier of a job is made of the schedule and the moment, so the queue
//! takes each moment in once. The system database keeps the latest moment for who starts later.

mod agenda;
mod sink;
#[cfg(test)]
mod tests;

pub(crate) use sink::QueueSink;

use crate::system::SystemStore;
use crate::system::store::{integer, optional_integer, required_text, text};
use agenda::{Agenda, Entry};
use antiphon_model::{Error, Limits, Result, Value};
use antiphon_queue::Clock;
use antiphon_queue::schedule::{Misfire, Timing};
use antiphon_sql::dialect::Row;
use antiphon_sql::statement::Bound;
use antiphon_sql::watch::Watch;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

const SCHEDULES: &str =
    "SELECT id, name, cron, time_zone, misfire, payload, config, user_id, app_id, since_ms, last_run_ms FROM schedule";

/// A schedule as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) cron: String,
    pub(crate) time_zone: String,
    pub(crate) misfire: Misfire,
    /// What scripts find in `event.request.payload`.
    pub(crate) payload: Value,
    /// How its jobs are queued.
    pub(crate) config: Value,
    /// In whose name it runs.
    pub(crate) user_id: Option<i64>,
    pub(crate) app_id: Option<i64>,
    /// Earlier moments, in milliseconds since 1970, are not for it.
    pub(crate) since_ms: i64,
    /// The latest moment that a job was made for.
    pub(crate) last_run_ms: Option<i64>,
}

/// Where the jobs of schedules go.
pub(crate) trait JobSink: Send {
    /// Takes in a job for each of these moments of a schedule, unless it has one.
    ///
    /// # Errors
    /// When the queue can't take them now; the scheduler comes back with them.
    fn enqueue(&self, schedule: &Schedule, moments: &[i64]) -> Result<()>;
}

impl SystemStore {
    /// The active schedules.
    ///
    /// # Errors
    /// When the database can't be read.
    fn active_schedules(&self) -> Result<Vec<Schedule>> {
        self.all(&format!("{SCHEDULES} WHERE is_active = 1 ORDER BY id"), &[], schedule)
    }

    /// The schedule with that identifier, active or not.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(crate) fn schedule(&self, id: i64) -> Result<Option<Schedule>> {
        self.one(&format!("{SCHEDULES} WHERE id = ?"), &[Bound::Integer(id)], schedule)
    }

    /// The names of all schedules.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(crate) fn schedule_names(&self) -> Result<Vec<String>> {
        self.all("SELECT name FROM schedule ORDER BY name", &[], |row| required_text(row, 0))
    }

    /// Writes down that there is a job for that moment. An earlier one changes nothing.
    fn schedule_ran(&self, id: i64, moment: i64) -> Result<()> {
        self.database().execute(
            "UPDATE schedule SET last_run_ms = ?, last_run_date = datetime(? / 1000, 'unixepoch') \
             WHERE id = ? AND coalesce(last_run_ms < ?, true)",
            &[moment, moment, id, moment].map(Bound::Integer),
        )?;
        Ok(())
    }
}

fn schedule(row: &dyn Row) -> Schedule {
    let parsed = |column| text(row, column).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    Schedule {
        id: integer(row, 0),
        name: required_text(row, 1),
        cron: required_text(row, 2),
        time_zone: required_text(row, 3),
        misfire: Misfire::parse(&required_text(row, 4)).unwrap_or_default(),
        payload: parsed(5),
        config: parsed(6),
        user_id: optional_integer(row, 7),
        app_id: optional_integer(row, 8),
        since_ms: integer(row, 9),
        last_run_ms: optional_integer(row, 10),
    }
}

/// One process's look at the schedules, again and again.
struct Looker {
    store: Arc<SystemStore>,
    watch: Watch,
    clock: Clock,
    limits: Limits,
    sink: Box<dyn JobSink>,
    agenda: Agenda,
}

impl Looker {
    /// # Errors
    /// When the system database can't be watched.
    fn new(store: Arc<SystemStore>, clock: Clock, sink: Box<dyn JobSink>) -> Result<Looker> {
        let watch = Watch::start(store.database())?;
        let limits = store.limits().clone();
        Ok(Looker { store, watch, clock, limits, sink, agenda: Agenda::default() })
    }

    /// Makes jobs for the moments that have come. What fails is tried again a little later.
    fn look(&mut self) {
        let now = self.clock.now_ms();
        let Looker { store, agenda, watch, .. } = self;
        let read = watch.if_changed(|| {
            agenda.replace_all(store.active_schedules()?, now);
            Ok(())
        });
        if let Err(error) = read {
            tracing::warn!(%error, "the schedules can't be read; trying again");
        }
        let Looker { store, agenda, sink, limits, .. } = self;
        agenda.look(now, limits, &mut |entry, moments| {
            let made = make(store, &**sink, entry, moments);
            made.inspect_err(|error| {
                tracing::warn!(%error, schedule = %entry.schedule.name, "a job of a schedule could not be queued; trying again");
            })
        });
    }
}

fn make(store: &SystemStore, sink: &dyn JobSink, entry: &Entry, moments: &[i64]) -> Result<()> {
    // A look that began before somebody deactivated the schedule must not end after.
    let Some(current) =
        store.schedule(entry.schedule.id)?.filter(|current| current.since_ms == entry.schedule.since_ms)
    else {
        return Ok(());
    };
    sink.enqueue(&current, moments)?;
    moments.last().map_or(Ok(()), |latest| store.schedule_ran(current.id, *latest))
}

/// Looks at the schedules until it is dropped.
pub(crate) struct Scheduler {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Scheduler {
    /// Begins.
    ///
    /// # Errors
    /// When the system database can't be watched, or the system has no thread left.
    pub(crate) fn start(store: Arc<SystemStore>, clock: Clock, sink: Box<dyn JobSink>) -> Result<Scheduler> {
        let tick = Duration::from_millis(store.limits().schedule_tick_ms);
        let mut looker = Looker::new(store, clock, sink)?;
        let (stop, stopped) = channel::<()>();
        let work = move || {
            while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                looker.look();
            }
        };
        let thread = std::thread::Builder::new().name("schedules".into()).spawn(work);
        let thread = thread.map_err(|error| Error::internal("A thread could not be started.", error))?;
        Ok(Scheduler { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the scheduler ended early; schedules have not run since");
        }
    }
}

fn timing(schedule: &Schedule, now_ms: i64) -> Option<Timing> {
    Timing::parse(&schedule.cron, &schedule.time_zone, now_ms)
        .inspect_err(|error| tracing::error!(%error, schedule = %schedule.name, "a schedule can't run"))
        .ok()
}
