//! What a store of jobs must do, tried on every kind of store. One behaviour is one function that is given a [`World`]; the list at
//! the end makes it a test of each store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod intake;
mod order;
mod sqlite;
mod world;

pub use world::*;

macro_rules! behaviours {
    ($($group:ident :: $behaviour:ident),* $(,)?) => {
        behaviours!(@store sqlite_store sqlite $($group::$behaviour)*);
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
    intake::what_was_taken_in_is_there_for_those_who_come_later,
    intake::an_identifier_is_taken_in_once_wherever_its_job_stands,
    intake::an_identifier_is_known_after_its_job_was_discarded,
    intake::an_identifier_twice_in_one_batch_is_one_job,
    intake::one_bad_job_keeps_the_others_out,
    intake::a_duplicate_is_named_while_the_first_lives,
    intake::every_end_frees_the_key_against_duplicates,
    order::higher_priorities_come_first_then_earlier_jobs,
    order::a_key_keeps_its_order_through_a_retry,
    order::every_end_lets_the_next_of_the_key_begin,
    order::concurrent_claimers_run_one_job_of_a_key_at_a_time,
    order::the_limit_of_a_script_holds_for_all_claimers_together,
    order::the_limit_of_the_job_to_be_claimed_counts,
    order::a_full_script_does_not_hold_others_up,
}
