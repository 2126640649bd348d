//! Scripts that run later.

mod scripts;
mod support;
