//! The gateway normalizer: one line of an API Gateway log becomes one ECS document.
//!
//! It is total. Whatever the line is, the answer is a document, several documents (objects that were joined into one
//! line), or a skip that is counted; and what could not be understood whole stands in `event.original`.

mod access_log;
mod aliases;
mod api_gateway;
mod document;
mod execution_log;
pub mod region;
mod secrets;
pub mod timestamp;
pub mod url;
pub mod user_arn;

use bumpalo::Bump;
use serde_json::value::RawValue;

use self::access_log::AccessLog;
pub use self::secrets::mask;
use crate::ecs::{
    Cloud, CloudAccount, CloudWatch, DataStream, Document, ECS_VERSION, Ecs, Error, Event, Named, OneOrMore, Text,
    Timestamp,
};

/// A line that holds more values than this is kept as it is: a document for each would take more memory than there is.
const MOST_JOINED_VALUES: usize = 1_000;

const NO_KNOWN_FORM: &str = "the line has none of the forms that API Gateway's logs have: it is kept as it is";

/// How lines become documents: the settings that every document shows.
#[derive(Debug, Clone)]
pub struct Normalizer {
    /// `data_stream.type`
    pub data_stream_type: String,
    /// `data_stream.dataset` and `event.dataset`
    pub data_stream_dataset: String,
    /// `data_stream.namespace`
    pub data_stream_namespace: String,
    /// `tags`
    pub tags: Vec<String>,
    /// When `event.original` is kept.
    pub original_event: OriginalEvent,
    /// What becomes of lines of an execution log.
    pub execution_logs: ExecutionLogs,
}

/// `PRESERVE_ORIGINAL_EVENT`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginalEvent {
    /// Every document has it, and the tag `preserve_original_event`.
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

/// A log line, and what CloudWatch says of it.
#[derive(Debug, Clone, Copy)]
pub struct LogLine<'a> {
    /// The account whose log it is.
    pub owner: &'a str,
    /// The log group.
    pub log_group: &'a str,
    /// The log stream.
    pub log_stream: &'a str,
    /// CloudWatch's id of the event.
    pub event_id: &'a str,
    /// CloudWatch's time of the event, in milliseconds since 1970: for lines that tell no time of their own.
    pub event_time: i64,
    /// The line.
    pub message: &'a str,
}

/// What became of a line.
#[derive(Debug)]
pub enum Normalized<'a> {
    /// One document; several if the line holds several objects.
    Documents(Vec<Document<'a>>),
    /// Nothing to keep: a blank line, a control message, an execution log that is not wanted.
    Skipped,
}

