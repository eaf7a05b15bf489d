//! A bulk endpoint that stores nothing and confirms everything, at once or after a delay.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use test_support::inputs;

/// The server. It runs until the program ends.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    documents: Arc<AtomicU64>,
}

impl Endpoint {
    /// Serves on a free port of the loopback, with this delay before each answer.
    pub(crate) fn start(delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
        listener
            .set_nonblocking(true)
            .expect("a socket can be non-blocking");
        let url = format!(
            "http://{}",
            listener
                .local_addr()
                .expect("a bound socket has an address")
        );
        let documents = Arc::<AtomicU64>::default();
        let counter = Arc::clone(&documents);
        thread::spawn(move || {
            // Requests that are open at the same time are read at the same time.
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build();
            runtime
                .expect("a runtime can be made")
                .block_on(serve(listener, delay, counter));
        });
        Self { url, documents }
    }

    /// Returns the number of documents that it has received.
    pub(crate) fn documents(&self) -> u64 {
        self.documents.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, delay: Duration, documents: Arc<AtomicU64>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a non-blocking socket");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection can be taken");
        let documents = Arc::clone(&documents);
        let service = service_fn(move |request| {
            let documents = Arc::clone(&documents);
            async move { Ok::<_, Infallible>(answer(request, delay, &documents).await) }
        });
        // A broken connection means that the function has ended. Other checks notice that.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

#[expect(clippy::disallowed_methods, reason = "a slow server is wanted here")]
async fn answer(
    request: Request<Incoming>,
    delay: Duration,
    documents: &AtomicU64,
) -> Response<Full<Bytes>> {
    let is_compressed = request.headers().contains_key("content-encoding");
    let body = request
        .into_body()
        .collect()
        .await
        .expect("the function sends what it announces")
        .to_bytes();
    let body = if is_compressed {
        inflate(&body)
    } else {
        body.to_vec()
    };
    documents.fetch_add(lines(&body) as u64 / 2, Ordering::Relaxed);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    Response::new(Full::from(inputs::reply(&body)))
}

fn inflate(gzip: &[u8]) -> Vec<u8> {
    let size = gzip
        .last_chunk::<4>()
        .map_or(0, |size| u32::from_le_bytes(*size) as usize);
    let mut body = vec![0; size];
    libdeflater::Decompressor::new()
        .gzip_decompress(gzip, &mut body)
        .expect("the body is gzip");
    body
}

fn lines(body: &[u8]) -> usize {
    body.iter().filter(|byte| **byte == b'\n').count()
}
