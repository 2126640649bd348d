//! `antiphon-bench --server <binary>` measures Antiphon beside a bare handler and writes a report in Markdown.

use antiphon_bench::error::Result;
use antiphon_bench::plan::Servers;
use antiphon_bench::report::Report;
use antiphon_bench::rounds::{Extent, measure};
use antiphon_bench::single::{Repeats, Singles, first_calls, mebibytes, starts_and_memory};
use antiphon_bench::turns::Turn;
use antiphon_bench::{bare, error, languages, queue};
use clap::{Parser, Subcommand};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Measures Antiphon beside a bare axum handler that does the same read")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The Antiphon binary, built for release.
    #[arg(long, default_value = "target/release/antiphon")]
    server: PathBuf,
    /// A look instead of a measurement: few short rounds, few scripts.
    #[arg(long)]
    quick: bool,
    /// Rounds; each call has two turns in every round.
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Milliseconds of a turn.
    #[arg(long, default_value_t = 150)]
    turn_ms: u64,
    /// Connections of the turns for the rate.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Scripts attached to other events in (d), and users and access rows beside the caller's in (e).
    #[arg(long, default_value_t = 10_000)]
    elsewhere: usize,
}

#[derive(Subcommand)]
enum Command {
    /// Measures scripts in Node.js, Python and PHP instead.
    Languages,
    /// Measures what queued scripts add to calls instead.
    Queue,
    /// Serves the bare handler that Antiphon is compared with.
    Bare {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
        /// The SQLite file that has the table `todo`.
        #[arg(long)]
        database: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Some(Command::Bare { listen, database }) => bare::serve(*listen, database.clone()),
        Some(Command::Languages) => compare_languages(&arguments),
        Some(Command::Queue) => compare_queue(&arguments),
        None => compare(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&mut std::io::stderr(), &format!("The measurement failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Result<()> {
    let (extent, repeats) = amount(arguments);
    let scratch = scratch()?;
    let binary = &arguments.server;
    let progress = |what: &str| say(&mut std::io::stderr(), what);
    progress("Starts and memory at rest ...");
    let (first_start, next_start, memory) = starts_and_memory(binary, scratch.path(), repeats.starts)?;
    progress("Setting up six servers ...");
    let servers = Servers::start(binary, scratch.path(), extent.elsewhere)?;
    let variants = servers.variants(extent.elsewhere)?;
    progress("Rounds ...");
    let rows = measure(&servers, &variants, extent)?;
    let crowded_memory = mebibytes(&servers.crowded().process)?;
    let (first_call, second_call) = first_calls(servers.scripted(), repeats.scripts)?;
    let singles = Singles { first_start, next_start, memory, crowded_memory, first_call, second_call };
    let report = Report { extent, rows, singles, conditions: conditions(extent) };
    say(&mut std::io::stdout(), &report.markdown());
    Ok(())
}

fn compare_languages(arguments: &Arguments) -> Result<()> {
    let (extent, repeats) = amount(arguments);
    let extent = languages::Extent { rounds: extent.rounds, turn: turn(extent), starts: repeats.scripts };
    let report = languages::compare(&arguments.server, scratch()?.path(), extent)?;
    say(&mut std::io::stdout(), &report);
    Ok(())
}

fn compare_queue(arguments: &Arguments) -> Result<()> {
    let (extent, _) = amount(arguments);
    let report = queue::compare(&arguments.server, scratch()?.path(), extent.rounds, turn(extent))?;
    say(&mut std::io::stdout(), &report);
    Ok(())
}

fn turn(extent: Extent) -> Turn {
    Turn { time: extent.turn, connections: extent.connections }
}

fn scratch() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|source| error::BenchError::Io { what: "creating a scratch folder".to_owned(), source })
}

fn amount(arguments: &Arguments) -> (Extent, Repeats) {
    if arguments.quick {
        let extent = Extent { rounds: 2, turn: Duration::from_millis(40), connections: 4, elsewhere: 100 };
        return (extent, Repeats { starts: 1, scripts: 3 });
    }
    let extent = Extent {
        rounds: arguments.rounds,
        turn: Duration::from_millis(arguments.turn_ms),
        connections: arguments.connections,
        elsewhere: arguments.elsewhere,
    };
    (extent, Repeats { starts: 5, scripts: 20 })
}

fn conditions(extent: Extent) -> String {
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).unwrap_or_default();
    let information = read("/proc/cpuinfo");
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let load = read("/proc/loadavg");
    format!(
        "{processors} processors ({}), Linux {}, load average {} at the end, {} rounds, turns of {} ms.",
        model.map_or("unknown", |(_, name)| name.trim()),
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or("unknown"),
        extent.rounds,
        extent.turn.as_millis(),
    )
}

fn say(terminal: &mut dyn Write, text: &str) {
    // Nobody is left to be told when the terminal is gone.
    let _ = writeln!(terminal, "{text}");
}
