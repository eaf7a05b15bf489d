//! `apigw-logs normalize`: turns raw log lines into documents.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use bumpalo::Bump;

use super::output::Output;
use super::terminal::say;
use super::time::event_time;
use super::{CliFailure, file_or_stdin, kind, note_waiting, unreadable};
use crate::config::Config;
use crate::json::WriteJson;
use crate::normalizer::{LogLine, Normalized};
use crate::pipeline::Pipeline;

/// Turn raw log lines into documents, without network
///
/// Exactly one JSON line comes out for each log line: the document; a list if the line holds
/// several; null if it holds none.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// File with log lines; standard input if omitted
    file: Option<PathBuf>,
    /// Time for lines that hold none themselves; in CloudWatch, that is the time of the log event
    #[arg(
        long,
        value_name = "TIME",
        value_parser = event_time,
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    event_time: i64,
}

pub(super) fn run(
    arguments: &Arguments,
    config: Config,
    output: &mut Output,
) -> Result<(), CliFailure> {
    let pipeline = config.pipeline(())?;
    let file = file_or_stdin(arguments.file.as_ref());
    let mut lines = open(file)?;
    let unreadable = |error| unreadable(file, &error);
    if let Some(sentence) = kind::no_log(file, lines.fill_buf().map_err(unreadable)?) {
        say("warning", sentence);
    }
    let mut arena = Bump::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            return Ok(());
        }
        let message = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line));
        arena.reset();
        output.line(&document(&pipeline, &message, arguments.event_time, &arena))?;
        // Whoever watches a log that grows sees each document before the next line comes.
        if memchr::memchr(b'\n', lines.buffer()).is_none() {
            output.flush()?;
        }
    }
}

/// Opens a file, or standard input for `-`.
fn open(file: &Path) -> Result<BufReader<Box<dyn Read>>, CliFailure> {
    const BUFFER: usize = 1 << 16;
    let source: Box<dyn Read> = if file == Path::new("-") {
        note_waiting();
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| unreadable(file, &error))?)
    };
    Ok(BufReader::with_capacity(BUFFER, source))
}

fn document(pipeline: &Pipeline<()>, message: &str, event_time: i64, arena: &Bump) -> String {
    let line = LogLine::alone(message, event_time);
    match pipeline.documents(&line, arena) {
        Normalized::Skipped => "null".to_owned(),
        Normalized::Documents(documents) => match documents.as_slice() {
            [document] => document.to_json(),
            documents => documents.to_json(),
        },
    }
}
