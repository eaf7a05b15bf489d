//! Dead letters as a search finds them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::bulk::{DocumentId, StoredDocument};
use crate::data_stream::DataStreamName;
use crate::ecs::Timestamp;
use crate::json::JsonText;
use crate::normalizer::LogLine;

/// What a dead letter keeps of the document that was refused: all that it takes to make it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLetter {
    /// The document's id.
    pub id: DocumentId,
    /// The document's place among those of the line.
    pub part: usize,
    /// Where it was to go.
    pub target: DataStreamName,
    owner: String,
    log_group: String,
    log_stream: String,
    event_id: String,
    event_time: i64,
    message: String,
}

/// Some of the dead letters that a search finds.
#[derive(Debug, Default)]
pub struct Page {
    /// Where the search goes on.
    pub scroll_id: Option<String>,
    /// How many the search finds in all.
    pub total: u64,
    /// Where each is stored, and what it keeps; nothing if it is no dead letter of ours.
    pub letters: Vec<(StoredDocument, Option<KeptLetter>)>,
}

impl KeptLetter {
    /// The line, with credentials masked.
    #[must_use]
    pub fn line(&self) -> LogLine<'_> {
        LogLine {
            owner: &self.owner,
            log_group: &self.log_group,
            log_stream: &self.log_stream,
            event_id: &self.event_id,
            event_time: self.event_time,
            message: JsonText::plain(&self.message),
        }
    }
}

#[derive(Serialize)]
struct Search {
    size: usize,
    query: Query,
    sort: [&'static str; 1],
    #[serde(rename = "_source")]
    source: [&'static str; 5],
    seq_no_primary_term: bool,
    track_total_hits: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Query {
    MatchAll {},
    Range {
        #[serde(rename = "@timestamp")]
        timestamp: Since,
    },
}

#[derive(Serialize)]
struct Since {
    gte: Timestamp,
}

/// The body of a search for dead letters of log events since a time, the oldest first, so many at a time.
#[must_use]
pub fn query(since: Option<Timestamp>, size: usize) -> Vec<u8> {
    let search = Search {
        size,
        query: since.map_or(Query::MatchAll {}, |gte| Query::Range {
            timestamp: Since { gte },
        }),
        sort: ["@timestamp"],
        source: [
            "aws.api_gateway.dead_letter",
            "aws.cloudwatch",
            "cloud.account.id",
            "event.id",
            "event.original",
        ],
        seq_no_primary_term: true,
        track_total_hits: true,
    };
    serde_json::to_vec(&search).unwrap_or_default()
}

/// Reads an answer to a search; `None` if it is none, or does not come from every shard.
#[must_use]
pub fn read_page(body: &[u8]) -> Option<Page> {
    let reply: WireReply<'_> = serde_json::from_slice(body).ok()?;
    if reply.timed_out || reply.shards.is_some_and(|shards| shards.failed > 0) {
        return None;
    }
    let letters = reply.hits.hits.into_iter().map(|hit| {
        let letter = hit
            .source
            .and_then(|source| serde_json::from_str(source.get()).ok());
        let stored = StoredDocument {
            index: hit.index,
            id: hit.id,
            seq_no: hit.seq_no,
            primary_term: hit.primary_term,
        };
        (stored, letter.and_then(WireLetter::into_kept))
    });
    Some(Page {
        scroll_id: reply.scroll_id,
        total: reply.hits.total.map_or(0, |total| total.value),
        letters: letters.collect(),
    })
}

#[derive(Deserialize)]
struct WireReply<'a> {
    #[serde(rename = "_scroll_id")]
    scroll_id: Option<String>,
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Option<WireShards>,
    #[serde(borrow)]
    hits: WireHits<'a>,
}

#[derive(Deserialize)]
struct WireShards {
    failed: u64,
}

#[derive(Deserialize)]
struct WireHits<'a> {
    total: Option<WireTotal>,
    #[serde(borrow)]
    hits: Vec<WireHit<'a>>,
}

#[derive(Deserialize)]
struct WireTotal {
    value: u64,
}

#[derive(Deserialize)]
struct WireHit<'a> {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_seq_no")]
    seq_no: u64,
    #[serde(rename = "_primary_term")]
    primary_term: u64,
    #[serde(borrow, rename = "_source")]
    source: Option<&'a RawValue>,
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
    dead_letter: WireRefused,
}

