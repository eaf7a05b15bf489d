//! The built binary without a terminal.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::io::Write;
use std::process::{Command, Stdio};

use super::golden::repository;

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns the command with these settings and no other environment variable, in the repository's
/// folder.
pub(crate) fn command(arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apigw-logs"));
    command
        .args(arguments)
        .env_clear()
        .envs(settings.iter().copied())
        .current_dir(repository(""));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str], settings: &[(&str, &str)], input: &[u8]) -> Outcome {
    let mut child = command(arguments, settings).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        // A command that does not read its input closes the pipe.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    });
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome {
        status: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}
