//! Compares CloudWatch Logs with Elasticsearch, log event by log event.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use bumpalo::Bump;
use futures_util::future::join;
use serde::Serialize;
use tokio::sync::mpsc::Receiver;

use super::page::select;
use super::reader::{HistoryPage, read_ahead};
use super::{HistoryError, HistoryQuery, Ids, Pace, Sight, check_ids};
use crate::aws::Logs;
use crate::bulk::{BulkBody, DocumentId, Outcome, Rejection, StoredDocument};
use crate::decode::LogData;
use crate::ecs::Timestamp;
use crate::pipeline::{LookUp, Pipeline, Whereabouts};
use crate::report::Report;
use crate::server::{Target, Transport};

/// An audit: what to compare, and how to treat what is not in order.
pub struct Audit<'a, T> {
    /// The source of the log events.
    pub logs: &'a Logs,
    /// The log events to read.
    pub query: HistoryQuery<'a>,
    /// How to ask for them.
    pub pace: Pace,
    /// The path. It knows which lines are wanted, and sends missing documents.
    pub pipeline: &'a Pipeline<T>,
    /// The source of existing documents.
    pub look_up: &'a dyn LookUp,
    /// The ids of log events with which anything is sent or removed.
    pub ids: Ids,
    /// The treatment of missing documents.
    pub missing: Missing,
    /// The treatment of later copies.
    pub doubles: Doubles,
}

/// The treatment of missing documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Count them.
    Counted,
    /// Send them.
    Sent,
}

/// The treatment of later copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubles {
    /// Count them.
    Counted,
    /// Remove them; the oldest copy stays.
    Removed,
}

/// The documents of an interval.
///
/// `cloudwatch` is the sum of `indexed`, `dead_lettered`, `skipped` and `missing`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AuditCounts {
    /// The expected results of the log events: documents, and lines that the settings leave out.
    pub cloudwatch: u64,
    /// Documents in the data stream.
    pub indexed: u64,
    /// Documents that are dead letters.
    pub dead_lettered: u64,
    /// Lines that the settings leave out.
    pub skipped: u64,
    /// Documents that are nowhere.
    pub missing: u64,
    /// Indexed documents of which there are several copies.
    pub doubled: u64,
}

/// The counts of one log group in one interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The log group.
    pub log_group: String,
    /// The start of the interval.
    pub from: Timestamp,
    /// The end of the interval, where the next one begins.
    pub to: Timestamp,
    /// The counts.
    #[serde(flatten)]
    pub counts: AuditCounts,
}

/// A document that is not in order.
#[derive(Debug, Clone, Copy)]
pub struct AuditFinding<'f> {
    /// `missing` or `doubled`.
    pub state: &'static str,
    /// The log group.
    pub log_group: &'f str,
    /// The log stream.
    pub log_stream: &'f str,
    /// CloudWatch's id of the log event.
    pub event_id: &'f str,
    /// The time of the log event.
    pub time: Timestamp,
    /// The id of the document.
    pub document: DocumentId,
}

/// The counts so far, by log group and interval.
#[derive(Debug)]
pub struct Ledger<'l> {
    query: HistoryQuery<'l>,
    /// The length of an interval, in milliseconds.
    interval: i64,
    counts: RefCell<BTreeMap<(usize, i64), AuditCounts>>,
}

/// The result of an audit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Missing documents that were sent and are stored now, or are safe as dead letters.
    pub repaired: u64,
    /// Doubled documents whose later copies were removed.
    pub removed: u64,
    /// The time from which to go on, in milliseconds since 1970; `None` if the audit is complete.
    pub resume: Option<i64>,
    /// The reason why the audit is not complete.
    pub problem: Option<HistoryError>,
}

impl AuditCounts {
    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        self.cloudwatch += other.cloudwatch;
        self.indexed += other.indexed;
        self.dead_lettered += other.dead_lettered;
        self.skipped += other.skipped;
        self.missing += other.missing;
        self.doubled += other.doubled;
    }
}

