//! Reports as one sentence, for people at a terminal.

use super::progress::grouped;
use crate::report::Report;

/// The words for the counts of a report.
#[derive(Debug, Clone, Copy)]
pub(super) struct SummaryWords {
    /// The counted things, in the singular.
    pub(super) noun: &'static str,
    pub(super) indexed: &'static str,
    pub(super) dead_lettered: &'static str,
    pub(super) skipped: &'static str,
}

impl SummaryWords {
    /// The words for events that are sent.
    pub(super) const SENT: Self = Self {
        noun: "event",
        indexed: "indexed",
        dead_lettered: "dead letters",
        skipped: "skipped",
    };

    /// The words for events whose documents are printed.
    pub(super) const PRINTED: Self = Self {
        indexed: "documents printed",
        ..Self::SENT
    };
}

/// Sums up a report: `20,000 events: 4,585 indexed, 15,415 dead letters, in 19 s`.
pub(super) fn summary(report: &Report, words: SummaryWords) -> String {
    let counts = [
        (report.indexed, words.indexed),
        (report.duplicates, "there already"),
        (report.dead_lettered, words.dead_lettered),
        (report.skipped, words.skipped),
        (report.unresolved, "unresolved"),
        (report.undecodable_records, "records undecodable"),
    ];
    let counts: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    let noun = words.noun;
    let received = match report.received {
        0 => format!("no {noun}"),
        1 => format!("1 {noun}"),
        several => format!("{} {noun}s", grouped(several)),
    };
    let counts = if counts.is_empty() {
        String::new()
    } else {
        format!(": {}", counts.join(", "))
    };
    format!("{received}{counts}, in {}", seconds(report.duration_ms))
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
            summary(&report, SummaryWords::SENT),
            "20,000 events: 4,585 indexed, 15,415 dead letters, in 19 s"
        );
        assert_eq!(
            summary(&Report::default(), SummaryWords::SENT),
            "no event, in 0.0 s"
        );
    }
}
