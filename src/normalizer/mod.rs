//! The gateway normalizer: one line of an API Gateway log becomes one ECS document.
//!
//! It is total. Every line becomes a document, several documents (objects that were joined into one
//! line), or a counted skip. A line that was not completely understood is kept in `event.original`.
//!
//! The rooms, from the bottom up:
//!
//! - `convert`: turns texts into values of fields. A new conversion goes here.
//! - `variables`: knows which key means which `$context` variable. A new key goes into
//!   `variables::aliases`.
//! - `forms`: the forms of line, one file for each. A new form goes here.
//! - `document`: turns variables into fields. A new field goes here and into `ecs`.
//! - this file: decides which form a line has, and how many documents it becomes.

pub mod convert;
mod document;
mod forms;
mod kept_line;
mod line;
mod mask;
mod variables;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use self::forms::broken_json::Object;
use self::forms::envelope::Envelope;
pub use self::forms::format::{
    Format, FormatError, Formats, fill_format, format_keys, unquoted_variables,
};
use self::forms::{common_log, envelope, execution_log, format, json, key_value, xml};
pub use self::kept_line::mask_line;
use self::line::{
    ANOTHER_PROGRAMS, NO_KNOWN_FORM, NO_KNOWN_KEY, NO_WHOLE_JSON, Stop, TOO_MANY_OBJECTS,
};
pub use self::line::{LogLine, Normalized};
pub use self::mask::mask;
use self::variables::access_log::AccessLog;
use self::variables::aliases::Variable;
use self::variables::evidence::is_access_log;
pub use self::variables::key_order::KeyOrder;
use self::variables::value::LONGEST_TERM;
use crate::data_stream::DataStreamName;
use crate::ecs::{
    Cloud, CloudAccount, CloudWatch, DataStream, Document, ECS_VERSION, Ecs, Error, Event, Named,
    OneOrMore, Text, Timestamp,
};
use crate::json::{Escapes, JsonText, Scanner};

/// Upper bound on the documents of one line. More documents would not fit into memory, so the rest
/// of such a line is kept as text.
const MOST_JOINED_OBJECTS: usize = 1_000;

/// The line holds several objects. A client may have written one of them if the format does not
/// escape quotes.
const JOINED_OBJECTS: &str = "joined_objects";

/// `event.kind` of a line that was not completely understood.
const PIPELINE_ERROR: &str = "pipeline_error";

/// The tag of documents that have `event.original`.
pub(crate) const PRESERVED: &str = "preserve_original_event";

/// The settings that decide how lines become documents.
#[derive(Debug, Clone)]
pub struct Normalizer {
    /// The documents' data stream: `data_stream.*` and `event.dataset`.
    pub data_stream: DataStreamName,
    /// `tags`
    pub tags: Vec<String>,
    /// Decides when `event.original` is kept.
    pub original_event: OriginalEvent,
    /// Decides whether lines of an execution log become documents.
    pub execution_logs: ExecutionLogs,
    /// The formats from the settings.
    pub formats: Formats,
    /// The keys of the last line, which speed up the next one.
    pub key_order: KeyOrder,
}

/// `PRESERVE_ORIGINAL_EVENT`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginalEvent {
    /// Every document has `event.original`.
    Preserved,
    /// Only documents of lines that were not completely understood have it.
    WhenNeeded,
}

/// `EXECUTION_LOGS`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionLogs {
    /// Lines of execution logs become documents.
    Keep,
    /// Lines of execution logs are skipped.
    Skip,
}

impl Normalizer {
    /// Returns a line without credentials, as it may be kept.
    pub fn masked_line<'a>(&'a self, line: &LogLine<'a>, arena: &'a Bump) -> &'a str {
        let whole = line.message.text(arena);
        let text = trimmed(whole);
        let formats = &self.formats;
        match formats.read(arena, line.log_group, JsonText::plain(text)) {
            Some(log) => kept_line::within(whole, text, log.masked(text), arena),
            None => mask_line(whole, arena),
        }
    }

    /// Makes documents of a line. Their texts are borrowed from the line, the settings, or the
    /// arena.
    pub fn normalize<'a>(&'a self, line: &LogLine<'a>, arena: &'a Bump) -> Normalized<'a> {
        let work = Work {
            settings: self,
            line: *line,
            arena,
        };
        if line.message.escapes == Escapes::Quotes
            && let Some(document) = work.escaped_json()
        {
            return Normalized::one(document, arena);
        }
        Work {
            line: line.unescaped(arena),
            ..work
        }
        .unescaped()
    }
}

