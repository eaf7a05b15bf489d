//! Standard output: buffered, and aware of whether anybody still reads it.

use std::io::{self, BufWriter, Stdout, Write};

use super::terminal::say;

/// Data on its way to standard output.
pub(super) struct Output(BufWriter<Stdout>);

impl Output {
    pub(super) fn stdout() -> Self {
        Self(BufWriter::with_capacity(1 << 16, io::stdout()))
    }

    pub(super) fn line(&mut self, line: &str) -> io::Result<&mut Self> {
        writeln!(self.0, "{line}").map(|()| self)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<&mut Self> {
        self.0.write_all(bytes).map(|()| self)
    }

    /// Writes what is buffered. Until then, nobody knows whether the reader is still there.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
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
