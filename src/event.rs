//! An event as Lambda delivers it becomes a [`Batch`] of records with their subscription payloads.
//!
//! There are three triggers: a CloudWatch Logs subscription that invokes the function directly, a
//! Kinesis stream in between, and an SQS queue that holds failed invocations (the `OnFailure`
//! record, or the bare event of a dead-letter queue). An `OnFailure` record may also be the event
//! itself, for replays by hand.
//!
//! Members that AWS may add are ignored at every level: a strict reader would lose logs on the day
//! AWS adds one. But an event that mixes two kinds, such as `awslogs` beside `Records`, is
//! rejected: reading only one half would lose the other.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

/// The records of one invocation.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The service that sent the records. It decides the form of the answer.
    pub trigger: Trigger,
    /// True if the events were certainly delivered before: they come from the queue of failed
    /// invocations, or as the record of a failed invocation.
    pub is_repeated: bool,
    /// The records in the order of arrival.
    pub records: Vec<Record<'a>>,
}

/// The service that invoked the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// CloudWatch Logs, asynchronously: the answer is Ok or an error.
    Subscription,
    /// A Kinesis stream: the answer names the first unfinished record.
    Kinesis,
    /// An SQS queue: the answer names every unfinished message.
    Sqs,
}

/// The unit that succeeds or fails for the trigger.
#[derive(Debug)]
pub struct Record<'a> {
    /// The Kinesis sequence number or the SQS message id; empty for a direct subscription.
    pub id: Cow<'a, str>,
    /// The subscription payloads inside, each base64 of gzip of JSON; or the reason why there are
    /// none.
    pub payloads: Result<Vec<Cow<'a, str>>, NoPayload>,
    /// True if CloudWatch Logs invoked this function with the payloads. It invokes functions only
    /// in the region of the log group; a Kinesis stream may hold logs of other regions.
    pub is_direct: bool,
}

/// Subscription payloads, and whether CloudWatch Logs invoked the function with all of them.
type RecordPayloads<'a> = (Vec<Cow<'a, str>>, bool);

/// The reason why a record holds no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoPayload {
    /// The member is missing, or is not a string.
    #[error("the record has no `{0}`")]
    Missing(&'static str),
    /// An SQS body that is not JSON.
    #[error("the message body is not JSON: it should be a failed invocation of this function")]
    BodyNotJson,
    /// An SQS body of some other kind.
    #[error(
        "the message body is not an event of this function (a CloudWatch Logs subscription, Kinesis records, or an \
         OnFailure record holding one)"
    )]
    UnknownBody,
    /// Members of two kinds of event or record.
    #[error("it says two things: there is `{0}` beside `{1}`, and only one of them could be read")]
    Ambiguous(&'static str, &'static str),
}

/// An event that this function cannot read. An operator has to change what sends it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// Not JSON at all.
    #[error(
        "the event is not JSON (line {line}, column {column}): give it an invoke event as Lambda delivers it"
    )]
    NotJson {
        /// The line of the first error, from 1.
        line: usize,
        /// The column of the first error, from 1.
        column: usize,
    },
    /// JSON of no known kind.
    #[error(
        "the event is of no kind this function knows: it takes CloudWatch Logs subscriptions (`awslogs`), Kinesis and \
         SQS records (`Records`), and OnFailure records (`requestPayload`)"
    )]
    UnknownTrigger,
    /// Records of another service.
    #[error(
        "the event holds records from {0:?}: connect this function to aws:kinesis or aws:sqs only"
    )]
    UnknownSource(String),
    /// Records of both kinds. Lambda never sends such an event.
    #[error("the event mixes Kinesis records and SQS messages: send each in an event of its own")]
    MixedTriggers,
    /// Members of two kinds of event. Lambda never sends such an event.
    #[error("the event has `{0}` beside `{1}`: send each in an event of its own")]
    Ambiguous(&'static str, &'static str),
}

/// Upper bound on the nesting of events: a queue may hold failed invocations that were themselves
/// replays.
const MAX_NESTING: usize = 4;