/// One line that is being turned into documents.
#[derive(Clone, Copy)]
struct Work<'a> {
    settings: &'a Normalizer,
    line: LogLine<'a>,
    arena: &'a Bump,
}

/// The part of a line from which a document is made.
#[derive(Clone, Copy)]
enum LinePart<'a> {
    /// The whole line, except for blanks around it.
    Whole(JsonText<'a>),
    /// One of several objects in the line.
    Object(&'a str),
}

impl<'a> LinePart<'a> {
    /// Returns the text that was read.
    fn text(self) -> JsonText<'a> {
        match self {
            Self::Whole(text) => text,
            Self::Object(text) => JsonText::plain(text),
        }
    }
}

impl<'a> Work<'a> {
    /// Reads a JSON line whose quotes are still escaped, if reading it strictly is enough.
    fn escaped_json(&self) -> Option<&'a mut Document<'a>> {
        let text = JsonText {
            raw: trimmed(self.line.message.raw),
            ..self.line.message
        };
        if let Some(mut log) = self.by_format(text) {
            return Some(self.access_log(&mut log, LinePart::Whole(text)));
        }
        let scanner = Scanner::escaped(text.raw);
        let mut log = json::read(self.arena, scanner, &self.settings.key_order).ok()?;
        is_access_log(&log).then(|| {
            self.settings.formats.note_misfit(self.line.log_group);
            self.access_log(&mut log, LinePart::Whole(text))
        })
    }

