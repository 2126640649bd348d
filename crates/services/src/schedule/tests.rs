use super::*;
use parking_lot::Mutex;
use std::collections::BTreeSet;

/// In milliseconds.
const MINUTE: i64 = 60_000;

/// Jobs that were taken in, each once, as the queue does; a queue that is away takes in nothing.
#[derive(Clone, Default)]
struct Queue {
    jobs: Arc<Mutex<BTreeSet<(String, i64)>>>,
    is_away: Arc<Mutex<bool>>,
    asked: Arc<Mutex<usize>>,
}

impl JobSink for Queue {
    fn enqueue(&self, schedule: &Schedule, moments: &[i64]) -> Result<()> {
        if *self.is_away.lock() {
            return Err(Error::new(503, "The queue is away."));
        }
        *self.asked.lock() += moments.len();
        self.jobs.lock().extend(moments.iter().map(|moment| (schedule.name.clone(), *moment)));
        Ok(())
    }
}

impl Queue {
    /// The moments of a schedule that have jobs.
    fn of(&self, name: &str) -> Vec<i64> {
        self.jobs.lock().iter().filter(|(of, _)| of == name).map(|(_, moment)| *moment).collect()
    }
}

struct Bench {
    folder: tempfile::TempDir,
    store: Arc<SystemStore>,
    clock: Clock,
    queue: Queue,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = SystemStore::open(
            &folder.path().join("system.sqlite3"),
            &folder.path().join("secret.key"),
            &Limits::default(),
        )
        .unwrap();
        let bench = Bench { folder, store, clock: Clock::default(), queue: Queue::default() };
        // To the beginning of a minute, some time from now: schedules begin before it.
        bench.clock.jump(10 * MINUTE - bench.clock.now_ms().rem_euclid(MINUTE));
        bench
    }

    fn looker(&self) -> Looker {
        let mut looker =
            Looker::new(Arc::clone(&self.store), self.clock.clone(), Box::new(self.queue.clone())).unwrap();
        looker.look();
        looker
    }

    /// Another process over the same folder.
    fn another(&self) -> Arc<SystemStore> {
        let secret = self.folder.path().join("secret.key");
        SystemStore::open(&self.folder.path().join("system.sqlite3"), &secret, &Limits::default()).unwrap().0
    }

    fn add(&self, name: &str, cron: &str, misfire: &str) {
        let values = [name, cron, misfire].map(|text| Bound::Text(text.to_owned()));
        let sql = "INSERT INTO schedule (name, cron, misfire, user_id) VALUES (?, ?, ?, 1)";
        self.store.database().execute(sql, &values).unwrap();
        // It begins now, by the clock of these tests.
        self.run(&format!("UPDATE schedule SET since_ms = {} WHERE name = '{name}'", self.clock.now_ms()));
    }

    fn run(&self, sql: &str) {
        self.store.database().run(sql).unwrap();
    }

    /// How many jobs a schedule has.
    fn jobs(&self, name: &str) -> usize {
        self.queue.of(name).len()
    }
}

#[test]
fn each_moment_has_one_job_however_many_processes_look() {
    let bench = Bench::new();
    bench.add("minutely", "* * * * *", "once");
    let mut first = bench.looker();
    let mut second = Looker::new(bench.another(), bench.clock.clone(), Box::new(bench.queue.clone())).unwrap();
    for _ in 0..5 {
        bench.clock.jump(MINUTE);
        (0..3).for_each(|_| [&mut first, &mut second].into_iter().for_each(Looker::look));
    }
    assert_eq!(bench.jobs("minutely"), 5);
    assert_eq!(*bench.queue.asked.lock(), 5, "whoever is later learns of it by the system database");
}

#[test]
fn after_an_outage_the_latest_missed_moment_is_made_up_for_unless_it_is_to_be_skipped() {
    let bench = Bench::new();
    bench.add("made up for", "* * * * *", "once");
    bench.add("skipped", "* * * * *", "skip");
    drop(bench.looker());
    bench.clock.jump(60 * MINUTE + 30_000);
    let mut later = bench.looker();
    assert_eq!((bench.jobs("made up for"), bench.jobs("skipped")), (1, 0));
    let owed = bench.clock.now_ms().div_euclid(MINUTE) * MINUTE;
    assert_eq!(bench.queue.of("made up for"), [owed]);
    bench.clock.jump(MINUTE);
    later.look();
    assert_eq!((bench.jobs("made up for"), bench.jobs("skipped")), (2, 0), "noticed 30 seconds late, so it was missed");
    bench.clock.jump(30_000);
    later.look();
    assert_eq!((bench.jobs("made up for"), bench.jobs("skipped")), (3, 1));
}

