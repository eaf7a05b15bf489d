//! A server between the program and a real one: the test decides what becomes of each request and of its answer.

use super::http;
use super::raw_tcp::{RawTcp, read_head_and_body, send};

/// An answer of the real server.
pub(crate) type Answer = (u16, String);

/// Begins to listen. The test is given the number of each request, from 0, and the means to have it answered by the real
/// server (nothing if that is down); it says what the program is to hear: an answer, or that the connection is closed.
pub(crate) fn start(
    server: &str,
    decide: impl Fn(usize, &dyn Fn() -> Option<Answer>) -> Option<Answer> + Send + Sync + 'static,
) -> RawTcp {
    let server = server.to_owned();
    let requests = std::sync::atomic::AtomicUsize::new(0);
    RawTcp::start(move |_, stream| {
        while let Some((head, body)) = read_head_and_body(stream) {
            let number = requests.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let Some((status, answer)) = decide(number, &|| forward(&server, &head, &body)) else {
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

fn forward(server: &str, head: &str, body: &[u8]) -> Option<Answer> {
    let mut lines = head.lines();
    let mut request = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (request.next()?, request.next()?);
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| {
            ["authorization", "content-type", "content-encoding"].contains(&&*name.to_lowercase())
        })
        .collect();
    http::request_with(
        method,
        &format!("{server}{path}"),
        &headers,
        Some(body.to_vec()),
    )
    .ok()
}
