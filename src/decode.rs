//! A subscription payload, base64 of gzip of JSON, becomes [`LogData`].
//!
//! We decode it ourselves: `aws_lambda_events` inflates without a cap, reads one gzip member only, stops before the
//! trailer's CRC, and refuses members that AWS adds. Here a payload is either read to its last byte or not at all, so
//! that a broken one is never half sent.

mod message;

use std::io::Read;
use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::json::{Escapes, JsonText};

/// What CloudWatch Logs delivers in one payload: some events of one log stream.
///
/// [The wire format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html).
#[derive(Debug, Default)]
pub struct LogData {
    /// Whether this is a probe of CloudWatch's own, without log events of anybody.
    pub is_control_message: bool,
    /// The account that the log data comes from.
    pub owner: String,
    /// The log group that the log data comes from.
    pub log_group: String,
    /// The log stream that the log data comes from.
    pub log_stream: String,
    /// The message that was inflated, where ids and lines stand.
    text: String,
    events: Vec<EventSpans>,
}

/// One log event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEvent<'a> {
    /// CloudWatch's id of the event; may be empty.
    pub id: &'a str,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// The raw line.
    pub message: JsonText<'a>,
}

#[derive(Debug)]
struct EventSpans {
    id: Range<usize>,
    timestamp: i64,
    message: Range<usize>,
    escapes: Escapes,
}

/// Why a payload cannot be read. None of these quotes the payload.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not base64.
    #[error("the payload is not base64")]
    Base64,
    /// Not gzip, cut off, or its checksum does not fit.
    #[error("the payload is not whole gzip: {0}")]
    Gzip(String),
    /// More than `INFLATED_MAX_BYTES`.
    #[error(
        "the payload inflates to more than {0} bytes: raise INFLATED_MAX_BYTES if it is genuine"
    )]
    TooLarge(u64),
    /// Not the JSON that CloudWatch Logs sends.
    #[error(
        "the payload is not a CloudWatch Logs message: {category} in line {line}, column {column}"
    )]
    Json {
        /// What kind of offence.
        category: &'static str,
        /// Line of the first offence, from 1.
        line: usize,
        /// Column of the first offence, from 1.
        column: usize,
    },
}

impl LogData {
    /// The log events, in CloudWatch's order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = LogEvent<'_>> {
        self.events.iter().map(|spans| self.resolve(spans))
    }

    /// How many bytes the line at a position has in the payload.
    pub(crate) fn message_length(&self, position: usize) -> usize {
        self.events
            .get(position)
            .map_or(0, |spans| spans.message.len())
    }

    /// The log event at a position.
    #[must_use]
    pub fn event(&self, position: usize) -> Option<LogEvent<'_>> {
        self.events.get(position).map(|spans| self.resolve(spans))
    }

    fn resolve(&self, spans: &EventSpans) -> LogEvent<'_> {
        let text = |span: &Range<usize>| self.text.get(span.clone()).unwrap_or_default();
        let message = JsonText {
            raw: text(&spans.message),
            escapes: spans.escapes,
        };
        LogEvent {
            id: text(&spans.id),
            timestamp: spans.timestamp,
            message,
        }
    }
}

/// Decodes payloads, in the memory of those before.
#[derive(Debug, Default)]
pub struct Decoder {
    spare: Option<LogData>,
}

impl Decoder {
    /// Memory for texts that are longer than this is not kept, in bytes.
    const MOST_KEPT: usize = 16 << 20;

    /// Decodes a payload whole.
    ///
    /// # Errors
    /// [`DecodeError`] if any byte of it, checksums and lengths included, is not as it should be, or if it inflates to more
    /// than `inflated_max_bytes`.
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
        message::read(message, events).map_err(|(message, position)| diagnosis(&message, position))
    }

    /// Takes back the memory of a payload that nobody needs any more.
    pub fn reuse(&mut self, data: LogData) {
        if data.text.capacity() <= Self::MOST_KEPT {
            self.spare = Some(data);
        }
    }
}

/// Decodes one payload.
///
/// # Errors
/// As [`Decoder::decode`].
pub fn decode(payload: &str, inflated_max_bytes: u64) -> Result<LogData, DecodeError> {
    Decoder::default().decode(payload, inflated_max_bytes)
}

/// Inflates every member of a gzip stream and checks their trailers, and that nothing follows.
///
/// A byte that is not UTF-8 becomes U+FFFD: it must not keep the other lines of the payload from being read.
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
    Ok(String::from_utf8(inflated)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// The size that the last gzip trailer promises, as far as the compressed size makes it believable.
fn size_hint(compressed: &[u8], max_bytes: u64) -> usize {
    const BELIEVABLE_RATIO: usize = 32;
    let promised = compressed
        .last_chunk::<4>()
        .map_or(0, |size| u32::from_le_bytes(*size) as usize);
    // One byte more, so that reading to the end need not grow the buffer to see it.
    promised
        .min(compressed.len().saturating_mul(BELIEVABLE_RATIO))
        .min(usize::try_from(max_bytes).unwrap_or(0))
        + 1
}

/// What is wrong with a message that could not be read beyond a place.
fn diagnosis(message: &str, position: usize) -> DecodeError {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(message) {
        return DecodeError::Json {
            category: "broken JSON",
            line: error.line(),
            column: error.column(),
        };
    }
    let read = message.get(..position).unwrap_or_default();
    let (line, column) = (
        read.split('\n').count(),
        read.rsplit('\n').next().map_or(0, str::len),
    );
    DecodeError::Json {
        category: "unexpected structure",
        line,
        column,
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
                    message: line(r#"{\"a\":\"\u00e9\"}"#, Escapes::Any)
                },
                LogEvent {
                    id: "2",
                    timestamp: 6,
                    message: line("plain", Escapes::None)
                },
                LogEvent {
                    id: "",
                    timestamp: 7,
                    message: line("", Escapes::None)
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

    /// JSON as libraries and people lay it out, not only as CloudWatch does.
    #[test]
    fn space_changes_nothing() {
        let compact = r#"{"owner":"1","x":-1.5e3,"y":[1,{"z":null}],"logEvents":[{"id":2,"timestamp":6,"message":"a b"},{"message":null,"timestamp":-7}]}"#;
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
