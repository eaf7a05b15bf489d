//! One invocation in progress: lines become documents, documents get outcomes.

use std::future::poll_fn;
use std::ops::Range;
use std::task::Poll;
use std::time::Duration;

use bumpalo::Bump;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;

use super::Pipeline;
use super::chunk::{self, Chunk, LinePlace};
use super::delivery::{Delivery, Fate};
use super::memory::{self, Buffers};
use super::progress::{PayloadProgress, around};
use crate::decode::LogData;
use crate::event::Record;
use crate::normalizer::Normalized;
use crate::report::Accounts;
use crate::server::Transport;

/// Upper bound on the documents in flight and their lines, in bodies of the largest size. A chunk
/// that waits for a reply takes memory.
const MOST_IN_FLIGHT: usize = 4;

/// Upper bound on bodies in flight, whatever their size; the gate sends fewer of them at the same
/// time.
const MOST_BODIES: usize = 20;

/// The number of lines after which the network gets its turn.
const LINES_A_TURN: usize = 32;

/// The time after which documents are sent, however few they are: documents that are not sent by
/// the deadline are lost work.
const LONGEST_FILLING: Duration = Duration::from_secs(2);

/// One invocation.
pub(super) struct Run<'d, T> {
    pub(super) delivery: &'d Delivery<'d, T>,
    /// The moment after which no request may start. Lines without documents by then are left to the
    /// next delivery.
    deadline: Option<Instant>,
    pub(super) accounts: Accounts,
    /// The chunk to which documents are added.
    chunk: Chunk,
    /// The moment at which the chunk was first seen to hold documents.
    filling_since: Option<Instant>,
    pub(super) buffers: Buffers,
    /// The payloads that were read, and the progress on each.
    payloads: Vec<(&'d str, PayloadProgress)>,
    in_flight: FuturesUnordered<LocalBoxFuture<'d, (Chunk, Vec<Fate>)>>,
    bytes_in_flight: usize,
}

impl<'d, T: Transport> Run<'d, T> {
    pub(super) fn new(delivery: &'d Delivery<'d, T>, mut buffers: Buffers) -> Self {
        Self {
            delivery,
            deadline: delivery.sending_ends,
            accounts: Accounts::default(),
            chunk: buffers.chunk(),
            filling_since: None,
            buffers,
            payloads: Vec::new(),
            in_flight: FuturesUnordered::new(),
            bytes_in_flight: 0,
        }
    }

    pub(super) async fn record(&mut self, number: usize, record: &'d Record<'d>) {
        let payloads = match &record.payloads {
            Ok(payloads) => payloads,
            Err(problem) => return self.accounts.undecodable(number, problem),
        };
        for index in self.order(payloads.len()) {
            if let Some(payload) = payloads.get(index) {
                self.payload(number, payload, record.is_direct).await;
            }
        }
    }

    /// Returns the order of work where the order is free: from a random start and around, if time
    /// may be short.
    pub(super) fn order(&self, count: usize) -> impl Iterator<Item = usize> + use<T> {
        let start = self.start(count);
        (start..count).chain(0..start)
    }

    fn start(&self, count: usize) -> usize {
        if count <= 1 || self.deadline.is_none() {
            return 0;
        }
        let random = (self.pipeline().random)();
        usize::try_from(random % count as u64).unwrap_or(0)
    }

    async fn payload(&mut self, record: usize, payload: &'d str, is_direct: bool) {
        if self.is_late() {
            // Nothing of the record can be sent any more, and reading it would take the time that
            // the answer needs.
            return self.accounts.left_unresolved(record, 1);
        }
        self.make_room().await;
        let max_bytes = self.pipeline().inflated_max_bytes;
        match self.buffers.decoder.decode(payload, max_bytes) {
            Ok(mut data) => {
                let own_region = self.pipeline().own_region.as_deref();
                data.region = own_region
                    .filter(|_| is_direct)
                    .unwrap_or_default()
                    .to_owned();
                self.log_data(record, payload, data).await;
            }
            Err(problem) => {
                tracing::debug!(record, bytes = payload.len(), %problem, "payload not read");
                self.accounts.undecodable(record, &problem);
            }
        }
    }

    /// Takes a payload that is decoded already. What is left of it is not remembered.
    pub(super) async fn decoded(&mut self, record: usize, data: LogData) {
        self.make_room().await;
        self.log_data(record, "", data).await;
    }