/// Reads an event as Lambda delivers it.
///
/// # Errors
/// [`EventError`] if the event as a whole is of no known kind. A broken record is no error here:
/// its [`Record::payloads`] holds the reason.
pub fn read(event: &[u8]) -> Result<Batch<'_>, EventError> {
    let wire: InvokeEvent<'_> = match serde_json::from_slice(event) {
        Ok(wire) => wire,
        Err(error) if error.is_data() => return Err(EventError::UnknownTrigger),
        Err(error) => {
            return Err(EventError::NotJson {
                line: error.line(),
                column: error.column(),
            });
        }
    };
    if let Some((one, other)) = wire.ambiguity() {
        return Err(EventError::Ambiguous(one, other));
    }
    if let Some(records) = wire.records {
        return read_records(records);
    }
    let is_repeated = wire.request_payload.is_some();
    match wire.subscription_payloads(MAX_NESTING) {
        Err(NoPayload::UnknownBody) => Err(EventError::UnknownTrigger),
        payloads => Ok(Batch {
            trigger: Trigger::Subscription,
            is_repeated,
            records: vec![Record::new(Cow::Borrowed(""), payloads)],
        }),
    }
}

fn read_records(wire: Vec<WireRecord<'_>>) -> Result<Batch<'_>, EventError> {
    let mut trigger = None;
    let mut records = Vec::with_capacity(wire.len());
    for record in wire {
        let (source, record) = record.into_record()?;
        if *trigger.get_or_insert(source) != source {
            return Err(EventError::MixedTriggers);
        }
        records.push(record);
    }
    // There are no records, so there is nothing to do. An empty list of failures suits either
    // trigger.
    let trigger = trigger.unwrap_or(Trigger::Sqs);
    Ok(Batch {
        trigger,
        is_repeated: trigger == Trigger::Sqs,
        records,
    })
}

/// All known events in one struct. An untagged enum would parse each event twice.
#[derive(Deserialize)]
struct InvokeEvent<'a> {
    /// [CloudWatch Logs
    /// subscription](https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html)
    #[serde(borrow)]
    awslogs: Option<AwsLogs<'a>>,
    #[serde(borrow, rename = "Records")]
    records: Option<Vec<WireRecord<'a>>>,
    /// [OnFailure
    /// record](https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html)
    #[serde(borrow, rename = "requestPayload")]
    request_payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct AwsLogs<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// A [Kinesis](https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html) record or an
/// [SQS](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html) message.
#[derive(Deserialize)]
struct WireRecord<'a> {
    #[serde(borrow, rename = "eventSource")]
    event_source: Option<BorrowedText<'a>>,
    #[serde(borrow)]
    kinesis: Option<WireKinesis<'a>>,
    #[serde(borrow, rename = "messageId")]
    message_id: Option<BorrowedText<'a>>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireKinesis<'a> {
    #[serde(borrow, rename = "sequenceNumber")]
    sequence_number: Option<BorrowedText<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// A member that should be a string. A non-string fails only its own record.
fn text<'a>(member: Option<&'a RawValue>, name: &'static str) -> Result<Cow<'a, str>, NoPayload> {
    let text: Option<BorrowedText<'a>> =
        member.and_then(|member| serde_json::from_str(member.get()).ok());
    text.map(|text| text.0).ok_or(NoPayload::Missing(name))
}

/// A string that borrows where it can. serde honours `borrow` on a bare `Cow` only, so an
/// `Option<Cow<str>>` would never borrow.
#[derive(Deserialize)]
#[serde(transparent)]
struct BorrowedText<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Record<'a> {
    fn new(id: Cow<'a, str>, payloads: Result<RecordPayloads<'a>, NoPayload>) -> Self {
        let is_direct = payloads.as_ref().is_ok_and(|(_, is_direct)| *is_direct);
        Self {
            id,
            payloads: payloads.map(|(payloads, _)| payloads),
            is_direct,
        }
    }
}

impl<'a> InvokeEvent<'a> {
    /// Returns two members that belong to different kinds of event, if the event has such a pair.
    fn ambiguity(&self) -> Option<(&'static str, &'static str)> {
        let kinds = [
            (self.awslogs.is_some(), "awslogs"),
            (self.records.is_some(), "Records"),
            (self.request_payload.is_some(), "requestPayload"),
        ];
        let mut present = kinds
            .into_iter()
            .filter_map(|(is_there, name)| is_there.then_some(name));
        present.next().zip(present.next())
    }

    /// Returns the payloads of an event whose records are not answered one by one.
    fn subscription_payloads(self, nesting: usize) -> Result<RecordPayloads<'a>, NoPayload> {
        if let Some((one, other)) = self.ambiguity() {
            return Err(NoPayload::Ambiguous(one, other));
        }
        if let Some(awslogs) = self.awslogs {
            return text(awslogs.data, "awslogs.data").map(|data| (vec![data], true));
        }
        let Some(nesting) = nesting.checked_sub(1) else {
            return Err(NoPayload::UnknownBody);
        };
        if let Some(inner) = self.request_payload {
            return nested(inner.get(), nesting);
        }
        let records = self.records.ok_or(NoPayload::UnknownBody)?;
        let mut payloads = Vec::new();
        let mut are_direct = true;
        for record in records {
            let (_, record) = record
                .into_record_nested(nesting)
                .map_err(|_| NoPayload::UnknownBody)?;
            are_direct &= record.is_direct;
            payloads.extend(record.payloads?);
        }
        Ok((payloads, are_direct))
    }
}