impl<'l> Ledger<'l> {
    /// Makes an empty ledger with intervals of this many milliseconds.
    #[must_use]
    pub fn new(query: HistoryQuery<'l>, interval: i64) -> Self {
        Self {
            query,
            interval: interval.max(1),
            counts: RefCell::default(),
        }
    }

    /// Returns a row for each log group and interval that ends by a time.
    pub fn rows(&self, until: i64) -> impl Iterator<Item = Row> {
        let groups = self.query.groups.iter().enumerate();
        groups.flat_map(move |(number, group)| {
            let slots = self
                .slots()
                .take_while(move |slot| self.end(*slot) <= until);
            slots.map(move |slot| Row {
                log_group: group.name.clone(),
                from: Timestamp(self.start_of(slot.saturating_mul(self.interval))),
                to: Timestamp(self.end(slot)),
                counts: self.counted(number, slot),
            })
        })
    }

    /// Returns the number of rows of a complete audit.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        let slots = self.slots();
        let slots = (slots.end() - slots.start()).unsigned_abs() + 1;
        slots.saturating_mul(self.query.groups.len() as u64)
    }

    /// Returns the numbers of all intervals.
    fn slots(&self) -> RangeInclusive<i64> {
        let slot = |time: i64| time.div_euclid(self.interval);
        slot(self.query.since)..=slot(self.query.until)
    }

    /// Returns the end of an interval.
    fn end(&self, slot: i64) -> i64 {
        let end = slot.saturating_add(1).saturating_mul(self.interval);
        end.min(self.query.until)
    }

    fn counted(&self, group: usize, slot: i64) -> AuditCounts {
        let counts = self.counts.borrow();
        counts.get(&(group, slot)).copied().unwrap_or_default()
    }

    /// Returns the start of the interval of a time: from there on, an audit that was interrupted at
    /// that time continues without counting a part of an interval.
    #[must_use]
    pub fn start_of(&self, time: i64) -> i64 {
        let start = time.div_euclid(self.interval) * self.interval;
        start.max(self.query.since)
    }

    /// Returns the sum of the rows of intervals that end by a time.
    #[must_use]
    pub fn total(&self, until: i64) -> AuditCounts {
        let mut total = AuditCounts::default();
        let counts = self.counts.borrow();
        let ended = counts
            .iter()
            .filter(|((_, slot), _)| self.end(*slot) <= until);
        ended.for_each(|(_, counts)| total.add(counts));
        total
    }

    fn count(&self, group: usize, time: i64, count: impl FnOnce(&mut AuditCounts)) {
        let slot = time.div_euclid(self.interval);
        let mut counts = self.counts.borrow_mut();
        let counts = counts.entry((group, slot)).or_default();
        counts.cloudwatch += 1;
        count(counts);
    }
}

/// A document that a log event should have become.
#[derive(Debug, Clone, Copy)]
struct Expected {
    payload: usize,
    position: usize,
    time: i64,
    id: DocumentId,
}

/// The documents of a page that are not in order.
#[derive(Default)]
struct Disorder {
    missing: Vec<Expected>,
    doubled: Vec<(Expected, Vec<StoredDocument>)>,
}

