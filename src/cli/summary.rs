//! Reports as one sentence, for people at a terminal.

use super::progress::grouped;
use crate::report::Report;

/// Sums up a report: `20,000 events: 4,585 indexed, 15,415 dead letters, in 19 s`.
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
}
