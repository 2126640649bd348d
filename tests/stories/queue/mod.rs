//! Scripts that run later.

mod crashes;
mod disk_full;
mod guide;
mod jobs;
mod jobs_api;
mod outage;
mod places;
mod schedules;
mod scripts;
pub mod support;
mod workers;
