//! Elasticsearch over real sockets: the bytes on the wire, and the program's reaction to replies.
//! The clock runs.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use apigw_logs::config::Config;
use apigw_logs::elasticsearch::Elasticsearch;
use apigw_logs::event;
use apigw_logs::pipeline::Pipeline;
use apigw_logs::report::Report;
use tokio::time::Instant;

use crate::support::command_line::run;
use crate::support::fake_elasticsearch::{FakeElasticsearch, Fault, Request};
use crate::support::invocation::{LOGS, direct, kinesis, lines, payload};
use crate::support::raw_tcp::{
    FullBacklog, RawTcp, answer, bound_socket, echoing, hasty_answer, ids, read_body, read_head,
    read_head_and_body, read_request, response, send, serve_well,
};
use crate::support::tls::Authority;

/// The path with these settings. Retries are fast, and the time limits are far beyond what a slow
/// machine needs. A request may take longer than the budget: if a test expects a second request,
/// the first one must not end by its timeout.
fn pipeline(settings: &[(&str, &str)]) -> Pipeline<Elasticsearch> {
    let quick = [
        ("RETRY_INITIAL_MS", "1"),
        ("RETRY_MAX_MS", "20"),
        ("RETRY_BUDGET_MS", "60000"),
        ("REQUEST_TIMEOUT_MS", "120000"),
        ("CONNECT_TIMEOUT_MS", "60000"),
        ("USER_AGENT_REGEXES", "none"),
    ];
    let lookup = |name: &str| {
        let mut all = settings.iter().chain(&quick);
        all.find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    };
    let mut config = Config::from_vars(lookup).expect("the settings are right");
    let transport =
        Elasticsearch::new(config.elasticsearch.take().expect("there is a URL")).expect("a client");
    config.pipeline(transport).expect("no file is named")
}

/// Runs one invocation with this many lines.
async fn deliver(pipeline: &Pipeline<Elasticsearch>, count: usize) -> Report {
    let event = direct(&payload("e", "api", &lines(count)));
    let batch = event::read(event.as_bytes()).expect("the event is right");
    let (report, failed_records) = pipeline.process(batch, None).await;
    assert_eq!(report.error.is_none(), failed_records.is_empty());
    let settled = report.indexed + report.duplicates + report.dead_lettered + report.skipped;
    assert_eq!(
        (report.received, settled + report.unresolved),
        (count as u64, count as u64),
        "{report:?}"
    );
    report
}

/// Returns the only request that a server got from an invocation with these settings.
async fn request(server: &FakeElasticsearch, path: &str, settings: &[(&str, &str)]) -> Request {
    let url = format!("{}{path}", server.url);
    let report = deliver(
        &pipeline(&[&[("ELASTICSEARCH_URL", &*url)], settings].concat()),
        2,
    )
    .await;
    assert_eq!(
        (report.indexed + report.duplicates, report.requests),
        (2, 1)
    );
    server.requests().pop().expect("there was a request")
}

#[tokio::test]
async fn a_request_has_the_expected_form() {
    let server = FakeElasticsearch::start();
    let plain = request(&server, "", &[]).await;
    assert_eq!(plain.path, format!("/{LOGS}/_bulk"));
    assert!(
        plain.query.starts_with("filter_path=") && !plain.query.contains("pipeline"),
        "{}",
        plain.query
    );
    let header =
        |request: &Request, name: &str| request.headers.get(name).cloned().unwrap_or_default();
    assert_eq!(header(&plain, "content-type"), "application/x-ndjson");
    assert_eq!(header(&plain, "content-encoding"), "gzip");
    assert_eq!(header(&plain, "accept"), "application/json");
    assert!(header(&plain, "user-agent").starts_with("apigw-logs/"));
    assert_eq!(header(&plain, "authorization"), "");

    for prefix in ["/", "/a/b", "/a/b/"] {
        let path = format!("{}/{LOGS}/_bulk", prefix.trim_end_matches('/'));
        assert_eq!(request(&server, prefix, &[]).await.path, path);
    }
    let other = request(
        &server,
        "/a%20b?c=d",
        &[
            ("DATA_STREAM", "logs-x-y"),
            ("ELASTICSEARCH_PIPELINE", "p&q r"),
        ],
    )
    .await;
    assert_eq!(other.path, "/a%20b/logs-x-y/_bulk");
    assert!(
        other.query.ends_with("&pipeline=p%26q+r"),
        "{}",
        other.query
    );
    let off = request(&server, "", &[("BULK_COMPRESSION_LEVEL", "0")]).await;
    assert_eq!(header(&off, "content-encoding"), "");
    let key = request(&server, "", &[("ELASTICSEARCH_API_KEY", "aWQ6a2V5")]).await;
    assert_eq!(header(&key, "authorization"), "ApiKey aWQ6a2V5");
    let basic = [
        ("ELASTICSEARCH_USERNAME", "user"),
        ("ELASTICSEARCH_PASSWORD", "pass:wörd"),
    ];
    assert_eq!(
        header(&request(&server, "", &basic).await, "authorization"),
        "Basic dXNlcjpwYXNzOnfDtnJk"
    );
}

