//! A document that Elasticsearch rejects becomes a dead letter, which no mapping can reject.
//!
//! A dead letter holds the raw line with credentials masked, all that CloudWatch said of the log
//! event, and the id of the document. So the document can be sent again through the whole path once
//! the cause is fixed. The id is kept because it cannot always be computed again: if CloudWatch
//! gave the event no id, it depends on the line as it was before masking. The document's place in
//! the line is kept as well: if a line holds several objects, only the rejected one is sent again.

use bumpalo::Bump;
use serde::{Deserialize, Serialize};

use crate::bulk::{DocumentId, Rejection};
use crate::data_stream::DataStreamName;
use crate::ecs::{ECS_VERSION, Timestamp};
use crate::json::{JsonText, WriteJson};
use crate::normalizer::{LogLine, PRESERVED, mask};

/// A dead letter: texts and one date, in the fields that `docs/fields.md` lists.
#[derive(Debug, Serialize)]
pub struct DeadLetter<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Timestamp,
    aws: Aws<'a>,
    cloud: CloudFields<'a>,
    data_stream: DataStreamFields<'a>,
    ecs: EcsFields,
    error: ErrorFields<'a>,
    event: EventFields<'a>,
    tags: [&'static str; 1],
}

#[derive(Debug, Serialize)]
struct Aws<'a> {
    api_gateway: ApiGateway<'a>,
    cloudwatch: CloudWatchFields<'a>,
}

#[derive(Debug, Serialize)]
struct ApiGateway<'a> {
    dead_letter: Rejected<'a>,
}

/// The rejected document and the reason.
#[derive(Debug, Serialize)]
struct Rejected<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    account: &'a str,
    data_stream: &'a str,
    document_id: DocumentId,
    event_time: String,
    part: String,
    position: String,
    status: String,
}

#[derive(Debug, Serialize)]
struct CloudWatchFields<'a> {
    log_group: &'a str,
    log_stream: &'a str,
}

#[derive(Debug, Serialize)]
struct CloudFields<'a> {
    account: AccountFields<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    region: &'a str,
}

#[derive(Debug, Serialize)]
struct AccountFields<'a> {
    id: &'a str,
}

#[derive(Debug, Serialize)]
struct DataStreamFields<'a> {
    dataset: &'a str,
    namespace: &'a str,
    r#type: &'a str,
}

#[derive(Debug, Serialize)]
struct EcsFields {
    version: &'static str,
}

#[derive(Debug, Serialize)]
struct ErrorFields<'a> {
    message: &'a str,
    r#type: &'a str,
}

#[derive(Debug, Serialize)]
struct EventFields<'a> {
    dataset: &'a str,
    id: &'a str,
    kind: &'static str,
    module: &'static str,
    original: &'a str,
}

/// A rejected document: its line, its place in the payload, its id and its destination.
#[derive(Debug, Clone, Copy)]
pub struct RejectedDocument<'a> {
    /// The line.
    pub line: LogLine<'a>,
    /// The line without credentials.
    pub masked: &'a str,
    /// The log event's place in its payload.
    pub position: usize,
    /// The document's place among the documents of the line.
    pub part: usize,
    /// The document's id.
    pub id: DocumentId,
    /// The data stream that rejected it.
    pub target: &'a DataStreamName,
}

impl WriteJson for DeadLetter<'_> {
    #[expect(
        clippy::expect_used,
        reason = "writing to a Vec cannot fail, and there are none but string keys"
    )]
    fn write_json(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, self).expect("a dead letter can be written as JSON");
    }
}

impl DeadLetter<'_> {
    /// Makes the dead letter of a rejected document, for the data stream of dead letters.
    #[must_use]
    pub fn new<'a>(
        rejected: &RejectedDocument<'a>,
        rejection: &'a Rejection,
        dead_letters: &'a DataStreamName,
        arena: &'a Bump,
    ) -> DeadLetter<'a> {
        let line = rejected.line;
        DeadLetter {
            timestamp: Timestamp(line.event_time),
            aws: Aws {
                api_gateway: ApiGateway {
                    dead_letter: Rejected {
                        account: line.account,
                        data_stream: &rejected.target.name,
                        document_id: rejected.id,
                        event_time: line.event_time.to_string(),
                        part: rejected.part.to_string(),
                        position: rejected.position.to_string(),
                        status: rejection.status.to_string(),
                    },
                },
                cloudwatch: CloudWatchFields {
                    log_group: line.log_group,
                    log_stream: line.log_stream,
                },
            },
            cloud: CloudFields {
                account: AccountFields { id: line.owner },
                region: line.region,
            },
            data_stream: DataStreamFields {
                dataset: &dead_letters.dataset,
                namespace: &dead_letters.namespace,
                r#type: &dead_letters.r#type,
            },
            ecs: EcsFields {
                version: ECS_VERSION,
            },
            error: ErrorFields {
                message: mask(&rejection.reason, arena),
                r#type: &rejection.kind,
            },
            event: EventFields {
                dataset: &dead_letters.dataset,
                id: line.event_id,
                kind: "pipeline_error",
                module: "aws",
                original: rejected.masked,
            },
            // Without this tag, the final pipeline of Fleet's templates would remove the line.
            tags: [PRESERVED],
        }
    }
}

