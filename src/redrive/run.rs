//! One redrive: letters become documents, documents get outcomes, and letters of documents that
//! arrived are removed.

use std::collections::{BTreeMap, BTreeSet};

use bumpalo::Bump;
use thiserror::Error;
use tokio::time::Instant;

use super::{Arrived, Redrive, RedriveReport};
use crate::bulk::{BulkBody, Failure, Outcome, Rejection, Session, StoredDocument};
use crate::data_stream::DataStreamName;
use crate::dead_letter::{self, KeptLetter};
use crate::normalizer::Normalized;
use crate::pipeline::Pipeline;
use crate::report::{Accounts, ErrorType, Reason, Report, ReportError};
use crate::search::{FoundDocument, PermittedLookUp, SearchQuery, SearchReader};
use crate::server::{Search, Target, Transport};

/// Upper bound on the number of letters in a page.
const PAGE: usize = 500;

pub(super) struct RedriveRun<'r, S, T, P> {
    redrive: &'r Redrive,
    pipeline: &'r Pipeline<T>,
    letters: SearchReader<'r, S>,
    /// Finds documents that are there already, in whichever backing index.
    stored: PermittedLookUp<'r, S>,
    progress: P,
    sending: Session,
    removing: Session,
    accounts: Accounts,
    counts: RedriveCounts,
}

/// The counts of a redrive that other deliveries do not have.
#[derive(Default)]
struct RedriveCounts {
    /// Letters that were read, including those for other data streams.
    read: u64,
    /// Letters for data streams that are not among the targets.
    for_others: u64,
    /// Letters from which no document can be made.
    unreadable: u64,
    /// Letters whose documents have arrived.
    arrived: u64,
    /// Letters that were removed, or were gone already.
    removed: u64,
    /// Letters that were changed since they were read, so that they stay.
    changed: u64,
    /// Letters whose documents went to the failure store.
    in_failure_store: u64,
    /// The data streams that are not among the targets.
    others: BTreeSet<String>,
    /// The reason why the first document was rejected again.
    first_rejection: Option<Reason>,
    /// The reason why the first letter was not removed, if the server gave one.
    first_refusal: Option<Reason>,
    /// The reason why the letters cannot be read to the end.
    reading: Option<Failure>,
}

/// A letter from which no document can be made.
#[derive(Debug, Error)]
#[error("it is not in the form of this program's dead letters")]
struct NotALetter;

/// A dead letter and its place in the index.
type Letter = (StoredDocument, KeptLetter);

impl<'r, S: Search, T: Transport, P: FnMut(u64, u64)> RedriveRun<'r, S, T, P> {
    pub(super) fn new(
        redrive: &'r Redrive,
        server: &'r S,
        pipeline: &'r Pipeline<T>,
        progress: P,
    ) -> Self {
        let session = || {
            Session::new(pipeline.retry_policy, None, pipeline.random).with_notice(pipeline.notice)
        };
        let limit = redrive
            .limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(PAGE);
        let query = SearchQuery {
            data_stream: &redrive.dead_letters.name,
            since: redrive.since,
            source: &dead_letter::KEPT_FIELDS,
            page_size: limit.clamp(1, PAGE),
        };
        Self {
            redrive,
            pipeline,
            letters: SearchReader::new(server, query, session()),
            stored: PermittedLookUp::new(server, Some(&redrive.dead_letters.name)),
            progress,
            sending: session(),
            removing: session(),
            accounts: Accounts::default(),
            counts: RedriveCounts::default(),
        }
    }

    pub(super) async fn finish(mut self) -> RedriveReport {
        let start = Instant::now();
        while self.left() > 0 && !self.is_stopped() {
            match self.letters.next().await {
                Ok(Some(page)) => self.page(page).await,
                Ok(None) => break,
                Err(failure) => {
                    self.counts.reading = Some(failure);
                    break;
                }
            }
        }
        self.letters.end().await;
        for session in [&self.sending, &self.removing] {
            self.accounts.sent(session.traffic());
        }
        self.accounts
            .not_looked_up(self.stored.take_not_looked_up());
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let cause = |session: &Session, sentence: fn(&Failure) -> String| {
            session
                .failure()
                .as_ref()
                .map_or_else(String::new, sentence)
        };
        let causes = [
            cause(&self.sending, Failure::to_string),
            cause(&self.removing, Failure::while_removing),
        ];
        let counts = self.counts;
        let redrive = self.redrive;
        let report = self.accounts.close_with(duration_ms, |report| {
            error(report, &counts, redrive, causes)
        });
        RedriveReport {
            report,
            removed: counts.removed,
            other_targets: counts.for_others,
        }
    }

    /// Returns how many more letters may be taken. Letters for other data streams do not count.
    fn left(&self) -> u64 {
        let taken = self.counts.read - self.counts.for_others;
        self.redrive.limit.unwrap_or(u64::MAX).saturating_sub(taken)
    }

