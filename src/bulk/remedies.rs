//! Remedies for a failed request. Each is tried once and not again and again.
//!
//! Requests are numbered in the order of their starts. A remedy also covers the requests that were
//! open when it was tried: they had started before it could help.

/// The remedies of an invocation.
#[derive(Debug, Default)]
pub(super) struct Remedies {
    /// Fetching the credentials again after a 401 or 403.
    pub(super) credentials: OneTimeRemedy,
    /// Trying once more after a certificate that was not trusted.
    pub(super) certificate: OneTimeRemedy,
    /// A fresh connection in place of one that died while nothing was sent. This remedy is
    /// available again whenever documents get through.
    pub(super) connection: OneTimeRemedy,
}

/// A remedy that is tried once.
#[derive(Debug, Default)]
pub(super) struct OneTimeRemedy {
    /// The number of the first request that started after it was tried.
    tried_before: Option<u64>,
}

impl OneTimeRemedy {
    /// Returns whether it was tried after this request had started.
    pub(super) fn covers(&self, request: u64) -> bool {
        self.tried_before.is_some_and(|first| request < first)
    }

    /// Tries the remedy, unless it was tried before. `next` is the number of the next request.
    ///
    /// Returns whether it helps this request.
    pub(super) fn try_for(&mut self, request: u64, next: u64) -> bool {
        request < *self.tried_before.get_or_insert(next)
    }

    /// Returns whether it was tried.
    pub(super) fn is_tried(&self) -> bool {
        self.tried_before.is_some()
    }

    /// Makes the remedy available again.
    pub(super) fn renew(&mut self) {
        self.tried_before = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_helps_once_all_that_were_open() {
        let mut remedy = OneTimeRemedy::default();
        assert!(!remedy.is_tried() && !remedy.covers(0));
        // Requests 0 to 2 are open, and 1 fails first.
        assert!(remedy.try_for(1, 3));
        assert!(remedy.try_for(0, 5) && remedy.try_for(2, 5));
        assert!(!remedy.try_for(3, 5), "it started after the remedy");
        assert!(remedy.covers(2) && !remedy.covers(3));
        remedy.renew();
        assert!(remedy.try_for(3, 5));
    }
}
