//! The whole path of one invocation: records in, a report out.

mod chunk;
mod delivery;
mod look_up;
mod memory;
mod progress;
mod run;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::time::Duration;

use bumpalo::Bump;
use regex::Regex;
use tokio::time::Instant;

pub use self::chunk::{identity, log_line};
use self::delivery::Delivery;
pub use self::look_up::{LookUp, LookUpEverywhere, LookUpRepeated, Whereabouts};
pub use self::memory::Memory;
use self::run::Run;
use crate::bulk::{DocumentId, Indexer, RetryPolicy, Session};
use crate::data_stream::DataStreamName;
use crate::decode::LogData;
use crate::enrich::Enrichments;
use crate::event::{self, Batch, Trigger};
use crate::normalizer::{LogLine, Normalized, Normalizer};
use crate::report::{Answer, Report, answer};
use crate::server::Transport;

/// The path with its settings, for the lifetime of the process.
#[derive(Debug)]
pub struct Pipeline<T> {
    /// Turns lines into documents.
    pub normalizer: Normalizer,
    /// Adds user agents and places to documents.
    pub enrichments: Enrichments,
    /// Decides which lines are wanted.
    pub filter: Filter,
    /// The ingest pipeline for documents. Dead letters do not go through it: it may be the reason
    /// why the documents are rejected.
    pub ingest_pipeline: Option<String>,
    /// The data stream for rejected documents; `None` to fail the invocation instead.
    pub dead_letters: Option<DataStreamName>,
    /// The size up to which a payload may inflate, in bytes: `INFLATED_MAX_BYTES`.
    pub inflated_max_bytes: u64,
    /// The log group of the function itself. It is never forwarded: the function would feed itself.
    pub own_log_group: Option<String>,
    /// The region in which the function runs, if it runs in Lambda. CloudWatch Logs invokes it
    /// directly in the log group's region only.
    pub own_region: Option<String>,
    /// Decides when to send again.
    pub retry_policy: RetryPolicy,
    /// A source of randomness, for the jitter.
    pub random: fn() -> u64,
    /// Is told, once an invocation, of the first failure after which there is another try.
    pub notice: Option<fn(&str)>,
    /// Sends the documents.
    pub indexer: Indexer<T>,
    /// Memory that the next invocation reuses.
    pub memory: Memory,
}

/// `INCLUDE` and `EXCLUDE`: regular expressions on the raw line.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only lines that match are wanted.
    pub include: Option<Regex>,
    /// Lines that match are not wanted, even if `include` matches them.
    pub exclude: Option<Regex>,
}

impl Filter {
    fn wants(&self, line: &LogLine<'_>, arena: &Bump) -> bool {
        if self.include.is_none() && self.exclude.is_none() {
            return true;
        }
        let text = line.message.text(arena);
        let matches = |pattern: &Regex| pattern.is_match(text);
        self.include.as_ref().is_none_or(matches) && !self.exclude.as_ref().is_some_and(matches)
    }
}

/// Upper bound on the time that is kept free before the deadline, for writing dead letters after
/// Elasticsearch was slow. It is at most a quarter of the time left.
const DEAD_LETTER_RESERVE: Duration = Duration::from_secs(2);

/// The result of an invocation.
#[derive(Debug)]
pub struct Invocation {
    /// The outcomes of all events, counted.
    pub report: Report,
    /// The answer to a stream or queue. Success or failure is the answer to a direct subscription.
    pub answer: Option<Answer>,
}

impl<T: Transport> Pipeline<T> {
    /// Handles one invocation, from the event as Lambda delivers it to the answer.
    pub async fn invoke(&self, event: &[u8], deadline: Option<Instant>) -> Invocation {
        self.invoke_looking_up(event, deadline, None).await
    }

    /// Does the work of [`Self::invoke`]. If the events are repeated, documents that `look_up`
    /// finds are not sent.
    pub async fn invoke_looking_up(
        &self,
        event: &[u8],
        deadline: Option<Instant>,
        look_up: Option<&dyn LookUp>,
    ) -> Invocation {
        let batch = match event::read(event) {
            Ok(batch) => batch,
            Err(error) => {
                return Invocation {
                    report: Report::unsupported(error.to_string()),
                    answer: None,
                };
            }
        };
        let trigger = batch.trigger;
        let ids: Vec<String> = batch
            .records
            .iter()
            .map(|record| record.id.to_string())
            .collect();
        let look_up = look_up.filter(|_| batch.is_repeated);
        let (report, failed_records) = self.process_looking_up(batch, deadline, look_up).await;
        Invocation {
            report,
            answer: answer(trigger, &ids, &failed_records),
        }
    }

    /// Handles one invocation. No request is open after the deadline. Returns the report and the
    /// unfinished records.
    pub async fn process(
        &self,
        batch: Batch<'_>,
        deadline: Option<Instant>,
    ) -> (Report, BTreeSet<usize>) {
        self.process_looking_up(batch, deadline, None).await
    }

