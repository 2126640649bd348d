//! Commands and their flags.

use super::LogFormat;
use crate::scripts::ScriptsCommand;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "antiphon", version, about = "A REST API platform whose heart is event scripting")]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API until told to stop.
    Serve(Flags),
    /// Print every limit with its value in force and its default.
    Limits(Flags),
    /// Keep the scripts of a server as files in a folder.
    #[command(subcommand)]
    Scripts(ScriptsCommand),
}

/// Flags; each overrides the setting of its name.
#[derive(Debug, Default, Args)]
pub struct Flags {
    /// Address and port to listen on.
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Folder of the databases; made when missing.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Fill an empty data folder with an example database, scripts and accounts.
    #[arg(long)]
    pub demo: bool,
    /// Configuration file; antiphon.toml by default, if there is one.
    #[arg(long, value_name = "FILE", env = "ANTIPHON_CONFIG")]
    pub config: Option<PathBuf>,
    /// How log lines are written.
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Least important level that is logged: error, warn, info, debug or trace, or a filter such as `warn,antiphon=debug`.
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}
