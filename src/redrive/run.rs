//! One redrive on its way: letters to documents, documents to outcomes, what has arrived removed.

use std::collections::BTreeMap;

use bumpalo::Bump;
use tokio::time::Instant;

use super::reader::Reader;
use super::{Arrived, Redrive, RedriveReport};
use crate::bulk::{BulkBody, Failure, Outcome, Session, StoredDocument};
use crate::dead_letter::KeptLetter;
use crate::normalizer::Normalized;
use crate::pipeline::Pipeline;
use crate::report::{ErrorType, Report, ReportError};
use crate::server::{Search, Target, Transport};

pub(super) struct Run<'r, S, T, P> {
    redrive: &'r Redrive,
    pipeline: &'r Pipeline<T>,
    reader: Reader<'r, S>,
    progress: P,
    sending: Session,
    removing: Session,
    report: RedriveReport,
    /// Letters, among the unresolved, that no document can be made of.
    unreadable: u64,
}

impl<'r, S: Search, T: Transport, P: FnMut(u64, u64)> Run<'r, S, T, P> {
    pub(super) fn new(
        redrive: &'r Redrive,
        server: &'r S,
        pipeline: &'r Pipeline<T>,
        progress: P,
    ) -> Self {
        let session = || Session::new(pipeline.retry_policy, None, pipeline.random);
        Self {
            redrive,
            pipeline,
            reader: Reader::new(redrive, server, session()),
            progress,
            sending: session(),
            removing: session(),
            report: RedriveReport::default(),
            unreadable: 0,
        }
    }

    pub(super) async fn finish(mut self) -> RedriveReport {
        let start = Instant::now();
        while self.left() > 0
            && let Some((mut letters, total)) = self.reader.next().await
        {
            letters.truncate(usize::try_from(self.left()).unwrap_or(usize::MAX));
            self.page(letters).await;
            (self.progress)(
                self.report.report.received,
                total.min(self.redrive.limit.unwrap_or(u64::MAX)),
            );
            if self.sending.is_stopped() || self.kept_of_arrived() > 0 {
                break;
            }
        }
        let error = self.error();
        let RedriveReport {
            mut report,
            removed,
        } = self.report;
        for traffic in [self.sending.traffic(), self.removing.traffic()] {
            report.requests += traffic.requests;
            report.retries += traffic.retries;
            report.bytes_sent += traffic.bytes_sent;
            report.failure_store += traffic.failure_store;
        }
        self.reader.end().await;
        report.duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        RedriveReport {
            report: Report { error, ..report },
            removed,
        }
    }

    /// How many more letters may be taken.
    fn left(&self) -> u64 {
        self.redrive
            .limit
            .unwrap_or(u64::MAX)
            .saturating_sub(self.report.report.received)
    }

    async fn page(&mut self, letters: Vec<(StoredDocument, Option<KeptLetter>)>) {
        let mut by_target: BTreeMap<String, Vec<(StoredDocument, KeptLetter)>> = BTreeMap::new();
        for (stored, letter) in letters {
            self.report.report.received += 1;
            match letter {
                Some(letter) => by_target
                    .entry(letter.target.name.clone())
                    .or_default()
                    .push((stored, letter)),
                None => self.unreadable(),
            }
        }
        for letters in by_target.values() {
            let arrived = self.send(letters).await;
            self.remove(&arrived).await;
        }
    }

