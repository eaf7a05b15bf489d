//! The gateway normalizer: one line of an API Gateway log becomes one ECS document.
//!
//! It is total. Whatever the line is, the answer is a document, several documents (objects that were joined into one
//! line), or a skip that is counted; and what could not be understood whole stands in `event.original`.

mod access_log;
mod aliases;
mod api_gateway;
mod broken_json;
mod common_log;
mod document;
mod duplicates;
mod envelope;
mod execution_log;
mod kept_line;
mod key_order;
mod key_value;
mod log_line;
mod mask;
mod normalized;
mod problem;
pub mod region;
pub mod timestamp;
pub mod url;
pub mod user_arn;
mod value;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use self::access_log::AccessLog;
use self::aliases::Variable;
use self::broken_json::Object;
use self::envelope::Envelope;
pub use self::kept_line::mask_line;
pub use self::key_order::KeyOrder;
pub use self::log_line::LogLine;
pub use self::mask::mask;
pub use self::normalized::Normalized;
use self::problem::{NO_KNOWN_FORM, NO_KNOWN_KEY, NO_WHOLE_JSON, Stop, TOO_MANY_OBJECTS};
use crate::data_stream::DataStreamName;
use crate::ecs::{
    Cloud, CloudAccount, CloudWatch, DataStream, Document, ECS_VERSION, Ecs, Error, Event, Named,
    OneOrMore, Text, Timestamp,
};
use crate::json::{Escapes, JsonText, Scanner};

/// Of a line that holds more objects than this the rest is kept as it is: a document for each would take more memory
/// than there is.
const MOST_JOINED_OBJECTS: usize = 1_000;

/// `event.kind` of a line that was not understood whole.
const PIPELINE_ERROR: &str = "pipeline_error";

/// The tag of documents that have `event.original`.
pub(crate) const PRESERVED: &str = "preserve_original_event";

/// How lines become documents: the settings that every document shows.
#[derive(Debug, Clone)]
pub struct Normalizer {
    /// Where the documents go: `data_stream.*` and `event.dataset`.
    pub data_stream: DataStreamName,
    /// `tags`
    pub tags: Vec<String>,
    /// When `event.original` is kept.
    pub original_event: OriginalEvent,
    /// What becomes of lines of an execution log.
    pub execution_logs: ExecutionLogs,
    /// What is known of the next line from the last one.
    pub key_order: KeyOrder,
}

/// `PRESERVE_ORIGINAL_EVENT`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginalEvent {
    /// Every document has it.
    Preserved,
    /// Documents have it whose line was not understood whole.
    WhenNeeded,
}

/// `EXECUTION_LOGS`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionLogs {
    /// They become documents.
    Keep,
    /// They are skipped.
    Skip,
}

