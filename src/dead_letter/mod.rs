//! A document that Elasticsearch rejects becomes a dead letter, which no mapping can reject.
//!
//! A dead letter holds the raw line with credentials masked, all that CloudWatch said of the log
//! event, and the id of the document. So the document can be sent again through the whole path once
//! the cause is fixed. The id is kept because it cannot always be computed again: if CloudWatch
//! gave the event no id, it depends on the line as it was before masking. The document's place in
//! the line is kept as well: if a line holds several objects, only the rejected one is sent again.

mod kept;

use bumpalo::Bump;
use serde::Serialize;

use crate::bulk::{DocumentId, Rejection};
use crate::data_stream::DataStreamName;
use crate::ecs::{ECS_VERSION, Timestamp};
use crate::json::WriteJson;
use crate::normalizer::{LogLine, PRESERVED, mask, mask_line};

pub use self::kept::{KEPT_FIELDS, KeptLetter};

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
                original: mask_line(line.message.text(arena), arena),
            },
            // Without this tag, the final pipeline of Fleet's templates would remove the line.
            tags: [PRESERVED],
        }
    }
}
