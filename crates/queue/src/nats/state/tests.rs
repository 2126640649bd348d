//! The state is what its commands make of it, saved or not.

use super::super::blob::Blob;
use super::super::command::{Arriving, Change, Command, Moved, Reply, Silent};
use super::{Saved, State};
use crate::{Finish, Held, Job, JobFilter, JobId, JobRecord, JobStatus, Outcome, QueueState};
use proptest::prelude::*;

fn id(number: u8) -> JobId {
    JobId::of_moment("test", i64::from(number))
}

fn job(number: u8, shape: u8) -> Job {
    Job {
        id: id(number),
        queue: format!("queue{}", shape % 2),
        script: format!("script{}", shape % 3),
        event: String::new(),
        priority: i16::from(shape % 4),
        delay_ms: if shape.is_multiple_of(5) { u64::from(shape) } else { 0 },
        order_key: (shape % 3 == 1).then(|| format!("key{}", shape % 2)),
        dedup_key: (shape % 7 == 2).then(|| "key".to_owned()),
        concurrency: (shape % 3 == 2).then_some(1),
        tries: 3,
        backoff_ms: 0,
        backoff_max_ms: 0,
        created_ms: i64::from(number),
    }
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let numbers = || 0_u8..12;
    let held = || (numbers(), 1_u32..4).prop_map(|(number, attempt)| Held { id: id(number), attempt });
    let now = || 0_i64..400;
    let outcomes = prop_oneof![
        Just(Outcome::Succeeded),
        Just(Outcome::Dead),
        Just(Outcome::Released),
        Just(Outcome::Cancelled),
        (0_u64..50).prop_map(|delay_ms| Outcome::Retry { delay_ms }),
    ];
    let one = prop_oneof![
        3 => (numbers(), any::<u8>(), now(), 1_u64..30).prop_map(|(number, shape, now_ms, data)| {
            let payload = Blob { sequences: vec![data], offset: 0, length: usize::from(shape) };
            Command::Enqueue { now_ms, jobs: vec![Arriving { job: job(number, shape), payload }] }
        }),
        3 => (now(), 0_usize..4).prop_map(|(now_ms, most)| {
            Command::Claim { now_ms, worker: "w".to_owned(), queues: Vec::new(), most }
        }),
        4 => (now(), held(), outcomes).prop_map(|(now_ms, held, outcome)| {
            Command::Finish { now_ms, keep: 2, ends: vec![Finish { held, outcome, record: None }] }
        }),
        1 => held().prop_map(|held| Command::Renew { held: vec![held] }),
        1 => (now(), held(), 0_u64..2).prop_map(|(now_ms, held, beat)| {
            Command::TakeBack { now_ms, keep: 2, silent: vec![Silent { held, beat }] }
        }),
        1 => (now(), numbers()).prop_map(|(now_ms, number)| Command::Cancel { now_ms, id: id(number) }),
        1 => (now(), numbers(), 0_u64..9).prop_map(|(now_ms, number, delay_ms)| {
            let change = Change { payload: None, priority: Some(1), queue: Some("queue1".to_owned()), tries: None, delay_ms };
            Command::Redrive { now_ms, id: id(number), change }
        }),
        1 => numbers().prop_map(|number| Command::Discard { id: id(number) }),
        1 => any::<bool>().prop_map(|is_paused| Command::Pause { queue: "queue0".to_owned(), is_paused }),
        1 => (0_u64..12, now()).prop_map(|(arrival, until)| {
            Command::Forget { jobs: vec![(arrival, until)], identifiers_until_ms: until }
        }),
        1 => (now(), 0_u64..12).prop_map(|(now_ms, arrival)| Command::Correct { now_ms, jobs: vec![arrival] }),
        1 => (0_u64..10).prop_map(|sequence| Command::Floor { sequence }),
    ];
    proptest::collection::vec(one, 0..60)
}

fn apply(state: &mut State, command: &Command) -> Reply {
    state.apply("test", 1, command.clone()).unwrap().unwrap().1
}

fn all(state: &State) -> (Vec<JobRecord>, Vec<QueueState>, Option<u64>, usize) {
    let filter = JobFilter { most: 100, ..JobFilter::default() };
    (state.list(0, &filter, 100, 500), state.queues(0), state.first_data(), state.bytes())
}

fn restored(state: &State) -> State {
    let frozen = state.freeze();
    let saved: Saved = serde_json::from_str(&serde_json::to_string(&frozen.saved).unwrap()).unwrap();
    State::thaw(saved, &frozen.lines().unwrap()).unwrap()
}

