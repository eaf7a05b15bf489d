//! A subscription payload, base64 of gzip of JSON, becomes [`LogData`].
//!
//! This room decodes it itself: `aws_lambda_events` inflates without a cap, reads one gzip member
//! only, stops before the trailer's CRC, and rejects members that AWS adds. This room reads a
//! payload to its last byte or not at all, so that no half of a broken payload is sent.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bumpalo::Bump;
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::json::{Escapes, JsonText, Malformed, Scanner, Value};
use crate::parts::Parts;

/// A payload of CloudWatch Logs: log events of one log stream.
///
/// [The wire
/// format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html).
#[derive(Debug, Default)]
pub struct LogData {
    /// True if the payload is one of CloudWatch's own probes. A payload whose type says so but that
    /// holds real log events is read as data: skipping it would lose them.
    pub is_control_message: bool,
    /// The account that the log events come from.
    pub owner: String,
    /// The log group that the log events come from.
    pub log_group: String,
    /// The log stream that the log events come from.
    pub log_stream: String,
    /// The region of the log group, if the caller knows it; empty otherwise. A payload does not say
    /// it.
    pub region: String,
    /// The inflated message with its ids and lines, followed by the ids that had to be unescaped.
    text: String,
    /// The length of the message within `text`, in bytes.
    message_size: usize,
    /// The number of log events.
    len: usize,
    /// The position in `text` at which each piece of [`PIECE`] log events begins.
    pieces: Vec<usize>,
    /// The number of the loaded piece.
    loaded: usize,
    /// The log events of the loaded piece.
    events: Vec<EventSpans>,
}

/// The number of log events that are loaded at a time. A log event takes 64 bytes beside its text,
/// which may be no longer than that, so loading a whole payload could take several times its size.
pub const PIECE: usize = 1 << 17;

/// Upper bound on a line as it stands in a payload, in bytes. CloudWatch Logs accepts 1 MiB, and an
/// escape such as `\u0001` has six bytes. A document holds most of its line several times, and the
/// search for credentials needs several times the line, too.
pub const LONGEST_LINE: usize = 6 << 20;

/// Upper bound on a name and on an id, in bytes. CloudWatch Logs allows 512 characters. Each
/// document of a payload holds the names.
const LONGEST_NAME: usize = 4_096;

/// One log event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEvent<'a> {
    /// CloudWatch's id of the log event; may be empty.
    pub id: &'a str,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// The raw line.
    pub message: JsonText<'a>,
    /// `@aws.account` of centralised logs; empty if missing.
    pub account: &'a str,
    /// `@aws.region` of centralised logs; empty if missing.
    pub region: &'a str,
}

#[derive(Debug)]
struct EventSpans {
    id: Range<usize>,
    timestamp: i64,
    message: Range<usize>,
    escapes: Escapes,
    system: Option<Box<SystemFields>>,
}

/// The positions of the fields that name the origin of a line of centralised logs.
#[derive(Debug, Default)]
struct SystemFields {
    account: Range<usize>,
    region: Range<usize>,
}

/// The reason why a payload cannot be read. No variant quotes the payload.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not base64.
    #[error("the payload is not base64")]
    Base64,
    /// Not gzip, cut off, or with a wrong checksum.
    #[error("the payload is not whole gzip: {0}")]
    Gzip(String),
    /// More than `INFLATED_MAX_BYTES`.
    #[error(
        "the payload inflates to more than {0} bytes: raise INFLATED_MAX_BYTES if it is genuine"
    )]
    TooLarge(u64),
    /// A text is longer than any that CloudWatch Logs sends.
    #[error(
        "the payload has a {what} of more than {limit} bytes, and CloudWatch Logs sends none so long"
    )]
    LongText {
        /// The name of the text: `line`, `log group's name`.
        what: &'static str,
        /// The largest number of bytes that is accepted.
        limit: usize,
    },
    /// Not the JSON that CloudWatch Logs sends.
    #[error(
        "the payload is not a CloudWatch Logs message: {category} in line {line}, column {column}"
    )]
    Json {
        /// The kind of error.
        category: &'static str,
        /// The line of the first error, from 1.
        line: usize,
        /// The column of the first error, from 1.
        column: usize,
    },
}

