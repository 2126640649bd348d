//! The launcher as a program of its own, for tests and for trying out a plan by hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    antiphon_sandbox::enter_from_arguments(std::env::args_os()).unwrap_or(ExitCode::FAILURE)
}
