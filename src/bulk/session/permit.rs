//! Leave to send a request, and what may be done for one that fails.

use std::time::Duration;

use super::super::gate::Pass;
use super::{Session, State};

/// Leave to send a request.
#[derive(Debug)]
pub(in crate::bulk) struct Permit<'s> {
    pub(in crate::bulk) session: &'s Session,
    pub(super) pass: Pass<'s>,
    /// How long the request may take.
    pub(in crate::bulk) timeout: Duration,
}

impl Permit<'_> {
    /// Puts the time to send again off, after the request has failed.
    pub(in crate::bulk) fn pause(&self, retry_after: Option<Duration>) {
        self.session.pause(self.pass.request, retry_after);
    }

    /// Whether to fetch other credentials, after the request was refused: once an invocation.
    pub(in crate::bulk) fn refresh_credentials(&self) -> Refresh {
        let refreshed = self.session.state.borrow().credentials.0;
        match refreshed {
            Some(refreshed) if self.pass.request < refreshed => Refresh::Done,
            Some(_) => Refresh::No,
            None => {
                self.helps(|state| &mut state.credentials);
                self.session
                    .request_timeout()
                    .map_or(Refresh::No, Refresh::Within)
            }
        }
    }

    /// Whether to try another connection at once: once an invocation.
    pub(in crate::bulk) fn may_try_fresh_connection(&self) -> bool {
        self.helps(|state| &mut state.fresh_connection)
    }

    /// Whether to try again after a certificate that is not trusted: once an invocation.
    pub(in crate::bulk) fn may_retry_certificate(&self) -> bool {
        self.helps(|state| &mut state.certificate)
    }

    fn helps(&self, once: impl FnOnce(&mut State) -> &mut Once) -> bool {
        let next = self.session.gate.next();
        self.pass.request
            < *once(&mut self.session.state.borrow_mut())
                .0
                .get_or_insert(next)
    }
}

/// Whether credentials are to be fetched again.
pub(in crate::bulk) enum Refresh {
    /// It was done after the request had begun.
    Done,
    /// It is to be done, and may take so long.
    Within(Duration),
    /// It has not helped.
    No,
}

/// Something that helps once an invocation. Requests that had begun before are helped by it too.
#[derive(Debug, Default)]
pub(super) struct Once(Option<u64>);
