//! A server between the program and a real one. The test decides what happens to each request and
//! to its reply.

use super::http;
use super::raw_tcp::{RawTcp, read_head_and_body, send};

/// A reply of the real server.
pub(crate) type Answer = (u16, String);

/// A request of the program.
pub(crate) struct Request {
    /// Its first line and its headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Returns the method and the path with its query.
    pub(crate) fn method_and_path(&self) -> Option<(&str, &str)> {
        let mut words = self.head.split(' ');
        Some((words.next()?, words.next()?))
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
    }

    /// Returns a header by its name in lower case.
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        self.headers()
            .find(|(name, _)| name.to_lowercase() == wanted)
            .map(|(_, value)| value)
    }
}

/// Starts to listen. For each request the test gets its number, from 0, and the means to have the
/// real server answer it (nothing if that is down). The test returns what the program hears: a
/// reply, or a closed connection.
pub(crate) fn start(
    server: &str,
    decide: impl Fn(usize, &dyn Fn() -> Option<Answer>) -> Option<Answer> + Send + Sync + 'static,
) -> RawTcp {
    let requests = std::sync::atomic::AtomicUsize::new(0);
    start_reading(server, move |_, forward| {
        let number = requests.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        decide(number, forward)
    })
}

/// Like [`start`], for a test that looks at each request.
pub(crate) fn start_reading(
    server: &str,
    decide: impl Fn(&Request, &dyn Fn() -> Option<Answer>) -> Option<Answer> + Send + Sync + 'static,
) -> RawTcp {
    let server = server.to_owned();
    RawTcp::start(move |_, stream| {
        while let Some((head, body)) = read_head_and_body(stream) {
            let request = Request { head, body };
            let Some((status, answer)) = decide(&request, &|| forward(&server, &request)) else {
                return;
            };
            let head = format!(
                "HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            if !send(stream, head + &answer) {
                return;
            }
        }
    })
}

fn forward(server: &str, request: &Request) -> Option<Answer> {
    let (method, path) = request.method_and_path()?;
    let headers: Vec<_> = request
        .headers()
        .filter(|(name, _)| {
            ["authorization", "content-type", "content-encoding"].contains(&&*name.to_lowercase())
        })
        .collect();
    http::request_with(
        method,
        &format!("{server}{path}"),
        &headers,
        Some(request.body.clone()),
    )
    .ok()
}
