//! A progress bar on standard error for long commands. Without a terminal it prints nothing.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use terminal_size::{Width, terminal_size_of};
use tokio::time::Instant;

use super::terminal::CLEAR;
use crate::ecs::Timestamp;

/// The assumed width of a terminal that does not report its own.
const USUAL_WIDTH: u16 = 80;

/// The progress of a command that counts what it has done.
pub(super) struct ProgressBar {
    /// The counted things, in the plural.
    noun: &'static str,
    start: Instant,
}

impl ProgressBar {
    /// Starts to measure the time.
    pub(super) fn of(noun: &'static str) -> Self {
        Self {
            noun,
            start: Instant::now(),
        }
    }

    /// Draws the bar in place of the previous one.
    pub(super) fn show(&self, done: u64, all: u64) {
        let Width(width) = terminal_size_of(io::stderr()).map_or(Width(USUAL_WIDTH), |size| size.0);
        let bar = bar(self.noun, done, all, self.start.elapsed(), width.into());
        draw(&bar);
    }

    /// Draws the bar of work whose end is a time. `times` are the start, the time that is reached,
    /// and the end, in milliseconds since 1970.
    pub(super) fn show_time(&self, done: u64, times: (i64, i64, i64)) {
        let Width(width) = terminal_size_of(io::stderr()).map_or(Width(USUAL_WIDTH), |size| size.0);
        let elapsed = self.start.elapsed();
        draw(&time_bar(self.noun, (done, elapsed), times, width.into()));
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        draw("");
    }
}

fn draw(text: &str) {
    if io::stderr().is_terminal() {
        // Nobody looks at a terminal that is gone.
        drop(write!(io::stderr(), "{CLEAR}{text}"));
    }
}

/// Returns a line as [`bar`] does, of work whose end is a time.
fn time_bar(
    noun: &str,
    (done, elapsed): (u64, Duration),
    (start, reached, end): (i64, i64, i64),
    width: usize,
) -> String {
    let span = |from: i64, to: i64| to.saturating_sub(from).max(0) as f64;
    let share = match span(start, end) {
        0.0 => 1.0,
        all => (span(start, reached) / all).min(1.0),
    };
    let seconds = elapsed.as_secs_f64();
    let (rate, left) = if done > 0 && seconds >= 1.0 && share > 0.0 {
        let left = seconds / share * (1.0 - share);
        let rate = grouped((done as f64 / seconds) as u64);
        (format!(", {rate}/s"), format!(", {} left", time(left)))
    } else {
        (String::new(), String::new())
    };
    let counts = grouped(done);
    let reached = Timestamp(reached);
    let texts = [
        format!("{counts} {noun}{rate}, at {reached}{left}"),
        format!("{counts}{rate}, at {reached}{left}"),
        format!("{counts}{rate}{left}"),
        counts,
    ];
    fitting(&texts, share, width)
}

/// Returns a line that is shorter than the terminal is wide: a longer line would take two lines
/// each time. Parts that do not fit are left out, the least important one first.
fn bar(noun: &str, done: u64, all: u64, elapsed: Duration, width: usize) -> String {
    let counts = format!("{} of {}", grouped(done), grouped(all));
    let speed = speed(done, all, elapsed);
    let texts = [
        format!("{counts} {noun}{speed}"),
        format!("{counts}{speed}"),
        counts,
    ];
    let share = if all == 0 {
        1.0
    } else {
        done as f64 / all as f64
    };
    fitting(&texts, share, width)
}

/// Returns the first text that fits the terminal, behind a bar if there is room for one.
fn fitting(texts: &[String], share: f64, width: usize) -> String {
    const NARROWEST: usize = 10;
    const WIDEST: usize = 40;
    let room = width.saturating_sub(1);
    let Some(text) = texts.iter().find(|text| text.len() <= room) else {
        return String::new();
    };
    let width = room.saturating_sub(text.len() + "[] ".len()).min(WIDEST);
    if width < NARROWEST {
        return text.clone();
    }
    let full = "#".repeat((share * width as f64) as usize);
    format!("[{full:-<width$}] {text}")
}

