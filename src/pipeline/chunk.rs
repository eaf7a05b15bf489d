//! Documents on their way, and the payloads that they came from.

use std::sync::Arc;

use bumpalo::Bump;

use crate::bulk::{BulkBody, DocumentId, LogEventIdentity};
use crate::decode::{LogData, LogEvent};
use crate::normalizer::LogLine;

/// Documents that wait to be sent, and where they came from.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) body: BulkBody,
    pub(super) origins: Vec<Origin>,
    /// The payloads that the origins point into.
    pub(super) payloads: Vec<Arc<LogData>>,
}

/// Where a document came from.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub(super) record: usize,
    pub(super) payload: usize,
    pub(super) position: usize,
    pub(super) part: usize,
    pub(super) id: DocumentId,
}

impl Chunk {
    /// Lets the newest payload go if no document came of it.
    pub(super) fn drop_unused_payload(&mut self) {
        let used = self.origins.last().map_or(0, |origin| origin.payload + 1);
        self.payloads.truncate(used);
    }

    /// An empty one for what comes after this one: for the newest payload's other events.
    pub(super) fn next(&self, mut empty: Self) -> Self {
        empty.payloads.extend(self.payloads.last().map(Arc::clone));
        empty
    }
}

/// An event of a payload, as a line.
pub(super) fn line(
    payloads: &[Arc<LogData>],
    payload: usize,
    position: usize,
) -> Option<LogLine<'_>> {
    let data = payloads.get(payload)?;
    let LogEvent {
        id,
        timestamp,
        message,
    } = data.event(position)?;
    Some(LogLine {
        owner: &data.owner,
        log_group: &data.log_group,
        log_stream: &data.log_stream,
        event_id: id,
        event_time: timestamp,
        message,
    })
}

/// What the id of a document of a line depends on.
pub(super) fn identity<'a>(
    line: &LogLine<'a>,
    position: usize,
    part: usize,
    arena: &'a Bump,
) -> LogEventIdentity<'a> {
    LogEventIdentity {
        owner: line.owner,
        log_group: line.log_group,
        log_stream: line.log_stream,
        event_id: line.event_id,
        event_time: line.event_time,
        message: if line.event_id.is_empty() {
            line.message.text(arena)
        } else {
            ""
        },
        position,
        part,
    }
}