impl<T: Transport> Audit<'_, T> {
    /// Reads and compares. While a page is compared, the next pages are read. `found` receives each
    /// document that is not in order.
    pub async fn run(
        &self,
        ledger: &Ledger<'_>,
        progress: impl FnMut(Sight),
        found: impl FnMut(AuditFinding<'_>),
    ) -> AuditReport {
        let (read, received) = read_ahead(self.logs, self.query, self.pace);
        join(read, self.compare(received, ledger, progress, found))
            .await
            .1
    }

    async fn compare(
        &self,
        mut pages: Receiver<Result<HistoryPage, HistoryError>>,
        ledger: &Ledger<'_>,
        mut progress: impl FnMut(Sight),
        mut found: impl FnMut(AuditFinding<'_>),
    ) -> AuditReport {
        let mut report = AuditReport {
            resume: Some(self.query.since),
            ..AuditReport::default()
        };
        let mut events = 0;
        while let Some(page) = pages.recv().await {
            let done = match &page {
                Ok(page) => self.page(page, ledger, &mut found, &mut report).await,
                Err(error) => Err(error.clone()),
            };
            if let Err(error) = done {
                report.problem = Some(error);
                return report;
            }
            let Ok(page) = page else { continue };
            events += page.events;
            report.resume = Some(page.resume);
            let reached = page.resume;
            progress(Sight { events, reached });
        }
        report.resume = None;
        report
    }

    async fn page(
        &self,
        page: &HistoryPage,
        ledger: &Ledger<'_>,
        found: &mut impl FnMut(AuditFinding<'_>),
        report: &mut AuditReport,
    ) -> Result<(), HistoryError> {
        if self.writes() && self.ids == Ids::OfCloudWatch {
            check_ids(&page.payloads)?;
        }
        let expected = self.expected(page, ledger);
        let ids: Vec<_> = expected.iter().map(|expected| expected.id).collect();
        let session = self.pace.session();
        let known = self.look_up.find(&ids, &session).await;
        let known = known.map_err(HistoryError::Search)?;
        let disorder = judge(page, &expected, &known, ledger);
        let doubled = disorder.doubled.iter().map(|(expected, _)| expected);
        let missing = disorder.missing.iter();
        for (state, expected) in missing
            .map(|expected| ("missing", expected))
            .chain(doubled.map(|expected| ("doubled", expected)))
        {
            tell(page, state, expected, found);
        }
        if self.missing == Missing::Sent && !disorder.missing.is_empty() {
            report.repaired += self.send(page, &expected, &disorder.missing).await?;
        }
        if self.doubles == Doubles::Removed && !disorder.doubled.is_empty() {
            report.removed += self.remove(&disorder.doubled).await?;
        }
        Ok(())
    }

    fn writes(&self) -> bool {
        self.missing == Missing::Sent || self.doubles == Doubles::Removed
    }

    /// Returns the expected documents of a page's log events. Counts the lines that the settings
    /// leave out.
    fn expected(&self, page: &HistoryPage, ledger: &Ledger<'_>) -> Vec<Expected> {
        let mut expected = Vec::new();
        let mut arena = Bump::new();
        for (payload, data) in page.payloads.iter().enumerate() {
            for (position, event) in data.events().enumerate() {
                arena.reset();
                let time = event.timestamp;
                match self.pipeline.document_ids(data, position, &arena) {
                    None => ledger.count(page.group, time, |counts| counts.skipped += 1),
                    Some(ids) => expected.extend(ids.into_iter().map(|id| Expected {
                        payload,
                        position,
                        time,
                        id,
                    })),
                }
            }
        }
        expected
    }

    /// Sends missing documents. Returns how many of them are safe now.
    async fn send(
        &self,
        page: &HistoryPage,
        expected: &[Expected],
        missing: &[Expected],
    ) -> Result<u64, HistoryError> {
        let mut positions = BTreeMap::<usize, BTreeSet<usize>>::new();
        for Expected {
            payload, position, ..
        } in missing
        {
            positions.entry(*payload).or_default().insert(*position);
        }
        let selected = |(payload, positions): (usize, BTreeSet<usize>)| {
            let data = page.payloads.get(payload)?;
            let events = positions
                .iter()
                .filter_map(|position| data.event(*position));
            select(data, events)
        };
        // The lines are sent whole, so their other documents are reported, too.
        let is_sent = |expected: &&Expected| {
            let of_payload = positions.get(&expected.payload);
            of_payload.is_some_and(|positions| positions.contains(&expected.position))
        };
        let sent = expected.iter().filter(is_sent).count();
        let others = (sent - missing.len().min(sent)) as u64;
        let payloads: Vec<LogData> = positions.into_iter().filter_map(selected).collect();
        let (report, _) = self
            .pipeline
            .process_log_data(payloads, Some(self.look_up))
            .await;
        match report.error {
            None => Ok(safe(&report).saturating_sub(others)),
            Some(error) => Err(HistoryError::Cure(error.message)),
        }
    }

    /// Removes all copies except the oldest. Returns how many documents have one copy now.
    async fn remove(
        &self,
        doubled: &[(Expected, Vec<StoredDocument>)],
    ) -> Result<u64, HistoryError> {
        let mut body = BulkBody::default();
        let mut removable = 0;
        for (_, copies) in doubled {
            let Some(later) = later_copies(copies) else {
                continue;
            };
            later.iter().for_each(|copy| body.push_deletion(copy));
            removable += 1;
        }
        let target = Target {
            data_stream: &self.pipeline.data_stream().name,
            ingest_pipeline: None,
        };
        let session = self.pace.session();
        let outcomes = self.pipeline.indexer.index(target, &body, &session).await;
        // A copy that is gone already, or that was removed by a request whose answer was lost, is
        // a duplicate. A copy that was changed meanwhile stays: it is rejected.
        let is_gone = |outcome: &Outcome| matches!(outcome, Outcome::Indexed | Outcome::Duplicate);
        if outcomes.iter().all(is_gone) {
            return Ok(removable);
        }
        let stay = outcomes.iter().filter(|outcome| !is_gone(outcome)).count();
        let cause = match (
            session.failure(),
            outcomes.iter().find(|outcome| !is_gone(outcome)),
        ) {
            (Some(failure), _) => failure.while_removing(),
            (None, Some(Outcome::Rejected(Rejection { status: 409, .. }))) => {
                "they were changed meanwhile: repeat the audit".to_owned()
            }
            (None, Some(Outcome::Rejected(rejection))) => {
                format!(
                    "Elasticsearch answered {} {}",
                    rejection.status, rejection.kind
                )
            }
            _ => "nobody has confirmed their removal".to_owned(),
        };
        Err(HistoryError::Cure(format!(
            "{stay} later copies could not be removed: {cause}"
        )))
    }
}

/// Returns the number of documents that a later audit finds. It finds none elsewhere, under another
/// id or in the failure store.
fn safe(report: &Report) -> u64 {
    let Report {
        indexed,
        duplicates,
        dead_lettered,
        failure_store,
        elsewhere,
        renamed,
        ..
    } = *report;
    let lost = failure_store + elsewhere + renamed;
    (indexed + duplicates + dead_lettered).saturating_sub(lost)
}

/// Counts the state of the documents. Returns those that are not in order.
fn judge(
    page: &HistoryPage,
    expected: &[Expected],
    known: &HashMap<DocumentId, Whereabouts>,
    ledger: &Ledger<'_>,
) -> Disorder {
    let mut disorder = Disorder::default();
    for expected in expected {
        ledger.count(page.group, expected.time, |counts| {
            match known.get(&expected.id) {
                None => {
                    counts.missing += 1;
                    disorder.missing.push(*expected);
                }
                Some(Whereabouts::DeadLettered) => counts.dead_lettered += 1,
                Some(Whereabouts::Stored(copies)) => {
                    counts.indexed += 1;
                    if copies.len() > 1 {
                        counts.doubled += 1;
                        disorder.doubled.push((*expected, copies.clone()));
                    }
                }
            }
        });
    }
    disorder
}

fn tell(
    page: &HistoryPage,
    state: &'static str,
    expected: &Expected,
    found: &mut impl FnMut(AuditFinding<'_>),
) {
    let data = page.payloads.get(expected.payload);
    let event = data.and_then(|data| Some((data, data.event(expected.position)?)));
    if let Some((data, event)) = event {
        found(AuditFinding {
            state,
            log_group: &data.log_group,
            log_stream: &data.log_stream,
            event_id: event.id,
            time: Timestamp(event.timestamp),
            document: expected.id,
        });
    }
}

/// Returns all copies except the oldest; `None` if the oldest is unknown.
fn later_copies(copies: &[StoredDocument]) -> Option<Vec<&StoredDocument>> {
    let mut by_age = Vec::new();
    for copy in copies {
        by_age.push((generation(&copy.index)?, copy));
    }
    by_age.sort_by_key(|(generation, _)| *generation);
    let is_rising = by_age.windows(2).all(|pair| match pair {
        [(first, _), (second, _)] => first < second,
        _ => true,
    });
    is_rising.then(|| by_age.into_iter().skip(1).map(|(_, copy)| copy).collect())
}

/// Returns the number of a backing index, which rises with each rollover.
///
/// Source:
/// <https://www.elastic.co/docs/manage-data/data-store/data-streams#data-streams-generation>.
fn generation(index: &str) -> Option<u64> {
    index.rsplit('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::LogGroup;
    use super::*;

    fn copy(index: &str) -> StoredDocument {
        StoredDocument {
            index: index.to_owned(),
            id: "x".to_owned(),
            seq_no: 1,
            primary_term: 1,
        }
    }

    #[test]
    fn the_oldest_copy_is_never_removed() {
        let later = |indices: &[&str]| {
            let copies: Vec<_> = indices.iter().map(|index| copy(index)).collect();
            let later = later_copies(&copies);
            later.map(|later| {
                later
                    .iter()
                    .map(|copy| copy.index.clone())
                    .collect::<Vec<_>>()
            })
        };
        let (first, second, tenth) = (
            "partial-.ds-logs-a-b-2026.02.01-000001",
            ".ds-logs-a-b-2026.03.01-000002",
            ".ds-logs-a-b-000010",
        );
        let expected = vec![second.to_owned(), tenth.to_owned()];
        assert_eq!(later(&[tenth, first, second]), Some(expected));
        assert_eq!(later(&[first]), Some(Vec::new()));
        assert_eq!(later(&[first, first]), None);
        assert_eq!(later(&[first, "logs-restored"]), None);
    }

    #[test]
    fn intervals_begin_with_the_hour() {
        let groups = [LogGroup {
            name: "g".to_owned(),
            ..LogGroup::default()
        }];
        let query = HistoryQuery {
            groups: &groups,
            since: 1_500,
            until: 4_200,
            pattern: None,
        };
        let ledger = Ledger::new(query, 1_000);
        for time in [1_500, 1_999, 2_000, 4_200] {
            ledger.count(0, time, |counts| counts.indexed += 1);
        }
        let rows: Vec<_> = ledger
            .rows(i64::MAX)
            .map(|row| (row.from.0, row.to.0, row.counts.indexed))
            .collect();
        let expected = [
            (1_500, 2_000, 2),
            (2_000, 3_000, 1),
            (3_000, 4_000, 0),
            (4_000, 4_200, 1),
        ];
        assert_eq!(rows, expected);
        assert_eq!((ledger.rows(3_000).count(), ledger.row_count()), (2, 4));
        assert_eq!(
            [1_700, 2_000, 4_100].map(|time| ledger.start_of(time)),
            [1_500, 2_000, 4_000]
        );
        assert_eq!(
            [i64::MAX, 3_000, 0].map(|until| ledger.total(until).cloudwatch),
            [4, 3, 0]
        );
    }

    /// A list of them would not fit into memory.
    #[test]
    fn very_many_intervals_are_counted_and_not_kept() {
        let groups = [LogGroup::default(), LogGroup::default()];
        let query = HistoryQuery {
            groups: &groups,
            since: 0,
            until: i64::MAX,
            pattern: None,
        };
        let ledger = Ledger::new(query, 1);
        assert_eq!(ledger.row_count(), u64::MAX);
        assert_eq!(ledger.rows(i64::MAX).take(3).count(), 3);
        let ledger = Ledger::new(query, i64::MAX);
        let ends: Vec<_> = ledger.rows(i64::MAX).map(|row| row.to.0).collect();
        assert_eq!((ends, ledger.row_count()), (vec![i64::MAX; 4], 4));
    }
}
