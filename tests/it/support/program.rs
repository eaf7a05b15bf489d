//! The built binary, run as a user runs it.

use std::io::Write;
use std::process::{Command, Stdio};

/// What a run of the program has left.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit status.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

/// Runs the program with nothing in its environment but the variables given, in the project's folder.
pub(crate) fn run(arguments: &[&str], variables: &[(&str, &str)], stdin: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apigw-logs"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program is built");
    // A program that fails at once does not read: its answer says what is wrong.
    drop(child.stdin.take().expect("stdin is piped").write_all(stdin));
    let output = child.wait_with_output().expect("the program ends");
    Run {
        status: output.status.code().expect("no signal has ended it"),
        stdout: String::from_utf8(output.stdout).expect("output is text"),
        stderr: String::from_utf8(output.stderr).expect("errors are text"),
    }
}