    /// Sends the documents of letters that go to one data stream. Answers the letters of those that have arrived.
    async fn send<'l>(
        &mut self,
        letters: &'l [(StoredDocument, KeptLetter)],
    ) -> Vec<&'l StoredDocument> {
        let pipeline = self.pipeline;
        let Some((_, KeptLetter { target, .. })) = letters.first() else {
            return Vec::new();
        };
        let normalizer = pipeline.normalizer_for(target);
        let (mut body, mut sent) = (BulkBody::default(), Vec::new());
        for (stored, letter) in letters {
            let arena = Bump::new();
            match pipeline.documents_by(&normalizer, &letter.line(), &arena) {
                Normalized::Skipped => self.report.report.skipped += 1,
                Normalized::Documents(documents) => match documents.get(letter.part) {
                    Some(document) => {
                        self.report.report.parse_failures +=
                            u64::from(document.event.kind == Some("pipeline_error"));
                        body.push(&letter.id, document);
                        sent.push(stored);
                    }
                    None => self.unreadable(),
                },
            }
        }
        let target = Target {
            data_stream: &target.name,
            ingest_pipeline: pipeline.ingest_pipeline.as_deref(),
        };
        let outcomes = pipeline.indexer.index(target, &body, &self.sending).await;
        let report = &mut self.report.report;
        let mut arrived = Vec::new();
        for (stored, outcome) in sent.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Indexed => report.indexed += 1,
                Outcome::Duplicate => report.duplicates += 1,
                Outcome::Rejected(_) => report.dead_lettered += 1,
                Outcome::Undelivered => report.unresolved += 1,
            }
            if matches!(outcome, Outcome::Indexed | Outcome::Duplicate) {
                arrived.push(stored);
            }
        }
        arrived
    }

    /// Removes letters whose documents have arrived. One that is gone already, or another by now, is none of these.
    async fn remove(&mut self, arrived: &[&StoredDocument]) {
        if self.redrive.arrived == Arrived::Kept {
            return;
        }
        let mut body = BulkBody::default();
        arrived.iter().for_each(|stored| body.push_deletion(stored));
        let target = Target {
            data_stream: &self.redrive.dead_letters.name,
            ingest_pipeline: None,
        };
        let outcomes = self
            .pipeline
            .indexer
            .index(target, &body, &self.removing)
            .await;
        let is_gone = |outcome: &&Outcome| matches!(outcome, Outcome::Indexed | Outcome::Duplicate);
        self.report.removed += outcomes.iter().filter(is_gone).count() as u64;
    }

    fn unreadable(&mut self) {
        self.unreadable += 1;
        self.report.report.undecodable_records += 1;
        self.report.report.unresolved += 1;
    }

    /// Letters that are there still although their documents have arrived.
    fn kept_of_arrived(&self) -> u64 {
        let Report {
            indexed,
            duplicates,
            ..
        } = self.report.report;
        match self.redrive.arrived {
            Arrived::Removed => (indexed + duplicates).saturating_sub(self.report.removed),
            Arrived::Kept => 0,
        }
    }

    /// Why letters stay, if any do.
    fn error(&self) -> Option<ReportError> {
        let report = &self.report.report;
        let cause = |session: &Session| {
            session
                .failure()
                .as_ref()
                .map_or_else(String::new, Failure::to_string)
        };
        let (refused, left_out) = (report.dead_lettered, report.skipped);
        let (unconfirmed, kept) = (report.unresolved - self.unreadable, self.kept_of_arrived());
        let reasons = [
            (refused, "refused again: mend the mapping that refuses them".to_owned()),
            (left_out, "left out by INCLUDE, EXCLUDE or EXECUTION_LOGS: set these as the function has them".to_owned()),
            (self.unreadable, "not in the form of this program's dead letters: look at them yourself".to_owned()),
            (unconfirmed, format!("not confirmed: {}", cause(&self.sending))),
            (kept, format!("delivered and not removed, which a repetition does: {}", cause(&self.removing))),
        ];
        let mut sentences: Vec<_> = reasons
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, reason)| {
                format!("{count} of {} dead letters stay, {reason}", report.received)
            })
            .collect();
        if self.reader.session.is_stopped() {
            sentences.push(format!(
                "the dead letters cannot be read: {}",
                reading_problem(&self.reader.session)
            ));
        }
        let is_only = |count: u64| count > 0 && sentences.len() == 1;
        let kind = match () {
            () if sentences.is_empty() => return None,
            () if is_only(refused) => ErrorType::DeliveryRefused,
            () if is_only(self.unreadable) => ErrorType::RecordUndecodable,
            () => ErrorType::DeliveryIncomplete,
        };
        Some(ReportError {
            kind,
            message: sentences.join("; "),
        })
    }
}

/// Who writes dead letters need not be allowed to read them.
fn reading_problem(reading: &Session) -> String {
    match reading.failure() {
        Some(Failure::Status(status @ (401 | 403))) => format!(
            "Elasticsearch answered {status}: check the credentials and that they have `read`, `delete` and `maintenance` \
             on the data stream"
        ),
        Some(failure) => failure.to_string(),
        None => String::new(),
    }
}