    /// Returns whether it makes no sense to go on, because documents do not arrive or their letters
    /// are not removed.
    fn is_stopped(&self) -> bool {
        self.sending.is_stopped() || self.counts.kept(self.redrive) > 0
    }

    async fn page(&mut self, page: Vec<FoundDocument>) {
        let mut by_target = BTreeMap::<String, Vec<Letter>>::new();
        for FoundDocument { stored, source } in page {
            if self.left() == 0 {
                break;
            }
            self.counts.read += 1;
            match source.and_then(|source| KeptLetter::read(source.get())) {
                None => self.unreadable(),
                Some(letter) if !self.redrive.sends_to(&letter.target) => self.for_others(letter),
                Some(letter) => by_target
                    .entry(letter.target.name.clone())
                    .or_default()
                    .push((stored, letter)),
            }
        }
        for letters in by_target.values() {
            let arrived = self.send(letters).await;
            self.remove(&arrived).await;
        }
        let all = self.letters.total();
        let all = self.redrive.limit.map_or(all, |limit| all.min(limit));
        (self.progress)(self.counts.read, all.max(self.counts.read));
    }

    fn unreadable(&mut self) {
        let letter = usize::try_from(self.counts.unreadable).unwrap_or(usize::MAX);
        self.counts.unreadable += 1;
        self.accounts.received();
        self.accounts.undecodable(letter, &NotALetter);
        self.accounts.unresolved(letter);
    }

    fn for_others(&mut self, letter: KeptLetter) {
        self.counts.for_others += 1;
        self.counts.others.insert(letter.target.name);
        self.accounts.skipped();
    }

    /// Sends the documents of letters for one data stream. Returns the letters whose documents have
    /// arrived.
    async fn send<'l>(&mut self, letters: &'l [Letter]) -> Vec<&'l StoredDocument> {
        let Some((_, KeptLetter { target, .. })) = letters.first() else {
            return Vec::new();
        };
        let (body, sent) = self.documents(letters, target);
        let outcomes = self.outcomes(target, &body, &sent).await;
        let mut arrived = Vec::new();
        for ((stored, _), outcome) in sent.into_iter().zip(outcomes) {
            if self.count(outcome) {
                self.counts.arrived += 1;
                arrived.push(stored);
            }
        }
        arrived
    }

    /// Sends documents that are not there already. Returns an outcome for each, in their order.
    async fn outcomes(
        &self,
        target: &DataStreamName,
        body: &BulkBody,
        sent: &[&Letter],
    ) -> Vec<Outcome> {
        let ids: Vec<_> = sent.iter().map(|(_, letter)| letter.id).collect();
        let looking = Session::new(self.pipeline.retry_policy, None, self.pipeline.random)
            .with_notice(self.pipeline.notice);
        let stored = match self.stored.find(&target.name, &ids, &looking).await {
            Ok(stored) => stored,
            Err(failure) => {
                self.sending.stop(failure);
                return vec![Outcome::Unresolved; sent.len()];
            }
        };
        let is_new = |item: &usize| ids.get(*item).is_some_and(|id| !stored.contains_key(id));
        let target = Target {
            data_stream: &target.name,
            ingest_pipeline: self.pipeline.ingest_pipeline.as_deref(),
        };
        let new = (0..body.len()).filter(is_new).collect();
        let outcomes = self
            .pipeline
            .indexer
            .index_some(target, (body, new), &self.sending)
            .await;
        ids.iter()
            .zip(outcomes)
            .map(|(id, outcome)| {
                if stored.contains_key(id) {
                    Outcome::Duplicate
                } else {
                    outcome
                }
            })
            .collect()
    }

    /// Makes the documents of letters. Returns them with their letters.
    fn documents<'l>(
        &mut self,
        letters: &'l [Letter],
        target: &DataStreamName,
    ) -> (BulkBody, Vec<&'l Letter>) {
        let normalizer = self.pipeline.normalizer_for(target);
        let mut body = BulkBody::default();
        let mut sent = Vec::new();
        for letter_in_place in letters {
            let (_, letter) = letter_in_place;
            let arena = Bump::new();
            match self
                .pipeline
                .documents_by(&normalizer, &letter.line(), &arena)
            {
                Normalized::Skipped => self.accounts.skipped(),
                Normalized::Documents(documents) => match documents.get(letter.part) {
                    None => self.unreadable(),
                    Some(document) => {
                        self.accounts.received();
                        if document.event.kind == Some("pipeline_error") {
                            self.accounts.parse_failure();
                        }
                        body.push(&letter.id, document);
                        sent.push(letter_in_place);
                    }
                },
            }
        }
        (body, sent)
    }

    /// Counts an outcome. Returns whether the document has arrived.
    fn count(&mut self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Indexed => self.accounts.indexed(),
            Outcome::Duplicate => self.accounts.duplicate(),
            Outcome::InFailureStore => {
                self.accounts.indexed();
                self.counts.in_failure_store += 1;
                return false;
            }
            Outcome::Rejected(rejection) => {
                self.accounts.dead_lettered();
                self.counts
                    .first_rejection
                    .get_or_insert_with(|| Reason::of(&rejection));
                return false;
            }
            Outcome::Dropped => {
                self.accounts.dropped();
                return false;
            }
            Outcome::Unresolved => {
                self.accounts.unresolved(0);
                return false;
            }
        }
        true
    }

    /// Removes letters whose documents have arrived. A letter that was changed since it was read
    /// stays.
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
        for outcome in outcomes {
            match outcome {
                Outcome::Indexed | Outcome::Duplicate => self.counts.removed += 1,
                Outcome::Rejected(Rejection { status: 409, .. }) => self.counts.changed += 1,
                Outcome::Rejected(rejection) => {
                    let refusal = &mut self.counts.first_refusal;
                    refusal.get_or_insert_with(|| Reason::of(&rejection));
                }
                Outcome::InFailureStore | Outcome::Dropped | Outcome::Unresolved => {}
            }
        }
    }
}

