//! A model check of what all stores have in common: claim, lease, finish, take back, cancel, redrive, forget. Every order in which
//! workers, observers, callers and people can take these steps is tried; see [`model`] for what a step is.
//!
//! What the model leaves out, and who looks at that instead:
//! * How a store makes a step one transaction (the contract tests, with several handles at once).
//! * Time. A lease may run out at any moment after an observer's first look, as if every worker were arbitrarily slow; so the
//!   model says nothing of how long anything takes, and delays and backoff are missing.
//! * Priorities, order keys, limits and pauses, which only choose among the jobs that wait.
//! * The end of the memory of identifiers. In the model it lasts for good.
//!
//! A check that can't fail proves nothing: each twin of the protocol lacks one of its rules, and must be caught.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod model;

use model::{Budget, Protocol, Twin, properties};
use stateright::{Checker, HasDiscoveries, Model};

const NOTHING: Budget =
    Budget { deaths: 0, renewals: 0, releases: 0, lost_answers: 0, cancels: 0, redrives: 0, enqueues: 1 };

/// One job that is taken in twice, three workers, one of which dies.
fn lost_workers() -> Protocol {
    let budget = Budget { deaths: 1, renewals: 1, redrives: 1, enqueues: 2, ..NOTHING };
    Protocol { twin: Twin::Sound, jobs: 1, workers: 3, tries: 2, budget }
}

/// One job, two workers, and people who take it out and put it in again.
fn meddling() -> Protocol {
    let budget = Budget { releases: 1, lost_answers: 1, cancels: 1, redrives: 1, enqueues: 2, ..NOTHING };
    Protocol { twin: Twin::Sound, jobs: 1, workers: 2, tries: 2, budget }
}

/// Two jobs, two workers, one of which dies.
fn two_jobs() -> Protocol {
    let budget = Budget { deaths: 1, redrives: 1, ..NOTHING };
    Protocol { twin: Twin::Sound, jobs: 2, workers: 2, tries: 2, budget }
}

fn holds(model: Protocol) {
    let checked = model.checker().spawn_bfs().join();
    checked.assert_properties();
    // So that a mistake in the model does not make the check an easy one.
    assert!(checked.unique_state_count() > 10_000, "only {} states", checked.unique_state_count());
}

#[test]
fn a_job_outlives_its_workers() {
    holds(lost_workers());
}

#[test]
fn a_job_that_people_meddle_with_is_safe_and_ends() {
    holds(meddling());
}

#[test]
fn two_jobs_are_safe_and_end() {
    holds(two_jobs());
}

/// The twin must break that property; others may be broken, too.
fn is_caught(twin: Twin, property: &'static str) {
    let budget = Budget { deaths: 1, renewals: 1, cancels: 1, redrives: 1, enqueues: 2, ..NOTHING };
    let model = Protocol { twin, jobs: 1, workers: 2, tries: 2, budget };
    let checked = model.checker().finish_when(HasDiscoveries::AllOf([property].into())).spawn_bfs().join();
    let found = checked.discovery(property);
    assert!(found.is_some(), "{twin:?} does not break “{property}”");
}

#[test]
fn a_finish_that_ignores_the_attempt_is_caught() {
    is_caught(Twin::FinishIgnoresAttempt, properties::ENDED_BY_HOLDER);
}

#[test]
fn a_finish_of_what_does_not_run_is_caught() {
    is_caught(Twin::FinishIgnoresStatus, properties::ENDS_STAY);
}

#[test]
fn attempts_that_count_anew_after_a_redrive_are_caught() {
    is_caught(Twin::RedriveResetsAttempt, properties::ENDED_BY_HOLDER);
}

#[test]
fn taking_back_without_a_comparison_is_caught() {
    is_caught(Twin::TakeBackIgnoresChanges, properties::ENDS_STAY);
    is_caught(Twin::TakeBackIgnoresChanges, properties::RENEWED_HOLDS);
}

#[test]
fn taking_back_what_was_renewed_is_caught() {
    is_caught(Twin::TakeBackIgnoresBeat, properties::RENEWED_HOLDS);
}

#[test]
fn taking_back_without_counting_is_caught() {
    is_caught(Twin::TakeBackIsFree, properties::TRIES_BOUND);
}

#[test]
fn a_queue_that_takes_nothing_back_is_caught() {
    is_caught(Twin::NothingIsTakenBack, properties::COMES_TO_ITS_END);
}

#[test]
fn an_enqueue_that_is_not_idempotent_is_caught() {
    is_caught(Twin::EnqueueForgets, properties::TAKEN_IN_ONCE);
}

#[test]
fn a_claim_that_is_no_new_attempt_is_caught() {
    is_caught(Twin::ClaimKeepsAttempt, properties::ONE_HOLDER);
    is_caught(Twin::ClaimKeepsAttempt, properties::ENDED_BY_HOLDER);
}

#[test]
fn a_retry_that_loses_the_job_is_caught() {
    is_caught(Twin::RetryLosesJob, properties::NEVER_VANISHES);
}
