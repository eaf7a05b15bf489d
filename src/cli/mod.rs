//! The command line: the function's path at a terminal.
//!
//! Standard output carries data only. Everything else goes to standard error, one sentence for each
//! problem. The exit status is 0 if the work is finished, 1 if it is not, and 2 for wrong usage or
//! settings.

mod audit;
mod backfill;
mod check;
mod check_stack;
mod completions;
mod config;
mod event;
mod examples;
mod found;
mod generate;
mod history;
mod invoke;
mod kind;
mod log_format;
mod log_group;
mod normalize;
mod number;
mod output;
mod payload;
mod progress;
mod redrive;
mod setup;
mod summary;
mod terminal;
mod time;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tracing_subscriber::prelude::*;

pub use self::log_format::{ApiType, log_format};
use self::output::Output;
use self::terminal::{STYLES, say, say_json};
use crate::config::{self as settings, Config, Problem};
use crate::printable::printable;

/// Bring Amazon API Gateway access logs from CloudWatch Logs into Elasticsearch, as ECS documents
///
/// As an AWS Lambda function it takes the events of a CloudWatch Logs subscription; here it does
/// the same with files. Settings are environment variables: `apigw-logs config` shows them all.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, styles = STYLES, after_help = examples::ALL)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(after_help = examples::INVOKE)]
    Invoke(invoke::Arguments),
    #[command(after_help = examples::NORMALIZE)]
    Normalize(normalize::Arguments),
    #[command(after_help = examples::EVENT, override_usage = examples::EVENT_USAGE)]
    Event(event::Arguments),
    #[command(after_help = examples::SETUP)]
    Setup(setup::Arguments),
    #[command(after_help = examples::REDRIVE)]
    Redrive(redrive::Arguments),
    #[command(after_help = examples::BACKFILL)]
    Backfill(backfill::Arguments),
    #[command(after_help = examples::AUDIT)]
    Audit(audit::Arguments),
    #[command(after_help = examples::LOG_FORMAT)]
    LogFormat(log_format::Arguments),
    #[command(after_help = examples::CHECK)]
    Check(check::Arguments),
    /// Show the settings in force, and every problem in them
    #[command(after_help = examples::CONFIG)]
    Config,
    /// Print a completion script for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// Shell to write the script for
        shell: Shell,
    },
}

/// The reason why a command did not do all of its work.
#[derive(Debug)]
enum CliFailure {
    /// Nobody reads standard output any more, which is no error.
    ClosedPipe,
    /// The work is not finished. The sentences are already printed.
    Unfinished,
    /// Wrong usage or settings, with the sentences that are still to be printed.
    Usage(Vec<String>),
}

impl From<io::Error> for CliFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => {
                say(
                    "error",
                    format_args!("standard output cannot be written: {error}"),
                );
                Self::Unfinished
            }
        }
    }
}

impl From<Vec<Problem>> for CliFailure {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Usage(problems.iter().map(Problem::to_string).collect())
    }
}

/// Runs the command line. `names` are the names of the environment variables.
pub async fn main(
    lookup: impl Fn(&str) -> Option<String>,
    names: impl IntoIterator<Item = String>,
) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let names: Vec<_> = names.into_iter().collect();
    if !matches!(arguments.command, Command::Check(_)) {
        settings::misspelt(names.iter().cloned())
            .iter()
            .for_each(|sentence| say("warning", sentence));
    }
    match run(arguments.command, lookup, names).await {
        Ok(()) | Err(CliFailure::ClosedPipe) => ExitCode::SUCCESS,
        Err(CliFailure::Unfinished) => ExitCode::FAILURE,
        Err(CliFailure::Usage(sentences)) => {
            sentences.iter().for_each(|sentence| say("error", sentence));
            ExitCode::from(2)
        }
    }
}

/// Prints clap's own output: help and version to standard output, errors to standard error.
fn usage(error: &clap::Error) -> ExitCode {
    let status = if error.use_stderr() {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    };
    match error.print().map_err(CliFailure::from) {
        Err(CliFailure::Unfinished) if !error.use_stderr() => ExitCode::FAILURE,
        _ => status,
    }
}

async fn run(
    command: Command,
    lookup: impl Fn(&str) -> Option<String>,
    names: Vec<String>,
) -> Result<(), CliFailure> {
    let mut output = Output::stdout();
    let config = || -> Result<Config, CliFailure> {
        let config = Config::from_vars(&lookup)?;
        config
            .warnings
            .iter()
            .for_each(|warning| say("warning", warning));
        Ok(config)
    };
    let done = match command {
        Command::Invoke(arguments) => invoke::run(arguments, config()?).await,
        Command::Normalize(arguments) => normalize::run(&arguments, config()?, &mut output),
        Command::Event(arguments) => event::run(&arguments, &mut output),
        Command::Setup(arguments) => setup::run(&arguments, config()?, &mut output).await,
        Command::Redrive(arguments) => redrive::run(arguments, config()?).await,
        Command::Backfill(arguments) => backfill::run(arguments, config()?, &lookup).await,
        Command::Audit(arguments) => audit::run(arguments, config()?, &lookup, &mut output).await,
        Command::LogFormat(arguments) => log_format::run(&arguments)?
            .iter()
            .try_for_each(|line| print(&mut output, line)),
        Command::Check(arguments) => check::run(&arguments, &lookup, names, &mut output).await,
        Command::Config => config::run(&lookup, &mut output),
        Command::Completions { shell } => {
            let script = completions::script(shell, Arguments::command());
            print(&mut output, script.trim_end())
        }
    };
    // A failure of the work counts before that of its output.
    let flushed = output.flush().map_err(CliFailure::from);
    done.and(flushed)
}

fn print(output: &mut Output, line: &str) -> Result<(), CliFailure> {
    output.line(line)?;
    Ok(())
}

/// Sends the program's own log to standard error. A log line that cannot be written is dropped.
fn log_to_stderr(config: &mut Config) {
    let targets = std::mem::take(&mut config.log_level);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .log_internal_errors(false)
        .without_time();
    tracing_subscriber::registry()
        .with(layer.with_filter(targets))
        .init();
}

/// Returns the bytes of a file, or of standard input if its name is `-`.
fn read(file: &Path) -> Result<Vec<u8>, CliFailure> {
    let bytes = if file == Path::new("-") {
        note_waiting();
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    bytes.map_err(|error| unreadable(file, &error))
}

/// Tells somebody at a terminal that the command waits for input.
fn note_waiting() {
    if io::stdin().is_terminal() {
        say("note", "reading standard input; end it with Ctrl-D");
    }
}

/// Returns the name of a file for a sentence.
fn shown(file: &Path) -> String {
    const LONGEST: usize = 200;
    if file == Path::new("-") {
        return "standard input".to_owned();
    }
    printable(&file.display().to_string(), LONGEST).to_string()
}

fn unreadable(file: &Path, error: &io::Error) -> CliFailure {
    CliFailure::Usage(vec![format!("{} cannot be read: {error}", shown(file))])
}

/// The file with the given name, or standard input for `-`.
fn file_or_stdin(file: Option<&PathBuf>) -> &Path {
    file.map_or(Path::new("-"), PathBuf::as_path)
}
