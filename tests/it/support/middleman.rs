//! A server between the program and a real one. The test decides what happens to each request and
//! to its reply.

use super::http;
use super::raw_tcp::{RawTcp, read_head_and_body, send};

/// A reply of the real server.
pub(crate) type Answer = (u16, String);

/// Starts to listen. For each request the test gets its number, from 0, and the means to have the
/// real server answer it (nothing if that is down). The test returns what the program hears: a
/// reply, or a closed connection.
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
