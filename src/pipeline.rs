//! The whole path of one invocation: records in, a report out.

use std::collections::BTreeSet;
use std::time::Duration;

use bumpalo::Bump;
use regex::Regex;
use tokio::time::Instant;

use crate::bulk::{
    BulkBody, DataStreamName, DocumentId, Failure, Indexer, LogEventIdentity, Outcome, Rejection, RetryPolicy, Session,
    Target, Transport,
};
use crate::dead_letter::{DeadLetter, RefusedDocument};
use crate::decode::{LogData, LogEvent, decode};
use crate::enrich::Enrichments;
use crate::event::{Batch, Record};
use crate::normalizer::{LogLine, Normalized, Normalizer};
use crate::report::{Accounts, Report};

/// The path with its settings, for the life of the process.
#[derive(Debug)]
pub struct Pipeline<T> {
    /// How lines become documents.
    pub normalizer: Normalizer,
    /// What is looked up for them.
    pub enrichments: Enrichments,
    /// Which lines are wanted.
    pub filter: Filter,
    /// What the documents go through in Elasticsearch. Dead letters do not: it may be what refuses the documents.
    pub ingest_pipeline: Option<String>,
    /// Where the documents go.
    pub data_stream: DataStreamName,
    /// Where refused documents go; `None` to fail the invocation instead.
    pub dead_letters: Option<DataStreamName>,
    /// How large a body may grow before it is sent, in bytes: `BULK_MAX_BYTES`.
    pub max_bytes: usize,
    /// How many documents a body may hold: `BULK_MAX_ACTIONS`.
    pub max_actions: usize,
    /// What a payload may inflate to, in bytes: `INFLATED_MAX_BYTES`.
    pub inflated_max_bytes: u64,
    /// The log group of the function itself, which is never forwarded: it would feed itself.
    pub own_log_group: Option<String>,
    /// When to send again.
    pub retry_policy: RetryPolicy,
    /// A source of randomness, for the jitter.
    pub random: fn() -> u64,
    /// What sends.
    pub indexer: Indexer<T>,
}

/// `INCLUDE` and `EXCLUDE`: regular expressions on the raw line.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only lines that match are wanted.
    pub include: Option<Regex>,
    /// Lines that match are not wanted, included or not.
    pub exclude: Option<Regex>,
}

impl Filter {
    fn wants(&self, message: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(message))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.is_match(message))
    }
}

/// Documents that wait to be sent, and where they came from.
#[derive(Default)]
struct Chunk {
    body: BulkBody,
    origins: Vec<Origin>,
    /// The payloads that the origins point into.
    payloads: Vec<LogData>,
}

/// Where a document came from.
#[derive(Clone, Copy)]
struct Origin {
    record: usize,
    payload: usize,
    position: usize,
    id: DocumentId,
}

/// One invocation.
struct Run<'p, T> {
    pipeline: &'p Pipeline<T>,
    session: Session,
    deadline: Option<Instant>,
    accounts: Accounts,
    chunk: Chunk,
}

/// What is kept free before the deadline, to write dead letters when Elasticsearch was slow: at most this, and at most
/// a quarter of the time that there is.
const DEAD_LETTER_RESERVE: Duration = Duration::from_secs(2);

impl<T: Transport> Pipeline<T> {
    /// Does the work of one invocation, at the latest until the deadline. Answers the report and the records that are
    /// unfinished.
    pub async fn process(&self, batch: Batch<'_>, deadline: Option<Instant>) -> (Report, BTreeSet<usize>) {
        let start = Instant::now();
        let sending_ends = deadline.map(|deadline| {
            let reserve = DEAD_LETTER_RESERVE.min(deadline.saturating_duration_since(start) / 4);
            deadline.checked_sub(reserve).unwrap_or(deadline)
        });
        let mut run = Run {
            pipeline: self,
            session: Session::new(self.retry_policy, sending_ends, self.random),
            deadline,
            accounts: Accounts::default(),
            chunk: Chunk::default(),
        };
        let records = batch.records.len();
        for (number, record) in batch.records.into_iter().enumerate() {
            run.record(number, record).await;
        }
        run.flush().await;
        run.accounts.sent(run.session.traffic());
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (report, mut failed_records) = run.accounts.close(duration_ms, run.session.failure());
        if report.error.is_some() && failed_records.is_empty() {
            // A mistake of ours, which must not pass for success: everything is to come again.
            failed_records.extend(0..records);
        }
        (report, failed_records)
    }
}

impl<T> Pipeline<T> {
    /// The documents of a line, complete.
    pub fn documents<'a>(&'a self, line: &LogLine<'a>, arena: &'a Bump) -> Normalized<'a> {
        let mut normalized = self.normalizer.normalize(line, arena);
        if let Normalized::Documents(documents) = &mut normalized {
            documents.iter_mut().for_each(|document| self.enrichments.apply(document, arena));
        }
        normalized
    }
}