#[derive(Deserialize)]
struct WireRefused {
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
                dead_letter: refused,
            },
            cloudwatch,
        } = self.aws;
        Some(KeptLetter {
            id: DocumentId::parse(&refused.document_id)?,
            part: refused.part.parse().ok()?,
            target: DataStreamName::parse(&refused.data_stream).ok()?,
            owner: self.cloud.account.id,
            log_group: cloudwatch.log_group,
            log_stream: cloudwatch.log_stream,
            event_id: self.event.id,
            event_time: refused.event_time.parse().ok()?,
            message: self.event.original,
        })
    }
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use super::*;
    use crate::bulk::{LogEventIdentity, Rejection};
    use crate::dead_letter::{DeadLetter, RefusedDocument};

    const LINE: LogLine<'_> = LogLine {
        owner: "111122223333",
        log_group: "group",
        log_stream: "stream",
        event_id: "",
        event_time: i64::MIN,
        message: JsonText::plain(r#"{"requestId":"a","apiKey":"s3cr3t"}"#),
    };

    fn id() -> DocumentId {
        let LogLine {
            owner,
            log_group,
            log_stream,
            event_id,
            event_time,
            message,
        } = LINE;
        let message = message.raw;
        LogEventIdentity {
            owner,
            log_group,
            log_stream,
            event_id,
            event_time,
            message,
            position: 3,
            part: 2,
        }
        .document_id()
    }

    /// A dead letter as it is written.
    fn letter() -> String {
        let (target, dead_letters) = (
            DataStreamName::parse("logs-a-b").unwrap(),
            DataStreamName::parse("logs-d-l").unwrap(),
        );
        let refused = RefusedDocument {
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
            &refused,
            &rejection,
            &dead_letters,
            &Bump::new(),
        ))
        .unwrap()
    }

    fn page(source: &str) -> String {
        format!(
            r#"{{"_scroll_id":"s","took":1,"timed_out":false,"_shards":{{"failed":0}},"hits":{{"total":{{"value":7}},
            "hits":[{{"_index":".ds-i","_id":"x","_seq_no":5,"_primary_term":1,"_source":{source},"sort":[1]}}]}}}}"#
        )
    }

    #[test]
    fn what_is_written_is_read_back() {
        let page = read_page(page(&letter()).as_bytes()).unwrap();
        assert_eq!((page.scroll_id.as_deref(), page.total), (Some("s"), 7));
        let [(stored, Some(letter))] = &page.letters[..] else {
            panic!("{page:?}")
        };
        assert_eq!(
            *stored,
            StoredDocument {
                index: ".ds-i".into(),
                id: "x".into(),
                seq_no: 5,
                primary_term: 1
            }
        );
        assert_eq!(
            (letter.id, letter.part, &*letter.target.name),
            (id(), 2, "logs-a-b")
        );
        let line = letter.line();
        assert_eq!(
            (line.owner, line.log_group, line.log_stream),
            (LINE.owner, LINE.log_group, LINE.log_stream)
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
            let page = read_page(page(&source).as_bytes()).unwrap();
            assert!(matches!(page.letters[..], [(_, None)]), "{source}");
        }
    }

    #[test]
    fn an_answer_that_is_not_whole_is_none() {
        let whole = page(&letter());
        let cases = [
            String::new(),
            "{}".to_owned(),
            whole.replace(r#""timed_out":false"#, r#""timed_out":true"#),
            whole.replace(r#""failed":0"#, r#""failed":1"#),
            whole.replace(r#""_seq_no":5,"#, ""),
            whole.split_at(whole.len() - 1).0.to_owned(),
        ];
        for case in cases {
            assert!(read_page(case.as_bytes()).is_none(), "{case}");
        }
    }

    #[test]
    fn searches() {
        let text = |since| String::from_utf8(query(since, 9)).unwrap();
        assert!(
            text(None).starts_with(r#"{"size":9,"query":{"match_all":{}},"sort":["@timestamp"],"#),
            "{}",
            text(None)
        );
        let since = text(Some(Timestamp(0)));
        assert!(
            since
                .contains(r#""query":{"range":{"@timestamp":{"gte":"1970-01-01T00:00:00.000Z"}}}"#),
            "{since}"
        );
    }
}
