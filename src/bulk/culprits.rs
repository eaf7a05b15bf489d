//! Documents that fail for ever while others are accepted, such as one on which a pipeline fails.
//!
//! Elasticsearch answers 500 for such a document, just as it does when it is in trouble itself. The
//! difference is that it accepts the other documents of the same request, and keeps doing so for as
//! long as we try. Then the document is at fault: it is rejected, and its dead letter says so.
//! A document that fails alone is never at fault: nothing says that the server would accept others.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{ItemResult, Rejection};

/// The documents of a body that fail with a 5xx status of their own.
#[derive(Debug, Default)]
pub(super) struct Culprits(BTreeMap<usize, Culprit>);

#[derive(Debug)]
struct Culprit {
    /// The first failure.
    since: Instant,
    failures: u32,
    /// True if the server accepted other documents of the same request.
    beside_taken: bool,
    error: Rejection,
}

/// Errors that are about the cluster, whatever happens to other documents.
const OF_THE_CLUSTER: &[&str] = &[
    "circuit_breaking_exception",
    "cluster_block_exception",
    "master_not_discovered_exception",
    "no_shard_available_action_exception",
    "node_disconnected_exception",
    "node_not_connected_exception",
    "process_cluster_event_timeout_exception",
    "receive_timeout_transport_exception",
    "unavailable_shards_exception",
];

impl Culprits {
    /// Records the results of a request.
    pub(super) fn note(&mut self, items: &[usize], results: &[ItemResult], now: Instant) {
        let is_taken = |result: &ItemResult| {
            matches!(
                result,
                ItemResult::Indexed(_) | ItemResult::Duplicate | ItemResult::Dropped
            )
        };
        let beside_taken = results.iter().any(is_taken);
        for (item, result) in items.iter().zip(results) {
            match result {
                ItemResult::Again(error) if may_be_at_fault(error) => {
                    let culprit = self.0.entry(*item).or_insert_with(|| Culprit {
                        since: now,
                        failures: 0,
                        beside_taken: false,
                        error: error.clone(),
                    });
                    culprit.failures += 1;
                    culprit.beside_taken |= beside_taken;
                    culprit.error = error.clone();
                }
                _ => drop(self.0.remove(item)),
            }
        }
    }

    /// Begins anew with these documents, because their request failed as a whole.
    pub(super) fn acquit(&mut self, items: &[usize]) {
        items.iter().for_each(|item| drop(self.0.remove(item)));
    }

    /// Returns the number of documents that may be at fault: they failed beside others that were
    /// accepted.
    pub(super) fn suspects(&self) -> usize {
        let failed = self.0.values();
        failed.filter(|culprit| culprit.beside_taken).count()
    }

    /// Removes and returns the documents that are at fault: those that failed again and again,
    /// beside others that were accepted, for long enough.
    pub(super) fn found(
        &mut self,
        is_long_enough: impl Fn(Instant) -> bool,
    ) -> Vec<(usize, Rejection)> {
        let is_found = |culprit: &Culprit| {
            culprit.beside_taken && culprit.failures > 1 && is_long_enough(culprit.since)
        };
        self.0
            .extract_if(.., |_, culprit| is_found(culprit))
            .map(|(item, culprit)| (item, culprit.into_rejection()))
            .collect()
    }
}

fn may_be_at_fault(error: &Rejection) -> bool {
    (500..=599).contains(&error.status) && !OF_THE_CLUSTER.contains(&error.kind.as_str())
}

impl Culprit {
    fn into_rejection(self) -> Rejection {
        let Rejection {
            status,
            kind,
            reason,
        } = self.error;
        let failures = self.failures;
        Rejection {
            reason: format!(
                "answered {status} {failures} times while other documents were accepted: {reason}"
            ),
            status,
            kind,
        }
    }
}
