//! A chunk on its way: its documents sent, those that are refused buried.

use bumpalo::Bump;

use super::Pipeline;
use super::chunk::{Chunk, Origin, line};
use crate::bulk::{BulkBody, Failure, Outcome, Rejection, Session};
use crate::data_stream::DataStreamName;
use crate::dead_letter::{DeadLetter, RefusedDocument};
use crate::server::{Target, Transport};

/// What the chunks of an invocation are sent with. Several may be on their way at a time.
pub(super) struct Delivery<'p, T> {
    pub(super) pipeline: &'p Pipeline<T>,
    pub(super) session: Session,
    /// That of the dead letters: when they cannot be written, it is not tried for each chunk anew.
    pub(super) burial: Session,
}

/// What became of a document, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Indexed,
    Duplicate,
    DeadLettered,
    /// Refused, and there is no place for dead letters.
    Refused,
    Unresolved,
}

impl<T: Transport> Delivery<'_, T> {
    /// Sends the documents of a chunk. Answers the chunk, and the fate of each document in their order.
    pub(super) async fn deliver(&self, chunk: Chunk) -> (Chunk, Vec<Fate>) {
        let pipeline = self.pipeline;
        let target = Target {
            data_stream: &pipeline.data_stream().name,
            ingest_pipeline: pipeline.ingest_pipeline.as_deref(),
        };
        let outcomes = pipeline
            .indexer
            .index(target, &chunk.body, &self.session)
            .await;
        let (mut fates, mut rejected) = (Vec::with_capacity(outcomes.len()), Vec::new());
        for (document, outcome) in outcomes.into_iter().enumerate() {
            fates.push(match outcome {
                Outcome::Indexed => Fate::Indexed,
                Outcome::Duplicate => Fate::Duplicate,
                Outcome::Undelivered => Fate::Unresolved,
                Outcome::Rejected(rejection) => {
                    rejected.push((document, rejection));
                    // Until its dead letter is confirmed.
                    Fate::Unresolved
                }
            });
        }
        if rejected.is_empty() || !self.session.documents_are_at_fault().await {
            return (chunk, fates);
        }
        match &pipeline.dead_letters {
            Some(dead_letters) => self.bury(&chunk, &rejected, dead_letters, &mut fates).await,
            None => rejected
                .iter()
                .for_each(|(document, _)| decide(&mut fates, *document, Fate::Refused)),
        }
        (chunk, fates)
    }

    /// Writes the dead letters of refused documents. An event is safe only once that is confirmed.
    async fn bury(
        &self,
        chunk: &Chunk,
        rejected: &[(usize, Rejection)],
        dead_letters: &DataStreamName,
        fates: &mut [Fate],
    ) {
        let arena = Bump::new();
        let (mut body, mut documents) = (BulkBody::default(), Vec::new());
        for (document, rejection) in rejected {
            let Some(Origin {
                payload,
                position,
                part,
                id,
                ..
            }) = chunk.origins.get(*document).copied()
            else {
                continue;
            };
            let Some(line) = line(&chunk.payloads, payload, position) else {
                continue;
            };
            let refused = RefusedDocument {
                line,
                position,
                part,
                id,
                target: self.pipeline.data_stream(),
            };
            body.push(
                &id,
                &DeadLetter::new(&refused, rejection, dead_letters, &arena),
            );
            documents.push(*document);
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
                Outcome::Indexed | Outcome::Duplicate => {
                    decide(fates, document, Fate::DeadLettered);
                    continue;
                }
                Outcome::Rejected(Rejection { status, kind, .. }) => {
                    self.burial.failed(Failure::DeadLetter { status, kind })
                }
                Outcome::Undelivered => {}
            }
            self.session.adopt_failure(&self.burial);
        }
    }
}

fn decide(fates: &mut [Fate], document: usize, fate: Fate) {
    if let Some(slot) = fates.get_mut(document) {
        *slot = fate;
    }
}