#[tokio::test]
async fn invocations_share_a_connection() {
    let server = FakeElasticsearch::start();
    let pipeline = pipeline(&[("ELASTICSEARCH_URL", &server.url)]);
    for expected in [(3, 0), (0, 3)] {
        let report = deliver(&pipeline, 3).await;
        assert_eq!((report.indexed, report.duplicates), expected);
    }
    let connections: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.connection)
        .collect();
    assert_eq!(connections, [1, 1]);
}

/// The server sends the same reply twice, the second at once or while the next request is on its
/// way. The second must not count as the reply to that request. Otherwise the server is honest and
/// reports what it has stored.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a proxy is slow, too")]
async fn a_reply_that_comes_twice_settles_one_request() {
    type Answer = fn(&str, &str) -> String;
    let kinds: [(&str, Answer); 2] = [
        ("echoed", echoing),
        ("named only", |_: &str, body: &str| response(body)),
    ];
    for (kind, answer) in kinds {
        for delay in [0, 1, 2, 5] {
            let stored = Arc::<AtomicUsize>::default();
            let count = Arc::clone(&stored);
            let server = RawTcp::start(move |_, stream| {
                while let Some((head, body)) = read_head_and_body(stream) {
                    let ids = ids(&body);
                    count.fetch_add(ids.len(), Ordering::SeqCst);
                    let item =
                        |id: &String| format!(r#"{{"create":{{"_id":"{id}","status":201}}}}"#);
                    let items: Vec<_> = ids.iter().map(item).collect();
                    let text = answer(&head, &format!(r#"{{"items":[{}]}}"#, items.join(",")));
                    send(stream, &text);
                    std::thread::sleep(Duration::from_millis(delay));
                    send(stream, &text);
                }
            });
            let settings = [
                ("ELASTICSEARCH_URL", &*server.url),
                ("BULK_MAX_ACTIONS", "1"),
            ];
            let report = deliver(&pipeline(&settings), 5).await;
            assert_eq!(report.unresolved, 0, "{kind}, {delay} ms: {report:?}");
            let stored = stored.load(Ordering::SeqCst);
            assert!(stored >= 5, "{kind}, {delay} ms: {stored} of 5 were read");
        }
    }
}

/// The server answers the first request honestly. It answers all later ones when it has read their
/// heads, and reads no document. The kernel takes their small bodies at once, so only the ids,
/// which are missing, could show that it has read them.
#[tokio::test]
async fn a_server_that_is_honest_first_and_hasty_later_is_not_believed() {
    for echoes in [true, false] {
        let is_honest = AtomicBool::new(true);
        let server = RawTcp::start(move |_, stream| {
            if is_honest.swap(false, Ordering::SeqCst) {
                serve_well(stream);
            }
            while let Some(head) = read_head(stream) {
                let text = hasty_answer(&head, 3);
                let body = text.split_once("\r\n\r\n").unwrap_or_default().1;
                send(stream, if echoes { text.clone() } else { response(body) });
                read_body(stream, &head);
            }
        });
        let settings = [
            ("ELASTICSEARCH_URL", &*server.url),
            ("BULK_MAX_ACTIONS", "3"),
        ];
        let pipeline = pipeline(&[&NO_WAITING[..], &settings].concat());
        assert_eq!(deliver(&pipeline, 3).await.indexed, 3);
        for _ in 0..2 {
            let report = deliver(&pipeline, 3).await;
            assert_eq!((report.unresolved, report.requests), (3, 1), "{report:?}");
            let message = report.error.map(|error| error.message).unwrap_or_default();
            assert!(
                message.contains("what became of each document"),
                "{message}"
            );
        }
    }
}

/// A pipeline has set `_id`, and a proxy has removed the echo, so nothing says whose reply it is.
#[tokio::test]
async fn a_reply_with_other_ids_and_no_echo_names_its_cause() {
    let server = RawTcp::start(|_, stream| {
        while read_request(stream) {
            send(
                stream,
                response(r#"{"items":[{"create":{"_id":"x","status":201}}]}"#),
            );
        }
    });
    let settings = [("ELASTICSEARCH_URL", &*server.url)];
    let report = deliver(&pipeline(&[&NO_WAITING[..], &settings].concat()), 1).await;
    assert_eq!(report.unresolved, 1, "{report:?}");
    let message = report.error.map(|error| error.message).unwrap_or_default();
    assert!(
        message.contains("ingest pipeline sets _id") && message.contains("X-Opaque-Id"),
        "{message}"
    );
}

/// Debug lines count what was sent, as the report does.
#[test]
fn without_a_connection_no_bytes_are_sent() {
    let (_socket, closed) = bound_socket();
    let url = format!("http://{closed}");
    let settings = [
        ("ELASTICSEARCH_URL", &*url),
        ("RETRY_BUDGET_MS", "1"),
        ("LOG_LEVEL", "debug"),
    ];
    let outcome = run(&["invoke", "events/rest.json"], &settings, b"");
    let mut lines = outcome.stderr.lines();
    let failed = lines.find(|line| line.contains("bulk request failed"));
    assert!(
        failed.is_some_and(|line| line.contains(" bytes_sent=0 ")),
        "{}",
        outcome.stderr
    );
}

/// A reply to another request does not count, and its connection is not used again.
#[tokio::test]
async fn a_reply_to_another_request_does_not_count() {
    let server = FakeElasticsearch::start();
    server.fail([Fault::none().header("x-opaque-id", "another")]);
    let report = deliver(&pipeline(&[("ELASTICSEARCH_URL", &server.url)]), 2).await;
    assert_eq!(
        (report.indexed, report.duplicates, report.requests),
        (0, 2, 2)
    );
    let requests = server.requests();
    let ids: Vec<_> = requests
        .iter()
        .map(|request| &request.headers["x-opaque-id"])
        .collect();
    assert!(ids[0] != ids[1] && ids[0].len() == 32, "{ids:?}");
    assert_eq!(
        requests
            .iter()
            .map(|request| request.connection)
            .collect::<Vec<_>>(),
        [1, 2]
    );
}

/// A success that arrives before the whole request was sent does not count; an error does.
#[tokio::test]
async fn an_early_reply_settles_nothing_unless_it_is_an_error() {
    let early = |answer: fn(&str) -> String| {
        move |number: usize, stream: &mut TcpStream| match number {
            // The buffer is small, so that it has no room for the whole request.
            0 => {
                let head = read_head(stream).unwrap_or_default();
                send(stream, answer(&head));
                // The rest of the request is never read.
                drop(stream.try_clone().map(std::mem::forget));
            }
            _ => while serve_well(stream) {},
        }
    };
    let settings = [
        ("BULK_COMPRESSION_LEVEL", "0"),
        ("BULK_MAX_BYTES", "50000000"),
        ("BULK_MAX_ACTIONS", "100000"),
        ("RETRY_BUDGET_MS", "600000"),
        ("REQUEST_TIMEOUT_MS", "300000"),
        ("PRESERVE_ORIGINAL_EVENT", "true"),
    ];
    const COUNT: usize = 12_000;
    type Answer = fn(&str) -> String;
    let cases: [(Answer, _); 2] = [
        (|head| hasty_answer(head, COUNT), (COUNT as u64, 0)),
        (
            |_| "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
            (0, COUNT as u64),
        ),
    ];
    for (answer, expected) in cases {
        let server = RawTcp::start(early(answer));
        let settings = [&settings[..], &[("ELASTICSEARCH_URL", &server.url)]].concat();
        let report = deliver(&pipeline(&settings), COUNT).await;
        assert_eq!((report.indexed, report.unresolved), expected, "{report:?}");
        // A slow machine may make several bodies from the documents.
        assert_eq!(report.retries > 0, expected.1 == 0, "{report:?}");
    }
}

/// OpenSearch does not know the parameter. It is asked with it once in the life of the process.
#[tokio::test]
async fn a_data_stream_is_required_if_the_server_knows_the_parameter() {
    let server = FakeElasticsearch::start();
    let refusal = r#"{"error":{"type":"illegal_argument_exception","reason":"request [/x/_bulk] contains unrecognized parameter: [require_data_stream]"},"status":400}"#;
    server.fail([Fault::answer(400, refusal)]);
    let pipeline = pipeline(&[("ELASTICSEARCH_URL", &server.url)]);
    for _ in 0..2 {
        let report = deliver(&pipeline, 2).await;
        assert_eq!(
            (
                report.indexed + report.duplicates,
                report.requests,
                report.retries
            ),
            (2, 1, 0)
        );
    }
    let asks: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.query.contains("&require_data_stream=true"))
        .collect();
    assert_eq!(asks, [true, false, false]);
}

/// Our parameters count, whatever the URL holds.
#[tokio::test]
async fn a_request_keeps_path_and_query_of_the_url() {
    let server = FakeElasticsearch::start();
    let url = "?filter_path=took&key=a%26b&require_data_stream=false&pipeline=p";
    let query = request(&server, url, &[]).await.query;
    let (start, rest) = query
        .split_once("&require")
        .expect("our parameters are first");
    assert!(
        start.starts_with("filter_path=error%2Citems.*._id%2C"),
        "{query}"
    );
    assert!(
        start.contains("items.*._index") && start.contains("items.*.result"),
        "{query}"
    );
    assert_eq!(rest, "_data_stream=true&key=a%26b&pipeline=p");
    let query = request(&server, url, &[("ELASTICSEARCH_PIPELINE", "q")])
        .await
        .query;
    assert!(
        query.ends_with("_data_stream=true&key=a%26b&pipeline=q"),
        "{query}"
    );
}

#[tokio::test]
async fn hosts_take_turns_when_one_fails() {
    let (sick, well) = (FakeElasticsearch::start(), FakeElasticsearch::start());
    let (_socket, closed) = bound_socket();
    let closed = format!("http://{closed}");
    let settings = format!("{closed}, {}", well.url);
    let pipeline_ = pipeline(&[("ELASTICSEARCH_URL", &settings)]);
    let reports = [deliver(&pipeline_, 1).await, deliver(&pipeline_, 1).await];
    assert_eq!(
        reports
            .each_ref()
            .map(|report| (report.indexed, report.duplicates, report.requests)),
        [(1, 0, 2), (0, 1, 1)]
    );

    // A name that no resolver can even be asked for.
    let settings = format!("http://{}:9200,{}", "x".repeat(64), well.url);
    let report = deliver(&pipeline(&[("ELASTICSEARCH_URL", &settings)]), 1).await;
    assert_eq!((report.duplicates, report.requests), (1, 2));

    // A gateway cannot reach Elasticsearch. An error of Elasticsearch itself would be the same on
    // any host.
    for (status, sick_requests, well_requests) in [
        (502, 1, 1),
        (503, 1, 1),
        (504, 1, 1),
        (500, 2, 0),
        (429, 2, 0),
    ] {
        let before = (sick.requests().len(), well.requests().len());
        sick.fail([Fault::status(status)]);
        deliver(
            &pipeline(&[("ELASTICSEARCH_URL", &format!("{},{}", sick.url, well.url))]),
            1,
        )
        .await;
        let requests = (
            sick.requests().len() - before.0,
            well.requests().len() - before.1,
        );
        assert_eq!(requests, (sick_requests, well_requests), "{status}");
    }
}

/// A host that accepts no connections because its backlog is full.
#[tokio::test]
async fn a_connection_that_is_not_accepted_costs_its_timeout() {
    let backlog = FullBacklog::start();
    let address = backlog.address;

    let server = FakeElasticsearch::start();
    let urls = format!("http://{address},{}", server.url);
    let start = Instant::now();
    let report = deliver(
        &pipeline(&[("ELASTICSEARCH_URL", &urls), ("CONNECT_TIMEOUT_MS", "100")]),
        1,
    )
    .await;
    // The documents arrived by way of the second host. The test cannot say how long that took.
    assert!(report.indexed == 1 && report.requests >= 2, "{report:?}");
    assert!(start.elapsed() >= Duration::from_millis(100));
}

/// A redirect would carry logs and credentials to another host.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (asked, other) = (FakeElasticsearch::start(), FakeElasticsearch::start());
    for status in [301, 302, 303, 307, 308] {
        asked.fail([
            Fault::status(status).header("location", &format!("{}/{LOGS}/_bulk", other.url))
        ]);
        let settings = [
            ("ELASTICSEARCH_URL", &*asked.url),
            ("ELASTICSEARCH_API_KEY", "aWQ6a2V5"),
        ];
        let report = deliver(&pipeline(&settings), 1).await;
        assert_eq!((report.unresolved, report.requests), (1, 1), "{status}");
    }
    assert_eq!(other.requests().len(), 0);
}

/// Seconds or a date. Nonsense does not count.
#[tokio::test]
async fn retry_after_may_be_seconds_or_a_date() {
    let server = FakeElasticsearch::start();
    let pipeline = pipeline(&[("ELASTICSEARCH_URL", &server.url)]);
    let (stops, goes_on) = (1, 2);
    let cases = [
        ("3600", stops),
        ("18446744073709551615", stops),
        ("Tue, 31 Dec 2999 23:59:59 GMT", stops),
        ("Fri, 31 Dec 2999 23:59:59 GMT", stops),
        ("Sat, 01 Jan 2000 00:00:00 GMT", goes_on),
        ("0", goes_on),
        ("-1", goes_on),
        ("99999999999999999999999999", stops),
        ("soon", goes_on),
        ("", goes_on),
    ];
    for (wish, requests) in cases {
        server.fail([Fault::status(503).header("retry-after", wish)]);
        assert_eq!(deliver(&pipeline, 1).await.requests, requests, "{wish:?}");
    }
    let start = Instant::now();
    server.fail([Fault::status(429).header("retry-after", "1")]);
    assert_eq!(deliver(&pipeline, 1).await.requests, 2);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

/// A reply that a document was stored. The server puts the document's id, which is as long, in the
/// place of this one.
const CREATED: &str =
    r#"{"items":[{"create":{"_id":"0123456789ab-0123456789abcdefghijkl","status":201}}]}"#;

/// Reads a request. Returns the reply with the id of its document.
fn with_id(stream: &mut TcpStream, reply: &str) -> String {
    let (_, body) = read_head_and_body(stream).unwrap_or_default();
    reply.replace("0123456789ab-0123456789abcdefghijkl", &ids(&body).concat())
}

/// How a raw server treats the first connection. All others are served well.
async fn first_connection(
    serve: impl Fn(&mut TcpStream) + Send + Sync + 'static,
    more: &[(&str, &str)],
) -> Report {
    let server = RawTcp::start(move |number, stream| match number {
        0 => serve(stream),
        _ => while serve_well(stream) {},
    });
    let settings = [more, &[("ELASTICSEARCH_URL", &*server.url)]].concat();
    deliver(&pipeline(&settings), 1).await
}

#[tokio::test]
async fn a_response_cut_anywhere_is_sent_again() {
    let length = response(CREATED).len();
    let cuts = (0..length).filter(|cut| cut % 5 == 0 || cut + 2 >= length);
    for cut in cuts {
        let cut_off = move |stream: &mut TcpStream| {
            let whole = with_id(stream, &response(CREATED));
            send(stream, whole.get(..cut).expect("it is a part"));
        };
        let report = first_connection(cut_off, &[]).await;
        assert_eq!(
            (report.indexed, report.requests, report.retries),
            (1, 2, 1),
            "cut after {cut} bytes"
        );
    }
}

/// Replies that claim success but are none.
#[tokio::test]
async fn a_response_that_is_not_understood_is_sent_again() {
    let good = CREATED;
    let answers = [
        "not HTTP at all\r\n\r\n".to_owned(),
        response("<html>"),
        response(&good.replace("201", "999")),
        response(&good.replace("201", "99999")),
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{good}",
            good.len() + 1
        ),
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{good}",
            good.len() - 1
        ),
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{good}\r\n",
            good.len()
        ),
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x08\x00"
            .to_owned(),
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
    ];
    for text in answers {
        // Without this, somebody might use the connection again while it is being closed.
        let answer = text.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1);
        let nonsense = move |stream: &mut TcpStream| {
            let answer = with_id(stream, &answer);
            send(stream, answer);
        };
        let report = first_connection(nonsense, &[]).await;
        assert_eq!(
            (report.indexed, report.requests, report.retries),
            (1, 2, 1),
            "{text}"
        );
    }
}

