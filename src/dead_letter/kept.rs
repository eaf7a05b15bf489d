//! Dead letters as a search returns them.

use serde::Deserialize;

use crate::bulk::DocumentId;
use crate::data_stream::DataStreamName;
use crate::json::JsonText;
use crate::normalizer::LogLine;

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
    use bumpalo::Bump;

    use super::*;
    use crate::bulk::Rejection;
    use crate::dead_letter::{DeadLetter, RejectedDocument};
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
