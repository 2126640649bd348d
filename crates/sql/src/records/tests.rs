//! Records from the outside, one behaviour a test (reference: database-service 24).

mod batches;
mod limits;
mod reading;
mod rules;
mod visibility;
mod writing;
