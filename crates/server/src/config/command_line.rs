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
    /// Run queued jobs of a server's data folder, without serving the API, until told to stop.
    Worker(WorkerFlags),
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
    /// The queues to serve; all by default.
    #[arg(skip)]
    pub serve_queues: Vec<String>,
    /// Jobs that run at one time.
    #[arg(skip)]
    pub jobs: Option<usize>,
}

/// Flags of `worker`; each overrides the setting of its name.
#[derive(Debug, Default, Args)]
pub struct WorkerFlags {
    /// Folder of the server's databases.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Serve these queues only, on every connection; all by default.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub queues: Vec<String>,
    /// Jobs that run at one time.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
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

impl WorkerFlags {
    /// The same as flags of a server, whose settings workers share.
    pub fn as_flags(&self) -> Flags {
        Flags {
            data: self.data.clone(),
            config: self.config.clone(),
            log_format: self.log_format,
            log_level: self.log_level.clone(),
            serve_queues: self.queues.clone(),
            jobs: self.jobs.map(usize::from),
            ..Flags::default()
        }
    }
}