impl LogData {
    /// Reads a payload that is neither compressed nor encoded.
    ///
    /// # Errors
    /// [`DecodeError::Json`] if it is not a message of CloudWatch Logs.
    pub fn read(message: String) -> Result<Self, DecodeError> {
        read(message, Vec::new())
    }

    /// Returns the number of log events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no log events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the loaded log events in CloudWatch's order: all of them, unless there are more than
    /// [`PIECE`].
    pub fn events(&self) -> impl ExactSizeIterator<Item = LogEvent<'_>> {
        self.events.iter().map(|spans| self.resolve(spans))
    }

    /// Returns the log event at a position, which must be loaded: see [`Self::load`].
    #[must_use]
    pub fn event(&self, position: usize) -> Option<LogEvent<'_>> {
        let place = position.checked_sub(self.loaded * PIECE)?;
        self.events.get(place).map(|spans| self.resolve(spans))
    }

    /// Loads the piece that holds the log event at a position.
    pub fn load(&mut self, position: usize) {
        let piece = position / PIECE;
        if piece == self.loaded {
            return;
        }
        let Some(start) = self.pieces.get(piece) else {
            return;
        };
        self.text.truncate(self.message_size);
        self.events.clear();
        let mut message = PayloadReader::new(&self.text, *start);
        // The message was read whole before, so it is well-formed.
        let _well_formed = message.load(&mut self.events);
        let unescaped = message.unescaped;
        self.text.push_str(&unescaped);
        self.loaded = piece;
    }

    /// Returns whether every log event is one of CloudWatch's probes.
    fn has_only_probes(&self) -> bool {
        const PROBE: &str = "CWL CONTROL MESSAGE";
        self.len == self.events.len()
            && self
                .events()
                .all(|event| event.message.raw.starts_with(PROBE))
    }

    fn resolve(&self, spans: &EventSpans) -> LogEvent<'_> {
        let text = |span: &Range<usize>| self.text.part(span.clone());
        let message = JsonText {
            raw: text(&spans.message),
            escapes: spans.escapes,
        };
        let system = spans.system.as_deref();
        LogEvent {
            id: text(&spans.id),
            timestamp: spans.timestamp,
            message,
            account: system.map_or("", |system| text(&system.account)),
            region: system.map_or("", |system| text(&system.region)),
        }
    }
}

/// Decodes payloads, reusing the memory of earlier ones.
#[derive(Debug, Default)]
pub struct Decoder {
    spare: Option<LogData>,
}

impl Decoder {
    /// Upper bound on the memory for texts that is kept between payloads, in bytes.
    const MOST_KEPT: usize = 16 << 20;

    /// Decodes a whole payload.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if any byte is wrong, checksums and lengths included, or if the payload
    /// inflates to more than `inflated_max_bytes`.
    pub fn decode(
        &mut self,
        payload: &str,
        inflated_max_bytes: u64,
    ) -> Result<LogData, DecodeError> {
        let compressed = BASE64_STANDARD
            .decode(payload)
            .map_err(|_| DecodeError::Base64)?;
        let LogData { text, events, .. } = self.spare.take().unwrap_or_default();
        let message = inflate(&compressed, inflated_max_bytes, text.into_bytes())?;
        drop(compressed);
        read(message, events)
    }

    /// Takes back the memory of a payload that is no longer needed.
    pub fn reuse(&mut self, data: LogData) {
        if data.text.capacity() <= Self::MOST_KEPT {
            self.spare = Some(data);
        }
    }
}

/// Decodes one payload.
///
/// # Errors
///
/// The same as those of [`Decoder::decode`].
pub fn decode(payload: &str, inflated_max_bytes: u64) -> Result<LogData, DecodeError> {
    Decoder::default().decode(payload, inflated_max_bytes)
}

/// Inflates every member of a gzip stream, checks the trailers, and checks that nothing follows.
///
/// A byte that is not UTF-8 becomes U+FFFD, so that it does not keep the other lines of the payload
/// from being read.
fn inflate(
    compressed: &[u8],
    max_bytes: u64,
    mut inflated: Vec<u8>,
) -> Result<String, DecodeError> {
    inflated.clear();
    inflated.reserve(size_hint(compressed, max_bytes));
    flate2::bufread::MultiGzDecoder::new(compressed)
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut inflated)
        .map_err(|error| DecodeError::Gzip(error.to_string()))?;
    if inflated.len() as u64 > max_bytes {
        return Err(DecodeError::TooLarge(max_bytes));
    }
    match String::from_utf8(inflated) {
        Ok(message) => Ok(message),
        Err(error) => {
            // Inflate once more, so that the message is in memory only once.
            drop(error);
            inflate_lossily(compressed, max_bytes)
        }
    }
}