#[test]
fn a_process_that_starts_again_does_not_repeat_what_was_done() {
    let bench = Bench::new();
    bench.add("minutely", "* * * * *", "once");
    let mut first = bench.looker();
    bench.clock.jump(MINUTE);
    first.look();
    drop(first);
    let _second = bench.looker();
    assert_eq!((bench.jobs("minutely"), *bench.queue.asked.lock()), (1, 1));
}

#[test]
fn a_clock_that_jumps_ahead_owes_one_moment_and_one_that_is_set_back_none_that_was_run() {
    let bench = Bench::new();
    bench.add("minutely", "* * * * *", "once");
    let mut looker = bench.looker();
    bench.clock.jump(MINUTE);
    looker.look();
    bench.clock.jump(600 * MINUTE + 15_000);
    looker.look();
    assert_eq!(bench.jobs("minutely"), 2, "what was missed in ten hours");
    bench.clock.jump(-600 * MINUTE - 15_000);
    looker.look();
    assert_eq!(bench.jobs("minutely"), 2, "set right again");
    bench.clock.jump(MINUTE);
    looker.look();
    assert_eq!(bench.jobs("minutely"), 3, "and going on at once, not after ten hours");
}

#[test]
fn a_process_that_starts_with_a_clock_that_was_set_back_goes_on_at_once() {
    let bench = Bench::new();
    bench.add("minutely", "* * * * *", "once");
    bench.clock.jump(600 * MINUTE);
    let _first = bench.looker();
    bench.clock.jump(-600 * MINUTE);
    let mut second = bench.looker();
    let before = bench.jobs("minutely");
    bench.clock.jump(MINUTE);
    second.look();
    assert_eq!(bench.jobs("minutely"), before + 1);
}

#[test]
fn what_is_changed_deactivated_or_deleted_takes_effect_with_the_next_look() {
    let bench = Bench::new();
    ["kept", "stopped", "gone"].iter().for_each(|name| bench.add(name, "* * * * *", "once"));
    let mut looker = bench.looker();
    bench.run("UPDATE schedule SET is_active = 0 WHERE name = 'stopped'; DELETE FROM schedule WHERE name = 'gone';");
    bench.clock.jump(MINUTE);
    looker.look();
    assert_eq!(["kept", "stopped", "gone"].map(|name| bench.jobs(name)), [1, 0, 0]);
    bench.clock.jump(30 * MINUTE);
    bench.run(&format!(
        "UPDATE schedule SET is_active = 1 WHERE name = 'stopped'; UPDATE schedule SET since_ms = {} WHERE name = 'stopped';",
        bench.clock.now_ms()
    ));
    looker.look();
    assert_eq!(bench.jobs("stopped"), 0, "nothing is missed while it is not active");
    bench.run("UPDATE schedule SET cron = '0 0 1 1 *' WHERE name = 'kept'");
    let before = bench.jobs("kept");
    bench.clock.jump(MINUTE);
    looker.look();
    assert_eq!((bench.jobs("kept"), bench.jobs("stopped")), (before, 1));
}

#[test]
fn what_a_queue_that_is_away_could_not_take_in_is_brought_again() {
    let bench = Bench::new();
    bench.add("minutely", "* * * * *", "once");
    let mut looker = bench.looker();
    *bench.queue.is_away.lock() = true;
    bench.clock.jump(MINUTE);
    looker.look();
    bench.clock.jump(30_000);
    looker.look();
    assert_eq!(bench.jobs("minutely"), 0);
    *bench.queue.is_away.lock() = false;
    (0..10).for_each(|_| looker.look());
    assert_eq!(bench.jobs("minutely"), 1);
}

#[test]
fn the_latest_moment_is_told_as_a_date() {
    let bench = Bench::new();
    bench.add("minutely", "* * * * *", "once");
    let mut looker = bench.looker();
    bench.clock.jump(MINUTE);
    looker.look();
    let sql = "SELECT last_run_date, last_run_ms FROM schedule";
    let (date, ms) = bench.store.one(sql, &[], |row| (required_text(row, 0), integer(row, 1))).unwrap().unwrap();
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap();
    assert_eq!(date, moment.strftime("%Y-%m-%d %H:%M:%S").to_string());
    assert_eq!(bench.queue.of("minutely"), [ms]);
}
