//! One invocation on its way: lines to documents, documents to outcomes.

use std::sync::Arc;

use bumpalo::Bump;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;

use super::Pipeline;
use super::chunk::{self, Chunk, Origin};
use super::delivery::{Delivery, Fate};
use super::memory::Buffers;
use crate::decode::LogData;
use crate::event::Record;
use crate::normalizer::Normalized;
use crate::report::Accounts;
use crate::server::Transport;

/// How many bodies of the largest size may be on their way at a time; of smaller ones, as many as are no larger together.
/// What waits for an answer takes memory. With fewer than three it could be that all wait for something to be taken.
const MOST_IN_FLIGHT: usize = 3;

/// However small bodies are, no more of them wait: of those, only some are sent beside each other.
const MOST_BODIES: usize = 20;

/// After so many lines the network has its turn.
const LINES_A_TURN: usize = 32;

/// One invocation.
pub(super) struct Run<'d, T> {
    pub(super) delivery: &'d Delivery<'d, T>,
    pub(super) deadline: Option<Instant>,
    pub(super) accounts: Accounts,
    /// What documents are being added to.
    chunk: Chunk,
    pub(super) buffers: Buffers,
    in_flight: FuturesUnordered<LocalBoxFuture<'d, (Chunk, Vec<Fate>)>>,
    bytes_in_flight: usize,
}

impl<'d, T: Transport> Run<'d, T> {
    pub(super) fn new(
        delivery: &'d Delivery<'d, T>,
        deadline: Option<Instant>,
        mut buffers: Buffers,
    ) -> Self {
        Self {
            delivery,
            deadline,
            accounts: Accounts::default(),
            chunk: buffers.chunk(),
            buffers,
            in_flight: FuturesUnordered::new(),
            bytes_in_flight: 0,
        }
    }

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
            match self
                .buffers
                .decoder
                .decode(&payload, self.pipeline().inflated_max_bytes)
            {
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
        if self.pipeline().own_log_group.as_ref() == Some(&data.log_group) {
            return data.events().for_each(|_| self.accounts.skipped());
        }
        let count = data.events().len();
        self.chunk.payloads.push(Arc::new(data));
        let mut arena = std::mem::take(&mut self.buffers.arena);
        let mut is_late = false;
        for position in 0..count {
            let is_full = self.is_full(position);
            if is_full {
                self.flush().await;
            }
            if is_full || position % LINES_A_TURN == 0 {
                self.take_turns().await;
                is_late = self.is_late();
            }
            arena.reset();
            if is_late {
                self.given_up(record)
            } else {
                self.log_event(record, position, &arena)
            }
        }
        self.buffers.arena = arena;
        self.chunk.drop_unused_payload();
    }

    /// Whether the deadline has gone by: what is not on its way by now is left to the next delivery, unread.
    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() > deadline)
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
        let next = self
            .chunk
            .payloads
            .last()
            .map_or(0, |data| data.message_length(position));
        let size = next * GROWTH + OVERHEAD;
        self.chunk.body.len() >= self.pipeline().indexer.limits().max_actions
            || (!self.chunk.body.is_empty()
                && self.chunk.body.size() + size > self.pipeline().indexer.limits().max_bytes)
    }

    /// Adds the documents of an event of the newest payload.
    fn log_event(&mut self, record: usize, position: usize, arena: &Bump) {
        let pipeline = self.pipeline();
        let Chunk {
            body,
            origins,
            payloads,
        } = &mut self.chunk;
        let Some(payload) = payloads.len().checked_sub(1) else {
            return;
        };
        let Some(line) = chunk::line(payloads, payload, position) else {
            return;
        };
        let documents = match pipeline.documents(&line, arena) {
            Normalized::Documents(documents) => documents,
            Normalized::Skipped => return self.accounts.skipped(),
        };
        for (part, document) in documents.iter().enumerate() {
            let id = chunk::identity(&line, position, part, arena).document_id();
            self.accounts.received();
            if document.event.kind == Some("pipeline_error") {
                self.accounts.parse_failure();
            }
            body.push(&id, document);
            origins.push(Origin {
                record,
                payload,
                position,
                part,
                id,
            });
        }
    }

    /// Puts the documents that there are on their way. The newest payload stays, since it may have more events.
    async fn flush(&mut self) {
        if self.chunk.body.is_empty() {
            return;
        }
        let next = self.chunk.next(self.buffers.chunk());
        let chunk = std::mem::replace(&mut self.chunk, next);
        let size = chunk.body.size();
        while !self.has_room(size) {
            self.settle_next().await;
        }
        self.bytes_in_flight += size;
        self.in_flight
            .push(self.delivery.deliver(chunk).boxed_local());
        self.take_turns().await;
    }

    fn has_room(&self, size: usize) -> bool {
        let most_bytes = MOST_IN_FLIGHT * self.pipeline().indexer.limits().max_bytes;
        let is_large = self.bytes_in_flight + size > most_bytes;
        self.in_flight.len()
            < if is_large {
                MOST_IN_FLIGHT
            } else {
                MOST_BODIES
            }
    }

    /// Lets what is in flight go on, without waiting for it.
    async fn take_turns(&mut self) {
        while let Some(Some((chunk, fates))) = self.in_flight.next().now_or_never() {
            self.settle(chunk, &fates);
        }
        if !self.in_flight.is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// Puts the last documents on their way, and waits until all are settled.
    pub(super) async fn finish(&mut self) {
        self.flush().await;
        self.delivery.session.close();
        while !self.in_flight.is_empty() {
            self.settle_next().await;
        }
        let last = std::mem::take(&mut self.chunk);
        self.buffers.reuse(last);
    }

    async fn settle_next(&mut self) {
        if let Some((chunk, fates)) = self.in_flight.next().await {
            self.settle(chunk, &fates);
        }
    }

    fn settle(&mut self, chunk: Chunk, fates: &[Fate]) {
        self.bytes_in_flight -= chunk.body.size();
        for (origin, fate) in chunk.origins.iter().zip(fates) {
            match fate {
                Fate::Indexed => self.accounts.indexed(),
                Fate::Duplicate => self.accounts.duplicate(),
                Fate::DeadLettered => self.accounts.dead_lettered(),
                Fate::Refused => self.accounts.refused(origin.record),
                Fate::Unresolved => self.accounts.unresolved(origin.record),
            }
        }
        self.buffers.reuse(chunk);
    }

    fn pipeline(&self) -> &'d Pipeline<T> {
        self.delivery.pipeline
    }
}
