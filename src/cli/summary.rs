//! A report in one sentence, for people at a terminal.

use crate::report::Report;

/// Sums a report up: `20,000 events: 4,585 indexed, 15,415 dead letters, in 19 s`.
pub(super) fn summary(report: &Report, indexed: &str) -> String {
    let counts = [
        (report.indexed, indexed),
        (report.duplicates, "there already"),
        (report.dead_lettered, "dead letters"),
        (report.skipped, "skipped"),
        (report.unresolved, "unresolved"),
        (report.undecodable_records, "records undecodable"),
    ];
    let counts: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    let events = match report.received {
        0 => "no event".to_owned(),
        1 => "1 event".to_owned(),
        several => format!("{} events", grouped(several)),
    };
    let counts = if counts.is_empty() {
        String::new()
    } else {
        format!(": {}", counts.join(", "))
    };
    format!("{events}{counts}, in {}", seconds(report.duration_ms))
}

fn seconds(milliseconds: u64) -> String {
    if milliseconds < 10_000 {
        format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100)
    } else {
        format!("{} s", grouped(milliseconds / 1_000))
    }
}

/// Writes a number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_a_sentence() {
        let report = Report {
            received: 20_000,
            indexed: 4_585,
            dead_lettered: 15_415,
            duration_ms: 19_400,
            ..Report::default()
        };
        assert_eq!(
            summary(&report, "indexed"),
            "20,000 events: 4,585 indexed, 15,415 dead letters, in 19 s"
        );
        assert_eq!(summary(&Report::default(), "indexed"), "no event, in 0.0 s");
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), expected);
        }
    }
}