/// Returns the payloads of an event inside another.
fn nested(event: &str, nesting: usize) -> Result<RecordPayloads<'_>, NoPayload> {
    match serde_json::from_str::<InvokeEvent<'_>>(event) {
        Ok(event) => event.subscription_payloads(nesting),
        Err(error) if error.is_data() => Err(NoPayload::UnknownBody),
        Err(_) => Err(NoPayload::BodyNotJson),
    }
}

impl<'a> WireRecord<'a> {
    fn into_record(self) -> Result<(Trigger, Record<'a>), EventError> {
        self.into_record_nested(MAX_NESTING)
    }

    fn into_record_nested(self, nesting: usize) -> Result<(Trigger, Record<'a>), EventError> {
        let is_ambiguous = self.kinesis.is_some() && self.body.is_some();
        let source = self
            .event_source
            .map_or(Cow::Borrowed(""), |source| source.0);
        let (trigger, mut record) = match &*source {
            "aws:kinesis" => (
                Trigger::Kinesis,
                self.kinesis.map_or_else(no_kinesis, kinesis_record),
            ),
            "aws:sqs" => (
                Trigger::Sqs,
                sqs_message(self.message_id, self.body, nesting),
            ),
            "" => return Err(EventError::UnknownTrigger),
            _ => return Err(EventError::UnknownSource(source.chars().take(64).collect())),
        };
        if is_ambiguous {
            record.payloads = Err(NoPayload::Ambiguous("kinesis", "body"));
        }
        Ok((trigger, record))
    }
}

fn no_kinesis<'a>() -> Record<'a> {
    Record::new(Cow::Borrowed(""), Err(NoPayload::Missing("kinesis")))
}

