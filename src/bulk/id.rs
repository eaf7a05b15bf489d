//! The id of a document.
//!
//! The id is frozen: if one character of it changed, every event that is sent again across an
//! upgrade would be stored twice. A golden test pins it.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use xxhash_rust::xxh3::Xxh3Default;

/// The parts of a log event on which a document's id depends: what CloudWatch says of the event,
/// and the document's place in it.
///
/// The subscription filter, the request and the time of arrival are no part of it, because up to
/// three subscriptions may deliver one event.
#[derive(Debug, Clone, Copy)]
pub struct LogEventIdentity<'a> {
    /// The account that owns the log.
    pub owner: &'a str,
    /// The log group.
    pub log_group: &'a str,
    /// The log stream.
    pub log_stream: &'a str,
    /// CloudWatch's id of the event; may be empty.
    pub event_id: &'a str,
    /// CloudWatch's time of the event, in milliseconds since 1970.
    pub event_time: i64,
    /// The raw line. It counts only if the event has no id.
    pub message: &'a str,
    /// The event's place in its payload. It counts only if the event has no id.
    pub position: usize,
    /// The document's place among the documents of the line.
    pub part: usize,
}

/// The id: twelve hexadecimal digits of the event's time, so that Lucene keeps ids of one time
/// close together, then a 128-bit hash of the rest in base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DocumentId {
    time: u64,
    hash: u128,
}

impl LogEventIdentity<'_> {
    /// Makes the id of a document.
    #[must_use]
    pub fn document_id(&self) -> DocumentId {
        let mut hash = Xxh3Default::new();
        for text in [self.owner, self.log_group, self.log_stream, self.event_id] {
            hash_text(&mut hash, text);
        }
        hash.update(&self.event_time.to_le_bytes());
        hash.update(&(self.part as u64).to_le_bytes());
        if self.event_id.is_empty() {
            hash_text(&mut hash, self.message);
            hash.update(&(self.position as u64).to_le_bytes());
        }
        DocumentId {
            time: u64::try_from(self.event_time).unwrap_or(0),
            hash: hash.digest128(),
        }
    }
}

/// The length goes first, so that two different lists of texts never hash the same bytes.
fn hash_text(hash: &mut Xxh3Default, text: &str) {
    hash.update(&(text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

impl DocumentId {
    /// Reads an id as it is written; `None` if it is not an id of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (time, hash) = text.split_once('-')?;
        let time = u64::from_str_radix(time, 16).ok()?;
        // The decoder needs a buffer for the largest size that the text could decode to.
        let mut decoded = [0; 18];
        let length = BASE64_URL_SAFE_NO_PAD
            .decode_slice(hash, &mut decoded)
            .ok()?;
        let bytes = decoded.get(..length)?.try_into().ok()?;
        let id = Self {
            time,
            hash: u128::from_be_bytes(bytes),
        };
        (id.to_string() == text).then_some(id)
    }
}

impl DocumentId {
    /// Returns the time of the log event, in milliseconds since 1970; 0 for times before.
    #[must_use]
    pub fn event_time(&self) -> i64 {
        i64::try_from(self.time).unwrap_or(i64::MAX)
    }

    /// Appends the id as it is written.
    #[expect(
        clippy::expect_used,
        reason = "16 bytes are 22 characters of base64, so the buffer has exactly the right size"
    )]
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = (64 - self.time.leading_zeros()).div_ceil(4).max(12);
        let digit = |place: u32| {
            DIGITS
                .get((self.time >> (4 * place)) as usize & 15)
                .copied()
                .unwrap_or_default()
        };
        out.extend((0..digits).rev().map(digit));
        out.push(b'-');
        let mut hash = [0; 22];
        BASE64_URL_SAFE_NO_PAD
            .encode_slice(self.hash.to_be_bytes(), &mut hash)
            .expect("the hash fits into the buffer");
        out.extend_from_slice(&hash);
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(40);
        self.write(&mut text);
        formatter.write_str(&String::from_utf8_lossy(&text))
    }
}