    fn unescaped(&self) -> Normalized<'a> {
        let text = trimmed(self.line.message.raw);
        if text.is_empty() {
            return Normalized::Skipped;
        }
        if let Some(mut log) = self.by_format(JsonText::plain(text)) {
            let part = LinePart::Whole(JsonText::plain(text));
            return Normalized::one(self.access_log(&mut log, part), self.arena);
        }
        self.settings.formats.note_misfit(self.line.log_group);
        if text.starts_with('{') {
            return self.json(text);
        }
        if let Some(inside) = json::wrapped(self.arena, text) {
            return Normalized::one(self.wrapped(inside), self.arena);
        }
        if let Some(log) = execution_log::read(text) {
            return match self.settings.execution_logs {
                ExecutionLogs::Keep => Normalized::one(self.execution_log(&log), self.arena),
                ExecutionLogs::Skip => Normalized::Skipped,
            };
        }
        let whole = LinePart::Whole(JsonText::plain(text));
        let document = if common_log::has_foreign_quotes(text) {
            self.masked_first(text, common_log::read)
        } else {
            common_log::read(self.arena, text).map(|mut log| self.access_log(&mut log, whole))
        };
        let document = document
            .or_else(|| self.masked_first(text, key_value::read))
            .unwrap_or_else(|| self.lists(text));
        Normalized::one(document, self.arena)
    }

    /// Reads a line whose credentials are masked first, because they may contain text that looks
    /// like another value.
    fn masked_first(
        &self,
        text: &'a str,
        read: fn(&'a Bump, &'a str) -> Option<AccessLog<'a>>,
    ) -> Option<&'a mut Document<'a>> {
        let masked = mask(text, self.arena);
        let mut log = read(self.arena, masked)?;
        let line = kept_line::within(self.line.message.raw, text, masked, self.arena);
        let work = Work {
            line: LogLine {
                message: JsonText::plain(line),
                ..self.line
            },
            ..*self
        };
        Some(work.access_log(&mut log, LinePart::Whole(JsonText::plain(masked))))
    }

    /// Reads XML, or one of the known lists without names.
    fn lists(&self, text: &'a str) -> &'a mut Document<'a> {
        let whole = LinePart::Whole(JsonText::plain(text));
        let log = xml::read(self.arena, text).or_else(|| format::read_known(self.arena, text));
        match log {
            Some(mut log) => self.access_log(&mut log, whole),
            None => self.not_understood(NO_KNOWN_FORM, whole),
        }
    }

    /// Reads an object that is in quotes as a whole.
    fn wrapped(&self, inside: &'a str) -> &'a mut Document<'a> {
        let object = Object::first(self.arena, inside);
        let mut log = object.log;
        let is_whole = object.rest.is_empty() && log.stop.is_none();
        let part = LinePart::Whole(JsonText::plain(inside));
        if !is_whole || !is_access_log(&log) {
            let whole = LinePart::Whole(JsonText::plain(trimmed(self.line.message.raw)));
            return self.another_programs(&log, whole);
        }
        log.note(json::QUOTES);
        let document = self.access_log(&mut log, part);
        let line = self.line.message.text(self.arena);
        document.event.original = Some(mask_line(line, self.arena));
        document
    }

    /// Reads a line in one of the formats from the settings.
    fn by_format(&self, text: JsonText<'a>) -> Option<AccessLog<'a>> {
        let formats = &self.settings.formats;
        formats.read(self.arena, self.line.log_group, text)
    }

    fn execution_log(&self, log: &execution_log::ExecutionLog<'a>) -> &'a mut Document<'a> {
        let document = self.document();
        if self.settings.original_event == OriginalEvent::Preserved {
            let line = self.line.message.text(self.arena);
            self.keep_original(document, mask(line, self.arena));
        }
        execution_log::fill(document, log, self.arena);
        execution_log::fill_from_log_group(document, self.line.log_group);
        document
    }

    /// Reads a line that starts like a JSON object.
    fn json(&self, text: &'a str) -> Normalized<'a> {
        let scanner = Scanner::new(text);
        let Ok(mut log) = json::read(self.arena, scanner, &self.settings.key_order) else {
            return Normalized::several(self.documents_of_objects(text));
        };
        let envelope = if is_access_log(&log) {
            None
        } else {
            envelope::read(text)
        };
        match envelope {
            Some(Envelope::Control) => Normalized::Skipped,
            Some(Envelope::Data(data)) => Normalized::several(self.documents_of_envelope(&data)),
            None => {
                let whole = LinePart::Whole(JsonText::plain(text));
                Normalized::one(self.access_log(&mut log, whole), self.arena)
            }
        }
    }

    /// Reads the lines inside a subscription's message that is itself a line.
    fn documents_of_envelope(
        &self,
        data: &envelope::EnvelopeData<'_>,
    ) -> ArenaVec<'a, &'a mut Document<'a>> {
        let mut all = ArenaVec::new_in(self.arena);
        for line in data.lines(self.arena) {
            let normalized = self.settings.normalize(&line, self.arena);
            if let Normalized::Documents(documents) = normalized {
                all.extend(documents);
            }
        }
        all
    }

    /// Reads objects that were joined into one line, or one object that is broken.
    fn documents_of_objects(&self, text: &'a str) -> ArenaVec<'a, &'a mut Document<'a>> {
        let mut documents = ArenaVec::new_in(self.arena);
        let mut rest = text;
        let mut is_first = true;
        // A client may write such a message into a value that nothing escapes, but not at the start
        // of the line.
        let mut has_envelopes_only = true;
        while !rest.is_empty() {
            if documents.len() == MOST_JOINED_OBJECTS {
                documents.push(self.not_understood(TOO_MANY_OBJECTS, LinePart::Object(rest)));
                break;
            }
            let mut object = Object::first(self.arena, rest);
            rest = object.rest;
            let part = if is_first && rest.is_empty() {
                LinePart::Whole(JsonText::plain(object.text))
            } else {
                LinePart::Object(object.text)
            };
            if matches!(part, LinePart::Object(_)) {
                object.log.note(JOINED_OBJECTS);
            }
            is_first = false;
            let may_be_envelope =
                has_envelopes_only && object.log.stop.is_none() && !is_access_log(&object.log);
            match envelope::read(object.text).filter(|_| may_be_envelope) {
                Some(Envelope::Control) => {}
                Some(Envelope::Data(data)) => documents.extend(self.documents_of_envelope(&data)),
                None => {
                    has_envelopes_only = false;
                    documents.push(self.access_log(&mut object.log, part));
                }
            }
        }
        documents
    }

    fn access_log(&self, log: &mut AccessLog<'a>, part: LinePart<'a>) -> &'a mut Document<'a> {
        if part.text().raw.len() > LONGEST_TERM {
            log.drop_long_values();
        }
        if !is_access_log(log) {
            log.hide_named_values(part.text());
            return self.another_programs(log, part);
        }
        log.note_replaced(part.text());
        log.hide_named_values(part.text());
        log.adopt_shown_values();
        if log.stop.is_some() {
            // `error.message` of the document says what is wrong with the line.
            log.keep_as_unmapped(Variable::ErrorMessage);
            log.keep_as_unmapped(Variable::ErrorMessageString);
        }
        let document = self.document();
        document::fill(document, log, self.arena);
        if let Some(stop) = log.stop {
            document.event.kind = Some(PIPELINE_ERROR);
            document.error.message = Some(stop.problem());
            document.aws.api_gateway.truncated = (stop == Stop::Cut).then_some(true);
        }
        let is_needed = log.loses_values() || log.stop.is_some() || log.is_repaired();
        document.aws.api_gateway.repairs = log.repairs();
        if is_needed || self.settings.original_event == OriginalEvent::Preserved {
            let read = part.text().text(self.arena);
            let whole = self.original(part).text(self.arena);
            let masked = log.masked(read);
            self.keep_original(document, kept_line::within(whole, read, masked, self.arena));
        }
        document
    }

    /// Makes the document of a line that is not an access log's.
    fn another_programs(&self, log: &AccessLog<'a>, part: LinePart<'a>) -> &'a mut Document<'a> {
        if log.has_own_name() {
            return self.not_understood(ANOTHER_PROGRAMS, part);
        }
        let problem = if log.stop.is_none() {
            NO_KNOWN_KEY
        } else {
            NO_WHOLE_JSON
        };
        let document = self.not_understood(problem, part);
        document.aws.api_gateway.unmapped = log.unmapped();
        document.aws.api_gateway.repairs = log.repairs();
        document
    }

    /// Makes the document of a line that was not understood: it says so, and holds the line.
    fn not_understood(&self, problem: &'a str, part: LinePart<'a>) -> &'a mut Document<'a> {
        let document = self.document();
        document.error = Error {
            message: Some(problem),
            r#type: None,
        };
        document.event.kind = Some(PIPELINE_ERROR);
        let original = self.original(part).text(self.arena);
        let text = part.text().text(self.arena);
        let masked = mask_line(text, self.arena);
        document.message = Some(masked);
        self.keep_original(
            document,
            kept_line::within(original, text, masked, self.arena),
        );
        document
    }

    /// Makes a document with the fields that every document has.
    fn document(&self) -> &'a mut Document<'a> {
        let settings = self.settings;
        let document = self.arena.alloc_with(Document::default);
        document.timestamp = Some(Timestamp(self.line.event_time));
        document.aws.cloudwatch = CloudWatch {
            log_group: known(self.line.log_group),
            log_stream: known(self.line.log_stream),
        };
        document.cloud = Cloud {
            account: CloudAccount {
                id: known(self.line.account)
                    .or_else(|| known(self.line.owner))
                    .map(OneOrMore::One),
            },
            provider: Some("aws"),
            region: known(self.line.region),
            service: Named {
                name: Some("apigateway"),
            },
        };
        document.data_stream = DataStream {
            dataset: Some(&settings.data_stream.dataset),
            namespace: Some(&settings.data_stream.namespace),
            r#type: Some(&settings.data_stream.r#type),
        };
        document.ecs = Ecs {
            version: Some(ECS_VERSION),
        };
        document.event = Event {
            category: &["web"],
            dataset: Some(&settings.data_stream.dataset),
            id: known(self.line.event_id),
            kind: Some("event"),
            module: Some("aws"),
            ..Event::default()
        };
        document.tags = self
            .arena
            .alloc_slice_fill_iter(settings.tags.iter().map(String::as_str));
        document
    }

    /// Returns the text for `event.original`: the line byte for byte, or one of its objects.
    fn original(&self, part: LinePart<'a>) -> JsonText<'a> {
        match part {
            LinePart::Whole(_) => self.line.message,
            LinePart::Object(_) => part.text(),
        }
    }

    /// Keeps the line, and tags the document. The final pipeline of Fleet's templates removes
    /// `event.original` from documents without this tag.
    fn keep_original(&self, document: &mut Document<'a>, original: &'a str) {
        document.event.original = Some(original);
        let tags = self.settings.tags.iter().map(String::as_str);
        let others = tags.filter(|tag| *tag != PRESERVED);
        document.tags =
            ArenaVec::from_iter_in(others.chain([PRESERVED]), self.arena).into_bump_slice();
    }
}

fn known(text: &str) -> Text<'_> {
    (!text.is_empty()).then_some(text)
}

fn trimmed(message: &str) -> &str {
    message.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'))
}
