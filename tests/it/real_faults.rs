//! A real server with real faults: full, blocked, too small, rolled over, killed. Afterwards every
//! event is stored exactly once, except where the README says otherwise.
#![expect(
    clippy::disallowed_types,
    reason = "documents are counted as they come back from a search"
)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::invocation::{Run, direct, invoke, line, lines, payload};
use crate::support::middleman;
use crate::support::ports::free_port;
use crate::support::search_server::{self, Flavour, SearchServer, shared, start_beside};
use crate::support::templates::{put_templates, setup};
use crate::support::tls::Authority;

/// A data stream of one test, and the settings that lead to it.
struct Stream {
    name: String,
    dead_letters: String,
}

impl Stream {
    fn new(namespace: &str) -> Self {
        // A server that survives test runs must not have seen this run's documents.
        let unique = std::process::id();
        Self {
            name: format!("logs-aws.api_gateway_logs-{namespace}{unique}"),
            dead_letters: format!("logs-aws.api_gateway_dead_letters-{namespace}{unique}"),
        }
    }

    fn invoke(&self, event: &str, url: &str, more: &[(&str, &str)]) -> Run {
        let mut settings = vec![
            ("ELASTICSEARCH_URL", url),
            ("DATA_STREAM", &*self.name),
            ("DEAD_LETTER_DATA_STREAM", &self.dead_letters),
            ("RETRY_MAX_MS", "500"),
            // Generous limits, so that time never ends these tests, however slow the machine is.
            ("RETRY_BUDGET_MS", "600000"),
            ("REQUEST_TIMEOUT_MS", "300000"),
        ];
        settings.extend(more);
        invoke(event, &settings)
    }

    /// Returns the number of documents and the number of ids.
    fn stored(&self, server: &SearchServer) -> (usize, usize) {
        server.refresh(&self.name);
        let documents = server.search(&self.name, "{}");
        let ids = documents
            .iter()
            .map(|document| document.get("_id").map(Value::to_string));
        (documents.len(), ids.collect::<BTreeSet<_>>().len())
    }

    fn delete(&self, server: &SearchServer) {
        for name in [&self.name, &self.dead_letters] {
            server.admin_request("DELETE", &format!("/_data_stream/{name}"), None);
        }
    }
}

/// The server's administrator, whoever that is.
fn administrator(server: &SearchServer) -> &'static [(&'static str, &'static str)] {
    match server.flavour {
        Flavour::OpenSearch => &[],
        _ => &[
            ("ELASTICSEARCH_USERNAME", "admin"),
            ("ELASTICSEARCH_PASSWORD", "changeme"),
        ],
    }
}

/// The key of the function, on the server that all tests share.
fn shared_key() -> Option<String> {
    put_templates(shared());
    shared().function_api_key()
}

fn key_setting(key: Option<&String>) -> Vec<(&str, &str)> {
    key.map(|key| ("ELASTICSEARCH_API_KEY", &**key))
        .into_iter()
        .collect()
}

/// The number of the first request whose documents count. OpenSearch rejects one request before it,
/// because of an unknown parameter.
fn first_request() -> usize {
    usize::from(shared().flavour == Flavour::OpenSearch)
}

