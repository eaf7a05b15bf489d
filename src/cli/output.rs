//! Standard output: buffered, harmless to a terminal, and aware of whether anybody still reads it.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use super::terminal::say;
use crate::printable::printable_json;

/// Data on its way to standard output.
///
/// At a terminal, the characters on which it acts are written as JSON writes them, as in `\u009b`.
/// JSON stays the same JSON.
pub(super) struct Output {
    to: BufWriter<Stdout>,
    is_terminal: bool,
}

impl Output {
    pub(super) fn stdout() -> Self {
        Self {
            to: BufWriter::with_capacity(1 << 16, io::stdout()),
            is_terminal: io::stdout().is_terminal(),
        }
    }

    pub(super) fn line(&mut self, line: &str) -> io::Result<&mut Self> {
        self.bytes(line.as_bytes())?.bytes(b"\n")
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<&mut Self> {
        if self.is_terminal {
            let text = printable_json(&String::from_utf8_lossy(bytes));
            self.to.write_all(text.as_bytes())?;
        } else {
            self.to.write_all(bytes)?;
        }
        Ok(self)
    }

    /// Writes what is buffered. Until then, nobody knows whether the reader is still there.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Prints a report of finished work. It does not matter whether anybody reads the report: the work
/// continues, and the report's `error` alone decides the exit status.
pub(super) fn print_report(line: &str) {
    match Output::stdout().line(line).and_then(Output::flush) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => say(
            "warning",
            format_args!("the report cannot be written to standard output: {error}"),
        ),
        _ => {}
    }
}