    /// Does the work of [`Self::process`] for records that may have been delivered before.
    /// Documents that `look_up` finds are not sent; they count as duplicates or dead letters.
    pub async fn process_looking_up(
        &self,
        batch: Batch<'_>,
        deadline: Option<Instant>,
        look_up: Option<&dyn LookUp>,
    ) -> (Report, BTreeSet<usize>) {
        let start = Instant::now();
        let time_left_s =
            deadline.map(|deadline| deadline.saturating_duration_since(start).as_secs_f64());
        tracing::debug!(trigger = ?batch.trigger, records = batch.records.len(), time_left_s, "event read");
        let delivery = self.delivery(start, deadline, look_up);
        let mut run = Run::new(&delivery, self.memory.take());
        let records = batch.records.len();
        if batch.trigger == Trigger::Kinesis {
            for (number, record) in batch.records.iter().enumerate() {
                run.record(number, record).await;
            }
        } else {
            for number in run.order(records) {
                if let Some(record) = batch.records.get(number) {
                    run.record(number, record).await;
                }
            }
        }
        self.close(run, records, start).await
    }

    /// Does the same work with decoded payloads. Each of them counts as a record.
    pub async fn process_log_data(
        &self,
        payloads: Vec<LogData>,
        look_up: Option<&dyn LookUp>,
    ) -> (Report, BTreeSet<usize>) {
        let start = Instant::now();
        let delivery = self.delivery(start, None, look_up);
        let mut run = Run::new(&delivery, self.memory.take());
        let records = payloads.len();
        for (number, data) in payloads.into_iter().enumerate() {
            run.decoded(number, data).await;
        }
        self.close(run, records, start).await
    }

    fn delivery<'p>(
        &'p self,
        start: Instant,
        deadline: Option<Instant>,
        look_up: Option<&'p dyn LookUp>,
    ) -> Delivery<'p, T> {
        let sending_ends = deadline.map(|deadline| {
            let reserve = DEAD_LETTER_RESERVE.min(deadline.saturating_duration_since(start) / 4);
            deadline.checked_sub(reserve).unwrap_or(deadline)
        });
        let once = RetryPolicy {
            max_retries: Some(1),
            ..self.retry_policy
        };
        let session =
            || Session::new(self.retry_policy, sending_ends, self.random).with_notice(self.notice);
        let looking = session();
        let session = session();
        self.enrichments.begin_invocation();
        Delivery {
            pipeline: self,
            burial: session.urgent(once, deadline),
            looking,
            look_up,
            sending_ends,
            first_rejection: OnceCell::new(),
            session,
        }
    }

    async fn close(
        &self,
        mut run: Run<'_, T>,
        records: usize,
        start: Instant,
    ) -> (Report, BTreeSet<usize>) {
        run.finish().await;
        self.memory.put_back(std::mem::take(&mut run.buffers));
        run.accounts
            .user_agents_not_parsed(self.enrichments.user_agents_not_parsed());
        let delivery = run.delivery;
        if let Some(look_up) = delivery.look_up {
            run.accounts.not_looked_up(look_up.take_not_looked_up());
        }
        run.accounts.sent(delivery.session.traffic());
        run.accounts.sent(delivery.burial.traffic());
        run.accounts
            .rejected_because(delivery.first_rejection.get().cloned());
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        run.accounts
            .close(records, duration_ms, delivery.session.failure().as_ref())
    }
}

impl<T> Pipeline<T> {
    /// Returns the data stream of the documents.
    #[must_use]
    pub fn data_stream(&self) -> &DataStreamName {
        &self.normalizer.data_stream
    }

    /// Returns the complete documents of a line; none if a filter leaves it out.
    pub fn documents<'a>(&'a self, line: &LogLine<'a>, arena: &'a Bump) -> Normalized<'a> {
        self.documents_by(&self.normalizer, line, arena)
    }

    /// Returns the ids of the documents of a log event; `None` if the settings leave it out.
    pub fn document_ids(
        &self,
        data: &LogData,
        position: usize,
        arena: &Bump,
    ) -> Option<Vec<DocumentId>> {
        let is_own = self.own_log_group.as_ref() == Some(&data.log_group);
        let event = data.event(position).filter(|_| !is_own)?;
        let line = log_line(data, &event);
        match self.documents(&line, arena) {
            Normalized::Skipped => None,
            Normalized::Documents(documents) => Some(
                (0..documents.len())
                    .map(|part| identity(&line, position, part, arena).document_id())
                    .collect(),
            ),
        }
    }

    /// Returns a normalizer for another data stream.
    #[must_use]
    pub fn normalizer_for(&self, target: &DataStreamName) -> Normalizer {
        Normalizer {
            data_stream: target.clone(),
            ..self.normalizer.clone()
        }
    }

    /// Returns the documents of a line as the given normalizer makes them.
    pub fn documents_by<'a>(
        &'a self,
        normalizer: &'a Normalizer,
        line: &LogLine<'a>,
        arena: &'a Bump,
    ) -> Normalized<'a> {
        if !self.filter.wants(line, arena) {
            return Normalized::Skipped;
        }
        let mut normalized = normalizer.normalize(line, arena);
        if let Normalized::Documents(documents) = &mut normalized {
            documents
                .iter_mut()
                .for_each(|document| self.enrichments.apply(document, arena));
        }
        normalized
    }
}