/// Inflates a gzip stream whose content is not all UTF-8.
fn inflate_lossily(compressed: &[u8], max_bytes: u64) -> Result<String, DecodeError> {
    const BLOCK: u64 = 64 << 10;
    let mut decoder = flate2::bufread::MultiGzDecoder::new(compressed);
    let mut message = String::new();
    // Bytes that are read but not yet text: at most the beginning of a character, between two
    // blocks.
    let mut pending = Vec::new();
    loop {
        let read = decoder
            .by_ref()
            .take(BLOCK)
            .read_to_end(&mut pending)
            .map_err(|error| DecodeError::Gzip(error.to_string()))?;
        let is_last = read == 0;
        let unfinished = take_text(&pending, is_last, &mut message);
        pending.drain(..pending.len() - unfinished);
        if message.len() as u64 > max_bytes {
            return Err(DecodeError::TooLarge(max_bytes));
        }
        if is_last {
            return Ok(message);
        }
    }
}

/// Appends bytes as text. Returns how many bytes at the end are left over because their character
/// may continue in the next block.
fn take_text(bytes: &[u8], is_last: bool, message: &mut String) -> usize {
    let mut left = bytes.len();
    for chunk in bytes.utf8_chunks() {
        message.push_str(chunk.valid());
        left -= chunk.valid().len();
        let invalid = chunk.invalid();
        let may_go_on = left == invalid.len() && !is_last && is_cut_off(invalid);
        if may_go_on {
            return left;
        }
        left -= invalid.len();
        if !invalid.is_empty() {
            message.push(char::REPLACEMENT_CHARACTER);
        }
    }
    left
}

/// Returns whether the bytes are the beginning of a character.
fn is_cut_off(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// Returns the size that the last gzip trailer promises, as far as the compressed size makes it
/// believable.
fn size_hint(compressed: &[u8], max_bytes: u64) -> usize {
    const BELIEVABLE_RATIO: usize = 32;
    let promised = compressed
        .last_chunk::<4>()
        .map_or(0, |size| u32::from_le_bytes(*size) as usize);
    // One byte more, so that the end is seen without growing the buffer.
    promised
        .min(compressed.len().saturating_mul(BELIEVABLE_RATIO))
        .min(usize::try_from(max_bytes).unwrap_or(0))
        + 1
}

/// Reads a message.
fn read(text: String, events: Vec<EventSpans>) -> Result<LogData, DecodeError> {
    let mut data = LogData {
        message_size: text.len(),
        events,
        ..LogData::default()
    };
    data.events.clear();
    let mut message = PayloadReader::new(&text, 0);
    if message.log_data(&mut data).is_err() {
        let diagnosis = || diagnosis(&text, message.scanner.position());
        return Err(message.too_long.take().unwrap_or_else(diagnosis));
    }
    let unescaped = message.unescaped;
    data.text = text;
    data.text.push_str(&unescaped);
    data.is_control_message &= data.has_only_probes();
    Ok(data)
}

/// A message while it is being read.
struct PayloadReader<'a> {
    scanner: Scanner<'a>,
    /// The length of the message in bytes.
    size: usize,
    /// The text that follows the message in [`LogData::text`]: ids with escapes, which CloudWatch
    /// does not send.
    unescaped: String,
    /// The error, if a text is too long.
    too_long: Option<DecodeError>,
}

impl<'a> PayloadReader<'a> {
    fn new(text: &'a str, position: usize) -> Self {
        Self {
            scanner: Scanner::at(text, position),
            size: text.len(),
            unescaped: String::new(),
            too_long: None,
        }
    }

