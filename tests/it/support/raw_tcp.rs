//! A server below HTTP: the test handles each connection byte by byte.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::net::TcpSocket;

/// A socket with a port of its own, on which nothing listens yet.
pub(crate) fn bound_socket() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket
        .bind(([127, 0, 0, 1], 0).into())
        .expect("the loopback has free ports");
    let address = socket.local_addr().expect("a bound socket has an address");
    (socket, address)
}

/// A host that accepts no connections, because its backlog is full.
pub(crate) struct FullBacklog {
    pub(crate) address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<io::Result<TcpStream>>,
}

impl FullBacklog {
    pub(crate) fn start() -> Self {
        let (socket, address) = bound_socket();
        let listener = socket.listen(0).expect("a bound socket can listen");
        let listener = listener.into_std().expect("a socket is the system's");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(50));
        let waiting: Vec<_> = std::iter::repeat_with(connect)
            .take(8)
            .take_while(Result::is_ok)
            .collect();
        assert!(waiting.len() < 8, "the backlog is full");
        Self {
            address,
            _listener: listener,
            _waiting: waiting,
        }
    }
}

/// The server. Its thread ends with the test's process.
pub(crate) struct RawTcp {
    pub(crate) url: String,
    connections: Arc<AtomicUsize>,
}

impl RawTcp {
    /// Hands each connection to the test, with its number from 0. Afterwards the connection is
    /// closed, with a reset if anything was not read.
    pub(crate) fn start(serve: impl Fn(usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
        let url = format!(
            "http://{}",
            listener
                .local_addr()
                .expect("a bound socket has an address")
        );
        let connections = Arc::<AtomicUsize>::default();
        let (serve, count) = (Arc::new(serve), Arc::clone(&connections));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection can be taken");
                let (serve, number) = (Arc::clone(&serve), count.fetch_add(1, Ordering::SeqCst));
                thread::spawn(move || serve(number, &mut stream));
            }
        });
        Self { url, connections }
    }

    /// Returns how many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads a whole request. Returns false if there is none.
pub(crate) fn read_request(stream: &mut TcpStream) -> bool {
    read_head_and_body(stream).is_some()
}

/// Reads a whole request: its first line with the headers, and its body.
pub(crate) fn read_head_and_body(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let head = read_head(stream)?;
    let body = read_body(stream, &head)?;
    Some((head, body))
}

/// Reads the first line of a request, with the headers.
pub(crate) fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return None;
        }
        head.extend(byte);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// Reads the body of a request with these headers.
pub(crate) fn read_body(stream: &mut TcpStream, head: &str) -> Option<Vec<u8>> {
    let lower = head.to_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| {
        length.trim().parse().expect("a length is a number")
    });
    assert!(
        !lower.contains("\r\ntransfer-encoding:"),
        "a request says how long it is"
    );
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok().map(|()| body)
}

/// Sends bytes. The client may be gone.
pub(crate) fn send(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) -> bool {
    stream.write_all(bytes.as_ref()).is_ok()
}

/// Reads a request and answers that all of its documents were stored, as Elasticsearch does: it
/// echoes the id of the request and names each document. Returns false if there is no request.
pub(crate) fn serve_well(stream: &mut TcpStream) -> bool {
    read_head_and_body(stream).is_some_and(|request| send(stream, answer(&request)))
}

/// Returns the reply that the documents of a request were stored.
pub(crate) fn answer((head, body): &(String, Vec<u8>)) -> String {
    let items: Vec<_> = ids(body)
        .iter()
        .map(|id| format!(r#"{{"create":{{"_id":"{id}","status":201}}}}"#))
        .collect();
    echoing(head, &format!(r#"{{"items":[{}]}}"#, items.join(",")))
}

/// Returns a successful reply that echoes the id of its request.
pub(crate) fn echoing(head: &str, body: &str) -> String {
    let echo = format!("x-opaque-id: {}\r\ncontent-length:", opaque_id(head));
    response(body).replacen("content-length:", &echo, 1)
}

/// Returns the id of a request.
pub(crate) fn opaque_id(head: &str) -> String {
    let lower = head.to_lowercase();
    let id = lower
        .lines()
        .find_map(|line| line.strip_prefix("x-opaque-id: "));
    id.expect("each request has an id").to_owned()
}

/// Returns the ids of the documents in a body, compressed or not.
#[expect(clippy::disallowed_types, reason = "the server inflates without a cap")]
pub(crate) fn ids(body: &[u8]) -> Vec<String> {
    let mut inflated = String::new();
    let text = match flate2::read::GzDecoder::new(body).read_to_string(&mut inflated) {
        Ok(_) => inflated,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let action = |line: &str| {
        let id = line.strip_prefix(r#"{"create":{"_id":""#)?;
        id.strip_suffix(r#""}}"#).map(str::to_owned)
    };
    text.lines().filter_map(action).collect()
}

/// Returns the reply that this many documents were stored, from a server that has read none of
/// them: it echoes the id of the request, which it has from the head, but names no document.
pub(crate) fn hasty_answer(head: &str, documents: usize) -> String {
    let items = vec![r#"{"create":{"status":201}}"#; documents].join(",");
    echoing(head, &format!(r#"{{"items":[{items}]}}"#))
}

/// Returns a successful reply.
pub(crate) fn response(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