/// What a line is.
enum Form<'a> {
    Blank,
    ControlMessage,
    Execution(execution_log::ExecutionLog<'a>),
    Json(&'a str),
    Other(&'a str),
}

impl Normalizer {
    /// Makes documents of a line. Their texts are borrowed from the line, the settings, or the arena.
    pub fn normalize<'a>(&'a self, line: &LogLine<'a>, arena: &'a Bump) -> Normalized<'a> {
        match form(line.message) {
            Form::Blank | Form::ControlMessage => Normalized::Skipped,
            Form::Execution(_) if self.execution_logs == ExecutionLogs::Skip => Normalized::Skipped,
            Form::Execution(log) => Normalized::Documents(vec![self.execution_log(&log, line, arena)]),
            Form::Json(text) => Normalized::Documents(self.json(text, line, arena)),
            Form::Other(text) => Normalized::Documents(vec![self.not_understood(NO_KNOWN_FORM, text, line, arena)]),
        }
    }

    fn execution_log<'a>(
        &'a self,
        log: &execution_log::ExecutionLog<'a>,
        line: &LogLine<'a>,
        arena: &'a Bump,
    ) -> Document<'a> {
        let mut document = self.document(line, arena);
        self.preserve(&mut document, line.message, arena);
        execution_log::fill(&mut document, log, arena);
        document
    }

    /// A line that starts like a JSON object.
    fn json<'a>(&'a self, text: &'a str, line: &LogLine<'a>, arena: &'a Bump) -> Vec<Document<'a>> {
        let error = match AccessLog::read_json(arena, text) {
            Ok(mut log) => return vec![self.access_log(&mut log, text, line, arena)],
            Err(error) => error,
        };
        let objects = joined_values(text);
        if objects.len() > 1 {
            return objects.into_iter().flat_map(|object| self.json(object, line, arena)).collect();
        }
        if !text.starts_with('{') {
            return vec![self.not_understood(NO_KNOWN_FORM, text, line, arena)];
        }
        let problem = format!("the line is not whole JSON (column {})", error.column());
        vec![self.not_understood(arena.alloc_str(&problem), text, line, arena)]
    }

    fn access_log<'a>(
        &'a self,
        log: &mut AccessLog<'a>,
        text: &'a str,
        line: &LogLine<'a>,
        arena: &'a Bump,
    ) -> Document<'a> {
        if !log.is_recognized() {
            let problem = "the line is JSON, but has no key of an access log: it is kept as it is";
            let mut document = self.not_understood(problem, text, line, arena);
            document.aws.api_gateway.unmapped = log.unmapped();
            return document;
        }
        let mut document = self.document(line, arena);
        self.preserve(&mut document, original(text, line), arena);
        document::fill(&mut document, log, arena);
        if log.repeats_keys() {
            document.event.original = Some(mask(original(text, line), arena));
        }
        document
    }

    fn preserve<'a>(&self, document: &mut Document<'a>, text: &'a str, arena: &'a Bump) {
        if self.original_event == OriginalEvent::Preserved {
            document.event.original = Some(mask(text, arena));
        }
    }

    /// The document of a line that says nothing that we understand: it says so, and holds the line.
    fn not_understood<'a>(
        &'a self,
        problem: &'a str,
        text: &'a str,
        line: &LogLine<'a>,
        arena: &'a Bump,
    ) -> Document<'a> {
        let mut document = self.document(line, arena);
        document.error = Error { message: Some(problem), r#type: None };
        document.event.kind = Some("pipeline_error");
        document.event.original = Some(mask(original(text, line), arena));
        document.message = Some(mask(text, arena));
        document
    }

    /// What every document says, whatever the line.
    fn document<'a>(&'a self, line: &LogLine<'a>, arena: &'a Bump) -> Document<'a> {
        let mut document = Document { timestamp: Some(Timestamp(line.event_time)), ..Document::default() };
        document.aws.cloudwatch = CloudWatch { log_group: known(line.log_group), log_stream: known(line.log_stream) };
        document.cloud = Cloud {
            account: CloudAccount { id: known(line.owner).map(OneOrMore::One) },
            provider: Some("aws"),
            region: None,
            service: Named { name: Some("apigateway") },
        };
        document.data_stream = DataStream {
            dataset: Some(&self.data_stream_dataset),
            namespace: Some(&self.data_stream_namespace),
            r#type: Some(&self.data_stream_type),
        };
        document.ecs = Ecs { version: Some(ECS_VERSION) };
        document.event = Event {
            category: &["web"],
            dataset: Some(&self.data_stream_dataset),
            id: known(line.event_id),
            kind: Some("event"),
            module: Some("aws"),
            ..Event::default()
        };
        document.tags = self.tags(arena);
        document
    }

    fn tags<'a>(&'a self, arena: &'a Bump) -> &'a [&'a str] {
        let preserved = (self.original_event == OriginalEvent::Preserved).then_some("preserve_original_event");
        let tags = self.tags.iter().map(String::as_str).chain(preserved);
        bumpalo::collections::Vec::from_iter_in(tags, arena).into_bump_slice()
    }
}

fn known(text: &str) -> Text<'_> {
    (!text.is_empty()).then_some(text)
}

/// What stands in `event.original`: the line, byte for byte; of a line that holds several objects, the one.
fn original<'a>(text: &'a str, line: &LogLine<'a>) -> &'a str {
    if text.len() == trimmed(line.message).len() { line.message } else { text }
}

fn trimmed(message: &str) -> &str {
    message.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'))
}

fn form(message: &str) -> Form<'_> {
    let text = trimmed(message);
    if text.is_empty() {
        return Form::Blank;
    }
    if text.starts_with('{') {
        return if is_control_message(text) { Form::ControlMessage } else { Form::Json(text) };
    }
    execution_log::read(text).map_or(Form::Other(text), Form::Execution)
}

/// CloudWatch's probe of a destination, as it looks when somebody stores it as a line.
fn is_control_message(text: &str) -> bool {
    const MARK: &str = r#""messageType":"CONTROL_MESSAGE""#;
    text.strip_prefix('{').is_some_and(|text| text.trim_start().starts_with(MARK))
}

/// The JSON values that a line consists of, if it consists of nothing else.
fn joined_values(text: &str) -> Vec<&str> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>().take(MOST_JOINED_VALUES + 1);
    let values: Vec<_> = values.map(|value| value.map(RawValue::get)).collect::<Result<_, _>>().unwrap_or_default();
    if values.len() > MOST_JOINED_VALUES { Vec::new() } else { values }
}
