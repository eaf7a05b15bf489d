//! The body of a request. It knows how much of it was sent.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::Request;
use tokio::time::{Sleep, sleep};

/// The size of a piece in bytes. hyper keeps at most sixteen pieces before it waits for the
/// connection, so a body counts as sent at most 64 KiB too early.
const PIECE: usize = 4 << 10;

/// The amount of a request that was sent.
#[derive(Debug)]
pub(super) struct SendProgress(Arc<AtomicBool>);

impl SendProgress {
    /// Returns whether the connection has taken the whole body.
    pub(super) fn is_sent(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Gives a request a body whose progress is tracked. The last piece is kept back for `hold`.
pub(super) fn track(request: &mut Request, body: Bytes, hold: Duration) -> SendProgress {
    let is_sent = Arc::new(AtomicBool::new(body.is_empty()));
    if !body.is_empty() {
        *request.body_mut() = Some(reqwest::Body::wrap(TrackedBody {
            rest: body,
            is_sent: Arc::clone(&is_sent),
            hold,
            holding: None,
        }));
    }
    SendProgress(is_sent)
}

/// A body that is sent in pieces.
struct TrackedBody {
    rest: Bytes,
    is_sent: Arc<AtomicBool>,
    /// The time for which the last piece is kept back.
    hold: Duration,
    /// The rest of that time, once only the last piece is left.
    holding: Option<Pin<Box<Sleep>>>,
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    #[expect(
        clippy::disallowed_methods,
        reason = "the request has begun: this is no wait for another try"
    )]
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.rest.len() <= PIECE && !self.hold.is_zero() {
            let hold = self.hold;
            let holding = self.holding.get_or_insert_with(|| Box::pin(sleep(hold)));
            ready!(holding.as_mut().poll(context));
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        if self.rest.is_empty() {
            self.is_sent.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
