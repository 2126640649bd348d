//! What a store of jobs must do, tried on every kind of store. One behaviour is one function that is given a [`World`]; the list at
//! the end makes it a test of each store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod attempts;
mod changes;
mod delays;
mod intake;
mod leases;
mod looks;
mod nats;
mod order;
mod postgres;
mod sqlite;
mod waiting;
mod world;

pub use world::*;

macro_rules! behaviours {
    ($($group:ident :: $behaviour:ident),* $(,)?) => {
        behaviours!(@store sqlite_store sqlite $($group::$behaviour)*);
        behaviours!(@store nats_store nats $($group::$behaviour)*);
        behaviours!(@store postgres_store postgres $($group::$behaviour)*);
    };
    (@store $tests:ident $store:ident $($group:ident :: $behaviour:ident)*) => {
        mod $tests {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    crate::$group::$behaviour(&crate::World::new(crate::$store::place().await)).await;
                }
            )*
        }
    };
}

behaviours! {
    intake::a_job_comes_out_as_it_was_put_in,
    intake::payloads_may_be_empty_or_large,
    intake::a_batch_may_be_large,
    intake::what_was_taken_in_is_there_for_those_who_come_later,
    intake::an_identifier_is_taken_in_once_wherever_its_job_stands,
    intake::an_identifier_is_known_after_its_job_was_discarded,
    intake::an_identifier_twice_in_one_batch_is_one_job,
    intake::one_bad_job_keeps_the_others_out,
    intake::a_duplicate_is_named_while_the_first_lives,
    intake::every_end_frees_the_key_against_duplicates,
    attempts::two_handles_never_get_one_job,
    attempts::an_attempt_ends_once,
    attempts::ends_of_one_batch_stand_for_themselves,
    attempts::a_stale_worker_ends_nothing_after_a_release,
    attempts::a_cancelled_job_is_not_ended_by_its_worker,
    attempts::a_release_is_no_failure,
    attempts::a_failed_attempt_waits_and_is_counted,
    attempts::what_is_kept_of_an_attempt_is_told,
    attempts::only_the_latest_attempts_are_kept,
    attempts::a_job_that_ended_well_lets_its_payload_go,
    order::higher_priorities_come_first_then_earlier_jobs,
    order::a_key_keeps_its_order_through_a_retry,
    order::every_end_lets_the_next_of_the_key_begin,
    order::concurrent_claimers_run_one_job_of_a_key_at_a_time,
    order::the_limit_of_a_script_holds_for_all_claimers_together,
    order::the_limit_of_the_job_to_be_claimed_counts,
    order::jobs_without_a_limit_count_for_those_with_one,
    order::every_end_makes_room_for_its_script,
    order::a_full_script_does_not_hold_others_up,
    delays::a_delayed_job_comes_in_its_time,
    delays::jobs_whose_time_has_come_go_by_priority,
    delays::jobs_without_delay_wait_for_no_clock,
    delays::a_clock_set_back_makes_no_wait_longer,
    delays::what_may_run_stays_so_when_the_clock_is_set_back,
    delays::waits_end_by_themselves,
    leases::a_silent_worker_loses_its_job_to_another,
    leases::a_renewed_lease_holds_while_others_are_lost,
    leases::jumps_of_the_clock_end_no_lease,
    leases::a_clock_set_back_does_not_keep_lost_workers,
    leases::two_observers_take_a_job_back_once,
    leases::lost_workers_use_tries_up,
    leases::a_lost_worker_passes_key_and_room_on,
    changes::only_what_waits_or_runs_is_cancelled,
    changes::a_dead_letter_is_redriven_with_changes,
    changes::a_redrive_without_changes_keeps_everything,
    changes::a_waiting_job_is_changed,
    changes::what_runs_or_succeeded_is_not_redriven,
    changes::a_bad_change_is_refused,
    changes::a_redriven_job_waits_for_its_turn,
    changes::a_job_moved_to_another_queue_leaves_its_line,
    changes::only_what_has_ended_is_discarded,
    looks::lists_tell_what_was_asked_for_latest_first,
    looks::lists_tell_the_beginning_of_errors,
    looks::queues_tell_how_they_stand,
    looks::a_paused_queue_hands_nothing_out,
    looks::workers_choose_their_queues,
    looks::ended_jobs_are_told_of_for_their_time,
    waiting::who_waits_hears_of_jobs_of_its_own_process,
    waiting::who_waits_hears_of_jobs_of_other_processes,
    waiting::who_waits_hears_of_all_that_makes_jobs_ready,
    waiting::a_wait_ends_in_its_time,
}
