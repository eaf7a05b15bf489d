//! The outcome of every event in numbers, and the answer to whoever sent the events.

mod reason;

use std::collections::BTreeSet;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use aws_lambda_events::streams::{KinesisBatchItemFailure, KinesisEventResponse};
use serde::Serialize;

pub use self::reason::Reason;
use crate::bulk::{Failure, Traffic};
use crate::event::Trigger;

/// The result of an invocation: the function's one log line, and the output of `invoke`.
///
/// `received` is the sum of `indexed`, `duplicates`, `dead_lettered`, `skipped` and `unresolved`.
/// The other counts are parts of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Everything with an outcome of its own: each document, each skipped line, each control
    /// message.
    pub received: u64,
    /// Documents that were stored now.
    pub indexed: u64,
    /// Documents that were stored before.
    pub duplicates: u64,
    /// Rejected documents that are safe in the data stream of dead letters.
    pub dead_lettered: u64,
    /// Input that is not wanted: blank lines, control messages, the function's own log, lines that
    /// a filter leaves out, and documents that an ingest pipeline drops.
    pub skipped: u64,
    /// The part of `skipped` that an ingest pipeline dropped.
    pub dropped: u64,
    /// Documents that nobody has confirmed.
    pub unresolved: u64,
    /// Records with at least one payload that could not be read.
    pub undecodable_records: u64,
    /// Documents whose line was not understood completely.
    pub parse_failures: u64,
    /// Values of access logs that have no field of their own.
    pub unmapped_keys: u64,
    /// Lines that fit none of the access-log formats from the settings for their log group.
    #[serde(skip_serializing_if = "is_zero")]
    pub fits_no_format: u64,
    /// User agents that were not parsed because the invocation had used up its share of work on
    /// them.
    pub user_agents_not_parsed: u64,
    /// Indexed documents that Elasticsearch put into its failure store.
    pub failure_store: u64,
    /// Indexed documents that a pipeline sent to another index or data stream.
    #[serde(skip_serializing_if = "is_zero")]
    pub elsewhere: u64,
    /// Indexed documents to which a pipeline gave another id.
    #[serde(skip_serializing_if = "is_zero")]
    pub renamed: u64,
    /// Documents that were sent again without a look-up, because the credentials lack `read`.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_looked_up: u64,
    /// Bulk requests.
    pub requests: u64,
    /// Bulk requests that repeat documents.
    pub retries: u64,
    /// The size of all bodies as they were sent, compressed.
    pub bytes_sent: u64,
    /// The time that the invocation took.
    pub duration_ms: u64,
    /// The reason why the first rejected document was rejected, for sentences.
    #[serde(skip)]
    pub first_rejection: Option<Box<Reason>>,
    /// The reason why the work is not finished; `None` exactly when it is finished.
    pub error: Option<ReportError>,
}

/// The reason why the work is not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportError {
    /// A fixed name that alarms can match.
    #[serde(rename = "type")]
    pub kind: ErrorType,
    /// A sentence for people. It quotes neither a line nor Elasticsearch's reasons.
    pub message: String,
}