/// No reply may take longer than its timeout, even if it keeps sending.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a slow server waits")]
async fn a_slow_reply_costs_its_timeout() {
    let drip = |stream: &mut TcpStream, start: &str| {
        read_request(stream);
        send(stream, start);
        while send(stream, "x") {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let starts = [
        "",
        "HTTP/1.1 200 OK\r\nx-",
        "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    ];
    for start in starts {
        // The reply has no end, so only the timeout ends it.
        let timeout = [("REQUEST_TIMEOUT_MS", "1000")];
        let report = first_connection(move |stream| drip(stream, start), &timeout).await;
        assert!(
            report.indexed == 1 && report.requests >= 2,
            "{start:?}: {report:?}"
        );
    }
}

/// A reply without end is not read to its end.
#[tokio::test]
async fn an_oversized_reply_is_not_read() {
    let flood = |stream: &mut TcpStream, start: &str, block: &str| {
        read_request(stream);
        send(stream, start);
        while send(stream, block) {}
    };
    let cases = [
        ("HTTP/1.1 200 OK\r\n\r\n", " ".repeat(1 << 20)),
        ("HTTP/1.1 200 OK\r\n", "x-header: value\r\n".repeat(1_000)),
        ("HTTP/1.1 200 OK\r\nx-header: ", "x".repeat(1 << 16)),
    ];
    for (start, block) in cases {
        let report = first_connection(move |stream| flood(stream, start, &block), &[]).await;
        assert_eq!((report.indexed, report.requests), (1, 2), "{start:?}");
    }
}

/// The size ends it, not the time: the last bytes of each of these would be understood.
#[tokio::test]
async fn a_reply_is_read_up_to_its_cap() {
    for (mebibytes, requests) in [(15, 1), (17, 2)] {
        let large = response(&format!("{}{CREATED}", " ".repeat(mebibytes << 20)));
        let server = RawTcp::start(move |number, stream| match number {
            0 => {
                let large = with_id(stream, &large);
                send(stream, large);
            }
            _ => while serve_well(stream) {},
        });
        let report = deliver(&pipeline(&[("ELASTICSEARCH_URL", &server.url)]), 1).await;
        assert_eq!(
            (report.indexed, report.requests),
            (1, requests),
            "{mebibytes} MiB"
        );
    }
}

/// A reset with the request half read, and a proxy that closes the connection on a request that is
/// too large.
#[tokio::test]
async fn resets_are_tried_again() {
    let reset = |stream: &mut TcpStream| drop(std::io::Read::read(stream, &mut [0]));
    let report = first_connection(reset, &[]).await;
    assert_eq!((report.indexed, report.requests, report.retries), (1, 2, 1));

    let server = RawTcp::start(|number, stream| match number {
        0 | 1 => drop(std::io::Read::read(stream, &mut [0])),
        _ => while serve_well(stream) {},
    });
    let report = deliver(&pipeline(&[("ELASTICSEARCH_URL", &server.url)]), 4).await;
    assert_eq!(
        (report.indexed, report.requests, report.retries),
        (4, 4, 3),
        "the halves were taken"
    );
}

/// Settings with which any wait at all is longer than the budget.
const NO_WAITING: [(&str, &str); 3] = [
    ("RETRY_INITIAL_MS", "86400000"),
    ("RETRY_MAX_MS", "86400000"),
    ("RETRY_BUDGET_MS", "60000"),
];

/// A connection that died while the function slept costs one request and no wait.
#[tokio::test]
async fn a_stale_connection_is_not_a_failure() {
    for says_so in [false, true] {
        let (closed, when_closed) = std::sync::mpsc::channel();
        let server = RawTcp::start(move |number, stream| {
            serve_well(stream);
            // It is closed at once, or only when the next request comes.
            if number == 0 && says_so {
                drop(stream.shutdown(Shutdown::Both));
                closed.send(()).expect("the test waits for it");
            } else {
                let is_stale = number == 0 && read_request(stream);
                while !is_stale && serve_well(stream) {}
            }
        });
        let pipeline = pipeline(&[&NO_WAITING[..], &[("ELASTICSEARCH_URL", &server.url)]].concat());
        assert_eq!(deliver(&pipeline, 1).await.requests, 1);
        if says_so {
            when_closed.recv().expect("the server closes it");
        }
        // The end of the connection has arrived. The client's task sees it when it runs.
        for _ in 0..10 {
            #[expect(
                clippy::disallowed_methods,
                reason = "sockets are looked at in a pause"
            )]
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let report = deliver(&pipeline, 1).await;
        assert_eq!(
            (report.indexed, report.retries),
            (1, u64::from(!says_so)),
            "{report:?}"
        );
        assert_eq!(server.connections(), 2);
    }
    // A new connection that dies is a failure.
    let server = RawTcp::start(|_, stream| assert!(read_request(stream)));
    let report = deliver(
        &pipeline(&[&NO_WAITING[..], &[("ELASTICSEARCH_URL", &server.url)]].concat()),
        1,
    )
    .await;
    assert_eq!((report.unresolved, report.requests), (1, 1));
}

/// A server that closes each connection after its answer, and does not say so, costs no wait: each
/// time something was delivered, a dead connection is one resend at once.
#[tokio::test]
async fn a_server_that_closes_after_each_answer_costs_no_wait() {
    let server = RawTcp::start(|_, stream| {
        serve_well(stream);
        // The connection ends when the next request comes over it.
        read_request(stream);
    });
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("BULK_MAX_ACTIONS", "1"),
    ];
    let pipeline = pipeline(&[&NO_WAITING[..], &settings].concat());
    for _ in 0..2 {
        let report = deliver(&pipeline, 4).await;
        assert_eq!(
            (report.indexed + report.duplicates, report.unresolved),
            (4, 0)
        );
    }
}

/// If several connections were open at the same time, all of them die while the function sleeps.
/// This, too, costs only one more request.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a slow server waits")]
async fn many_stale_connections_are_not_a_failure() {
    // Connections with a lower number are closed without a reply when they are used.
    let first_alive = Arc::<AtomicUsize>::default();
    let alive = Arc::clone(&first_alive);
    let server = RawTcp::start(move |number, stream| {
        while let Some(request) = read_head_and_body(stream)
            && number >= alive.load(Ordering::SeqCst)
        {
            std::thread::sleep(Duration::from_millis(60));
            send(stream, answer(&request));
        }
    });
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("BULK_MAX_ACTIONS", "1"),
    ];
    let pipeline = pipeline(&[&NO_WAITING[..], &settings].concat());
    let report = deliver(&pipeline, 4).await;
    assert_eq!((report.indexed, report.retries), (4, 0));
    let before = server.connections();
    assert!(before > 1, "the bodies went beside each other");
    first_alive.store(before, Ordering::SeqCst);
    let report = deliver(&pipeline, 1).await;
    assert_eq!((report.indexed, report.retries), (1, 1), "{report:?}");
    assert!(server.connections() > before, "over a new connection");
}