impl RedriveCounts {
    /// Returns the number of letters that nobody has confirmed to be removed although their
    /// documents have arrived.
    fn kept(&self, redrive: &Redrive) -> u64 {
        match redrive.arrived {
            Arrived::Removed => self.arrived.saturating_sub(self.removed + self.changed),
            Arrived::Kept => 0,
        }
    }
}

/// Returns why letters stay, if any do. `causes` are the failures while sending and while removing.
fn error(
    report: &Report,
    counts: &RedriveCounts,
    redrive: &Redrive,
    causes: [String; 2],
) -> Option<ReportError> {
    let mut sentences: Vec<_> = reasons(report, counts, redrive, causes)
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, reason)| {
            format!("{count} of {} dead letters stay, {reason}", report.received)
        })
        .collect();
    sentences.extend(counts.reading.as_ref().map(reading_problem));
    if sentences.is_empty() {
        return None;
    }
    let is_only = |count: u64| count > 0 && sentences.len() == 1;
    let kind = if is_only(report.dead_lettered) {
        ErrorType::DeliveryRefused
    } else if is_only(counts.unreadable) {
        ErrorType::RecordUndecodable
    } else {
        ErrorType::DeliveryIncomplete
    };
    Some(ReportError {
        kind,
        message: sentences.join("; "),
    })
}

/// Returns the reasons why letters stay, each with the number of these letters.
fn reasons(
    report: &Report,
    counts: &RedriveCounts,
    redrive: &Redrive,
    [sending, removing]: [String; 2],
) -> [(u64, String); 9] {
    let kept = counts.kept(redrive);
    let removing = match &counts.first_refusal {
        Some(refusal) => format!("Elasticsearch answered {refusal}"),
        None => removing,
    };
    let again = counts
        .first_rejection
        .as_ref()
        .map_or_else(String::new, |reason| format!(" ({reason})"));
    [
        (
            report.dead_lettered,
            format!("rejected again{again}: fix the mapping that rejects them"),
        ),
        (
            report.skipped - report.dropped - counts.for_others,
            "left out by INCLUDE, EXCLUDE or EXECUTION_LOGS: set these as the function has them"
                .to_owned(),
        ),
        (
            report.dropped,
            "dropped by the ingest pipeline: change it, or unset ELASTICSEARCH_PIPELINE".to_owned(),
        ),
        (counts.for_others, for_others(&counts.others)),
        (
            counts.unreadable,
            "not in the form of this program's dead letters: look at them yourself".to_owned(),
        ),
        (
            report.unresolved - counts.unreadable,
            format!("not confirmed: {sending}"),
        ),
        (
            kept,
            format!("delivered and not removed, which a repetition does: {removing}"),
        ),
        (
            counts.changed,
            "delivered and not removed, because they were changed meanwhile: repeat the redrive"
                .to_owned(),
        ),
        (
            counts.in_failure_store,
            "put into the failure store, where no search of the data stream finds them: fix the mapping or the ingest \
             pipeline that sends them there"
                .to_owned(),
        ),
    ]
}

/// Names a few of the data streams. Anybody who may write dead letters may have named many.
fn for_others(others: &BTreeSet<String>) -> String {
    const NAMED: usize = 3;
    let mut names: Vec<_> = others.iter().take(NAMED).map(String::as_str).collect();
    if others.len() > NAMED {
        names.push("…");
    }
    format!(
        "meant for other data streams than DATA_STREAM ({}): send them with --to NAME",
        names.join(", ")
    )
}

/// Returns the sentence on why the letters cannot be read. Credentials that may write dead letters
/// need not be allowed to read them.
fn reading_problem(failure: &Failure) -> String {
    match failure {
        Failure::Status(status @ (401 | 403)) => format!(
            "the dead letters cannot be read: Elasticsearch answered {status}: check the credentials and that they have \
             `read`, `delete` and `maintenance` on the data stream"
        ),
        failure => format!("the dead letters cannot be read: {failure}"),
    }
}
