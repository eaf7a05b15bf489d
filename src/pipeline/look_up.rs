//! Looks up documents before they are created, if they may have been delivered before.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::bulk::{DocumentId, Failure, Session, StoredDocument};
use crate::data_stream::DataStreamName;
use crate::search::{LookUpPlace, PermittedLookUp, look_up};
use crate::server::Search;

/// The place of a document that was delivered before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// In the data stream: each of its copies.
    Stored(Vec<StoredDocument>),
    /// Among the dead letters.
    DeadLettered,
}

/// A source of knowledge about earlier deliveries.
pub trait LookUp {
    /// Finds these documents. Documents that were not delivered before are missing from the result.
    ///
    /// After an error nothing is known about any of them, so none is sent.
    fn find<'a>(
        &'a self,
        ids: &'a [DocumentId],
        session: &'a Session,
    ) -> LocalBoxFuture<'a, Result<HashMap<DocumentId, Whereabouts>, Failure>>;

    /// Returns how many documents could not be looked up since the last call, so that they were
    /// sent although they may be stored already.
    fn take_not_looked_up(&self) -> u64 {
        0
    }
}

/// Looks in all backing indices of the data stream and among the dead letters.
#[derive(Debug)]
pub struct LookUpEverywhere<'s, S> {
    /// The server to ask.
    pub server: &'s S,
    /// Where documents go.
    pub data_stream: &'s DataStreamName,
    /// Where rejected documents go.
    pub dead_letters: Option<&'s DataStreamName>,
}

impl<S: Search> LookUpEverywhere<'_, S> {
    /// Makes the newest documents visible to look-ups, if the credentials allow it.
    pub async fn refresh(&self, timeout: Duration) {
        for data_stream in [Some(self.data_stream), self.dead_letters]
            .into_iter()
            .flatten()
        {
            self.server.refresh(&data_stream.name, timeout).await;
        }
    }
}

impl<S: Search> LookUp for LookUpEverywhere<'_, S> {
    fn find<'a>(
        &'a self,
        ids: &'a [DocumentId],
        session: &'a Session,
    ) -> LocalBoxFuture<'a, Result<HashMap<DocumentId, Whereabouts>, Failure>> {
        let find = async move {
            let place = LookUpPlace {
                data_stream: &self.data_stream.name,
                other: self.dead_letters.map(|dead_letters| &*dead_letters.name),
            };
            let stored = look_up(self.server, place, ids, session).await?;
            let mut found = as_stored(stored);
            let Some(dead_letters) = self.dead_letters.filter(|_| found.len() < ids.len()) else {
                return Ok(found);
            };
            let is_new = |id: &&DocumentId| !found.contains_key(id);
            let rest: Vec<_> = ids.iter().filter(is_new).copied().collect();
            let place = LookUpPlace {
                data_stream: &dead_letters.name,
                other: Some(&self.data_stream.name),
            };
            let letters = look_up(self.server, place, &rest, session).await?;
            found.extend(
                letters
                    .into_keys()
                    .map(|id| (id, Whereabouts::DeadLettered)),
            );
            Ok(found)
        };
        find.boxed_local()
    }
}

fn as_stored(found: HashMap<DocumentId, Vec<StoredDocument>>) -> HashMap<DocumentId, Whereabouts> {
    let stored = |(id, copies)| (id, Whereabouts::Stored(copies));
    found.into_iter().map(stored).collect()
}

/// Looks in all backing indices of the data stream, if the credentials allow it.
#[derive(Debug)]
pub struct LookUpRepeated<'s, S> {
    stored: PermittedLookUp<'s, S>,
    data_stream: &'s DataStreamName,
}

impl<'s, S: Search> LookUpRepeated<'s, S> {
    /// Makes a look-up that has asked nothing yet.
    pub fn new(
        server: &'s S,
        data_stream: &'s DataStreamName,
        dead_letters: Option<&'s DataStreamName>,
    ) -> Self {
        let dead_letters = dead_letters.map(|dead_letters| &*dead_letters.name);
        Self {
            stored: PermittedLookUp::new(server, dead_letters),
            data_stream,
        }
    }
}

impl<S: Search> LookUp for LookUpRepeated<'_, S> {
    fn find<'a>(
        &'a self,
        ids: &'a [DocumentId],
        session: &'a Session,
    ) -> LocalBoxFuture<'a, Result<HashMap<DocumentId, Whereabouts>, Failure>> {
        let find = async move {
            let stored = self
                .stored
                .find(&self.data_stream.name, ids, session)
                .await?;
            Ok(as_stored(stored))
        };
        find.boxed_local()
    }

    fn take_not_looked_up(&self) -> u64 {
        self.stored.take_not_looked_up()
    }
}
