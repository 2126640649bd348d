//! Durable jobs: put in, claimed, tried again, given up, looked at.
//!
//! A job is an envelope: when and in which order it may run, and bytes that only its owner understands. What holds, on every
//! [`Store`]: a job that was taken in is run at least once, whatever dies; each run is an attempt with a number, and only the
//! holder of the latest attempt can end it.

mod admission;
mod clock;
mod error;
mod job;
mod nats;
mod postgres;
mod queues;
mod runner;
pub mod schedule;
mod silences;
mod sqlite;
mod store;
mod worker;

pub use clock::Clock;
pub use error::{QueueError, QueueResult};
pub use job::{
    Attempt, AttemptOutcome, Claimed, Edit, Enqueued, Finish, Held, Job, JobDetail, JobId, JobRecord, JobStatus,
    NewJob, Outcome,
};
pub use nats::NatsStore;
pub use postgres::PostgresStore;
pub use queues::Queues;
pub use runner::{End, Ran, Runner};
pub use sqlite::SqliteStore;
pub use store::{ClaimRequest, JobFilter, QueueState, Store, StoreSettings};
pub use worker::{ConnectionStatus, WorkerPoolSettings, WorkerStatus, Workers};