/// Returns the rate, and the time that the rest takes at this rate; empty until both are known.
fn speed(done: u64, all: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if done == 0 || seconds < 1.0 {
        return String::new();
    }
    let rate = done as f64 / seconds;
    let left = all.saturating_sub(done) as f64 / rate;
    format!(", {}/s, {} left", grouped(rate as u64), time(left))
}

fn time(seconds: f64) -> String {
    match seconds.ceil() as u64 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

/// Formats a number in groups of three digits, as in `15,415`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Duration = Duration::ZERO;

    #[test]
    fn a_bar_is_as_long_as_what_is_done() {
        let bar = |done, all| bar("letters", done, all, AT_ONCE, 200);
        let expected = |full: usize, text: &str| {
            format!(
                "[{}{}] {text} letters",
                "#".repeat(full),
                "-".repeat(40 - full)
            )
        };
        assert_eq!(bar(0, 4), expected(0, "0 of 4"));
        assert_eq!(bar(1, 4), expected(10, "1 of 4"));
        assert_eq!(bar(4, 4), expected(40, "4 of 4"));
        assert_eq!(bar(0, 0), expected(40, "0 of 0"));
    }

    #[test]
    fn it_tells_the_rate_and_the_time_left() {
        let speed = |done, all, seconds| speed(done, all, Duration::from_secs(seconds));
        assert_eq!(speed(0, 15_415, 9), "");
        assert_eq!(speed(500, 15_415, 0), "");
        assert_eq!(speed(6_500, 15_415, 5), ", 1,300/s, 7 s left");
        assert_eq!(speed(100, 50_000, 10), ", 10/s, 84 min left");
        assert_eq!(speed(100, 100_000, 10), ", 10/s, 3 h left");
        assert_eq!(speed(1, 10_000, 2), ", 0/s, 6 h left");
    }

    /// Many terminals break a line that is exactly as wide as they are.
    #[test]
    fn a_bar_fits_any_terminal() {
        for width in 0..200 {
            for (done, all) in [(0, 0), (1, 3), (6_500, 15_415), (u64::MAX, u64::MAX)] {
                for elapsed in [AT_ONCE, Duration::from_secs(100)] {
                    let bar = bar("dead letters", done, all, elapsed, width);
                    assert!(bar.is_empty() || bar.len() < width, "{width}: {bar}");
                }
            }
        }
        let narrow = bar("dead letters", 6_500, 15_415, Duration::from_secs(5), 60);
        assert_eq!(narrow, "6,500 of 15,415 dead letters, 1,300/s, 7 s left");
        let wide = bar("dead letters", 6_500, 15_415, Duration::from_secs(5), 80);
        assert!(
            wide.starts_with("[###") && wide.ends_with("7 s left"),
            "{wide}"
        );
        assert_eq!(
            bar("dead letters", 6_500, 15_415, AT_ONCE, 20),
            "6,500 of 15,415"
        );
    }

    #[test]
    fn work_up_to_a_time_tells_the_time_that_is_reached() {
        let bar = |done, seconds, reached, width| {
            let done = (done, Duration::from_secs(seconds));
            time_bar("log events", done, (0, reached, 86_400_000), width)
        };
        assert_eq!(
            bar(0, 0, 0, 80),
            format!(
                "[{}] 0 log events, at 1970-01-01T00:00:00.000Z",
                "-".repeat(35)
            )
        );
        let quarter = bar(50_000, 10, 21_600_000, 100);
        let expected = "50,000 log events, 5,000/s, at 1970-01-01T06:00:00.000Z, 30 s left";
        assert!(
            quarter.starts_with("[###") && quarter.ends_with(expected),
            "{quarter}"
        );
        assert_eq!(
            bar(50_000, 10, 21_600_000, 30),
            "50,000, 5,000/s, 30 s left"
        );
        for width in 0..200 {
            for reached in [0, 1, 86_400_000, i64::MAX] {
                let bar = bar(u64::MAX, 100, reached, width);
                assert!(bar.is_empty() || bar.len() < width, "{width}: {bar}");
            }
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (15_415, "15,415"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
