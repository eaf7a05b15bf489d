//! One invocation on its way: lines to documents, documents to outcomes.

use bumpalo::Bump;
use tokio::time::Instant;

use super::Pipeline;
use super::chunk::{self, Chunk, Origin};
use crate::bulk::{BulkBody, Failure, Outcome, Rejection, Session, Target, Transport};
use crate::dead_letter::{DeadLetter, RefusedDocument};
use crate::decode::{LogData, decode};
use crate::event::Record;
use crate::normalizer::Normalized;
use crate::report::Accounts;

/// One invocation.
pub(super) struct Run<'p, T> {
    pub(super) pipeline: &'p Pipeline<T>,
    pub(super) session: Session,
    /// That of the dead letters: when they cannot be written, it is not tried for each chunk anew.
    pub(super) burial: Session,
    pub(super) deadline: Option<Instant>,
    pub(super) accounts: Accounts,
    pub(super) chunk: Chunk,
}

impl<T: Transport> Run<'_, T> {
    pub(super) async fn record(&mut self, number: usize, record: Record<'_>) {
        let payloads = match record.payloads {
            Ok(payloads) => payloads,
            Err(problem) => return self.accounts.undecodable(number, &problem),
        };
        for payload in payloads {
            if self.is_late() {
                // Nothing of it can be sent any more, and to read it would take the time to say so.
                self.given_up(number);
                continue;
            }
            match decode(&payload, self.pipeline.inflated_max_bytes) {
                Ok(data) => self.log_data(number, data).await,
                Err(problem) => {
                    tracing::debug!(record = number, bytes = payload.len(), %problem, "payload not read");
                    self.accounts.undecodable(number, &problem);
                }
            }
        }
    }

    async fn log_data(&mut self, record: usize, data: LogData) {
        tracing::debug!(
            record,
            log_group = data.log_group,
            log_stream = data.log_stream,
            events = data.events().len(),
            is_control_message = data.is_control_message,
            "payload read"
        );
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
            arena.reset();
            if self.is_late() { self.given_up(record) } else { self.log_event(record, position, &arena) }
        }
        self.chunk.drop_unused_payload();
    }

    /// Whether the deadline has gone by: what is not on its way by now is left to the next delivery, unread.
    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() > deadline)
    }

    /// Something of a record that nobody has looked at.
    fn given_up(&mut self, record: usize) {
        self.accounts.received();
        self.accounts.unresolved(record);
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
        let Some(line) = chunk::line(payloads, payload, position) else { return };
        let documents = match self.pipeline.documents(&line, arena) {
            Normalized::Documents(documents) => documents,
            Normalized::Skipped => return self.accounts.skipped(),
        };
        for (part, document) in documents.iter().enumerate() {
            let id = chunk::identity(&line, position, part).document_id();
            self.accounts.received();
            if document.event.kind == Some("pipeline_error") {
                self.accounts.parse_failure();
            }
            body.push(&id, document);
            origins.push(Origin { record, payload, position, part, id });
        }
    }

    /// Sends what there is and settles it. The newest payload stays, since it may have more events.
    pub(super) async fn flush(&mut self) {
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
            let Some(line) = chunk::line(&self.chunk.payloads, origin.payload, origin.position) else { continue };
            records.push(origin.record);
            let Origin { position, part, id, .. } = *origin;
            let refused = RefusedDocument { line, position, part, id, target: &self.pipeline.data_stream };
            body.push(&id, &DeadLetter::new(&refused, rejection, dead_letters, &arena));
        }
        let target = Target { data_stream: &dead_letters.name, ingest_pipeline: None };
        let outcomes = self.pipeline.indexer.index(target, &body, &mut self.burial).await;
        for (record, outcome) in records.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Indexed | Outcome::Duplicate => {
                    self.accounts.dead_lettered();
                    continue;
                }
                Outcome::Rejected(Rejection { status, kind, .. }) => {
                    self.burial.failed(Failure::DeadLetter { status, kind })
                }
                Outcome::Undelivered => {}
            }
            self.accounts.unresolved(record);
            self.session.adopt_failure(&self.burial);
        }
    }
}
