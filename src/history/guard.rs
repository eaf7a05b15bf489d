//! The check before the first write: the ids of CloudWatch Logs must be those of live delivery.

use bumpalo::Bump;

use super::reader::HistoryReader;
use super::{HistoryError, HistoryQuery, LogGroup, Pace};
use crate::aws::Logs;
use crate::bulk::{DocumentId, LogEventIdentity};
use crate::data_stream::DataStreamName;
use crate::decode::LogData;
use crate::event_id::EventId;
use crate::search::{Sample, SearchOrder, sample};
use crate::server::Search;

/// The number of documents to compare at each end of the time range.
const SAMPLE: usize = 5;

/// Upper bound on the documents of one line that are compared.
const MOST_PARTS: usize = 64;

/// Upper bound on pages that are read for the log events of one moment. Most of them are empty.
const MOST_PAGES: usize = 100;

/// Compares the ids of existing documents with those of CloudWatch's log events.
#[derive(Debug)]
pub struct Guard<'g, S> {
    /// The source of documents.
    pub server: &'g S,
    /// The data stream of the documents.
    pub data_stream: &'g DataStreamName,
    /// The source of log events.
    pub logs: &'g Logs,
    /// How to ask for them.
    pub pace: Pace,
}

/// The evidence that a document gives about the ids.
#[derive(Debug, PartialEq, Eq)]
enum Evidence {
    Same,
    Other,
    /// CloudWatch Logs no longer has a log event of that time.
    Nothing,
}

impl<S: Search> Guard<'_, S> {
    /// Checks every log group.
    ///
    /// # Errors
    /// [`HistoryError::OtherIds`] if a log group has documents and none of a sample of them has an
    /// id of CloudWatch's; other errors if there is no evidence.
    pub async fn check(&self, query: &HistoryQuery<'_>) -> Result<(), HistoryError> {
        for group in query.groups {
            self.check_group(group, query).await?;
        }
        Ok(())
    }

    async fn check_group(
        &self,
        group: &LogGroup,
        query: &HistoryQuery<'_>,
    ) -> Result<(), HistoryError> {
        let session = self.pace.session();
        let mut is_other = false;
        for order in [SearchOrder::OldestFirst, SearchOrder::NewestFirst] {
            let wanted = Sample {
                data_stream: &self.data_stream.name,
                log_group: &group.name,
                since: query.since,
                until: query.until,
                order,
                size: SAMPLE,
            };
            let ids = sample(self.server, &wanted, &session).await;
            for id in ids.map_err(HistoryError::Search)? {
                match self.evidence(&id, group).await? {
                    Evidence::Same => return Ok(()),
                    Evidence::Other => is_other = true,
                    Evidence::Nothing => {}
                }
            }
        }
        if is_other {
            return Err(HistoryError::OtherIds {
                log_group: group.name.clone(),
                data_stream: self.data_stream.name.clone(),
            });
        }
        Ok(())
    }

    /// Asks CloudWatch Logs for the log events of the time in a document's id.
    async fn evidence(&self, id: &str, group: &LogGroup) -> Result<Evidence, HistoryError> {
        let Some(id) = DocumentId::parse(id) else {
            return Ok(Evidence::Other);
        };
        let time = id.event_time();
        let moment = HistoryQuery {
            groups: std::slice::from_ref(group),
            since: time,
            until: time,
            pattern: None,
        };
        let mut reader = HistoryReader::new(self.logs, moment, self.pace);
        let mut evidence = Evidence::Nothing;
        for _ in 0..MOST_PAGES {
            let Some(page) = reader.next().await? else {
                break;
            };
            for data in &page.payloads {
                match compare(id, data) {
                    Evidence::Same => return Ok(Evidence::Same),
                    Evidence::Other => evidence = Evidence::Other,
                    Evidence::Nothing => {}
                }
            }
        }
        Ok(evidence)
    }
}

/// Compares a document's id with those of log events of the same time.
fn compare(id: DocumentId, data: &LogData) -> Evidence {
    let mut evidence = Evidence::Nothing;
    for event in data
        .events()
        .filter(|event| event.timestamp == id.event_time())
    {
        let arena = Bump::new();
        let is_it = |part: usize| {
            let identity = LogEventIdentity {
                owner: &data.owner,
                log_group: &data.log_group,
                log_stream: &data.log_stream,
                event_id: event.id,
                event_time: event.timestamp,
                message: event.message.text(&arena),
                position: 0,
                part,
            };
            identity.document_id() == id
        };
        if (0..MOST_PARTS).any(is_it) {
            return Evidence::Same;
        }
        evidence = Evidence::Other;
    }
    evidence
}

/// Checks that each id holds the time of its log event, as all ids of CloudWatch Logs do.
///
/// # Errors
/// [`HistoryError::StrangeId`] for the first one that does not.
pub fn check_ids(payloads: &[LogData]) -> Result<(), HistoryError> {
    for data in payloads {
        for event in data.events() {
            let holds = EventId::parse(event.id).map(|id| id.event_time);
            if holds != u64::try_from(event.timestamp).ok() || holds.is_none() {
                return Err(HistoryError::StrangeId {
                    log_group: data.log_group.clone(),
                    id: event.id.to_owned(),
                    time: event.timestamp,
                });
            }
        }
    }
    Ok(())
}
