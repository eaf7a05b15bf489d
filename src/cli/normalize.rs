//! `apigw-logs normalize`: turns raw log lines into documents.

use std::path::PathBuf;

use bumpalo::Bump;

use super::output::Output;
use super::time::event_time;
use super::{CliFailure, file_or_stdin, read};
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
    let bytes = read(file_or_stdin(arguments.file.as_ref()))?;
    let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if bytes.is_empty() {
        return Ok(());
    }
    let mut arena = Bump::new();
    for line in lines.split(|byte| *byte == b'\n') {
        arena.reset();
        let message = String::from_utf8_lossy(line);
        output.line(&document(&pipeline, &message, arguments.event_time, &arena))?;
    }
    Ok(())
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