/// The documents were stored, but the reply came too late. There is one copy of each.
#[tokio::test]
async fn documents_stored_after_the_timeout_are_duplicates() {
    let server = FakeElasticsearch::start();
    server.fail([Fault::none().delayed(3_600_000)]);
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("REQUEST_TIMEOUT_MS", "2000"),
    ];
    let report = deliver(&pipeline(&settings), 3).await;
    assert!(
        report.indexed + report.duplicates == 3 && report.requests >= 2,
        "{report:?}"
    );
    assert_eq!(server.count(LOGS), 3);
}

/// Nothing is open at the deadline, however long a request may take.
#[tokio::test]
async fn the_deadline_cuts_a_request() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    let url = format!(
        "http://{}",
        silent.local_addr().expect("a bound socket has an address")
    );
    let pipeline = pipeline(&[("ELASTICSEARCH_URL", &url)]);
    let event = direct(&payload("e", "api", &lines(1)));
    let batch = event::read(event.as_bytes()).expect("the event is right");
    let deadline = Instant::now() + Duration::from_millis(400);
    // A request may take two minutes here, and the budget is one minute.
    let cut = pipeline.process(batch, Some(deadline));
    let (report, _) = tokio::time::timeout(Duration::from_secs(50), cut)
        .await
        .expect("nothing but the deadline ends it");
    assert_eq!((report.unresolved, report.requests), (1, 1), "{report:?}");
}

