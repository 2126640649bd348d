//! Limits as calls meet them, on a clock that stands still unless it is moved.

use super::*;
use antiphon_model::Verb;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

struct Bench {
    clock: Arc<Hands>,
    limiter: RateLimiter,
}

/// An hour after the clock began.
const START: i64 = 3_600_000;

fn bench(limits: Vec<RateLimit>) -> Bench {
    bench_of(1000, limits)
}

fn bench_of(capacity: usize, limits: Vec<RateLimit>) -> Bench {
    let clock = Arc::new(Hands(AtomicI64::new(START)));
    let limiter = RateLimiter::new(capacity, clock.clone());
    limiter.replace_all(limits);
    Bench { clock, limiter }
}

fn limit(id: i64, kind: &str, rate: u64) -> RateLimit {
    RateLimit {
        id,
        name: format!("limit {id}"),
        kind: LimitType::parse(kind).unwrap(),
        rate,
        period: Period::Minute,
        user_id: kind.contains(".user").then_some(7),
        role_id: kind.contains(".role").then_some(4),
        service_id: kind.contains(".service").then_some(3),
        endpoint: kind.contains(".endpoint").then(|| "_table/todo/*".to_owned()),
        verb: None,
    }
}

fn by(user_id: i64) -> Attempt<'static> {
    Attempt { user_id: Some(user_id), role_id: Some(4), service_id: 3, resource: "_table/todo", verb: Verb::Get }
}

impl Bench {
    fn passes(&self, call: Attempt<'_>) -> bool {
        !matches!(self.limiter.admit(&call), Verdict::Exceeded(_))
    }

    /// How many of ten calls in a row pass.
    fn passing(&self, call: Attempt<'_>) -> usize {
        (0..10).filter(|_| self.passes(call)).count()
    }

