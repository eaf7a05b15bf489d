//! Sentences for people on standard error, coloured on a terminal. A sentence that cannot be
//! written never ends the program.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Style};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::printable::{printable, printable_json};

/// Colours of `--help` and of clap's errors.
pub(super) const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold())
    .valid(AnsiColor::Green.on_default())
    .invalid(AnsiColor::Yellow.on_default());

/// Upper bound on the length of a sentence in characters: it may quote a file or a server.
const LONGEST: usize = 4_000;

/// Prints one sentence. Colours appear on a terminal only, and `NO_COLOR` is honoured. A sentence
/// that nobody can read any more is dropped.
pub(super) fn say(kind: &str, sentence: impl Display) {
    let style = style(kind);
    let sentence = sentence.to_string();
    let sentence = printable(&sentence, LONGEST);
    drop(writeln!(
        anstream::stderr(),
        "{style}{kind}:{style:#} {sentence}"
    ));
}

/// The escape sequence that clears the line.
pub(super) const CLEAR: &str = "\r\x1b[2K";

/// Tells somebody who waits why, in place of the progress.
pub(super) fn notice(sentence: &str) {
    if stderr().is_terminal() {
        drop(write!(stderr(), "{CLEAR}"));
    }
    say("warning", sentence);
}

/// Writes one line of data to standard error, for commands whose standard output carries documents.
pub(super) fn say_json(line: &str) {
    drop(writeln!(stderr(), "{}", printable_json(line)));
}

fn style(kind: &str) -> Style {
    match kind {
        "error" => AnsiColor::Red.on_default().bold(),
        "warning" => AnsiColor::Yellow.on_default().bold(),
        _ => AnsiColor::Cyan.on_default().bold(),
    }
}

/// Waits for work. At a terminal it prints every second how long the work has taken so far.
pub(super) async fn watched<W: Future>(label: &str, work: W) -> W::Output {
    const A_SECOND: Duration = Duration::from_secs(1);
    if !stderr().is_terminal() {
        return work.await;
    }
    let start = Instant::now();
    let mut seconds = interval_at(start + A_SECOND, A_SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            output = &mut work => {
                drop(write!(stderr(), "{CLEAR}"));
                return output;
            }
            _ = seconds.tick() => {
                let label = printable(label, 40);
                drop(write!(stderr(), "{CLEAR}{label}: {} s", start.elapsed().as_secs()));
            }
        }
    }
}
