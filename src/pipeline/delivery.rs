//! A chunk in flight: its documents are sent, and dead letters are written for the rejected ones.

use std::cell::OnceCell;
use std::collections::HashMap;

use bumpalo::Bump;
use tokio::time::Instant;

use super::chunk::Chunk;
use super::{LookUp, Pipeline, Whereabouts};
use crate::bulk::{BodyOnItsWay, BulkBody, Failure, Outcome, Rejection, Session};
use crate::data_stream::DataStreamName;
use crate::dead_letter::{DeadLetter, RejectedDocument};
use crate::report::Reason;
use crate::server::{Target, Transport};

/// The sessions with which an invocation sends its chunks. Several chunks may be in flight.
pub(super) struct Delivery<'p, T> {
    pub(super) pipeline: &'p Pipeline<T>,
    pub(super) session: Session,
    /// The session of dead letters. If they cannot be written, later chunks do not try again.
    pub(super) burial: Session,
    /// The session of look-ups: their failures do not delay documents.
    pub(super) looking: Session,
    /// Finds documents that were delivered before.
    pub(super) look_up: Option<&'p dyn LookUp>,
    /// When no more requests may start.
    pub(super) sending_ends: Option<Instant>,
    /// The reason why the first rejected document was rejected.
    pub(super) first_rejection: OnceCell<Reason>,
}

/// The final state of a document in this invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Indexed,
    Duplicate,
    /// Dropped by an ingest pipeline.
    Dropped,
    DeadLettered,
    /// Rejected, and there is no place for dead letters.
    Rejected,
    Unresolved,
}

impl<T: Transport> Delivery<'_, T> {
    /// Returns whether anything is being sent.
    pub(super) fn is_sending(&self) -> bool {
        self.session.is_sending() || self.burial.is_sending()
    }

    /// Sends the documents of a chunk that were not delivered before. Returns the chunk and the
    /// fate of each document, in their order.
    pub(super) async fn deliver(&self, chunk: Chunk) -> (Chunk, Vec<Fate>) {
        // During the look-up, too, other chunks wait to learn whether these documents are accepted.
        let body = self.session.body();
        let known = match self.known(&chunk).await {
            Ok(known) => known,
            Err(failure) => {
                self.session.failed(failure);
                let fates = vec![Fate::Unresolved; chunk.body.len()];
                return (chunk, fates);
            }
        };
        let (chunk, mut fates) = self.send(chunk, (&known, body)).await;
        for (document, fate) in known {
            decide(&mut fates, document, fate);
        }
        (chunk, fates)
    }

    /// Returns the fates of documents that were delivered before.
    async fn known(&self, chunk: &Chunk) -> Result<HashMap<usize, Fate>, Failure> {
        let Some(look_up) = self.look_up else {
            return Ok(HashMap::new());
        };
        let ids: Vec<_> = chunk.ids().collect();
        let found = look_up.find(&ids, &self.looking).await?;
        let fate = |(document, id)| {
            let fate = match found.get(id)? {
                Whereabouts::Stored(_) => Fate::Duplicate,
                Whereabouts::DeadLettered => Fate::DeadLettered,
            };
            Some((document, fate))
        };
        Ok(ids.iter().enumerate().filter_map(fate).collect())
    }

    /// Sends the documents of a chunk except known ones. Returns the chunk and the fate of each
    /// document.
    async fn send(
        &self,
        chunk: Chunk,
        (known, body): (&HashMap<usize, Fate>, BodyOnItsWay<'_>),
    ) -> (Chunk, Vec<Fate>) {
        let pipeline = self.pipeline;
        let target = Target {
            data_stream: &pipeline.data_stream().name,
            ingest_pipeline: pipeline.ingest_pipeline.as_deref(),
        };
        let new = (0..chunk.body.len()).filter(|document| !known.contains_key(document));
        let outcomes = pipeline
            .indexer
            .index_some(target, (&chunk.body, new.collect()), &self.session)
            .await;
        drop(body);
        let mut fates = Vec::with_capacity(outcomes.len());
        let mut rejected = Vec::new();
        for (document, outcome) in outcomes.into_iter().enumerate() {
            fates.push(match outcome {
                Outcome::Indexed | Outcome::InFailureStore => Fate::Indexed,
                Outcome::Duplicate => Fate::Duplicate,
                Outcome::Dropped => Fate::Dropped,
                Outcome::Unresolved => Fate::Unresolved,
                Outcome::Rejected(rejection) => {
                    rejected.push((document, rejection));
                    // Until its dead letter is confirmed.
                    Fate::Unresolved
                }
            });
        }
        if rejected.is_empty() {
            return (chunk, fates);
        }
        if !self.session.documents_are_at_fault().await {
            // Sent alone again, they would never be known as at fault.
            self.session.suspect(rejected.len());
            return (chunk, fates);
        }
        if let Some((_, rejection)) = rejected.first() {
            self.first_rejection.get_or_init(|| Reason::of(rejection));
        }
        match &pipeline.dead_letters {
            Some(dead_letters) => self.bury(&chunk, &rejected, dead_letters, &mut fates).await,
            None => rejected
                .iter()
                .for_each(|(document, _)| decide(&mut fates, *document, Fate::Rejected)),
        }
        self.session.suspect(unburied_culprits(&rejected, &fates));
        (chunk, fates)
    }

    /// Writes the dead letters of rejected documents. A document is safe only once its dead letter
    /// is confirmed.
    async fn bury(
        &self,
        chunk: &Chunk,
        rejected: &[(usize, Rejection)],
        dead_letters: &DataStreamName,
        fates: &mut [Fate],
    ) {
        let arena = Bump::new();
        let mut body = BulkBody::default();
        let mut documents = Vec::new();
        for (number, rejection) in rejected {
            let Some(origin) = chunk.origin(*number) else {
                continue;
            };
            let document = RejectedDocument {
                line: origin.line,
                masked: self.pipeline.normalizer.masked_line(&origin.line, &arena),
                position: origin.position,
                part: origin.part,
                id: origin.id,
                target: self.pipeline.data_stream(),
            };
            body.push(
                &origin.id,
                &DeadLetter::new(&document, rejection, dead_letters, &arena),
            );
            documents.push(*number);
        }
        let target = Target {
            data_stream: &dead_letters.name,
            ingest_pipeline: None,
        };
        let outcomes = self
            .pipeline
            .indexer
            .index(target, &body, &self.burial)
            .await;
        for (document, outcome) in documents.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Indexed | Outcome::InFailureStore | Outcome::Duplicate => {
                    decide(fates, document, Fate::DeadLettered);
                    continue;
                }
                Outcome::Rejected(Rejection { status, kind, .. }) => {
                    self.burial.failed(Failure::DeadLetter { status, kind })
                }
                // A pipeline of the data stream of dead letters has dropped the letter, so the
                // document is nowhere.
                Outcome::Dropped => self.burial.failed(Failure::DroppedLetter),
                Outcome::Unresolved => {}
            }
            self.session.adopt_failure(&self.burial);
        }
    }
}

/// Returns how many documents have no dead letter though they are at fault with a 5xx status.
fn unburied_culprits(rejected: &[(usize, Rejection)], fates: &[Fate]) -> usize {
    let is_unburied = |(document, rejection): &&(usize, Rejection)| {
        rejection.status >= 500 && fates.get(*document) != Some(&Fate::DeadLettered)
    };
    rejected.iter().filter(is_unburied).count()
}

fn decide(fates: &mut [Fate], document: usize, fate: Fate) {
    if let Some(slot) = fates.get_mut(document) {
        *slot = fate;
    }
}
