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

/// A generous limit for each reply. A server under test shares the processors with other tests, and
/// a request that is given up and sent again finds its documents stored.
const PATIENT: (&str, &str) = ("REQUEST_TIMEOUT_MS", "300000");

/// Returns the command with these settings, in the repository's folder. It sees no other environment
/// variable but a generous `REQUEST_TIMEOUT_MS`, and `check` not even that: it compares the settings
/// with those of a function.
pub(crate) fn command(arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apigw-logs"));
    command
        .args(arguments)
        .env_clear()
        .envs((arguments.first() != Some(&"check")).then_some(PATIENT))
        .envs(settings.iter().copied())
        .current_dir(repository(""));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command at a terminal that util-linux's `script` provides, where somebody types Ctrl-D.
/// Returns its status and the output at the terminal; `None` if `script` is not installed.
pub(crate) fn at_terminal(arguments: &str, settings: &[(&str, &str)]) -> Option<(i32, String)> {
    const CTRL_D: &[u8] = &[4];
    let program = env!("CARGO_BIN_EXE_apigw-logs");
    let mut script = Command::new("script")
        .args(["-qec", &format!("{program} {arguments}"), "/dev/null"])
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("TERM", "xterm")])
        .envs(settings.iter().copied())
        .current_dir(repository(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    // A command that reads nothing may have ended.
    drop(script.stdin.take()?.write_all(CTRL_D));
    let output = script.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some((output.status.code()?, text))
}

/// Returns what a terminal shows in the end, without colours and without lines that were written
/// over.
pub(crate) fn shown(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let last = |line: &str| without_colours(line.rsplit('\r').next().unwrap_or_default());
    let lines: Vec<_> = text.lines().map(last).collect();
    lines.join("\n").trim_end().to_owned()
}

/// Removes the sequences that colour and clear a line.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|sign: char| sign.is_ascii_alphabetic());
        plain.push_str(part.get(end.map_or(0, |end| end + 1)..).unwrap_or_default());
    }
    plain
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