impl Normalizer {
    /// Makes documents of a line. Their texts are borrowed from the line, the settings, or the arena.
    pub fn normalize<'a>(&'a self, line: &LogLine<'a>, arena: &'a Bump) -> Normalized<'a> {
        if line.message.escapes == Escapes::Quotes
            && let Some(document) = self.escaped_json(line, arena)
        {
            return Normalized::one(document, arena);
        }
        self.unescaped(&line.unescaped(arena), arena)
    }

    /// A line that is JSON as it stands in JSON, if it is one that needs no more than to be read.
    fn escaped_json<'a>(
        &'a self,
        line: &LogLine<'a>,
        arena: &'a Bump,
    ) -> Option<&'a mut Document<'a>> {
        let text = JsonText {
            raw: trimmed(line.message.raw),
            ..line.message
        };
        let mut log =
            AccessLog::read_json(arena, Scanner::escaped(text.raw), &self.key_order).ok()?;
        log.is_recognized()
            .then(|| self.access_log(&mut log, text, line, arena))
    }

    fn unescaped<'a>(&'a self, line: &LogLine<'a>, arena: &'a Bump) -> Normalized<'a> {
        let text = trimmed(line.message.raw);
        if text.is_empty() {
            return Normalized::Skipped;
        }
        if text.starts_with('{') {
            return self.json(text, line, arena);
        }
        if let Some(log) = execution_log::read(text) {
            return match self.execution_logs {
                ExecutionLogs::Keep => {
                    Normalized::one(self.execution_log(&log, line, arena), arena)
                }
                ExecutionLogs::Skip => Normalized::Skipped,
            };
        }
        let log = common_log::read(arena, text).or_else(|| key_value::read(arena, text));
        let document = match log {
            Some(mut log) => self.access_log(&mut log, JsonText::plain(text), line, arena),
            None => self.not_understood(NO_KNOWN_FORM, text, line, arena),
        };
        Normalized::one(document, arena)
    }

    fn execution_log<'a>(
        &'a self,
        log: &execution_log::ExecutionLog<'a>,
        line: &LogLine<'a>,
        arena: &'a Bump,
    ) -> &'a mut Document<'a> {
        let document = self.document(line, arena);
        if self.original_event == OriginalEvent::Preserved {
            self.keep_original(document, mask(line.message.text(arena), arena), arena);
        }
        execution_log::fill(document, log, arena);
        document
    }

    /// A line that starts like a JSON object.
    fn json<'a>(&'a self, text: &'a str, line: &LogLine<'a>, arena: &'a Bump) -> Normalized<'a> {
        let Ok(mut log) = AccessLog::read_json(arena, Scanner::new(text), &self.key_order) else {
            return Normalized::several(self.objects(text, line, arena));
        };
        if log.is_recognized() {
            return Normalized::one(
                self.access_log(&mut log, JsonText::plain(text), line, arena),
                arena,
            );
        }
        match envelope::read(text) {
            Some(Envelope::Control) => Normalized::Skipped,
            Some(Envelope::Data(data)) => Normalized::several(self.all(&data.lines(arena), arena)),
            None => Normalized::one(
                self.access_log(&mut log, JsonText::plain(text), line, arena),
                arena,
            ),
        }
    }

    /// The documents of the lines of a subscription's message that is itself a line.
    fn all<'a>(
        &'a self,
        lines: &[LogLine<'a>],
        arena: &'a Bump,
    ) -> ArenaVec<'a, &'a mut Document<'a>> {
        let mut all = ArenaVec::new_in(arena);
        for line in lines {
            if let Normalized::Documents(documents) = self.normalize(line, arena) {
                all.extend(documents);
            }
        }
        all
    }

    /// Objects that were joined into one line, or one that is broken.
    fn objects<'a>(
        &'a self,
        text: &'a str,
        line: &LogLine<'a>,
        arena: &'a Bump,
    ) -> ArenaVec<'a, &'a mut Document<'a>> {
        let mut documents = ArenaVec::new_in(arena);
        let mut rest = text;
        while !rest.is_empty() {
            if documents.len() == MOST_JOINED_OBJECTS {
                documents.push(self.not_understood(TOO_MANY_OBJECTS, rest, line, arena));
                break;
            }
            let mut object = Object::first(arena, rest);
            rest = object.rest;
            let is_foreign = !object.log.is_recognized() && object.log.stop.is_none();
            match envelope::read(object.text).filter(|_| is_foreign) {
                Some(Envelope::Control) => {}
                Some(Envelope::Data(data)) => documents.extend(self.all(&data.lines(arena), arena)),
                None => documents.push(self.access_log(
                    &mut object.log,
                    JsonText::plain(object.text),
                    line,
                    arena,
                )),
            }
        }
        documents
    }

    fn access_log<'a>(
        &'a self,
        log: &mut AccessLog<'a>,
        text: JsonText<'a>,
        line: &LogLine<'a>,
        arena: &'a Bump,
    ) -> &'a mut Document<'a> {
        if !log.is_recognized() {
            let problem = if log.stop.is_none() {
                NO_KNOWN_KEY
            } else {
                NO_WHOLE_JSON
            };
            let document = self.not_understood(problem, text.text(arena), line, arena);
            document.aws.api_gateway.unmapped = log.unmapped();
            return document;
        }
        log.note_replaced(text);
        if log.stop.is_some() {
            // The document's `error.message` says what is wrong with the line.
            log.keep_as_unmapped(Variable::ErrorMessage);
            log.keep_as_unmapped(Variable::ErrorMessageString);
        }
        let document = self.document(line, arena);
        document::fill(document, log, arena);
        if let Some(stop) = log.stop {
            document.event.kind = Some(PIPELINE_ERROR);
            document.error.message = Some(stop.problem());
            document.aws.api_gateway.truncated = (stop == Stop::Cut).then_some(true);
        }
        let is_needed = log.loses_values() || log.stop.is_some() || log.is_repaired();
        document.aws.api_gateway.repairs = log.repairs();
        if is_needed || self.original_event == OriginalEvent::Preserved {
            let read = text.text(arena);
            let whole = original(text, line).text(arena);
            self.keep_original(
                document,
                kept_line::within(whole, read, log.masked(read), arena),
                arena,
            );
        }
        document
    }

    /// The document of a line that says nothing that we understand: it says so, and holds the line.
    fn not_understood<'a>(
        &'a self,
        problem: &'a str,
        text: &'a str,
        line: &LogLine<'a>,
        arena: &'a Bump,
    ) -> &'a mut Document<'a> {
        let document = self.document(line, arena);
        document.error = Error {
            message: Some(problem),
            r#type: None,
        };
        document.event.kind = Some(PIPELINE_ERROR);
        self.keep_original(
            document,
            mask_line(original(JsonText::plain(text), line).text(arena), arena),
            arena,
        );
        document.message = Some(mask_line(text, arena));
        document
    }

    /// What every document says, whatever the line.
    fn document<'a>(&'a self, line: &LogLine<'a>, arena: &'a Bump) -> &'a mut Document<'a> {
        // It is large, and stays where it is.
        let document = arena.alloc_with(Document::default);
        document.timestamp = Some(Timestamp(line.event_time));
        document.aws.cloudwatch = CloudWatch {
            log_group: known(line.log_group),
            log_stream: known(line.log_stream),
        };
        document.cloud = Cloud {
            account: CloudAccount {
                id: known(line.owner).map(OneOrMore::One),
            },
            provider: Some("aws"),
            region: None,
            service: Named {
                name: Some("apigateway"),
            },
        };
        document.data_stream = DataStream {
            dataset: Some(&self.data_stream.dataset),
            namespace: Some(&self.data_stream.namespace),
            r#type: Some(&self.data_stream.r#type),
        };
        document.ecs = Ecs {
            version: Some(ECS_VERSION),
        };
        document.event = Event {
            category: &["web"],
            dataset: Some(&self.data_stream.dataset),
            id: known(line.event_id),
            kind: Some("event"),
            module: Some("aws"),
            ..Event::default()
        };
        document.tags = arena.alloc_slice_fill_iter(self.tags.iter().map(String::as_str));
        document
    }

    /// Keeps the line, and tags the document: the final pipeline of Fleet's templates removes an `event.original` whose
    /// document has not this tag.
    fn keep_original<'a>(
        &'a self,
        document: &mut Document<'a>,
        original: &'a str,
        arena: &'a Bump,
    ) {
        document.event.original = Some(original);
        let others = self
            .tags
            .iter()
            .map(String::as_str)
            .filter(|tag| *tag != PRESERVED);
        document.tags = ArenaVec::from_iter_in(others.chain([PRESERVED]), arena).into_bump_slice();
    }
}

fn known(text: &str) -> Text<'_> {
    (!text.is_empty()).then_some(text)
}

/// What stands in `event.original`: the line, byte for byte; of a line that holds several objects, the one.
fn original<'a>(text: JsonText<'a>, line: &LogLine<'a>) -> JsonText<'a> {
    if text.raw.len() == trimmed(line.message.raw).len() {
        line.message
    } else {
        text
    }
}

fn trimmed(message: &str) -> &str {
    message.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'))
}
