//! The Lambda Runtime API for one process of the function, served by the test itself.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// A request of the function to the Runtime API.
#[derive(Clone, Debug)]
pub struct Request {
    /// The number of the connection. Requests over one connection have the same number.
    pub connection: usize,
    pub method: String,
    pub path: String,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// The server. It stops when it is dropped.
pub struct RuntimeApi {
    /// The value for `AWS_LAMBDA_RUNTIME_API`.
    pub address: String,
    invocations: UnboundedSender<PendingInvocation>,
    answers: mpsc::Receiver<String>,
    _running: oneshot::Sender<()>,
}

struct PendingInvocation {
    id: String,
    payload: Bytes,
    deadline_ms: u128,
}

/// The state that the connections share.
struct Shared {
    requests: Arc<Mutex<Vec<Request>>>,
    invocations: tokio::sync::Mutex<UnboundedReceiver<PendingInvocation>>,
    answers: mpsc::Sender<String>,
}

impl RuntimeApi {
    /// Serves on a free port of the loopback, on a thread of its own, and adds every request to
    /// `requests`.
    pub fn start(requests: Arc<Mutex<Vec<Request>>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
        listener
            .set_nonblocking(true)
            .expect("a socket can be non-blocking");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address")
            .to_string();
        let (invocations, handed_out) = unbounded_channel();
        let (answered, answers) = mpsc::channel();
        let (running, dropped) = oneshot::channel::<()>();
        let shared = Shared {
            requests,
            invocations: handed_out.into(),
            answers: answered,
        };
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime can be made").block_on(async {
                tokio::select! {
                    () = serve(listener, Arc::new(shared)) => {}
                    _ = dropped => {}
                }
            });
        });
        Self {
            address,
            invocations,
            answers,
            _running: running,
        }
    }

    /// Gives the function an event when it asks for the next one.
    pub fn hand_out(&self, payload: &[u8], timeout_seconds: u32) {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let invocation = PendingInvocation {
            id: format!(
                "00000000-0000-4000-8000-{:012}",
                COUNT.fetch_add(1, Ordering::Relaxed)
            ),
            payload: Bytes::copy_from_slice(payload),
            deadline_ms: now_ms() + u128::from(timeout_seconds) * 1000,
        };
        self.invocations.send(invocation).expect("the server runs");
    }

    /// Returns what the function posted: a response, or an error of an invocation or of its start.
    pub fn answer_within(&self, time: Duration) -> Option<String> {
        self.answers.recv_timeout(time).ok()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "Lambda gives a deadline in wall time"
)]
fn now_ms() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970")
        .as_millis()
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a non-blocking socket");
    static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
    loop {
        let (stream, _) = listener.accept().await.expect("a connection can be taken");
        let connection = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { Ok::<_, Infallible>(shared.answer(connection, request).await) }
        });
        // A broken connection means that the function has ended. Other checks notice that.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Shared {
    async fn answer(
        &self,
        connection: usize,
        request: hyper::Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let request = read(connection, request).await;
        let path = request.path.clone();
        let body = request.body.clone();
        self.requests
            .lock()
            .expect("nobody panicked here")
            .push(request);
        if path == NEXT {
            return self.next().await;
        }
        if !(path.ends_with("/response") || path.ends_with("/error")) {
            return status(StatusCode::NOT_FOUND);
        }
        // Nobody waits for the answer of an abandoned invocation.
        drop(self.answers.send(body));
        status(StatusCode::ACCEPTED)
    }

    /// Returns the next invocation, whenever it comes. The function waits here between two
    /// invocations.
    async fn next(&self) -> Response<Full<Bytes>> {
        let Some(invocation) = self.invocations.lock().await.recv().await else {
            return status(StatusCode::GONE);
        };
        Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", invocation.id)
            .header(
                "lambda-runtime-deadline-ms",
                invocation.deadline_ms.to_string(),
            )
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-west-1:012345678912:function:test_function",
            )
            .header(
                "lambda-runtime-trace-id",
                "Root=1-00000000-000000000000000000000000;Sampled=0",
            )
            .body(Full::new(invocation.payload))
            .expect("the headers are plain text")
    }
}

async fn read(connection: usize, request: hyper::Request<Incoming>) -> Request {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .expect("the function sends what it announces")
        .to_bytes();
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Request {
        connection,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