proptest! {
    /// A process that starts from what was saved comes to the same as one that read everything, in all that follows.
    #[test]
    fn what_was_saved_goes_on_like_the_original(before in commands(), after in commands()) {
        let mut original = State::default();
        before.iter().for_each(|command| drop(apply(&mut original, command)));
        let mut again = restored(&original);
        prop_assert_eq!(all(&original), all(&again));
        for command in &after {
            let (expected, got) = (apply(&mut original, command), apply(&mut again, command));
            prop_assert_eq!(format!("{expected:?}"), format!("{got:?}"));
        }
        prop_assert_eq!(all(&original), all(&again));
    }

    /// No order key and no limit of a script is ever exceeded, and nothing stays in an index when all is gone.
    #[test]
    fn the_rules_hold_at_every_moment(commands in commands()) {
        let mut state = State::default();
        for command in &commands {
            let before: Vec<JobRecord> = running(&state);
            let reply = apply(&mut state, command);
            if let Reply::Claimed(given) = reply {
                let after = running(&state);
                for given in given {
                    let same_script = after.iter().filter(|one| one.job.script == given.job.script).count();
                    prop_assert!(given.job.concurrency.is_none_or(|most| same_script as u32 <= most));
                    let is_in_lane = |one: &&JobRecord| {
                        one.job.order_key.is_some() && one.job.order_key == given.job.order_key && one.job.queue == given.job.queue
                    };
                    prop_assert!(after.iter().filter(is_in_lane).count() <= 1);
                    prop_assert!(before.iter().all(|one| one.job.id != given.job.id));
                }
            }
        }
        for number in 0..12 {
            apply(&mut state, &Command::Cancel { now_ms: 1000, id: id(number) });
            apply(&mut state, &Command::Discard { id: id(number) });
        }
        apply(&mut state, &Command::Forget { jobs: Vec::new(), identifiers_until_ms: 2000 });
        prop_assert_eq!(state.bytes(), 0);
        prop_assert!(state.first_data().is_none() && !state.has_ready() && !state.has_work(i64::MAX, &[]));
    }
}

fn running(state: &State) -> Vec<JobRecord> {
    let filter = JobFilter { statuses: vec![JobStatus::Running], most: 100, ..JobFilter::default() };
    state.list(0, &filter, 100, 500)
}

#[test]
fn a_command_in_pieces_takes_place_once_and_whole() {
    let blob = Blob { sequences: vec![9], offset: 0, length: 1 };
    let whole = Command::Enqueue { now_ms: 0, jobs: vec![Arriving { job: job(1, 0), payload: blob.clone() }] };
    let text = serde_json::to_string(&whole).unwrap();
    let (first, second) = text.split_at(text.len() / 2);
    let part = |index: usize, text: &str| Command::Part { number: 7, index, total: 2, text: text.to_owned() };
    let mut state = State::default();
    assert!(state.apply("one", 8, part(1, second)).unwrap().is_none());
    assert!(state.apply("another", 8, part(0, first)).unwrap().is_none(), "of another process");
    let mut state = restored(&state);
    let (number, reply) = state.apply("one", 9, part(0, first)).unwrap().unwrap();
    assert_eq!(number, 7);
    assert!(matches!(reply, Reply::Enqueued(each) if each.len() == 1));
    assert!(state.entry(&id(1)).is_some());
}

#[test]
fn nothing_refers_to_data_that_may_have_gone() {
    let blob = |sequence: u64| Blob { sequences: vec![sequence], offset: 0, length: 1 };
    let put = |number: u8, sequence: u64| Command::Enqueue {
        now_ms: 0,
        jobs: vec![Arriving { job: job(number, 0), payload: blob(sequence) }],
    };
    let mut state = State::default();
    apply(&mut state, &put(1, 5));
    apply(&mut state, &Command::Floor { sequence: 5 });
    assert!(matches!(apply(&mut state, &put(2, 4)), Reply::Again));
    assert!(state.entry(&id(2)).is_none());
    let moved =
        |from: u64, to: u64| Command::Move { moves: vec![Moved { arrival: 0, from: blob(from), to: blob(to) }] };
    assert!(matches!(apply(&mut state, &moved(5, 4)), Reply::Count(0)), "below the floor");
    assert!(matches!(apply(&mut state, &moved(6, 7)), Reply::Count(0)), "it is elsewhere");
    assert!(matches!(apply(&mut state, &moved(5, 9)), Reply::Count(1)));
    assert_eq!(state.first_data(), Some(9));
}
