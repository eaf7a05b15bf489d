//! The event's bytes, set aside before `lambda_runtime` reads them.
//!
//! `lambda_runtime` itself answers an event that is not JSON, so that no log line and no metric
//! would report it. It also checks JSON that is read again here, and it can log the whole event.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use lambda_runtime::LambdaInvocation;
use lambda_runtime::tower::{Layer, Service};

/// The bytes of the event that is being handled. The function handles one event at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct RawEvent(Rc<RefCell<Bytes>>);

impl RawEvent {
    /// Takes the bytes out.
    pub(super) fn take(&self) -> Bytes {
        self.0.take()
    }
}

/// Wraps the runtime's own services in a [`RawEventService`].
pub(super) struct RawEventLayer(pub(super) RawEvent);

/// Sets the bytes of each event aside, and passes `null` on in their place.
pub(super) struct RawEventService<S> {
    event: RawEvent,
    inner: S,
}

impl<S> Layer<S> for RawEventLayer {
    type Service = RawEventService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RawEventService {
            event: self.0.clone(),
            inner,
        }
    }
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for RawEventService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        let bytes = std::mem::replace(&mut invocation.body, Bytes::from_static(b"null"));
        self.event.0.replace(bytes);
        self.inner.call(invocation)
    }
}
