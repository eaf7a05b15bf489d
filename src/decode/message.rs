//! The message in a payload, read: where its log events stand.

use std::ops::Range;

use bumpalo::Bump;

use super::{EventSpans, LogData};
use crate::json::{Escapes, JsonText, Malformed, Scanner, Value};

/// Reads a message. Answers also how far it was read, if it is not what it should be.
pub(super) fn read(text: String, events: Vec<EventSpans>) -> Result<LogData, (String, usize)> {
    let mut data = LogData {
        events,
        ..LogData::default()
    };
    data.events.clear();
    let mut message = Message {
        scanner: Scanner::new(&text),
        size: text.len(),
        unescaped: String::new(),
    };
    match message.log_data(&mut data) {
        Ok(()) => {
            let unescaped = message.unescaped;
            data.text = text;
            data.text.push_str(&unescaped);
            Ok(data)
        }
        Err(Malformed) => {
            let position = message.scanner.position();
            Err((text, position))
        }
    }
}

struct Message<'a> {
    scanner: Scanner<'a>,
    /// How many bytes the message has.
    size: usize,
    /// What stands behind the message in [`LogData::text`]: ids with escapes, which CloudWatch does not have.
    unescaped: String,
}

impl Message<'_> {
    fn log_data(&mut self, data: &mut LogData) -> Result<(), Malformed> {
        let mut has_events = false;
        self.scanner.take(b'{')?;
        let mut is_first = true;
        while self.scanner.has_next(is_first, b'}')? {
            is_first = false;
            match &*self.scanner.key()? {
                "messageType" => data.is_control_message = self.word()? == "CONTROL_MESSAGE",
                "owner" => data.owner = self.word()?,
                "logGroup" => data.log_group = self.word()?,
                "logStream" => data.log_stream = self.word()?,
                "logEvents" => {
                    self.log_events(&mut data.events)?;
                    has_events = true;
                }
                // `subscriptionFilters`, `policyLevel`, what AWS may add.
                _ => self.step_over()?,
            }
        }
        if has_events {
            self.scanner.end()
        } else {
            Err(Malformed)
        }
    }

    fn log_events(&mut self, events: &mut Vec<EventSpans>) -> Result<(), Malformed> {
        self.scanner.take(b'[')?;
        let mut is_first = true;
        while self.scanner.has_next(is_first, b']')? {
            is_first = false;
            events.push(self.log_event()?);
        }
        Ok(())
    }

    /// Whatever an id or a message is (emulators give numbers for ids), it has a text.
    fn log_event(&mut self) -> Result<EventSpans, Malformed> {
        let (mut id, mut timestamp, mut message) = (0..0, None, (0..0, Escapes::None));
        self.scanner.take(b'{')?;
        let mut is_first = true;
        while self.scanner.has_next(is_first, b'}')? {
            is_first = false;
            match &*self.scanner.key()? {
                "id" => id = self.id()?,
                "timestamp" => timestamp = Some(self.scanner.integer()?),
                "message" => message = self.text()?,
                // `extractedFields`.
                _ => self.step_over()?,
            }
        }
        let (message, escapes) = message;
        Ok(EventSpans {
            id,
            timestamp: timestamp.ok_or(Malformed)?,
            message,
            escapes,
        })
    }

    fn id(&mut self) -> Result<Range<usize>, Malformed> {
        let (span, escapes) = self.text()?;
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

    /// Where a value stands as text: a string between its quotes, null nowhere, anything else whole.
    fn text(&mut self) -> Result<(Range<usize>, Escapes), Malformed> {
        let is_string = self.scanner.peek() == Some(b'"');
        let start = self.scanner.position();
        if is_string {
            let JsonText { raw, escapes } = self.scanner.string()?;
            return Ok((start + 1..start + 1 + raw.len(), escapes));
        }
        self.step_over()?;
        let end = if self.scanner.since(start) == "null" {
            start
        } else {
            self.scanner.position()
        };
        Ok((start..end, Escapes::None))
    }

    /// A text that is copied; empty if it is null.
    fn word(&mut self) -> Result<String, Malformed> {
        match self.scanner.value()? {
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
