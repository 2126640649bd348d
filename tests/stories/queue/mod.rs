//! Scripts that run later.

mod crashes;
mod guide;
mod jobs;
mod jobs_api;
mod places;
mod schedules;
mod scripts;
pub mod support;