    fn refusal(&self, call: Attempt<'_>) -> Refusal {
        match self.limiter.admit(&call) {
            Verdict::Exceeded(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    fn standing(&self, call: Attempt<'_>) -> Standing {
        match self.limiter.admit(&call) {
            Verdict::Within(standing) => standing,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_type_counts_the_calls_that_its_name_says() {
    let other_service = Attempt { service_id: 9, ..by(7) };
    let other_path = Attempt { resource: "_table/todos", ..by(7) };
    let other_role = Attempt { role_id: None, ..by(7) };
    let nobody = Attempt { user_id: None, ..by(7) };
    let counted = |kind: &str, call| bench(vec![limit(1, kind, 0)]).limiter.admit(&call);
    for (kind, calls) in [
        ("instance", [true, true, true, true, true, true]),
        ("instance.user", [true, false, true, true, true, false]),
        ("instance.each_user", [true, true, true, true, true, false]),
        ("instance.role", [true, true, true, true, false, true]),
        ("instance.service", [true, true, false, true, true, true]),
        ("instance.service.endpoint", [true, true, false, false, true, true]),
        ("instance.user.service", [true, false, false, true, true, false]),
        ("instance.each_user.service", [true, true, false, true, true, false]),
        ("instance.user.service.endpoint", [true, false, false, false, true, false]),
        ("instance.each_user.service.endpoint", [true, true, false, false, true, false]),
    ] {
        let asked = [by(7), by(8), other_service, other_path, other_role, nobody];
        let found = asked.map(|call| matches!(counted(kind, call), Verdict::Exceeded(_)));
        assert_eq!(found, calls, "{kind}");
    }
}

#[test]
fn a_window_ends_one_period_after_its_first_call_whatever_happens_meanwhile() {
    let bench = bench(vec![limit(1, "instance", 2)]);
    assert_eq!(bench.standing(by(7)), Standing { rate: 2, remaining: 1, ends: START + 60_000 });
    bench.clock.0.store(START + 59_000, Ordering::SeqCst);
    assert_eq!(bench.standing(by(7)), Standing { rate: 2, remaining: 0, ends: START + 60_000 });
    let refusal = bench.refusal(by(7));
    assert_eq!((refusal.retry_after, refusal.standing.ends), (1, START + 60_000));
    bench.clock.0.store(START + 59_999, Ordering::SeqCst);
    assert!(!bench.passes(by(7)), "a refused call must not make the window longer, and it is not over yet");
    bench.clock.0.store(START + 60_000, Ordering::SeqCst);
    assert_eq!(bench.standing(by(7)).ends, START + 120_000);
}

#[test]
fn a_clock_that_is_set_back_begins_a_new_window_instead_of_one_that_never_ends() {
    let bench = bench(vec![limit(1, "instance", 1)]);
    assert!(bench.passes(by(7)));
    assert!(!bench.passes(by(7)));
    bench.clock.0.store(0, Ordering::SeqCst);
    assert_eq!(bench.standing(by(7)).ends, 60_000);
}

#[test]
fn a_call_that_one_limit_refuses_uses_up_nothing_of_the_others() {
    let day = RateLimit { period: Period::Day, ..limit(2, "instance.each_user", 5) };
    let bench = bench(vec![limit(1, "instance", 2), day]);
    assert_eq!(bench.passing(by(7)), 2);
    bench.clock.0.store(START + 60_000, Ordering::SeqCst);
    assert_eq!(bench.passing(by(7)), 2);
    assert_eq!(bench.limiter.counted(2)[0].1.attempts, 4, "the refused calls were counted");
    assert_eq!(bench.limiter.counted(1)[0].1.attempts, 2);
}

#[test]
fn the_tightest_limit_is_told_and_of_those_exceeded_the_one_with_the_longest_wait() {
    let hour = RateLimit { period: Period::Hour, ..limit(2, "instance", 1) };
    let both = bench(vec![limit(1, "instance", 2), hour.clone()]);
    assert_eq!(both.standing(by(7)), Standing { rate: 1, remaining: 0, ends: START + 3_600_000 });
    let used_up = bench(vec![limit(1, "instance", 1), hour]);
    assert!(used_up.passes(by(7)));
    let refusal = used_up.refusal(by(7));
    assert_eq!(refusal.exceeded.iter().map(|limit| limit.id).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((refusal.standing.rate, refusal.retry_after), (1, 3600));
}

#[test]
fn each_user_has_a_bucket_of_his_own_and_a_limit_of_his_own_replaces_it() {
    let bench = bench(vec![limit(1, "instance.each_user", 2), limit(2, "instance.user", 4)]);
    assert_eq!(bench.passing(by(8)), 2);
    assert_eq!(bench.passing(by(9)), 2);
    assert_eq!(bench.passing(by(7)), 4);
}

#[test]
fn a_users_own_limit_replaces_only_those_of_the_same_place() {
    let bench = bench(vec![limit(1, "instance.each_user.service", 2), limit(2, "instance.user", 4)]);
    assert_eq!(bench.passing(by(7)), 2);
    assert_eq!(bench.passing(Attempt { service_id: 9, ..by(7) }), 2, "the calls that passed count for both");
}

#[test]
fn a_limit_for_the_verb_replaces_the_one_for_all_verbs() {
    let reads = RateLimit { verb: Some(Verb::Get), ..limit(2, "instance", 5) };
    let bench = bench(vec![limit(1, "instance", 1), reads]);
    assert_eq!(bench.passing(by(7)), 5);
    assert_eq!(bench.passing(Attempt { verb: Verb::Post, ..by(7) }), 1);
}

#[test]
fn a_refusal_is_made_known_once_in_a_window() {
    let bench = bench(vec![limit(1, "instance.each_user", 0)]);
    let known = |user| bench.refusal(by(user)).first_time.len();
    assert_eq!([known(7), known(7), known(8), known(7)], [1, 0, 1, 0]);
    bench.clock.0.store(START + 60_000, Ordering::SeqCst);
    assert_eq!([known(7), known(7)], [1, 0]);
}

#[test]
fn of_many_racing_calls_exactly_as_many_pass_as_may() {
    let bench = bench(vec![limit(1, "instance", 500), limit(2, "instance.each_user", 450)]);
    let passed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (bench, passed) = (&bench, &passed);
            scope.spawn(move || {
                for _ in 0..100 {
                    passed.fetch_add(u64::from(bench.passes(by(thread % 2))), Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(passed.load(Ordering::SeqCst), 500);
    assert_eq!(bench.limiter.counted(1)[0].1.attempts, 500);
    let of_users: u64 = bench.limiter.counted(2).iter().map(|(_, bucket)| bucket.attempts).sum();
    assert_eq!(of_users, 500, "refused calls were counted");
}

#[test]
fn a_change_of_the_rate_goes_on_counting_and_any_other_change_starts_anew() {
    let bench = bench(vec![limit(1, "instance", 3)]);
    assert_eq!(bench.passing(by(7)), 3);
    bench.limiter.replace_all(vec![limit(1, "instance", 5)]);
    assert_eq!(bench.passing(by(7)), 2);
    bench.limiter.replace_all(vec![limit(1, "instance.role", 5)]);
    assert_eq!(bench.passing(by(7)), 5);
    bench.limiter.reset(1);
    assert_eq!(bench.passing(by(7)), 5);
    bench.limiter.replace_all(Vec::new());
    assert_eq!(bench.passing(by(7)), 10);
}

#[test]
fn what_was_saved_is_gone_on_with() {
    let before = bench(vec![limit(1, "instance", 3)]);
    assert!(before.passes(by(7)) && before.passes(by(7)));
    let saved = before.limiter.take_changes();
    assert!(before.limiter.take_changes().is_empty());
    let after = bench(Vec::new());
    after.limiter.restore(saved);
    after.limiter.replace_all(vec![limit(1, "instance", 3)]);
    assert_eq!(after.passing(by(7)), 1);
    after.limiter.reset(1);
    assert!(after.limiter.take_changes().is_empty(), "what is forgotten must not be saved again");
}

#[test]
fn processes_learn_of_each_others_counts_when_they_save() {
    let bench = bench(vec![limit(1, "instance", 6)]);
    assert!(bench.passes(by(7)) && bench.passes(by(7)));
    let (key, taken) = bench.limiter.take_changes()[0];
    assert_eq!(taken.attempts, 2);
    assert!(bench.passes(by(7)), "what is counted while it is saved must not get lost");
    // Another process counted two, and its window began a second before.
    bench.limiter.saved(key, taken.ends, Bucket { ends: taken.ends - 1000, attempts: 4, announced: false });
    assert_eq!(bench.standing(by(7)), Standing { rate: 6, remaining: 0, ends: taken.ends - 1000 });
    let (_, taken) = bench.limiter.take_changes()[0];
    assert_eq!(taken.attempts, 2, "only what is new is to be added");
    bench.limiter.not_saved(&[(key, taken)]);
    assert_eq!(bench.limiter.take_changes()[0].1.attempts, 2);
    // Somebody has reset the counter elsewhere; a refusal is enough to learn of it.
    assert_eq!(bench.passing(by(7)), 0);
    let (_, taken) = bench.limiter.take_changes()[0];
    bench.limiter.saved(key, taken.ends, taken);
    assert_eq!(bench.passing(by(7)), 6);
}

#[test]
fn buckets_are_bounded_and_those_that_are_over_go_first() {
    let bench = bench_of(32, vec![RateLimit { period: Period::Day, ..limit(1, "instance.each_user", 1) }]);
    for user in 0..16 {
        assert!(bench.passes(by(user)));
    }
    bench.clock.0.store(START + Period::Day.millis(), Ordering::SeqCst);
    for user in 100..132 {
        assert!(bench.passes(by(user)));
    }
    assert!((100..132).all(|user| !bench.passes(by(user))), "a window that was not over has gone");
    for user in 1000..2000 {
        assert!(bench.passes(by(user)));
        assert!(bench.limiter.counted(1).len() <= 32);
    }
}

#[test]
fn periods_have_names_and_numbers() {
    let named = ["minute", "Hour", "day", "7-day", "30-day"].map(|name| Period::parse(name).unwrap());
    let numbered = ["0", "1", "2", "3", "4"].map(|number| Period::parse(number).unwrap());
    assert_eq!(named, numbered);
    assert!(["", "5", "-1", "week"].iter().all(|text| Period::parse(text).is_none()));
}

#[test]
fn keys_tell_limits_and_buckets_apart() {
    let full = RateLimit { verb: Some(Verb::Get), ..limit(1, "instance.user.service.endpoint", 1) };
    assert_eq!(full.key(None), "instance.user:7.service:3.endpoint:_table/todo/*.verb:get.minute");
    let each = limit(1, "instance.each_user.service", 1);
    assert_eq!(each.key(None), "instance.each_user.service:3.minute");
    assert_eq!(each.key(Some(8)), "instance.each_user:8.service:3.minute");
}