impl<T: Transport> Run<'_, T> {
    async fn record(&mut self, number: usize, record: Record<'_>) {
        let payloads = match record.payloads {
            Ok(payloads) => payloads,
            Err(problem) => return self.accounts.undecodable(number, &problem),
        };
        for payload in payloads {
            match decode(&payload, self.pipeline.inflated_max_bytes) {
                Ok(data) => self.log_data(number, data).await,
                Err(problem) => self.accounts.undecodable(number, &problem),
            }
        }
    }

    async fn log_data(&mut self, record: usize, data: LogData) {
        if data.is_control_message {
            return self.accounts.skipped();
        }
        if self.pipeline.own_log_group.as_ref() == Some(&data.log_group) {
            return data.events().for_each(|_| self.accounts.skipped());
        }
        let count = data.events().len();
        self.chunk.payloads.push(data);
        let mut arena = Bump::new();
        for position in 0..count {
            if self.is_full(position) {
                self.flush().await;
            }
            if self.session.is_over() {
                // Nothing more is sent, so there is no use in making documents while the deadline comes near.
                (position..count).for_each(|_| self.accounts.undelivered(record));
                break;
            }
            arena.reset();
            self.log_event(record, position, &arena);
        }
        self.chunk.drop_unused_payload();
    }

    /// Whether the next event's document might not fit. A document is larger than its line, by what is made of it.
    fn is_full(&self, position: usize) -> bool {
        const GROWTH: usize = 3;
        const OVERHEAD: usize = 2_048;
        let next = self.chunk.payloads.last().and_then(|data| data.event(position));
        let size = next.map_or(0, |event| event.message.len() * GROWTH + OVERHEAD);
        self.chunk.body.len() >= self.pipeline.max_actions
            || (!self.chunk.body.is_empty() && self.chunk.body.size() + size > self.pipeline.max_bytes)
    }

    /// Adds the documents of an event of the newest payload.
    fn log_event(&mut self, record: usize, position: usize, arena: &Bump) {
        let Chunk { body, origins, payloads } = &mut self.chunk;
        let Some(payload) = payloads.len().checked_sub(1) else { return };
        let Some(line) = line(payloads, payload, position) else { return };
        if !self.pipeline.filter.wants(line.message) {
            return self.accounts.skipped();
        }
        let documents = match self.pipeline.documents(&line, arena) {
            Normalized::Documents(documents) => documents,
            Normalized::Skipped => return self.accounts.skipped(),
        };
        for (part, document) in documents.iter().enumerate() {
            let id = identity(&line, position, part).document_id();
            self.accounts.received();
            if document.event.kind == Some("pipeline_error") {
                self.accounts.parse_failure();
            }
            body.push(&id, document);
            origins.push(Origin { record, payload, position, id });
        }
    }

    /// Sends what there is and settles it. The newest payload stays, since it may have more events.
    async fn flush(&mut self) {
        let pipeline = self.pipeline;
        let target =
            Target { data_stream: &pipeline.data_stream.name, ingest_pipeline: pipeline.ingest_pipeline.as_deref() };
        let outcomes = pipeline.indexer.index(target, &self.chunk.body, &mut self.session).await;
        let mut rejected = Vec::new();
        for (origin, outcome) in self.chunk.origins.iter().zip(outcomes) {
            match outcome {
                Outcome::Indexed => self.accounts.indexed(),
                Outcome::Duplicate => self.accounts.duplicate(),
                Outcome::Undelivered => self.accounts.unresolved(origin.record),
                Outcome::Rejected(rejection) => rejected.push((*origin, rejection)),
            }
        }
        self.bury(&rejected).await;
        self.chunk.restart();
    }

    /// Writes the dead letters of refused documents. An event is safe only once that is confirmed.
    async fn bury(&mut self, rejected: &[(Origin, Rejection)]) {
        let Some(dead_letters) = &self.pipeline.dead_letters else {
            return rejected.iter().for_each(|(origin, _)| self.accounts.refused(origin.record));
        };
        if rejected.is_empty() {
            return;
        }
        let arena = Bump::new();
        let (mut body, mut records) = (BulkBody::default(), Vec::new());
        for (origin, rejection) in rejected {
            let Some(line) = line(&self.chunk.payloads, origin.payload, origin.position) else { continue };
            records.push(origin.record);
            let (target, position, id) = (&self.pipeline.data_stream, origin.position, origin.id);
            let refused = RefusedDocument { line, position, id, target };
            body.push(&id, &DeadLetter::new(&refused, rejection, dead_letters, &arena));
        }
        let target = Target { data_stream: &dead_letters.name, ingest_pipeline: None };
        let policy = RetryPolicy { max_retries: Some(1), ..self.pipeline.retry_policy };
        let mut session = Session::new(policy, self.deadline, self.pipeline.random);
        let outcomes = self.pipeline.indexer.index(target, &body, &mut session).await;
        self.accounts.sent(session.traffic());
        for (record, outcome) in records.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Indexed | Outcome::Duplicate => {
                    self.accounts.dead_lettered();
                    continue;
                }
                Outcome::Rejected(Rejection { status, kind, .. }) => {
                    session.failed(Failure::DeadLetter { status, kind })
                }
                Outcome::Undelivered => {}
            }
            self.accounts.unresolved(record);
            self.session.adopt_failure(&session);
        }
    }
}

impl Chunk {
    /// Lets the newest payload go if no document came of it.
    fn drop_unused_payload(&mut self) {
        let used = self.origins.last().map_or(0, |origin| origin.payload + 1);
        self.payloads.truncate(used);
    }

    fn restart(&mut self) {
        self.body.clear();
        self.origins.clear();
        let newest = self.payloads.pop();
        self.payloads.clear();
        self.payloads.extend(newest);
    }
}

fn line(payloads: &[LogData], payload: usize, position: usize) -> Option<LogLine<'_>> {
    let data = payloads.get(payload)?;
    let LogEvent { id, timestamp, message } = data.event(position)?;
    Some(LogLine {
        owner: &data.owner,
        log_group: &data.log_group,
        log_stream: &data.log_stream,
        event_id: id,
        event_time: timestamp,
        message,
    })
}

fn identity<'a>(line: &LogLine<'a>, position: usize, part: usize) -> LogEventIdentity<'a> {
    LogEventIdentity {
        owner: line.owner,
        log_group: line.log_group,
        log_stream: line.log_stream,
        event_id: line.event_id,
        event_time: line.event_time,
        message: line.message,
        position,
        part,
    }
}