/// The fixed names of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// The event is of no kind that this function knows.
    EventUnsupported,
    /// A payload cannot be read.
    RecordUndecodable,
    /// Elasticsearch has not confirmed every document.
    DeliveryIncomplete,
    /// Elasticsearch has rejected documents, and there is no place for dead letters.
    DeliveryRefused,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Report {
    /// Returns a sentence for each thing that is no error but that an operator should know.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.elsewhere > 0 {
            warnings.push(format!(
                "{} documents were stored in another index or data stream: an ingest pipeline has set _index",
                self.elsewhere
            ));
        }
        if self.renamed > 0 {
            warnings.push(format!(
                "{} documents were stored under another id: an ingest pipeline has set _id, so what is delivered \
                 twice is stored twice or becomes a dead letter",
                self.renamed
            ));
        }
        if self.not_looked_up > 0 {
            warnings.push(format!(
                "{} documents were sent without a look-up, because the credentials lack `read` on the data stream: \
                 those that were stored before a rollover are stored a second time",
                self.not_looked_up
            ));
        }
        warnings
    }

    /// Adds the counts of another report, and takes over its error.
    pub fn add(&mut self, other: Self) {
        self.received += other.received;
        self.indexed += other.indexed;
        self.duplicates += other.duplicates;
        self.dead_lettered += other.dead_lettered;
        self.skipped += other.skipped;
        self.dropped += other.dropped;
        self.unresolved += other.unresolved;
        self.undecodable_records += other.undecodable_records;
        self.parse_failures += other.parse_failures;
        self.unmapped_keys += other.unmapped_keys;
        self.fits_no_format += other.fits_no_format;
        self.user_agents_not_parsed += other.user_agents_not_parsed;
        self.failure_store += other.failure_store;
        self.elsewhere += other.elsewhere;
        self.renamed += other.renamed;
        self.not_looked_up += other.not_looked_up;
        self.requests += other.requests;
        self.retries += other.retries;
        self.bytes_sent += other.bytes_sent;
        self.duration_ms += other.duration_ms;
        self.first_rejection = self.first_rejection.take().or(other.first_rejection);
        self.error = self.error.take().or(other.error);
    }

    /// Returns the reason of the first rejection in brackets, with a blank before them; empty if
    /// nothing was rejected now.
    #[must_use]
    pub fn why_rejected(&self) -> String {
        let reason = self.first_rejection.as_ref();
        reason.map_or_else(String::new, |reason| format!(" ({reason})"))
    }

    /// Returns the report of an event that is not for this function.
    #[must_use]
    pub fn unsupported(message: String) -> Self {
        let error = Some(ReportError {
            kind: ErrorType::EventUnsupported,
            message,
        });
        Self {
            error,
            ..Self::default()
        }
    }
}

impl Serialize for ErrorType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl ErrorType {
    /// Returns the name as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EventUnsupported => "Event.Unsupported",
            Self::RecordUndecodable => "Record.Undecodable",
            Self::DeliveryIncomplete => "Delivery.Incomplete",
            Self::DeliveryRefused => "Delivery.Refused",
        }
    }
}

/// The outcomes of those log events of a payload that need no more work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Documents that are stored.
    pub stored: u64,
    /// Documents that are safe among the dead letters.
    pub dead_lettered: u64,
    /// Lines that are not wanted.
    pub skipped: u64,
    /// Documents that an ingest pipeline dropped.
    pub dropped: u64,
}

/// Counts outcomes during an invocation.
#[derive(Debug, Default)]
pub struct Accounts {
    report: Report,
    /// Unresolved documents that were rejected while there is no place for dead letters.
    rejected: u64,
    failed_records: BTreeSet<usize>,
    undecodable: BTreeSet<usize>,
    first_problem: Option<String>,
}

impl Accounts {
    /// Counts an unwanted line.
    pub fn skipped(&mut self) {
        self.report.received += 1;
        self.report.skipped += 1;
    }

    /// Counts a document on its way.
    pub fn received(&mut self) {
        self.report.received += 1;
    }

    /// Counts a document whose line was not understood completely.
    pub fn parse_failure(&mut self) {
        self.report.parse_failures += 1;
    }

    /// Counts a document that was stored now.
    pub fn indexed(&mut self) {
        self.report.indexed += 1;
    }

    /// Counts a document that was stored before.
    pub fn duplicate(&mut self) {
        self.report.duplicates += 1;
    }

    /// Counts a document that an ingest pipeline dropped.
    pub fn dropped(&mut self) {
        self.report.skipped += 1;
        self.report.dropped += 1;
    }

    /// Counts a document that is safe as a dead letter.
    pub fn dead_lettered(&mut self) {
        self.report.dead_lettered += 1;
    }

    /// Counts an unconfirmed document of a record.
    pub fn unresolved(&mut self, record: usize) {
        self.report.unresolved += 1;
        self.failed_records.insert(record);
    }

    /// Counts a rejected document of a record, for which there is no place.
    pub fn rejected(&mut self, record: usize) {
        self.rejected += 1;
        self.unresolved(record);
    }

    /// Notes why the first rejected document was rejected.
    pub fn rejected_because(&mut self, reason: Option<Reason>) {
        self.report.first_rejection = reason.map(Box::new);
    }

