//! Scripts that run later.

mod crashes;
mod scripts;
mod support;