/// The parts of a dead letter from which its document is made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLetter {
    /// The document's id.
    pub id: DocumentId,
    /// The document's place among the documents of the line.
    pub part: usize,
    /// The data stream that the document was sent to.
    pub target: DataStreamName,
    owner: String,
    account: String,
    region: String,
    log_group: String,
    log_stream: String,
    event_id: String,
    event_time: i64,
    message: String,
}

/// The fields of a dead letter that [`KeptLetter::read`] needs.
pub const KEPT_FIELDS: [&str; 6] = [
    "aws.api_gateway.dead_letter",
    "aws.cloudwatch",
    "cloud.account.id",
    "cloud.region",
    "event.id",
    "event.original",
];

impl KeptLetter {
    /// Reads a dead letter, for which [`KEPT_FIELDS`] are enough. `None` if it is not a dead letter
    /// of ours.
    #[must_use]
    pub fn read(source: &str) -> Option<Self> {
        serde_json::from_str::<WireLetter>(source).ok()?.into_kept()
    }

    /// The line, with credentials masked.
    #[must_use]
    pub fn line(&self) -> LogLine<'_> {
        LogLine {
            owner: &self.owner,
            account: &self.account,
            region: &self.region,
            log_group: &self.log_group,
            log_stream: &self.log_stream,
            event_id: &self.event_id,
            event_time: self.event_time,
            message: JsonText::plain(&self.message),
        }
    }
}

#[derive(Deserialize)]
struct WireLetter {
    aws: WireAws,
    cloud: WireCloud,
    event: WireEvent,
}

#[derive(Deserialize)]
struct WireAws {
    api_gateway: WireApiGateway,
    cloudwatch: WireCloudWatch,
}

#[derive(Deserialize)]
struct WireApiGateway {
    dead_letter: WireRejected,
}

#[derive(Deserialize)]
struct WireRejected {
    #[serde(default)]
    account: String,
    data_stream: String,
    document_id: String,
    event_time: String,
    part: String,
}

#[derive(Deserialize)]
struct WireCloudWatch {
    log_group: String,
    log_stream: String,
}

#[derive(Deserialize)]
struct WireCloud {
    account: WireAccount,
    #[serde(default)]
    region: String,
}

#[derive(Deserialize)]
struct WireAccount {
    id: String,
}

#[derive(Deserialize)]
struct WireEvent {
    id: String,
    original: String,
}

impl WireLetter {
    fn into_kept(self) -> Option<KeptLetter> {
        let WireAws {
            api_gateway: WireApiGateway {
                dead_letter: rejected,
            },
            cloudwatch,
        } = self.aws;
        Some(KeptLetter {
            id: DocumentId::parse(&rejected.document_id)?,
            part: rejected.part.parse().ok()?,
            target: DataStreamName::parse(&rejected.data_stream).ok()?,
            owner: self.cloud.account.id,
            account: rejected.account,
            region: self.cloud.region,
            log_group: cloudwatch.log_group,
            log_stream: cloudwatch.log_stream,
            event_id: self.event.id,
            event_time: rejected.event_time.parse().ok()?,
            message: self.event.original,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::identity;

    const LINE: LogLine<'_> = LogLine {
        owner: "111122223333",
        account: "444455556666",
        region: "eu-central-1",
        log_group: "group",
        log_stream: "stream",
        event_id: "",
        event_time: i64::MIN,
        message: JsonText::plain(r#"{"requestId":"a","apiKey":"s3cr3t"}"#),
    };

    fn id() -> DocumentId {
        identity(&LINE, 3, 2, &Bump::new()).document_id()
    }

    /// Returns a dead letter as it is written.
    fn letter() -> String {
        let target = DataStreamName::parse("logs-a-b").unwrap();
        let dead_letters = DataStreamName::parse("logs-d-l").unwrap();
        let rejected = RejectedDocument {
            line: LINE,
            masked: r#"{"requestId":"a","apiKey":"***"}"#,
            position: 3,
            part: 2,
            id: id(),
            target: &target,
        };
        let rejection = Rejection {
            status: 400,
            kind: "k".into(),
            reason: "r".into(),
        };
        serde_json::to_string(&DeadLetter::new(
            &rejected,
            &rejection,
            &dead_letters,
            &Bump::new(),
        ))
        .unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let letter = KeptLetter::read(&letter()).unwrap();
        assert_eq!(
            (letter.id, letter.part, &*letter.target.name),
            (id(), 2, "logs-a-b")
        );
        let line = letter.line();
        assert_eq!(
            (line.owner, line.account, line.region),
            (LINE.owner, LINE.account, LINE.region)
        );
        assert_eq!(
            (line.log_group, line.log_stream),
            (LINE.log_group, LINE.log_stream)
        );
        assert_eq!(
            (line.event_id, line.event_time),
            (LINE.event_id, LINE.event_time)
        );
        assert_eq!(line.message.raw, r#"{"requestId":"a","apiKey":"***"}"#);
    }

    #[test]
    fn what_is_no_letter_of_ours_is_found_but_not_read() {
        let letter = letter();
        let foreign = [
            "null".to_owned(),
            "{}".to_owned(),
            letter.replace(r#""part":"2""#, r#""part":"-2""#),
            letter.replace("logs-a-b", "nowhere"),
            letter.replace("000000000000-", "000000000000"),
        ];
        for source in foreign {
            assert_eq!(KeptLetter::read(&source), None, "{source}");
        }
    }
}