/// Making documents that cannot be sent any more would take the time that the answer needs.
#[tokio::test]
async fn a_large_payload_near_the_deadline_is_left_unread() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    let url = format!(
        "http://{}",
        silent.local_addr().expect("a bound socket has an address")
    );
    let pipeline = pipeline(&[("ELASTICSEARCH_URL", &url), ("BULK_MAX_ACTIONS", "10")]);
    let payload = payload("e", "api", &lines(30_000));
    let event = kinesis(&[("1", &payload), ("2", &payload), ("3", "broken")]);
    let batch = event::read(event.as_bytes()).expect("the event is right");
    let (report, failed) = pipeline
        .process(batch, Some(Instant::now() + Duration::from_millis(400)))
        .await;
    // However slow the machine: at most the first payload was read, and the others count as one
    // each.
    assert!(
        report.received <= 30_002 && report.unresolved == report.received,
        "{report:?}"
    );
    assert_eq!(report.undecodable_records, 0, "the third was not looked at");
    assert_eq!(failed.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

#[tokio::test]
async fn only_a_trusted_server_is_accepted() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let directory = tempfile::tempdir().expect("there is room");
    let file = |name: &str, authority: &Authority| {
        let path = directory.path().join(name);
        std::fs::write(&path, &authority.pem).expect("there is room");
        path.display().to_string()
    };
    let (our_file, other_file) = (file("ours.pem", &ours), file("other.pem", &other));
    let (our_print, other_print) = (ours.fingerprint(), other.fingerprint());
    let good = || FakeElasticsearch::start_tls(ours.server("127.0.0.1", 4_000));
    let misnamed = || FakeElasticsearch::start_tls(ours.server("elasticsearch.example", 4_000));
    let expired = || FakeElasticsearch::start_tls(ours.server("127.0.0.1", 2_001));
    let (by_file, by_print) = ("ELASTICSEARCH_CA_FILE", "ELASTICSEARCH_CA_FINGERPRINT");
    let cases = [
        (
            "the file of its authority",
            good(),
            by_file,
            &our_file,
            true,
        ),
        (
            "the fingerprint of its authority",
            good(),
            by_print,
            &our_print,
            true,
        ),
        ("the file of another", good(), by_file, &other_file, false),
        (
            "the fingerprint of another",
            good(),
            by_print,
            &other_print,
            false,
        ),
        ("public authorities", good(), "TAGS", &other_print, false),
        ("another host's name", misnamed(), by_file, &our_file, false),
        (
            "another host's name, by fingerprint",
            misnamed(),
            by_print,
            &our_print,
            false,
        ),
        ("expired", expired(), by_file, &our_file, false),
        (
            "expired, by fingerprint",
            expired(),
            by_print,
            &our_print,
            false,
        ),
    ];
    for (name, server, variable, value, is_trusted) in cases {
        let report = deliver(
            &pipeline(&[("ELASTICSEARCH_URL", &server.url), (variable, value)]),
            1,
        )
        .await;
        assert_eq!(
            (report.indexed, server.requests().len()),
            (is_trusted.into(), is_trusted.into()),
            "{name}"
        );
        if let Some(error) = report.error {
            assert_eq!(
                (report.requests, report.bytes_sent),
                (2, 0),
                "{name}: one retry"
            );
            assert!(
                error.message.contains("certificate"),
                "{name}: {}",
                error.message
            );
        }
    }
    // A server that speaks no TLS has no problem with certificates.
    let server = FakeElasticsearch::start();
    let report = deliver(
        &pipeline(&[
            ("ELASTICSEARCH_URL", &server.url.replace("http", "https")),
            ("RETRY_BUDGET_MS", "1000"),
        ]),
        1,
    )
    .await;
    let message = report.error.map(|error| error.message).unwrap_or_default();
    assert_eq!(report.unresolved, 1, "{message}");
    assert!(!message.contains("certificate"), "{message}");
}
