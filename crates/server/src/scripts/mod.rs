//! `antiphon scripts`: the scripts of a server as files in a folder, so that they can live in Git.

mod api;
mod direct;
mod folder;
mod http;
mod install;
mod local_event;
mod local_host;
mod pull;
mod push;
mod records;
mod run;

use crate::config::{Flags, Settings};
use antiphon_model::Limits;
use antiphon_services::script_files::Section;
use api::Api;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code of a comparison that found differences, and of a script that failed.
const DIFFERENT: u8 = 1;

/// What to do with scripts.
#[derive(Debug, Subcommand)]
pub enum ScriptsCommand {
    /// Write the event scripts, script services and libraries of a server into a folder.
    Pull(PullFlags),
    /// Make the scripts of a server what those of a folder are.
    Push(PushFlags),
    /// Show what `push` would change, as a unified difference. The exit code is 1 when there is one.
    Diff(FolderFlags),
    /// Install the packages that scripts may load, as package.json and requirements.txt in the folder packages of the data folder name
    /// them.
    Install(InstallFlags),
    /// Run a script in a file on an event in a file, with the engines and limits of the server, and show what it changes.
    Run(run::RunFlags),
}

/// Which server, and who asks.
///
/// Secrets come from the environment only: ANTIPHON_SESSION_TOKEN, or --email with ANTIPHON_PASSWORD; ANTIPHON_API_KEY when the
/// account's role needs an app.
#[derive(Debug, Args)]
pub struct Target {
    /// Address of a running server.
    #[arg(long, value_name = "URL", env = "ANTIPHON_SERVER", conflicts_with = "data")]
    pub server: Option<String>,
    /// E-mail address to log in with; the password is in ANTIPHON_PASSWORD.
    #[arg(long, value_name = "ADDRESS", env = "ANTIPHON_EMAIL")]
    pub email: Option<String>,
    /// Data folder to open in the place of a server; whoever may read it needs no credentials.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file for that data folder; antiphon.toml by default, if there is one.
    #[arg(long, value_name = "FILE", env = "ANTIPHON_CONFIG")]
    pub config: Option<PathBuf>,
}

/// A folder of scripts, and a server.
#[derive(Debug, Args)]
pub struct FolderFlags {
    /// The folder: `events`, `services` and `libraries` are below it.
    pub folder: PathBuf,
    /// Leave everything else alone.
    #[arg(long, value_name = "WHAT")]
    pub only: Vec<Only>,
    /// Whose scripts.
    #[command(flatten)]
    pub target: Target,
}

/// Flags of `pull`.
#[derive(Debug, Args)]
pub struct PullFlags {
    /// Where, and from where.
    #[command(flatten)]
    pub folder: FolderFlags,
    /// Delete the files of scripts that the server doesn't have.
    #[arg(long)]
    pub delete: bool,
}

/// Flags of `push`.
#[derive(Debug, Args)]
pub struct PushFlags {
    /// From where, and where to.
    #[command(flatten)]
    pub folder: FolderFlags,
    /// Delete the scripts that the folder doesn't have.
    #[arg(long)]
    pub delete: bool,
    /// Only say what would be done.
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `install`.
#[derive(Debug, Args)]
pub struct InstallFlags {
    /// Folder of the databases; the packages are below it.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file; antiphon.toml by default, if there is one.
    #[arg(long, value_name = "FILE", env = "ANTIPHON_CONFIG")]
    pub config: Option<PathBuf>,
}

/// One kind of scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// Scripts on events.
    Events,
    /// Script services.
    Services,
    /// Shared code.
    Libraries,
}

impl FolderFlags {
    /// The kinds of scripts that were asked for.
    fn sections(&self) -> Vec<Section> {
        let wanted = |section: &Section| {
            self.only.is_empty()
                || self.only.iter().any(|only| match only {
                    Only::Events => *section == Section::Events,
                    Only::Services => *section == Section::Services,
                    Only::Libraries => *section == Section::Libraries,
                })
        };
        Section::ALL.into_iter().filter(wanted).collect()
    }
}

/// Does it; the text of an error says what to do.
pub fn run(command: &ScriptsCommand) -> Result<ExitCode, String> {
    match command {
        ScriptsCommand::Pull(flags) => with_api(&flags.folder.target, async |api, _| pull::pull(api, flags).await),
        ScriptsCommand::Push(flags) => {
            with_api(&flags.folder.target, async |api, limits| push::push(api, flags, limits).await)
        }
        ScriptsCommand::Diff(flags) => {
            with_api(&flags.target, async |api, limits| pull::diff(api, flags, limits).await)
        }
        ScriptsCommand::Install(flags) => {
            install::install(&settings(&flags.data, &flags.config)?)?;
            Ok(ExitCode::SUCCESS)
        }
        ScriptsCommand::Run(flags) => {
            let settings = settings(&flags.target.data, &flags.target.config)?;
            on_threads(run::run(flags, &settings))
        }
    }
}

/// The settings of the server over that data folder.
fn settings(data: &Option<PathBuf>, config: &Option<PathBuf>) -> Result<Settings, String> {
    let flags = Flags { data: data.clone(), config: config.clone(), ..Flags::default() };
    Settings::load(&flags, std::env::vars()).map_err(|error| error.to_string())
}

/// Does what needs to talk to that server, or to work on that data folder.
fn with_api(
    target: &Target,
    work: impl AsyncFnOnce(&dyn Api, &Limits) -> Result<ExitCode, String>,
) -> Result<ExitCode, String> {
    let settings = settings(&target.data, &target.config)?;
    on_threads(async {
        let api = open(target, &settings).await?;
        work(&*api, &settings.limits).await
    })
}

fn on_threads(work: impl Future<Output = Result<ExitCode, String>>) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("No threads can be started: {error}."))?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

async fn open(target: &Target, settings: &Settings) -> Result<Box<dyn Api>, String> {
    match (&target.server, &target.data) {
        (Some(server), _) => Ok(Box::new(http::Http::log_in(server, target.email.as_deref()).await?)),
        (None, Some(_)) => Ok(Box::new(direct::Direct::open(settings)?)),
        (None, None) => {
            Err("Say whose scripts: --server URL of a running server, or --data DIR of a data folder.".to_owned())
        }
    }
}