    async fn log_data(&mut self, record: usize, payload: &'d str, mut data: LogData) {
        tracing::debug!(
            record,
            log_group = data.log_group,
            log_stream = data.log_stream,
            events = data.len(),
            is_control_message = data.is_control_message,
            "payload read"
        );
        if data.is_control_message {
            return self.accounts.skipped();
        }
        if self.pipeline().own_log_group.as_ref() == Some(&data.log_group) {
            return (0..data.len()).for_each(|_| self.accounts.skipped());
        }
        let positions = self.positions(payload, data.len());
        let first = LinePlace {
            record,
            payload: self.payloads.len() - 1,
            position: 0,
        };
        let mut arena = std::mem::take(&mut self.buffers.arena);
        for range in around(&positions, self.start(data.len())) {
            self.log_events(first, range, &mut data, &mut arena).await;
        }
        self.buffers.arena = arena;
        self.buffers.decoder.reuse(data);
    }

    /// Opens the accounts of a payload. Returns the positions of its unfinished log events.
    fn positions(&mut self, payload: &'d str, len: usize) -> Vec<Range<usize>> {
        let mut progress = PayloadProgress::default();
        let remainder = self.buffers.unfinished.take(payload);
        let positions = match remainder {
            Some(remainder) => {
                self.accounts.settled_before(&remainder.settled);
                progress.settled = remainder.settled;
                remainder.positions
            }
            None => std::iter::once(0..len).collect(),
        };
        self.payloads.push((payload, progress));
        positions
    }

    /// Makes documents from a range of a payload's log events.
    async fn log_events(
        &mut self,
        first: LinePlace,
        positions: Range<usize>,
        data: &mut LogData,
        arena: &mut Bump,
    ) {
        for (count, position) in positions.clone().enumerate() {
            data.load(position);
            let is_full = self.is_full(position, data);
            if is_full {
                self.flush().await;
            }
            if is_full || count.is_multiple_of(LINES_A_TURN) {
                self.take_turns().await;
                self.send_what_waits().await;
                if self.is_late() {
                    return self.give_up(first, position..positions.end);
                }
            }
            memory::reset(arena);
            self.log_event(LinePlace { position, ..first }, data, arena);
        }
    }

