//! Reads the output of `aws logs filter-log-events --output json`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::payload::{NewLogEvent, NewLogStream};

/// A reply of `FilterLogEvents`. The AWS CLI joins all pages into one reply. A file may also hold
/// several replies, if somebody has requested the pages one by one.
#[derive(Deserialize)]
struct FilterReply<'a> {
    #[serde(borrow)]
    events: Vec<FoundEvent<'a>>,
}

/// A log event of `FilterLogEvents`. Texts stay as they were written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundEvent<'a> {
    #[serde(borrow)]
    event_id: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    log_stream_name: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// The member that distinguishes a reply from other JSON, and those of events that Lambda delivers.
#[derive(Deserialize)]
struct Events<'a> {
    #[serde(borrow)]
    events: Option<&'a RawValue>,
    awslogs: Option<IgnoredAny>,
    #[serde(rename = "Records")]
    records: Option<IgnoredAny>,
}

pub(super) const NEEDS_ARN: &str = "the output of `aws logs filter-log-events` does not name the account: give the log group's ARN with \
     --log-group, such as arn:aws:logs:eu-central-1:111122223333:log-group:my-api (`aws logs describe-log-groups` shows \
     it)";

/// Returns whether the text is a reply of `FilterLogEvents`, or starts like one.
pub(super) fn is_reply(bytes: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Events<'_>>();
    match values.next() {
        Some(Ok(first)) => {
            let is_event = first.awslogs.is_some() || first.records.is_some();
            let is_list = |events: &RawValue| events.get().starts_with('[');
            !is_event && first.events.is_some_and(is_list)
        }
        Some(Err(_)) => [r"{", r#""events""#, r":"]
            .iter()
            .try_fold(bytes, |rest, word| {
                rest.trim_ascii_start().strip_prefix(word.as_bytes())
            })
            .is_some(),
        None => false,
    }
}

/// Reads the log events, by their log streams.
///
/// # Errors
/// A sentence about the first entry that CloudWatch would not write.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<NewLogStream<'_>>, String> {
    let mut streams: BTreeMap<String, Vec<NewLogEvent<'_>>> = BTreeMap::new();
    let mut number = 0_u64;
    for answer in serde_json::Deserializer::from_slice(bytes).into_iter::<FilterReply<'_>>() {
        let answer = answer.map_err(|error| {
            format!(
                "the output of `aws logs filter-log-events --output json` is not complete or not JSON (line {}, \
                 column {}): run the command again",
                error.line(),
                error.column()
            )
        })?;
        for entry in answer.events {
            number += 1;
            let (stream, event) = entry.read().map_err(|member| {
                format!(
                    "log event {number} has no valid `{member}`: give the whole output of `aws logs \
                     filter-log-events --output json`"
                )
            })?;
            streams.entry(stream).or_default().push(event);
        }
    }
    Ok(streams
        .into_iter()
        .map(|(name, events)| NewLogStream { name, events })
        .collect())
}

impl<'a> FoundEvent<'a> {
    /// Returns the log stream and the log event, or the name of the member that is missing.
    fn read(self) -> Result<(String, NewLogEvent<'a>), &'static str> {
        let id: String = value(self.event_id)
            .filter(|id: &String| !id.is_empty())
            .ok_or("eventId")?;
        let timestamp = value(self.timestamp).ok_or("timestamp")?;
        let stream = value(self.log_stream_name).ok_or("logStreamName")?;
        let message = self
            .message
            .filter(|message| message.get().starts_with('"'))
            .ok_or("message")?;
        let message = Cow::Borrowed(message);
        Ok((
            stream,
            NewLogEvent {
                id,
                timestamp,
                message,
            },
        ))
    }
}

fn value<T: DeserializeOwned>(member: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(member?.get()).ok()
}