    /// Counts what an earlier delivery of the same payload has settled.
    pub fn settled_before(&mut self, settled: &Settled) {
        let Settled {
            stored,
            dead_lettered,
            skipped,
            dropped,
        } = *settled;
        self.report.received += stored + dead_lettered + skipped + dropped;
        self.report.duplicates += stored;
        self.report.dead_lettered += dead_lettered;
        self.report.skipped += skipped + dropped;
        self.report.dropped += dropped;
    }

    /// Counts log events of a record that are left to the next delivery.
    pub fn left_unresolved(&mut self, record: usize, events: usize) {
        self.report.received += events as u64;
        self.report.unresolved += events as u64;
        self.failed_records.insert(record);
    }

    /// Counts values of an access log that have no field of their own.
    pub fn unmapped_keys(&mut self, count: usize) {
        self.report.unmapped_keys += count as u64;
    }

    /// Counts lines that fit none of the formats from the settings.
    pub fn fits_no_format(&mut self, count: u64) {
        self.report.fits_no_format += count;
    }

    /// Notes how many user agents were not parsed.
    pub fn user_agents_not_parsed(&mut self, count: u64) {
        self.report.user_agents_not_parsed = count;
    }

    /// Counts documents that were sent again without a look-up.
    pub fn not_looked_up(&mut self, count: u64) {
        self.report.not_looked_up += count;
    }

    /// Counts a record with a payload that cannot be read.
    pub fn undecodable(&mut self, record: usize, problem: &dyn std::error::Error) {
        self.failed_records.insert(record);
        self.undecodable.insert(record);
        self.first_problem
            .get_or_insert_with(|| problem.to_string());
    }

    /// Counts what was sent.
    pub fn sent(&mut self, traffic: Traffic) {
        self.report.requests += traffic.requests;
        self.report.retries += traffic.retries;
        self.report.bytes_sent += traffic.bytes_sent;
        self.report.failure_store += traffic.failure_store;
        self.report.elsewhere += traffic.elsewhere;
        self.report.renamed += traffic.renamed;
    }

    /// Closes the accounts. Returns the report and the unfinished records. If the counts do not add
    /// up, all records are unfinished, so that no mistake of ours can pass for success.
    #[must_use]
    pub fn close(
        mut self,
        records: usize,
        duration_ms: u64,
        failure: Option<&Failure>,
    ) -> (Report, BTreeSet<usize>) {
        if self.balance(duration_ms) {
            let problem = self.first_problem.as_deref();
            self.report.error = error(&self.report, self.rejected, problem, failure);
        } else {
            self.failed_records.extend(0..records);
        }
        (self.report, self.failed_records)
    }

    /// Closes the accounts of work that has its own sentences about what is not finished.
    #[must_use]
    pub fn close_with(
        mut self,
        duration_ms: u64,
        error: impl FnOnce(&Report) -> Option<ReportError>,
    ) -> Report {
        if self.balance(duration_ms) {
            self.report.error = error(&self.report);
        }
        self.report
    }

    /// Sums up. Returns whether the counts add up. If they do not, that is the error, and whatever
    /// nobody has accounted for is unresolved.
    fn balance(&mut self, duration_ms: u64) -> bool {
        let report = &mut self.report;
        report.duration_ms = duration_ms;
        report.undecodable_records = self.undecodable.len() as u64;
        let settled = report.indexed + report.duplicates + report.dead_lettered + report.skipped;
        if settled + report.unresolved == report.received {
            return true;
        }
        report.unresolved = report.received.saturating_sub(settled);
        report.error = Some(unbalanced(report));
        false
    }
}

fn unbalanced(report: &Report) -> ReportError {
    let message = format!(
        "the counts of {} events do not add up, so none counts as delivered: please report this as a bug",
        report.received
    );
    ReportError {
        kind: ErrorType::DeliveryIncomplete,
        message,
    }
}