    /// Returns whether the deadline has passed.
    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() > deadline)
    }

    /// Leaves log events to the next delivery, unread.
    fn give_up(&mut self, first: LinePlace, positions: Range<usize>) {
        self.accounts.left_unresolved(first.record, positions.len());
        self.progress(first.payload, |progress| {
            progress.not_finished(positions);
        });
    }

    fn progress(&mut self, payload: usize, note: impl FnOnce(&mut PayloadProgress)) {
        if let Some((_, progress)) = self.payloads.get_mut(payload) {
            note(progress);
        }
    }

    /// Returns whether the documents of the next log event might not fit. A document is larger than
    /// its line by the fields that are added.
    fn is_full(&self, position: usize, data: &LogData) -> bool {
        const GROWTH: usize = 3;
        const OVERHEAD: usize = 2_048;
        let body = &self.chunk.body;
        let next = data
            .event(position)
            .map_or(0, |event| event.message.raw.len());
        let size = next * GROWTH + OVERHEAD;
        let limits = self.pipeline().indexer.limits();
        body.len() >= limits.max_actions
            || (!body.is_empty() && body.size() + size > limits.max_bytes)
    }

    /// Adds the documents of a log event.
    fn log_event(&mut self, place: LinePlace, data: &LogData, arena: &Bump) {
        let Some(event) = data.event(place.position) else {
            return;
        };
        let line = chunk::log_line(data, &event);
        let formats = &self.pipeline().normalizer.formats;
        let misfits = formats.misfits();
        let documents = match self.pipeline().documents(&line, arena) {
            Normalized::Documents(documents) => documents,
            Normalized::Skipped => {
                self.accounts.skipped();
                return self.progress(place.payload, |progress| progress.settled.skipped += 1);
            }
        };
        self.accounts.fits_no_format(formats.misfits() - misfits);
        self.chunk.push_line(place, data, &event);
        for (part, document) in documents.iter().enumerate() {
            let id = chunk::identity(&line, place.position, part, arena).document_id();
            self.accounts.received();
            if document.event.kind == Some("pipeline_error") {
                self.accounts.parse_failure();
            }
            let gateway = &document.aws.api_gateway;
            if let Some(unmapped) = gateway
                .unmapped
                .filter(|_| gateway.log_type == Some("access"))
            {
                self.accounts.unmapped_keys(unmapped.0.len());
            }
            self.chunk.body.push(&id, document);
            self.chunk.push_document(id);
        }
    }

    /// Sends documents that have waited long enough for others.
    async fn send_what_waits(&mut self) {
        if self.chunk.body.is_empty() {
            return;
        }
        let now = Instant::now();
        if now - *self.filling_since.get_or_insert(now) > LONGEST_FILLING {
            self.flush().await;
        }
    }

    /// Sends the documents of the chunk, so that they are in flight.
    async fn flush(&mut self) {
        self.filling_since = None;
        if self.chunk.body.is_empty() {
            return;
        }
        let chunk = std::mem::replace(&mut self.chunk, self.buffers.chunk());
        let size = chunk.size();
        while !self.has_room(size) && self.settle_next().await {}
        self.bytes_in_flight += size;
        self.in_flight
            .push(self.delivery.deliver(chunk).boxed_local());
        self.take_turns().await;
    }

    fn has_room(&self, size: usize) -> bool {
        self.in_flight.is_empty()
            || (self.in_flight.len() < MOST_BODIES
                && self.bytes_in_flight + size <= self.most_bytes())
    }

    fn most_bytes(&self) -> usize {
        MOST_IN_FLIGHT * self.pipeline().indexer.limits().max_bytes
    }

    /// Waits until there is memory for another payload: documents of huge lines are settled first.
    async fn make_room(&mut self) {
        if self.chunk.size() > self.most_bytes() {
            self.flush().await;
        }
        while self.bytes_in_flight > self.most_bytes() && self.settle_next().await {}
    }

    /// Lets the chunks in flight make progress, without waiting for them.
    async fn take_turns(&mut self) {
        while let Some(Some((chunk, fates))) = self.in_flight.next().now_or_never() {
            self.settle(chunk, &fates);
        }
        if !self.in_flight.is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// Sends the last documents, and waits until all are settled.
    pub(super) async fn finish(&mut self) {
        self.flush().await;
        self.delivery.session.close();
        while let Some((chunk, fates)) = self.in_flight.next().await {
            self.settle(chunk, &fates);
        }
        let last = std::mem::take(&mut self.chunk);
        self.reuse(last);
        for (payload, progress) in self.payloads.drain(..) {
            if payload.is_empty() {
                continue;
            }
            // Alone, documents that are at fault would never be known as such.
            let suspects = self.delivery.session.suspects();
            let remainder = progress.into_remainder();
            if let Some(remainder) = remainder.filter(|remainder| remainder.len() > suspects) {
                self.buffers.unfinished.put(payload, remainder);
            }
        }
    }

    /// Waits until a chunk in flight is settled. Returns false if none can be settled before others
    /// are sent: all of them wait to learn whether the server accepts anything.
    async fn settle_next(&mut self) -> bool {
        let Self {
            in_flight,
            delivery,
            ..
        } = self;
        let next = poll_fn(|context| match in_flight.poll_next_unpin(context) {
            Poll::Ready(next) => Poll::Ready(next),
            Poll::Pending if delivery.is_sending() => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        });
        let Some((chunk, fates)) = next.await else {
            return false;
        };
        self.settle(chunk, &fates);
        true
    }

    fn settle(&mut self, chunk: Chunk, fates: &[Fate]) {
        self.bytes_in_flight -= chunk.size();
        for (place, documents) in chunk.lines() {
            let Some(fates) = fates.get(documents) else {
                continue;
            };
            self.settle_line(place, fates);
        }
        self.reuse(chunk);
    }

    /// Counts the fates of a line's documents.
    fn settle_line(&mut self, place: LinePlace, fates: &[Fate]) {
        for fate in fates {
            match fate {
                Fate::Indexed => self.accounts.indexed(),
                Fate::Duplicate => self.accounts.duplicate(),
                Fate::Dropped => self.accounts.dropped(),
                Fate::DeadLettered => self.accounts.dead_lettered(),
                Fate::Rejected => self.accounts.rejected(place.record),
                Fate::Unresolved => self.accounts.unresolved(place.record),
            }
        }
        self.progress(place.payload, |progress| {
            let is_open = |fate: &Fate| matches!(fate, Fate::Rejected | Fate::Unresolved);
            if fates.iter().any(is_open) {
                progress.not_finished(place.position..place.position + 1);
                return;
            }
            for fate in fates {
                match fate {
                    Fate::Indexed | Fate::Duplicate => progress.settled.stored += 1,
                    Fate::Dropped => progress.settled.dropped += 1,
                    Fate::DeadLettered => progress.settled.dead_lettered += 1,
                    // Their lines are not finished.
                    Fate::Rejected | Fate::Unresolved => {}
                }
            }
        });
    }

    fn reuse(&mut self, chunk: Chunk) {
        self.buffers.reuse(chunk, self.most_bytes());
    }

    fn pipeline(&self) -> &'d Pipeline<T> {
        self.delivery.pipeline
    }
}
