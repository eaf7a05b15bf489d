//! The message in a payload, read in the memory where it stands.
//!
//! Lines come as strings of JSON. Their texts are shorter, so they are written over what was read before them: a payload
//! is in memory once.

use std::ops::Range;

use serde_json::value::RawValue;

use super::{EventSpans, LogData};
use crate::json::{Malformed, unescape_in_place};

/// Reads a message, of whose bytes it makes the texts.
pub(super) fn read(bytes: Vec<u8>, events: Vec<EventSpans>) -> Result<LogData, (Malformed, usize)> {
    let mut message = Message { bytes, read: 0, written: 0 };
    let mut data = LogData { events, ..LogData::default() };
    data.events.clear();
    match message.log_data(&mut data) {
        Ok(()) => {
            message.bytes.truncate(message.written);
            data.text = String::from_utf8(message.bytes).map_err(|_| (Malformed, message.read))?;
            Ok(data)
        }
        Err(malformed) => Err((malformed, message.read)),
    }
}

struct Message {
    bytes: Vec<u8>,
    /// Where reading goes on.
    read: usize,
    /// Where the next text goes: never behind that.
    written: usize,
}

/// A member of an object, by its key.
#[derive(Clone, Copy)]
enum Member {
    MessageType,
    Owner,
    LogGroup,
    LogStream,
    LogEvents,
    Id,
    Timestamp,
    Message,
    /// One that we do not need: `subscriptionFilters`, `policyLevel`, `extractedFields`, what AWS may add.
    Other,
}

impl Message {
    fn log_data(&mut self, data: &mut LogData) -> Result<(), Malformed> {
        let mut has_events = false;
        self.take(b'{')?;
        let mut is_first = true;
        while self.has_next(is_first, b'}')? {
            is_first = false;
            match self.member()? {
                Member::MessageType => data.is_control_message = self.word()? == "CONTROL_MESSAGE",
                Member::Owner => data.owner = self.word()?,
                Member::LogGroup => data.log_group = self.word()?,
                Member::LogStream => data.log_stream = self.word()?,
                Member::LogEvents => {
                    self.log_events(&mut data.events)?;
                    has_events = true;
                }
                _ => self.step_over()?,
            }
        }
        if has_events && self.peek().is_none() { Ok(()) } else { Err(Malformed) }
    }

    fn log_events(&mut self, events: &mut Vec<EventSpans>) -> Result<(), Malformed> {
        self.take(b'[')?;
        let mut is_first = true;
        while self.has_next(is_first, b']')? {
            is_first = false;
            events.push(self.log_event()?);
        }
        Ok(())
    }

    /// Whatever an id or a message is (emulators give numbers for ids), it has a text.
    fn log_event(&mut self) -> Result<EventSpans, Malformed> {
        let (mut id, mut timestamp, mut message) = (0..0, None, 0..0);
        self.take(b'{')?;
        let mut is_first = true;
        while self.has_next(is_first, b'}')? {
            is_first = false;
            match self.member()? {
                Member::Id => id = self.text()?,
                Member::Timestamp => timestamp = Some(self.value()?.get().parse().map_err(|_| Malformed)?),
                Member::Message => message = self.text()?,
                _ => self.step_over()?,
            }
        }
        Ok(EventSpans { id, timestamp: timestamp.ok_or(Malformed)?, message })
    }

    /// A value as text: of a string what it means, of null nothing, of anything else its JSON.
    fn text(&mut self) -> Result<Range<usize>, Malformed> {
        let start = self.written;
        if self.peek() == Some(b'"') {
            let places = unescape_in_place(&mut self.bytes, self.read + 1, self.written);
            (self.read, self.written) = places.ok_or(Malformed)?;
            return Ok(start..self.written);
        }
        let (begin, json) = (self.read, self.value()?.get());
        let length = if json == "null" { 0 } else { json.len() };
        self.bytes.copy_within(begin..begin + length, start);
        self.written += length;
        Ok(start..self.written)
    }

    /// A text that is copied; empty if it is null.
    fn word(&mut self) -> Result<String, Malformed> {
        let json = self.value()?.get();
        serde_json::from_str::<Option<String>>(json).map(Option::unwrap_or_default).map_err(|_| Malformed)
    }

    fn step_over(&mut self) -> Result<(), Malformed> {
        self.value().map(drop)
    }

    fn value(&mut self) -> Result<&RawValue, Malformed> {
        self.peek();
        let rest = self.bytes.get(self.read..).unwrap_or_default();
        let value: &RawValue =
            serde_json::Deserializer::from_slice(rest).into_iter().next().ok_or(Malformed)?.map_err(|_| Malformed)?;
        self.read += value.get().len();
        Ok(value)
    }

    /// A member's key and its colon.
    fn member(&mut self) -> Result<Member, Malformed> {
        const KNOWN: [(&[u8], Member); 8] = [
            (b"\"id\"", Member::Id),
            (b"\"timestamp\"", Member::Timestamp),
            (b"\"message\"", Member::Message),
            (b"\"messageType\"", Member::MessageType),
            (b"\"owner\"", Member::Owner),
            (b"\"logGroup\"", Member::LogGroup),
            (b"\"logStream\"", Member::LogStream),
            (b"\"logEvents\"", Member::LogEvents),
        ];
        self.peek();
        let rest = self.bytes.get(self.read..).unwrap_or_default();
        let member = match KNOWN.iter().find(|(key, _)| rest.starts_with(key)) {
            Some((key, member)) => {
                self.read += key.len();
                *member
            }
            None => self.unusual_member(&KNOWN)?,
        };
        self.take(b':')?;
        Ok(member)
    }

    /// A key that is not known, or is written with escapes.
    fn unusual_member(&mut self, known: &[(&[u8], Member)]) -> Result<Member, Malformed> {
        let key = serde_json::from_str::<String>(self.value()?.get()).map_err(|_| Malformed)?;
        let is_key =
            |quoted: &[u8]| quoted.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\"")) == Some(key.as_bytes());
        Ok(known.iter().find(|(quoted, _)| is_key(quoted)).map_or(Member::Other, |(_, member)| *member))
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.read)?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.read += 1;
        }
    }

    fn take(&mut self, sign: u8) -> Result<(), Malformed> {
        if self.peek() != Some(sign) {
            return Err(Malformed);
        }
        self.read += 1;
        Ok(())
    }

    /// Inside brackets: whether there is another element, and steps to it; else steps out.
    fn has_next(&mut self, is_first: bool, closing: u8) -> Result<bool, Malformed> {
        if self.peek() == Some(closing) {
            self.read += 1;
            return Ok(false);
        }
        if !is_first {
            self.take(b',')?;
        }
        Ok(true)
    }
}