    fn log_data(&mut self, data: &mut LogData) -> Result<(), Malformed> {
        let mut has_events = false;
        self.scanner.take(b'{')?;
        let mut is_first = true;
        while self.scanner.has_next(is_first, b'}')? {
            is_first = false;
            match &*self.key()? {
                "messageType" => data.is_control_message = self.word("type")? == "CONTROL_MESSAGE",
                "owner" => data.owner = self.word("owner")?,
                "logGroup" => data.log_group = self.word("log group's name")?,
                "logStream" => data.log_stream = self.word("log stream's name")?,
                // Pieces of two lists of log events would not have one size.
                "logEvents" if has_events => return Err(Malformed),
                "logEvents" => {
                    self.log_events(data)?;
                    has_events = true;
                }
                // `subscriptionFilters`, `policyLevel`, and members that AWS may add.
                _ => self.step_over()?,
            }
        }
        if has_events {
            self.scanner.end()
        } else {
            Err(Malformed)
        }
    }

    /// Reads all log events and leaves the last piece loaded.
    fn log_events(&mut self, data: &mut LogData) -> Result<(), Malformed> {
        self.scanner.take(b'[')?;
        while self.scanner.has_next(data.len == 0, b']')? {
            if data.len.is_multiple_of(PIECE) {
                data.loaded = data.pieces.len();
                data.pieces.push(self.scanner.position());
                data.events.clear();
                self.unescaped.clear();
            }
            data.events.push(self.log_event()?);
            data.len += 1;
        }
        Ok(())
    }

    /// Reads the log events of the piece that begins here.
    fn load(&mut self, events: &mut Vec<EventSpans>) -> Result<(), Malformed> {
        while events.len() < PIECE && self.scanner.has_next(events.is_empty(), b']')? {
            events.push(self.log_event()?);
        }
        Ok(())
    }

    /// Reads a log event. An id or a message of any type is taken as text: emulators give numbers
    /// for ids. A log event without a message, or with several, is its own line, so that all of it is
    /// kept.
    fn log_event(&mut self) -> Result<EventSpans, Malformed> {
        let mut id = 0..0;
        let mut timestamp = None;
        let mut message = None;
        let mut messages = 0_u32;
        let mut system = None;
        self.scanner.peek();
        let start = self.scanner.position();
        self.scanner.take(b'{')?;
        let mut is_first = true;
        while self.scanner.has_next(is_first, b'}')? {
            is_first = false;
            match &*self.key()? {
                "id" => id = self.id()?,
                "timestamp" => timestamp = Some(self.scanner.integer()?),
                "message" => {
                    let is_string = self.scanner.peek() == Some(b'"');
                    let text = self.text("line", LONGEST_LINE)?;
                    message = Some(text).filter(|(span, _)| is_string || !span.is_empty());
                    messages = messages.saturating_add(1);
                }
                "extractedFields" => system = self.system_fields()?,
                _ => self.step_over()?,
            }
        }
        let (message, escapes) = match message {
            Some(message) if messages == 1 => message,
            _ => {
                let whole = self.scanner.since(start).trim_ascii_end();
                self.check_length(whole, "line", LONGEST_LINE)?;
                (start..start + whole.len(), Escapes::None)
            }
        };
        Ok(EventSpans {
            id,
            timestamp: timestamp.ok_or(Malformed)?,
            message,
            escapes,
            system,
        })
    }

    /// Reads the account and the region that CloudWatch adds to the lines of centralised logs.
    /// Other extracted fields are parts of the line.
    fn system_fields(&mut self) -> Result<Option<Box<SystemFields>>, Malformed> {
        if self.scanner.peek() != Some(b'{') {
            return self.step_over().map(|()| None);
        }
        self.scanner.take(b'{')?;
        let mut fields = SystemFields::default();
        let mut is_first = true;
        while self.scanner.has_next(is_first, b'}')? {
            is_first = false;
            match &*self.key()? {
                "@aws.account" => fields.account = self.text("account", LONGEST_NAME)?.0,
                "@aws.region" => fields.region = self.text("region", LONGEST_NAME)?.0,
                _ => self.step_over()?,
            }
        }
        let is_there = !fields.account.is_empty() || !fields.region.is_empty();
        Ok(is_there.then(|| Box::new(fields)))
    }

