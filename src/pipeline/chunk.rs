//! Documents on their way, and the lines that they came from.

use std::ops::Range;

use bumpalo::Bump;

use crate::bulk::{BulkBody, DocumentId, LogEventIdentity};
use crate::decode::{LogData, LogEvent};
use crate::json::{Escapes, JsonText};
use crate::normalizer::LogLine;

/// Documents that wait to be sent, with copies of their lines for dead letters.
///
/// Copies, because keeping a payload would be worse: it can be fifty times as large as the chunk,
/// and most of its lines may be skipped.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) body: BulkBody,
    /// For each document of the body, the index of its line in `lines`.
    documents: Vec<(usize, DocumentId)>,
    lines: Vec<KeptLine>,
    streams: Vec<LogStream>,
    /// The texts of the lines.
    text: String,
}

/// A line that has become documents.
struct KeptLine {
    place: LinePlace,
    /// The index in `streams`.
    stream: usize,
    event_id: Range<usize>,
    account: Range<usize>,
    region: Range<usize>,
    event_time: i64,
    message: Range<usize>,
    escapes: Escapes,
    /// The index of the line's first document.
    first_document: usize,
}

/// The log stream of one or more lines.
struct LogStream {
    payload: usize,
    owner: String,
    log_group: String,
    log_stream: String,
    region: String,
}

/// The origin of a line.
#[derive(Clone, Copy)]
pub(super) struct LinePlace {
    /// The number of its record in the batch.
    pub(super) record: usize,
    /// The number of its payload in the invocation.
    pub(super) payload: usize,
    /// The position of its log event in the payload.
    pub(super) position: usize,
}

/// A document with its line.
pub(super) struct Origin<'c> {
    pub(super) line: LogLine<'c>,
    pub(super) position: usize,
    /// The document's place among the documents of the line.
    pub(super) part: usize,
    pub(super) id: DocumentId,
}

impl Chunk {
    /// Adds a line. Its documents are pushed next.
    pub(super) fn push_line(&mut self, place: LinePlace, data: &LogData, event: &LogEvent<'_>) {
        let stream = self.stream(place.payload, data);
        let event_id = self.keep(event.id);
        let account = self.keep(event.account);
        let region = self.keep(event.region);
        let message = self.keep(event.message.raw);
        self.lines.push(KeptLine {
            place,
            stream,
            event_id,
            account,
            region,
            event_time: event.timestamp,
            message,
            escapes: event.message.escapes,
            first_document: self.documents.len(),
        });
    }

    /// Notes the id of a document of the newest line that was pushed to the body.
    pub(super) fn push_document(&mut self, id: DocumentId) {
        self.documents.push((self.lines.len() - 1, id));
    }

    fn stream(&mut self, payload: usize, data: &LogData) -> usize {
        if self.streams.last().map(|stream| stream.payload) != Some(payload) {
            self.streams.push(LogStream {
                payload,
                owner: data.owner.clone(),
                log_group: data.log_group.clone(),
                log_stream: data.log_stream.clone(),
                region: data.region.clone(),
            });
        }
        self.streams.len() - 1
    }

    fn keep(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    /// Returns the origin of a document.
    pub(super) fn origin(&self, document: usize) -> Option<Origin<'_>> {
        let (line, id) = self.documents.get(document)?;
        let line = self.lines.get(*line)?;
        let stream = self.streams.get(line.stream)?;
        let message = JsonText {
            raw: self.text.get(line.message.clone())?,
            escapes: line.escapes,
        };
        Some(Origin {
            line: LogLine {
                owner: &stream.owner,
                account: self.text.get(line.account.clone())?,
                region: region_of(self.text.get(line.region.clone())?, &stream.region),
                log_group: &stream.log_group,
                log_stream: &stream.log_stream,
                event_id: self.text.get(line.event_id.clone())?,
                event_time: line.event_time,
                message,
            },
            position: line.place.position,
            part: document - line.first_document,
            id: *id,
        })
    }

    /// Returns the ids of the documents, in their order.
    pub(super) fn ids(&self) -> impl Iterator<Item = DocumentId> {
        self.documents.iter().map(|(_, id)| *id)
    }

    /// Returns the place of each line, with the range of its documents.
    pub(super) fn lines(&self) -> impl Iterator<Item = (LinePlace, Range<usize>)> {
        let ends = self
            .lines
            .iter()
            .skip(1)
            .map(|next| next.first_document)
            .chain([self.documents.len()]);
        self.lines
            .iter()
            .zip(ends)
            .map(|(line, end)| (line.place, line.first_document..end))
    }

    /// Returns the size of the documents and their lines in bytes.
    pub(super) fn size(&self) -> usize {
        self.body.size() + self.text.len()
    }

    /// Returns the memory for documents and lines in bytes.
    pub(super) fn capacity(&self) -> usize {
        self.body.capacity() + self.text.capacity()
    }

    /// Empties the chunk but keeps its memory.
    pub(super) fn clear(&mut self) {
        self.body.clear();
        self.documents.clear();
        self.lines.clear();
        self.streams.clear();
        self.text.clear();
    }
}

/// Returns a log event as a line.
#[must_use]
pub fn log_line<'a>(data: &'a LogData, event: &LogEvent<'a>) -> LogLine<'a> {
    LogLine {
        owner: &data.owner,
        account: event.account,
        region: region_of(event.region, &data.region),
        log_group: &data.log_group,
        log_stream: &data.log_stream,
        event_id: event.id,
        event_time: event.timestamp,
        message: event.message,
    }
}

/// Returns the region of a line: the log event's own, or that of its payload.
fn region_of<'a>(event: &'a str, payload: &'a str) -> &'a str {
    if event.is_empty() { payload } else { event }
}

/// Returns the identity of a line's document. Its id is made from it.
#[must_use]
pub fn identity<'a>(
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