/// The block of a full disk, set between two requests and lifted some requests later.
#[test]
fn the_function_waits_until_a_block_is_lifted() {
    let (stream, key) = (Stream::new("lifted"), shared_key());
    let settings = format!("/{}/_settings", stream.name);
    let block = move |is_blocked: bool| {
        let body = format!(r#"{{"index.blocks.read_only_allow_delete":{is_blocked}}}"#);
        assert_eq!(shared().admin_request("PUT", &settings, Some(&body)).0, 200);
    };
    let first = first_request();
    let middleman = middleman::start(&shared().url, move |number, forward| {
        match number.checked_sub(first) {
            Some(1) => block(true),
            Some(4) => block(false),
            _ => {}
        }
        forward()
    });
    let more = [&[("BULK_MAX_ACTIONS", "4")], &*key_setting(key.as_ref())].concat();
    let run = stream.invoke(
        &direct(&payload("e", "api", &lines(10))),
        &middleman.url,
        &more,
    );
    assert_eq!(
        (run.status, run.report.counts()),
        (0, [10, 0, 0, 0, 0]),
        "{run:?}"
    );
    // The second and third body are sent one after the other, or at the same time.
    assert_eq!(run.report.requests - run.report.retries, 3, "{run:?}");
    assert!(run.report.retries >= 2, "{run:?}");
    assert_eq!(stream.stored(shared()), (10, 10));
    stream.delete(shared());
}

/// The README's exception: a data stream recognises ids only within one backing index.
#[test]
fn a_rollover_between_two_deliveries_doubles() {
    let (stream, key) = (Stream::new("rolled"), shared_key());
    let rollover = format!("/{}/_rollover", stream.name);
    let middleman = middleman::start(&shared().url, move |number, forward| {
        let answer = forward();
        if number == first_request() {
            assert_eq!(shared().admin_request("POST", &rollover, None).0, 200);
            return None;
        }
        answer
    });
    let more = key_setting(key.as_ref());
    let event = direct(&payload("e", "api", &lines(5)));
    let run = stream.invoke(&event, &middleman.url, &more);
    assert_eq!(
        (run.status, run.report.counts(), run.report.requests),
        (0, [5, 0, 0, 0, 0], 2),
        "{run:?}"
    );
    assert_eq!(stream.stored(shared()), (10, 5), "each twice, under one id");
    // Without another rollover, nothing more is doubled.
    let again = stream.invoke(&event, &shared().url, &more);
    assert_eq!(again.report.counts(), [0, 5, 0, 0, 0], "{again:?}");
    stream.delete(shared());
}

/// Returns lines whose documents have about this many bytes each.
fn large_lines(count: usize, bytes: usize) -> Vec<String> {
    let note = "x".repeat(bytes);
    (0..count)
        .map(|number| line(number).replace('{', &format!(r#"{{"userAgent":"{note}","#)))
        .collect()
}

/// A server with small limits: requests of one MiB, and little more than that at a time. It uses
/// TLS where it can.
#[test]
fn a_small_server_accepts_everything_in_pieces() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let directory = tempfile::tempdir().expect("there is room");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("there is room");
        path.display().to_string()
    };
    let (certificate, key) = ours.server_pem("127.0.0.1");
    let limits = [
        "http.max_content_length=1mb",
        "indexing_pressure.memory.limit=950kb",
    ]
    .map(str::to_owned);
    let tls = [
        "xpack.security.http.ssl.enabled=true".to_owned(),
        format!(
            "xpack.security.http.ssl.certificate={}",
            file("server.pem", &certificate)
        ),
        format!("xpack.security.http.ssl.key={}", file("server.key", &key)),
    ];
    let has_tls = shared().flavour != Flavour::OpenSearch;
    let settings: Vec<&str> = limits
        .iter()
        .chain(tls.iter().filter(|_| has_tls))
        .map(String::as_str)
        .collect();
    let Some(server) = start_beside(&settings) else {
        return;
    };
    let (our_file, other_file) = (file("ours.pem", &ours.pem), file("other.pem", &other.pem));
    let prepared = setup(&server, &[], &[("ELASTICSEARCH_CA_FILE", &our_file)]);
    assert_eq!(prepared.status, 0, "{}", prepared.stderr);
    let trust = [
        administrator(&server),
        &[("ELASTICSEARCH_CA_FILE", &our_file)],
    ]
    .concat();

    if has_tls {
        let distrust = [
            administrator(&server),
            &[("ELASTICSEARCH_CA_FILE", &*other_file)],
        ]
        .concat();
        let (stream, event) = (Stream::new("tls"), direct(&payload("e", "api", &lines(1))));
        let run = stream.invoke(&event, &server.url, &distrust);
        assert!(
            run.status == 1 && run.stderr.contains("certificate"),
            "{run:?}"
        );
        let renamed = server.url.replace("127.0.0.1", "localhost");
        let run = stream.invoke(&event, &renamed, &trust);
        assert!(
            run.status == 1 && run.stderr.contains("certificate"),
            "another name: {run:?}"
        );
        assert_eq!(stream.invoke(&event, &server.url, &trust).status, 0);
    }
    check_too_large(&server, &trust);
    check_too_much(&server, &trust);
}

/// 413, even for a request that is small when compressed.
fn check_too_large(server: &SearchServer, settings: &[(&str, &str)]) {
    let stream = Stream::new("toolarge");
    let run = stream.invoke(
        &direct(&payload("e", "api", &large_lines(40, 60_000))),
        &server.url,
        settings,
    );
    assert_eq!(
        (run.status, run.report.counts()),
        (0, [40, 0, 0, 0, 0]),
        "{run:?}"
    );
    assert!(run.report.requests > 4, "it was cut: {run:?}");
    assert_eq!(stream.stored(server), (40, 40));
    // A document that is too large by itself. Its dead letter is too large as well, so the function
    // must not report it as safe.
    let mut lines = lines(3);
    lines.extend(large_lines(1, 1 << 20));
    let run = stream.invoke(&direct(&payload("f", "api", &lines)), &server.url, settings);
    assert_eq!(
        (run.status, run.report.counts()),
        (1, [3, 0, 0, 0, 1]),
        "{run:?}"
    );
}

/// 429 for a request that is larger than the limit for all open requests: waiting does not help,
/// but a smaller request does.
fn check_too_much(server: &SearchServer, settings: &[(&str, &str)]) {
    let stream = Stream::new("toomuch");
    let event = direct(&payload("e", "api", &large_lines(10, 99_500)));
    let run = stream.invoke(
        &event,
        &server.url,
        &[settings, &[("RETRY_BUDGET_MS", "6000")]].concat(),
    );
    let left = run.report.unresolved;
    assert!(
        run.status == 1 && left > 0 && run.stderr.contains("429"),
        "{run:?}"
    );
    assert_eq!(
        (run.report.dead_lettered, run.report.error_type()),
        (0, "Delivery.Incomplete"),
        "{run:?}"
    );
    let run = stream.invoke(
        &event,
        &server.url,
        &[settings, &[("BULK_MAX_BYTES", "300000")]].concat(),
    );
    assert_eq!(
        (run.status, run.report.indexed + run.report.duplicates),
        (0, 10),
        "{run:?}"
    );
    assert_eq!(stream.stored(server), (10, 10));
}

/// The server is killed in the middle of a long run, with a request applied but not answered, and
/// started again on its data.
#[test]
fn a_killed_and_restarted_server_has_everything_once() {
    let directory = tempfile::tempdir().expect("there is room");
    let data = format!("path.data={}", directory.path().display());
    let port = format!("http.port={}", free_port());
    let Some(server) = start_beside(&[&data, &port]) else {
        return;
    };
    put_templates(&server);
    let (url, flavour) = (server.url.clone(), server.flavour);
    let more = [administrator(&server), &[("BULK_MAX_ACTIONS", "10")]].concat();
    let running = Arc::new(Mutex::new(Some(server)));
    let held = Arc::clone(&running);
    let middleman = middleman::start(&url, move |number, forward| {
        let mut server = held.lock().expect("nobody panicked here");
        match number {
            // The request is applied, but nobody hears of it.
            2 => {
                forward();
                server.take().expect("it runs").kill();
                None
            }
            5 => {
                *server = Some(search_server::start(flavour, &[&data, &port]));
                None
            }
            _ => forward(),
        }
    });
    let stream = Stream::new("killed");
    let run = stream.invoke(
        &direct(&payload("e", "api", &lines(95))),
        &middleman.url,
        &more,
    );
    assert_eq!((run.status, run.report.unresolved), (0, 0), "{run:?}");
    assert_eq!(
        run.report.indexed + run.report.duplicates,
        95,
        "each document has arrived: {run:?}"
    );
    // One request was stored but not answered. The server may have stored more than it had answered
    // when it was killed.
    assert!(
        run.report.duplicates >= 10,
        "what was stored is there already: {run:?}"
    );
    let server = running.lock().expect("nobody panicked here");
    assert_eq!(stream.stored(server.as_ref().expect("it runs")), (95, 95));
}