    fn id(&mut self) -> Result<Range<usize>, Malformed> {
        let (span, escapes) = self.text("log event's id", LONGEST_NAME)?;
        if escapes == Escapes::None {
            return Ok(span);
        }
        let raw = self
            .scanner
            .since(span.start)
            .strip_suffix('"')
            .ok_or(Malformed)?;
        let start = self.size + self.unescaped.len();
        self.unescaped
            .push_str(JsonText { raw, escapes }.text(&Bump::new()));
        Ok(start..self.size + self.unescaped.len())
    }

    /// Returns the position of a value as text: a string without its quotes, nothing for null, any
    /// other value whole.
    fn text(
        &mut self,
        what: &'static str,
        limit: usize,
    ) -> Result<(Range<usize>, Escapes), Malformed> {
        let is_string = self.scanner.peek() == Some(b'"');
        let start = self.scanner.position();
        if is_string {
            let JsonText { raw, escapes } = self.scanner.string()?;
            self.check_length(raw, what, limit)?;
            return Ok((start + 1..start + 1 + raw.len(), escapes));
        }
        self.step_over()?;
        let text = self.scanner.since(start);
        self.check_length(text, what, limit)?;
        let length = if text == "null" { 0 } else { text.len() };
        Ok((start..start + length, Escapes::None))
    }

    fn check_length(
        &mut self,
        text: &str,
        what: &'static str,
        limit: usize,
    ) -> Result<(), Malformed> {
        if text.len() <= limit {
            return Ok(());
        }
        self.too_long = Some(DecodeError::LongText { what, limit });
        Err(Malformed)
    }

    /// Returns a member's name; empty if it is longer than any known name. A name may be as long as
    /// the message, and is not unescaped then.
    fn key(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let key = match self.scanner.value()? {
            Value::Plain(key) => Cow::Borrowed(key),
            Value::Json(json) if json.get().len() > LONGEST_NAME && json.get().starts_with('"') => {
                Cow::Borrowed("")
            }
            Value::Json(json) => serde_json::from_str::<String>(json.get())
                .map_err(|_| Malformed)?
                .into(),
        };
        self.scanner.take(b':')?;
        Ok(key)
    }

    /// Returns a copy of a text; empty for null.
    fn word(&mut self, what: &'static str) -> Result<String, Malformed> {
        let value = self.scanner.value()?;
        let text = match value {
            Value::Plain(text) => text,
            Value::Json(json) => json.get(),
        };
        self.check_length(text, what, LONGEST_NAME)?;
        match value {
            Value::Plain(text) => Ok(text.to_owned()),
            Value::Json(json) => serde_json::from_str::<Option<String>>(json.get())
                .map(Option::unwrap_or_default)
                .map_err(|_| Malformed),
        }
    }

    fn step_over(&mut self) -> Result<(), Malformed> {
        self.scanner.value().map(drop)
    }
}