fn kinesis_record(wire: WireKinesis<'_>) -> Record<'_> {
    let id = wire
        .sequence_number
        .map_or(Cow::Borrowed(""), |number| number.0);
    let payloads = text(wire.data, "kinesis.data").map(|data| (vec![data], false));
    Record::new(id, payloads)
}

fn sqs_message<'a>(
    id: Option<BorrowedText<'a>>,
    body: Option<&'a RawValue>,
    nesting: usize,
) -> Record<'a> {
    let payloads = text(body, "body").and_then(|body| {
        let (payloads, are_direct) = nested(&body, nesting)?;
        let owned = payloads
            .into_iter()
            .map(|payload| Cow::Owned(payload.into_owned()));
        Ok((owned.collect(), are_direct))
    });
    Record::new(id.map_or(Cow::Borrowed(""), |id| id.0), payloads)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Payloads = Vec<Result<Vec<String>, NoPayload>>;

    fn payloads(event: &str) -> Payloads {
        read(event.as_bytes())
            .unwrap()
            .records
            .into_iter()
            .map(|record| {
                record
                    .payloads
                    .map(|list| list.into_iter().map(Cow::into_owned).collect())
            })
            .collect()
    }

    #[test]
    fn every_way_an_event_arrives() {
        let ok = |list: &[&str]| {
            Ok(list
                .iter()
                .map(|&payload| payload.to_owned())
                .collect::<Vec<_>>())
        };
        let cases: &[(&str, Trigger, Payloads)] = &[
            (
                r#"{"awslogs":{"data":"AA"}}"#,
                Trigger::Subscription,
                vec![ok(&["AA"])],
            ),
            (
                r#"{"awslogs":{"data":"AA","new":1},"newer":{}}"#,
                Trigger::Subscription,
                vec![ok(&["AA"])],
            ),
            (
                r#"{"awslogs":{}}"#,
                Trigger::Subscription,
                vec![Err(NoPayload::Missing("awslogs.data"))],
            ),
            (
                r#"{"version":"1.0","requestPayload":{"awslogs":{"data":"AA"}},"responsePayload":{}}"#,
                Trigger::Subscription,
                vec![ok(&["AA"])],
            ),
            (
                r#"{"Records":[{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1","data":"AA"}},
                              {"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"2"}},
                              {"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"3","data":5}}]}"#,
                Trigger::Kinesis,
                vec![
                    ok(&["AA"]),
                    Err(NoPayload::Missing("kinesis.data")),
                    Err(NoPayload::Missing("kinesis.data")),
                ],
            ),
            (
                r#"{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":"{\"awslogs\":{\"data\":\"AA\"}}"},
                              {"eventSource":"aws:sqs","messageId":"n",
                               "body":"{\"requestPayload\":{\"awslogs\":{\"data\":\"BB\"}}}"},
                              {"eventSource":"aws:sqs","messageId":"o","body":"hello"},
                              {"eventSource":"aws:sqs","messageId":"p","body":"{}"},
                              {"eventSource":"aws:sqs","messageId":"q"}]}"#,
                Trigger::Sqs,
                vec![
                    ok(&["AA"]),
                    ok(&["BB"]),
                    Err(NoPayload::BodyNotJson),
                    Err(NoPayload::UnknownBody),
                    Err(NoPayload::Missing("body")),
                ],
            ),
            (r#"{"Records":[]}"#, Trigger::Sqs, vec![]),
            // AWS sends none of these. Reading only one half would lose the other.
            (
                r#"{"Records":[{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1","data":"AA"},"body":"{}"},
                              {"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"2","data":"BB"},"body":null}]}"#,
                Trigger::Kinesis,
                vec![Err(NoPayload::Ambiguous("kinesis", "body")), ok(&["BB"])],
            ),
            (
                r#"{"Records":[{"eventSource":"aws:sqs","messageId":"m","kinesis":{"data":"AA"},
                               "body":"{\"awslogs\":{\"data\":\"AA\"}}"},
                              {"eventSource":"aws:sqs","messageId":"n",
                               "body":"{\"awslogs\":{\"data\":\"AA\"},\"Records\":[]}"}]}"#,
                Trigger::Sqs,
                vec![
                    Err(NoPayload::Ambiguous("kinesis", "body")),
                    Err(NoPayload::Ambiguous("awslogs", "Records")),
                ],
            ),
        ];
        for (event, trigger, expected) in cases {
            assert_eq!(read(event.as_bytes()).unwrap().trigger, *trigger, "{event}");
            assert_eq!(&payloads(event), expected, "{event}");
        }
    }

    #[test]
    fn events_that_are_not_for_us() {
        let cases = [
            ("", EventError::NotJson { line: 1, column: 0 }),
            (
                "{\"awslogs\":",
                EventError::NotJson {
                    line: 1,
                    column: 11,
                },
            ),
            ("{}", EventError::UnknownTrigger),
            ("[]", EventError::UnknownTrigger),
            ("\"text\"", EventError::UnknownTrigger),
            (
                r#"{"Records":[{"eventSource":"aws:s3"}]}"#,
                EventError::UnknownSource("aws:s3".into()),
            ),
            (r#"{"Records":[{}]}"#, EventError::UnknownTrigger),
            (
                r#"{"requestPayload":{"Hello":1}}"#,
                EventError::UnknownTrigger,
            ),
            (
                r#"{"Records":[{"eventSource":"aws:sqs"},{"eventSource":"aws:kinesis"}]}"#,
                EventError::MixedTriggers,
            ),
            (
                r#"{"awslogs":{"data":"AA"},"Records":[]}"#,
                EventError::Ambiguous("awslogs", "Records"),
            ),
            (
                r#"{"requestPayload":{"awslogs":{"data":"AA"}},"awslogs":{}}"#,
                EventError::Ambiguous("awslogs", "requestPayload"),
            ),
            (
                r#"{"requestPayload":{},"Records":[{"eventSource":"aws:sqs"}]}"#,
                EventError::Ambiguous("Records", "requestPayload"),
            ),
        ];
        for (event, expected) in cases {
            assert_eq!(read(event.as_bytes()).unwrap_err(), expected, "{event}");
        }
    }

    #[test]
    fn a_payload_is_borrowed_from_the_event() {
        let event = br#"{"awslogs":{"data":"AAAA"}}"#;
        let batch = read(event).unwrap();
        assert!(matches!(
            batch.records[0].payloads.as_deref(),
            Ok([Cow::Borrowed("AAAA")])
        ));
    }
}
