//! Look-ups with credentials that may lack the privilege to search.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use tokio::sync::OnceCell;

use super::{COURTESY, LookUpPlace, look_up};
use crate::bulk::{DocumentId, Failure, Session, StoredDocument};
use crate::server::Search;

/// Looks documents up before they are sent again, as far as the credentials allow it.
///
/// Documents of a data stream that must not be searched count as not found. They are sent all the
/// same, and counted: [`Self::take_not_looked_up`] says how many may be stored twice.
#[derive(Debug)]
pub struct PermittedLookUp<'s, S> {
    server: &'s S,
    /// The data stream of the dead letters, whose documents have the same ids.
    dead_letters: Option<&'s str>,
    refreshed: RefCell<BTreeMap<String, Rc<OnceCell<()>>>>,
    forbidden: RefCell<BTreeSet<String>>,
    not_looked_up: Cell<u64>,
}

impl<'s, S: Search> PermittedLookUp<'s, S> {
    /// Makes a look-up that has asked nothing yet.
    pub fn new(server: &'s S, dead_letters: Option<&'s str>) -> Self {
        Self {
            server,
            dead_letters,
            refreshed: RefCell::default(),
            forbidden: RefCell::default(),
            not_looked_up: Cell::default(),
        }
    }

    /// Finds every copy of these documents, in all backing indices of a data stream. An answer of
    /// 403 stops the session.
    ///
    /// # Errors
    /// As [`look_up()`], except for 403.
    pub async fn find(
        &self,
        data_stream: &str,
        ids: &[DocumentId],
        session: &Session,
    ) -> Result<HashMap<DocumentId, Vec<StoredDocument>>, Failure> {
        if !self.forbidden.borrow().contains(data_stream) {
            self.refresh(data_stream, session).await;
            let place = LookUpPlace {
                data_stream,
                other: self.dead_letters,
            };
            match look_up(self.server, place, ids, session).await {
                Err(Failure::Status(403)) => {
                    let mut forbidden = self.forbidden.borrow_mut();
                    forbidden.insert(data_stream.to_owned());
                }
                answer => return answer,
            }
        }
        let count = self.not_looked_up.get() + ids.len() as u64;
        self.not_looked_up.set(count);
        Ok(HashMap::new())
    }

    /// Makes the newest documents visible, once: an earlier attempt may have stored them just
    /// before a rollover. Other look-ups wait for it.
    async fn refresh(&self, data_stream: &str, session: &Session) {
        let refresh = async || {
            if let Some(timeout) = session.request_timeout() {
                let timeout = timeout.min(COURTESY);
                self.server.refresh(data_stream, timeout).await;
            }
        };
        self.refreshed(data_stream).get_or_init(refresh).await;
    }

    fn refreshed(&self, data_stream: &str) -> Rc<OnceCell<()>> {
        let mut refreshed = self.refreshed.borrow_mut();
        Rc::clone(refreshed.entry(data_stream.to_owned()).or_default())
    }

    /// Returns how many documents could not be looked up, and counts from 0 again.
    pub fn take_not_looked_up(&self) -> u64 {
        self.not_looked_up.take()
    }
}