impl Serialize for DocumentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const EVENT: LogEventIdentity<'_> = LogEventIdentity {
        owner: "111122223333",
        log_group: "API-Gateway-Access-Logs_a1b2c3d4e5/prod",
        log_stream: "f899139df5e1059396431415e770c6dd",
        event_id: "36858672170418285826923126573822123968745645434",
        event_time: 1_663_964_129_948,
        message: "{}",
        position: 0,
        part: 0,
    };

    #[test]
    fn is_frozen() {
        let cases = [
            (EVENT, "01836bfdaa9c-5DgA4tyMFz7-Uecj-3GydQ"),
            (
                LogEventIdentity { part: 1, ..EVENT },
                "01836bfdaa9c-zjWlexmuZPdwU9exfKFiIQ",
            ),
            (
                LogEventIdentity {
                    event_id: "",
                    ..EVENT
                },
                "01836bfdaa9c-SrtbC83we2En_fGFvDQu1g",
            ),
            (
                LogEventIdentity {
                    event_time: 0,
                    ..EVENT
                },
                "000000000000-P4FfeVeZhgAFKkYzo3Aiew",
            ),
        ];
        for (event, id) in cases {
            assert_eq!(event.document_id().to_string(), id);
        }
    }

    #[test]
    fn is_read_as_it_is_written() {
        for event_time in [0, EVENT.event_time, i64::MIN, i64::MAX] {
            let id = LogEventIdentity {
                event_time,
                ..EVENT
            }
            .document_id();
            assert_eq!(DocumentId::parse(&id.to_string()), Some(id));
        }
        for wrong in [
            "",
            "-",
            "01836bfdaa9c",
            "01836bfdaa9c-",
            "1836bfdaa9c-5DgA4tyMFz7-Uecj-3GydQ",
            "01836BFDAA9C-5DgA4tyMFz7-Uecj-3GydQ",
            "+1836bfdaa9c-5DgA4tyMFz7-Uecj-3GydQ",
            "01836bfdaa9c-5DgA4tyMFz7-Uecj-3Gyd",
            "01836bfdaa9c-5DgA4tyMFz7-Uecj-3GydR",
            "01836bfdaa9c-5DgA4tyMFz7-Uecj-3GydQQ",
            "01836bfdaa9c-5DgA4tyMFz7-Uecj-3GydQQQQQQQ",
        ] {
            assert_eq!(DocumentId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn depends_on_what_it_should_and_nothing_else() {
        let nameless = LogEventIdentity {
            event_id: "",
            ..EVENT
        };
        let different = [
            EVENT,
            LogEventIdentity {
                owner: "444455556666",
                ..EVENT
            },
            LogEventIdentity {
                log_group: "other",
                ..EVENT
            },
            LogEventIdentity {
                log_stream: "other",
                ..EVENT
            },
            LogEventIdentity {
                event_id: "1",
                ..EVENT
            },
            LogEventIdentity {
                event_time: 1,
                ..EVENT
            },
            LogEventIdentity { part: 1, ..EVENT },
            LogEventIdentity {
                owner: "1111222233",
                log_group: "33API-Gateway-Access-Logs_a1b2c3d4e5/prod",
                ..EVENT
            },
            nameless,
            LogEventIdentity {
                message: "{ }",
                ..nameless
            },
            LogEventIdentity {
                position: 1,
                ..nameless
            },
        ];
        let ids: HashSet<_> = different
            .iter()
            .map(|event| event.document_id().to_string())
            .collect();
        assert_eq!(ids.len(), different.len());
        let moved = LogEventIdentity {
            message: "as another filter sees it",
            position: 7,
            ..EVENT
        };
        assert_eq!(moved.document_id(), EVENT.document_id());
        assert!(ids.iter().all(|id| {
            id.len() <= 64
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        }));
        let early = LogEventIdentity {
            event_time: i64::MIN,
            ..EVENT
        }
        .document_id()
        .to_string();
        let late = LogEventIdentity {
            event_time: i64::MAX,
            ..EVENT
        }
        .document_id()
        .to_string();
        assert!(early.len() <= 64 && late.len() <= 64);
    }
}