/// Says what is wrong with a message that could not be read beyond a certain place.
fn diagnosis(message: &str, position: usize) -> DecodeError {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(message) {
        return DecodeError::Json {
            category: "broken JSON",
            line: error.line(),
            column: error.column(),
        };
    }
    let (read, _) = message.split_at(message.floor_char_boundary(position));
    DecodeError::Json {
        category: "unexpected structure",
        line: read.split('\n').count(),
        column: read.rsplit('\n').next().map_or(0, str::len),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn decode_bytes(compressed: &[u8]) -> Result<LogData, DecodeError> {
        decode(&BASE64_STANDARD.encode(compressed), 1 << 20)
    }

    const DATA: &str = r#"{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"group","logStream":"stream",
        "subscriptionFilters":["filter"],"policyLevel":"ACCOUNT_LEVEL_POLICY","logEvents":[
        {"id":"1","timestamp":5,"message":"{\"a\":\"\u00e9\"}","extractedFields":{"1":"x"}},
        {"id":2,"timestamp":6,"message":"plain"},{"timestamp":7,"message":null}]}"#;

    #[test]
    fn centralised_logs_say_whose_a_line_is() {
        let of = |fields: &str| {
            let data = format!(
                r#"{{"owner":"1","logGroup":"g","logStream":"s","logEvents":[{{"id":"1","timestamp":5,"message":"m","extractedFields":{fields}}}]}}"#
            );
            let data = decode_bytes(&gzip(data.as_bytes())).unwrap();
            let event = data.events().next().unwrap();
            format!("{} {}", event.account, event.region)
        };
        let fields = r#"{"$.x":"y","@aws.account":"998877665544","@aws.region":"ap-south-1"}"#;
        assert_eq!(of(fields), "998877665544 ap-south-1");
        assert_eq!(of(r#"{"1":"x"}"#), " ");
        assert_eq!(of("null"), " ");
    }

    #[test]
    fn reads_what_cloudwatch_sends() {
        let data = decode_bytes(&gzip(DATA.as_bytes())).unwrap();
        assert!(!data.is_control_message);
        assert_eq!(
            (&*data.owner, &*data.log_group, &*data.log_stream),
            ("111122223333", "group", "stream")
        );
        let events: Vec<_> = data.events().collect();
        let line = |raw, escapes| JsonText { raw, escapes };
        assert_eq!(
            events,
            [
                LogEvent {
                    id: "1",
                    timestamp: 5,
                    message: line(r#"{\"a\":\"\u00e9\"}"#, Escapes::Any),
                    account: "",
                    region: "",
                },
                LogEvent {
                    id: "2",
                    timestamp: 6,
                    message: line("plain", Escapes::None),
                    account: "",
                    region: "",
                },
                LogEvent {
                    id: "",
                    timestamp: 7,
                    message: line(r#"{"timestamp":7,"message":null}"#, Escapes::None),
                    account: "",
                    region: "",
                },
            ]
        );
        assert_eq!(data.event(1), Some(events[1]));
        assert_eq!(data.event(3), None);
    }

    #[test]
    fn an_id_may_be_escaped() {
        let json = r#"{"logEvents":[{"id":"a\u0062\n","timestamp":1,"message":"\"x\""},{"id":"\"","timestamp":2}]}"#;
        let data = decode_bytes(&gzip(json.as_bytes())).unwrap();
        assert_eq!(
            data.events().map(|event| event.id).collect::<Vec<_>>(),
            ["ab\n", "\""]
        );
        assert_eq!(
            data.event(0).unwrap().message,
            JsonText {
                raw: r#"\"x\""#,
                escapes: Escapes::Quotes
            }
        );
    }

    /// AWS does not send this either. It is kept whole instead of skipped as a blank line.
    #[test]
    fn a_log_event_without_a_message_is_its_own_line() {
        let message = |event: &str| {
            let other = r#"{"id":"2","timestamp":1,"message":"a"}"#;
            let json = format!(r#"{{"logEvents":[ {event} ,{other}]}}"#);
            let data = decode_bytes(&gzip(json.as_bytes())).unwrap();
            data.events().next().unwrap().message.raw.to_owned()
        };
        for event in [
            r#"{"id":"1","timestamp":5}"#,
            r#"{"id":"1","timestamp":5,"message":null}"#,
            r#"{ "id": "1", "message" : null, "timestamp": 5, "other": {"a": [1]} }"#,
        ] {
            assert_eq!(message(event), event);
        }
        for (value, line) in [
            ("5", "5"),
            ("true", "true"),
            (r#"{"a": [1]}"#, r#"{"a": [1]}"#),
            ("\"\"", ""),
            ("\" \"", " "),
        ] {
            let event = format!(r#"{{"id":"1","timestamp":5,"message":{value}}}"#);
            assert_eq!(message(&event), line);
        }
    }

    /// JSON as libraries and people lay it out, not only as CloudWatch does.
    #[test]
    fn space_changes_nothing() {
        let compact = r#"{"owner":"1","x":-1.5e3,"y":[1,{"z":null}],"logEvents":[{"id":2,"timestamp":6,"message":"a b"},{"message":5,"timestamp":-7}]}"#;
        let events = |json: &str| {
            let data = decode_bytes(&gzip(json.as_bytes())).unwrap();
            format!("{} {:?}", data.owner, data.events().collect::<Vec<_>>())
        };
        let mut laid_out = compact.to_owned();
        for sign in ["{", "}", "[", "]", ":", ","] {
            laid_out = laid_out.replace(sign, &format!(" {sign}\r\n\t"));
        }
        assert_eq!(events(&laid_out), events(compact));
        assert_eq!(
            events(&compact.replace(':', ": ").replace(',', ", ")),
            events(compact)
        );
    }

    #[test]
    fn knows_a_control_message() {
        let control = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"",
            "subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE"}]}"#;
        assert!(
            decode_bytes(&gzip(control.as_bytes()))
                .unwrap()
                .is_control_message
        );
    }

    /// AWS does not send this. To skip it as a probe would lose its log events.
    #[test]
    fn a_control_message_with_log_events_is_data() {
        for events in [
            r#"{"id":"1","timestamp":1,"message":"a"}"#,
            r#"{"id":"1","timestamp":1,"message":"CWL CONTROL MESSAGE"},{"id":"2","timestamp":1,"message":"a"}"#,
        ] {
            let json = format!(r#"{{"messageType":"CONTROL_MESSAGE","logEvents":[{events}]}}"#);
            let data = decode_bytes(&gzip(json.as_bytes())).unwrap();
            assert!(!data.is_control_message, "{events}");
        }
    }

    #[test]
    fn many_log_events_are_read_in_pieces() {
        let count = 2 * PIECE + 3;
        let event = |number: usize| {
            // The first log event of each piece has an id with an escape, so its text follows the
            // message.
            let id = if number.is_multiple_of(PIECE) {
                "\\n"
            } else {
                ""
            };
            format!(r#"{{"id":"{id}{number}","timestamp":{number},"message":"m{number}"}}"#)
        };
        let events: Vec<String> = (0..count).map(event).collect();
        let json = format!(r#"{{"logEvents":[ {} ]}}"#, events.join(" , "));
        let payload = BASE64_STANDARD.encode(gzip(json.as_bytes()));
        let mut data = decode(&payload, 1 << 30).unwrap();
        assert_eq!(data.len(), count);
        for position in [0, count - 1, PIECE, 2 * PIECE - 1, 2 * PIECE, PIECE - 1, 0] {
            data.load(position);
            let event = data.event(position).unwrap();
            assert_eq!(event.timestamp, position as i64);
            assert_eq!(event.id.trim_start(), position.to_string());
            assert_eq!(event.message.raw, format!("m{position}"));
        }
        data.load(count);
        assert_eq!(data.event(count), None);
        assert!(data.events().len() <= PIECE);
    }

    #[test]
    fn there_is_one_list_of_log_events() {
        let twice = br#"{"logEvents":[],"logEvents":[]}"#;
        let error = decode_bytes(&gzip(twice)).unwrap_err().to_string();
        assert!(error.contains("unexpected structure"), "{error}");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_wherever_a_block_ends() {
        for gap in (64 << 10) - 5..=(64 << 10) + 1 {
            let mut bytes = vec![b'a'; gap];
            bytes.extend_from_slice("€😀".as_bytes());
            bytes.extend_from_slice(b"\xff\xe2\x82b\xf0\x9f");
            let expected = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(
                inflate(&gzip(&bytes), 1 << 20, Vec::new()).unwrap(),
                expected,
                "{gap}"
            );
        }
        let bad = gzip(&[0xff; 1 << 10]);
        assert_eq!(
            inflate(&bad, 2 << 10, Vec::new()),
            Err(DecodeError::TooLarge(2 << 10))
        );
    }

    #[test]
    fn reads_several_gzip_members() {
        let (head, tail) = DATA.split_at(40);
        let members = [gzip(head.as_bytes()), gzip(tail.as_bytes())].concat();
        assert_eq!(decode_bytes(&members).unwrap().events().len(), 3);
    }

    #[test]
    fn a_bad_byte_is_replaced() {
        let data = decode_bytes(&gzip(
            b"{\"logEvents\":[{\"timestamp\":1,\"message\":\"a\xffb\"}]}",
        ))
        .unwrap();
        assert_eq!(data.event(0).unwrap().message.raw, "a\u{fffd}b");
    }

    #[test]
    fn a_payload_is_read_whole_or_not_at_all() {
        let whole = gzip(DATA.as_bytes());
        for cut in 0..whole.len() {
            assert!(
                decode_bytes(&whole[..cut]).is_err(),
                "cut after {cut} bytes"
            );
        }
        for position in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[position] ^= 0x40;
            // The header's time, extra flags and system (bytes 4 to 9) say nothing of the content.
            assert_eq!(
                decode_bytes(&flipped).is_err(),
                !(4..10).contains(&position),
                "byte {position} flipped"
            );
        }
        for trailing in [&b"\0"[..], b"x", b"\x1f\x8b"] {
            assert!(
                matches!(
                    decode_bytes(&[&whole, trailing].concat()),
                    Err(DecodeError::Gzip(_))
                ),
                "{trailing:?}"
            );
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let cases: &[(Result<LogData, DecodeError>, &str)] = &[
            (decode("!", 9), "the payload is not base64"),
            (decode_bytes(b"hello"), "the payload is not whole gzip"),
            (
                decode_bytes(&gzip(b"hello")),
                "broken JSON in line 1, column 1",
            ),
            (decode_bytes(&gzip(b"[]")), "unexpected structure"),
            (decode_bytes(&gzip(b"{}")), "unexpected structure"),
            (
                decode_bytes(&gzip(br#"{"logEvents":[{"message":"no time"}]}"#)),
                "unexpected structure",
            ),
            (
                decode_bytes(&gzip(br#"{"logEvents":[]} {"logEvents":[]}"#)),
                "broken JSON",
            ),
            (
                decode(&BASE64_STANDARD.encode(gzip(&[b' '; 100])), 99),
                "more than 99 bytes",
            ),
        ];
        for (result, sentence) in cases {
            let error = result.as_ref().unwrap_err().to_string();
            assert!(
                error.contains(sentence),
                "{error} should contain {sentence}"
            );
        }
    }

    /// A longer line would be in memory several times, and a longer name in each document.
    #[test]
    fn no_text_is_longer_than_cloudwatchs() {
        let with = |member: &str, event: &str| {
            let data = format!(r#"{{{member}"logEvents":[{{"timestamp":1{event}}}]}}"#);
            decode(&BASE64_STANDARD.encode(gzip(data.as_bytes())), 1 << 30)
        };
        let quoted = |length: usize| format!(r#""{}""#, "a".repeat(length));
        let member = |name: &str, value: &str| with(&format!(r#""{name}":{value},"#), "");
        let event = |name: &str, value: &str| with("", &format!(r#","{name}":{value}"#));
        let field =
            |name: &str, value: &str| event("extractedFields", &format!(r#"{{"{name}":{value}}}"#));
        let wrong = |result: Result<LogData, DecodeError>| match result {
            Err(DecodeError::LongText { what, .. }) => what,
            Err(_) => "another error",
            Ok(_) => "",
        };
        for (length, is_longer) in [(LONGEST_NAME, false), (LONGEST_NAME + 1, true)] {
            let text = quoted(length);
            let what = |what| if is_longer { what } else { "" };
            assert_eq!(wrong(member("owner", &text)), what("owner"));
            assert_eq!(wrong(member("logGroup", &text)), what("log group's name"));
            assert_eq!(wrong(member("logStream", &text)), what("log stream's name"));
            assert_eq!(wrong(event("id", &text)), what("log event's id"));
            assert_eq!(wrong(field("@aws.account", &text)), what("account"));
            assert_eq!(wrong(field("@aws.region", &text)), what("region"));
            assert_eq!(wrong(member("other", &text)), "");
        }
        let escaped = format!(r#""{}""#, r"\u0001".repeat(1 << 20));
        assert_eq!(wrong(event("message", &escaped)), "");
        let longer = format!(r#""{}""#, r"\u0001".repeat((1 << 20) + 1));
        assert_eq!(wrong(event("message", &longer)), "line");
        let list = format!("[{}]", "1".repeat(LONGEST_LINE));
        assert_eq!(wrong(event("message", &list)), "line");
        let key = format!(r"\u0061{}", "a".repeat(LONGEST_NAME));
        assert_eq!(wrong(member(&key, "1")), "", "a member that is not known");
        let sentence = event("message", &longer).unwrap_err().to_string();
        assert_eq!(
            sentence,
            "the payload has a line of more than 6291456 bytes, and CloudWatch Logs sends none so long"
        );
    }

    #[test]
    fn a_bomb_costs_the_cap_and_no_more() {
        let bomb = gzip(&vec![b' '; 64 << 20]);
        assert_eq!(
            inflate(&bomb, 1 << 20, Vec::new()),
            Err(DecodeError::TooLarge(1 << 20))
        );
        assert!(size_hint(&bomb, 1 << 20) <= (1 << 20) + 1);
    }
}
