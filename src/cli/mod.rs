//! The command line: the same path as the function, at a terminal.
//!
//! Standard output carries data only; everything else goes to standard error, a sentence a problem. Exit status: 0 the
//! work is finished, 1 it is not, 2 wrong usage or settings.

mod config;
mod event;
mod generate;
mod invoke;
mod log_format;
mod normalize;
mod output;
mod progress;
mod redrive;
mod setup;
mod time;

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tracing_subscriber::prelude::*;

pub use self::log_format::{ApiType, log_format};
use self::output::Output;
use crate::config::{Config, Problem};

/// Amazon API Gateway access logs from CloudWatch Logs into Elasticsearch, as ECS documents.
///
/// As an AWS Lambda function it takes the events of a CloudWatch Logs subscription; here it does the same with files.
/// Settings are environment variables: `apigw-logs config` shows them all.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Invoke(invoke::Arguments),
    Normalize(normalize::Arguments),
    Event(event::Arguments),
    Setup(setup::Arguments),
    Redrive(redrive::Arguments),
    LogFormat(log_format::Arguments),
    /// Show the settings in force, and every problem in them
    Config,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Why a command did not do all of its work.
#[derive(Debug)]
enum Failure {
    /// Nobody reads on: no error at all.
    ClosedPipe,
    /// The sentences are said already.
    Unfinished,
    /// Wrong usage or settings.
    Usage(Vec<String>),
}

impl From<io::Error> for Failure {
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

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Usage(problems.iter().map(Problem::to_string).collect())
    }
}

/// The command line's front door.
pub async fn main(lookup: impl Fn(&str) -> Option<String>) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are data, and go to standard output; clap knows.
            let closed_pipe = error.print().is_err();
            return if error.use_stderr() && !closed_pipe {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match run(arguments.command, lookup).await {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Unfinished) => ExitCode::FAILURE,
        Err(Failure::Usage(sentences)) => {
            sentences.iter().for_each(|sentence| say("error", sentence));
            ExitCode::from(2)
        }
    }
}

async fn run(command: Command, lookup: impl Fn(&str) -> Option<String>) -> Result<(), Failure> {
    let mut output = Output::stdout();
    let done = match command {
        Command::Invoke(arguments) => invoke::run(arguments, Config::from_vars(lookup)?).await,
        Command::Normalize(arguments) => {
            normalize::run(&arguments, Config::from_vars(lookup)?, &mut output)
        }
        Command::Event(arguments) => event::run(&arguments, &mut output),
        Command::Setup(arguments) => {
            setup::run(&arguments, Config::from_vars(lookup)?, &mut output).await
        }
        Command::Redrive(arguments) => redrive::run(arguments, Config::from_vars(lookup)?).await,
        Command::LogFormat(arguments) => print(&mut output, &log_format::run(&arguments)),
        Command::Config => config::run(&lookup, &mut output),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "apigw-logs", &mut script);
            print(&mut output, String::from_utf8_lossy(&script).trim_end())
        }
    };
    output.flush()?;
    done
}

fn print(output: &mut Output, line: &str) -> Result<(), Failure> {
    output.line(line)?;
    Ok(())
}

/// One sentence on standard error.
#[expect(clippy::print_stderr, reason = "where sentences belong")]
fn say(kind: &str, sentence: impl Display) {
    eprintln!("{kind}: {sentence}");
}

/// A report, where standard output is the documents'.
#[expect(
    clippy::print_stderr,
    reason = "without Elasticsearch, standard output is the documents'"
)]
fn say_json(report: &str) {
    eprintln!("{report}");
}

/// What the program says of itself on its way goes to standard error.
fn log_to_stderr(config: &mut Config) {
    let targets = std::mem::take(&mut config.log_level);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .without_time();
    tracing_subscriber::registry()
        .with(layer.with_filter(targets))
        .init();
}

/// The bytes of a file; of standard input if its name is `-`.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    bytes.map_err(|error| {
        Failure::Usage(vec![format!("{} cannot be read: {error}", file.display())])
    })
}

/// A file that stands for standard input if it is not named.
fn file_or_stdin(file: Option<&PathBuf>) -> &Path {
    file.map_or(Path::new("-"), PathBuf::as_path)
}