fn error(
    report: &Report,
    rejected: u64,
    problem: Option<&str>,
    failure: Option<&Failure>,
) -> Option<ReportError> {
    let undecodable = problem.map(|problem| {
        format!(
            "{} of the records cannot be decoded, the first because {problem}",
            report.undecodable_records
        )
    });
    if report.unresolved == 0 {
        return undecodable.map(|message| ReportError {
            kind: ErrorType::RecordUndecodable,
            message,
        });
    }
    let (kind, cause) = if rejected == report.unresolved {
        (
            ErrorType::DeliveryRefused,
            format!(
                "Elasticsearch rejects them{} and DEAD_LETTER_DATA_STREAM is none: fix the mapping or name a data stream",
                report.why_rejected()
            ),
        )
    } else {
        let cause = failure.map_or_else(
            || "there was no time left to send them".to_owned(),
            Failure::to_string,
        );
        (ErrorType::DeliveryIncomplete, cause)
    };
    let unresolved = format!(
        "{} of {} events are not confirmed: {cause}",
        report.unresolved, report.received
    );
    let message = [Some(unresolved), undecodable]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ");
    Some(ReportError { kind, message })
}

/// The function's answer to a Kinesis stream or an SQS queue.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The first unfinished record: Lambda continues from there.
    Kinesis(KinesisEventResponse),
    /// Every unfinished message: they go back to the queue.
    Sqs(SqsBatchResponse),
}

/// Returns the answer for a trigger. A direct subscription only gets success or failure.
///
/// Source:
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html>.
#[must_use]
pub fn answer<S: AsRef<str>>(
    trigger: Trigger,
    ids: &[S],
    failed_records: &BTreeSet<usize>,
) -> Option<Answer> {
    let mut failed = failed_records
        .iter()
        .filter_map(|record| ids.get(*record))
        .map(|id| id.as_ref().to_owned());
    match trigger {
        Trigger::Subscription => None,
        Trigger::Kinesis => {
            let mut response = KinesisEventResponse::default();
            response.batch_item_failures.extend(failed.next().map(|id| {
                let mut failure = KinesisBatchItemFailure::default();
                failure.item_identifier = Some(id);
                failure
            }));
            Some(Answer::Kinesis(response))
        }
        Trigger::Sqs => {
            let mut response = SqsBatchResponse::default();
            response.batch_item_failures.extend(failed.map(|id| {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                failure
            }));
            Some(Answer::Sqs(response))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Counting = fn(&mut Accounts);

    /// Returns the counts of two records, and the numbers of those that are unfinished.
    fn close(steps: &[Counting]) -> (Report, Vec<usize>) {
        let mut accounts = Accounts::default();
        steps.iter().for_each(|step| step(&mut accounts));
        let (report, failed) = accounts.close(2, 0, None);
        (report, failed.into_iter().collect())
    }

    #[test]
    fn accounts_that_add_up() {
        let (received, indexed): (Counting, Counting) = (Accounts::received, Accounts::indexed);
        let (report, failed) = close(&[
            received,
            indexed,
            Accounts::skipped,
            received,
            Accounts::duplicate,
            received,
            Accounts::dropped,
        ]);
        assert_eq!((report.skipped, report.dropped), (2, 1));
        assert_eq!(
            (report.received, report.unresolved, report.error, failed),
            (4, 0, None, vec![])
        );
        let (report, failed) = close(&[received, |accounts| accounts.unresolved(1)]);
        let error = report.error.expect("it is not finished");
        assert_eq!(
            (report.unresolved, failed, error.kind),
            (1, vec![1], ErrorType::DeliveryIncomplete)
        );
        let (report, failed) = close(&[received, |accounts| accounts.rejected(0)]);
        assert_eq!(
            (report.error.expect("rejected").kind, failed),
            (ErrorType::DeliveryRefused, vec![0])
        );
    }

    /// Counts that do not add up, in whichever direction, are no success: everything is delivered
    /// again.
    #[test]
    fn accounts_that_do_not_add_up() {
        let (received, indexed): (Counting, Counting) = (Accounts::received, Accounts::indexed);
        let forgotten: &[Counting] = &[received, received, indexed];
        let counted_twice: &[Counting] = &[received, indexed, indexed];
        let both: &[Counting] = &[received, indexed, |accounts| accounts.unresolved(1)];
        for (steps, unresolved) in [(forgotten, 1), (counted_twice, 0), (both, 0)] {
            let (report, failed) = close(steps);
            let error = report.error.expect("it is no success");
            assert_eq!(
                (report.unresolved, failed, error.kind),
                (unresolved, vec![0, 1], ErrorType::DeliveryIncomplete)
            );
            assert!(error.message.contains("do not add up"), "{}", error.message);
        }
    }
}
