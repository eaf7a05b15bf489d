//! The built program sends dead letters again: letters whose documents arrive are removed, the
//! others stay, and nothing is doubled.
#![expect(
    clippy::disallowed_types,
    reason = "what the server holds is looked at as it is"
)]

use std::process::{Command, Stdio};

use apigw_logs::config::Config;
use apigw_logs::json::{JsonText, WriteJson};
use apigw_logs::normalizer::{LogLine, Normalized, mask};
use bumpalo::Bump;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lines::LINES;

use crate::support::command_line::{Outcome, at_terminal, run, shown};
use crate::support::fake_elasticsearch::{FakeElasticsearch, Fault, OrderFailure};
use crate::support::golden::{names, repository};
use crate::support::invocation::{
    DEAD_LETTERS, LOGS, Report, compressed, direct, invoke, line, payload,
};

/// The report of `redrive`.
#[derive(Debug, Deserialize)]
struct RedriveReport {
    #[serde(flatten)]
    report: Report,
    removed: u64,
    other_targets: u64,
    dry_run: Option<bool>,
}

/// The result of one run of `redrive`.
#[derive(Debug)]
struct Redrive {
    status: i32,
    report: RedriveReport,
    stdout: String,
    stderr: String,
}

fn settings(server: &FakeElasticsearch) -> Vec<(&str, &str)> {
    vec![
        ("ELASTICSEARCH_URL", &server.url),
        ("ELASTICSEARCH_API_KEY", "aWQ6aHVzaC1rZXk="),
        ("RETRY_INITIAL_MS", "1"),
        ("RETRY_MAX_MS", "20"),
        ("RETRY_BUDGET_MS", "60000"),
    ]
}

fn redrive_with(server: &FakeElasticsearch, arguments: &[&str], more: &[(&str, &str)]) -> Redrive {
    let arguments = [&["redrive"], arguments].concat();
    let Outcome {
        status,
        stdout,
        stderr,
    } = run(&arguments, &[&*settings(server), more].concat(), b"");
    let is_dry = arguments.contains(&"--dry-run");
    let report = if is_dry {
        stderr.lines().next()
    } else {
        stdout.lines().next()
    };
    let report = serde_json::from_str(report.unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {stderr}"));
    Redrive {
        status,
        report,
        stdout,
        stderr,
    }
}

fn redrive(server: &FakeElasticsearch) -> Redrive {
    redrive_with(server, &[], &[])
}

/// Checks the status, the counts (indexed, duplicates, rejected again, left out, unresolved), the
/// number of removed letters, and the error.
fn check(run: &Redrive, status: i32, counts: [u64; 5], removed: u64, error: &str) {
    let report = &run.report;
    assert_eq!(
        (run.status, report.report.counts(), report.removed),
        (status, counts, removed),
        "{run:?}"
    );
    assert_eq!(report.report.error_type(), error, "{run:?}");
    assert_eq!(
        run.stderr.lines().any(|line| line.starts_with("error: ")),
        status != 0,
        "{run:?}"
    );
}

/// Rejects every line, so that there are as many dead letters as lines.
fn bury(server: &FakeElasticsearch, lines: &[String]) {
    server.refuse(LOGS, "", 400, "document_parsing_exception");
    let run = invoke(&direct(&payload("e", "api", lines)), &settings(server));
    assert_eq!(
        (run.status, run.report.dead_lettered),
        (0, run.report.received),
        "{run:?}"
    );
    server.recover();
}

/// Returns the documents of these lines without any rejection.
fn delivered(lines: &[String]) -> Vec<String> {
    let server = FakeElasticsearch::start();
    assert_eq!(
        invoke(&direct(&payload("e", "api", lines)), &settings(&server)).status,
        0
    );
    documents(&server, LOGS)
}

fn documents(server: &FakeElasticsearch, data_stream: &str) -> Vec<String> {
    let mut documents = server.documents(data_stream);
    documents.sort();
    documents
}

fn three() -> Vec<String> {
    vec![
        line(0),
        r#"{"requestId":"hush","apiKey":"s3cr3t","status":"200"}"#.into(),
        "what is it?".into(),
    ]
}

/// The documents equal those of a first delivery and have the same ids; the letters are gone.
#[test]
fn letters_of_documents_that_arrive_are_removed() {
    let server = FakeElasticsearch::start();
    bury(&server, &three());
    let buried: Vec<Vec<String>> = server
        .requests()
        .into_iter()
        .map(|request| request.ids)
        .collect();
    let run = redrive(&server);
    check(&run, 0, [3, 0, 0, 0, 0], 3, "");
    assert_eq!(run.stderr, "", "no bar where there is no terminal");
    assert_eq!(
        (server.count(DEAD_LETTERS), documents(&server, LOGS)),
        (0, delivered(&three()))
    );
    let requests = server.requests();
    assert_eq!(
        requests[buried.len()].ids,
        buried[0],
        "the same ids in the same order"
    );
    assert_eq!(requests[buried.len()].path, format!("/{LOGS}/_bulk"));
    assert_eq!(server.open_scrolls(), 0);
    // Nothing is left to do. If there never was a dead letter, there is nothing to do either.
    check(&redrive(&server), 0, [0; 5], 0, "");
    check(&redrive(&FakeElasticsearch::start()), 0, [0; 5], 0, "");
}

/// A letter keeps the account and the region that CloudWatch named for a line of centralised logs.
#[test]
fn a_letter_keeps_account_and_region() {
    let event = direct(&compressed(
        r#"{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"g","logStream":"s",
            "subscriptionFilters":["all"],"logEvents":[{"id":"1","timestamp":1772353800000,
            "message":"{\"requestId\":\"a\",\"status\":\"200\"}",
            "extractedFields":{"@aws.account":"444455556666","@aws.region":"eu-west-1"}}]}"#,
    ));
    let [buried, delivered] = [FakeElasticsearch::start(), FakeElasticsearch::start()];
    buried.refuse(LOGS, "", 400, "document_parsing_exception");
    for server in [&buried, &delivered] {
        assert_eq!(invoke(&event, &settings(server)).status, 0);
    }
    buried.recover();
    check(&redrive(&buried), 0, [1, 0, 0, 0, 0], 1, "");
    let expected = documents(&delivered, LOGS);
    for told in ["444455556666", "eu-west-1"] {
        assert!(
            expected.iter().all(|document| document.contains(told)),
            "{expected:?}"
        );
    }
    assert_eq!(documents(&buried, LOGS), expected);
}

/// If a line holds several objects, only the rejected one is sent. Events without an id keep the
/// ids of their documents.
#[test]
fn only_rejected_documents_are_sent() {
    let server = FakeElasticsearch::start();
    let joined = [
        r#"{"requestId":"a","path":"/1"}"#,
        r#"{"requestId":"b","path":"/hush"}"#,
    ]
    .concat();
    server.refuse(LOGS, "/hush", 400, "mapper_parsing_exception");
    let event = direct(&payload("e", "api", &[joined]));
    let first = invoke(&event, &settings(&server));
    assert_eq!(first.report.counts(), [1, 0, 1, 0, 0], "{first:?}");
    server.recover();
    check(&redrive(&server), 0, [1, 0, 0, 0, 0], 1, "");
    assert_eq!(server.count(LOGS), 2);
    let again = invoke(&event, &settings(&server));
    assert_eq!(
        again.report.counts(),
        [0, 2, 0, 0, 0],
        "under its own id: {again:?}"
    );
}

/// A dead letter keeps its line with credentials masked. The document is the same, except for what
/// it says of damage to the line, which may have been in the credential.
#[test]
fn a_masked_line_makes_the_same_documents() {
    let pipeline = Config::from_vars(|_| None)
        .and_then(|config| config.pipeline(()))
        .expect("the defaults are right");
    let documents = |message: &str, arena: &Bump| {
        let message = JsonText::plain(message);
        let line = LogLine {
            owner: "1",
            account: "",
            region: "",
            log_group: "g",
            log_stream: "s",
            event_id: "e",
            event_time: 0,
            message,
        };
        match pipeline.documents(&line, arena) {
            Normalized::Documents(documents) => documents.as_slice().to_json(),
            Normalized::Skipped => String::new(),
        }
    };
    let (arena, mut masked_lines) = (Bump::new(), 0);
    for name in names(LINES, ".log") {
        let text = std::fs::read_to_string(repository(&format!("{LINES}/{name}.log")))
            .expect("lines can be read");
        for line in text.lines() {
            let masked = mask(line, &arena);
            masked_lines += usize::from(masked != line);
            let [again, first] =
                [masked, line].map(|line| without_damage(&documents(line, &arena)));
            assert_eq!(again, first, "{name}");
        }
    }
    assert!(
        masked_lines > 5,
        "{masked_lines} of the lines hold credentials"
    );
}

/// Returns documents without the description of a broken line: where it breaks, what was repaired,
/// and its original text.
fn without_damage(documents: &str) -> Vec<Value> {
    if documents.is_empty() {
        return Vec::new();
    }
    let mut documents: Vec<Value> = serde_json::from_str(documents).expect("documents are JSON");
    for document in &mut documents {
        document.pointer_mut("/error/message").map(Value::take);
        if let Some(event) = document
            .pointer_mut("/event")
            .and_then(Value::as_object_mut)
        {
            event.remove("original");
        }
        if let Some(tags) = document.pointer_mut("/tags").and_then(Value::as_array_mut) {
            tags.retain(|tag| tag != "preserve_original_event");
        }
        if let Some(gateway) = document
            .pointer_mut("/aws/api_gateway")
            .and_then(Value::as_object_mut)
        {
            gateway.remove("repairs");
        }
    }
    documents
}

/// A document that another delivery has brought meanwhile is already there, so its letter is
/// removed.
#[test]
fn letters_of_documents_already_there_are_removed() {
    let server = FakeElasticsearch::start();
    bury(&server, &three());
    let run = invoke(&direct(&payload("e", "api", &three())), &settings(&server));
    assert_eq!(run.report.counts(), [3, 0, 0, 0, 0]);
    check(&redrive(&server), 0, [0, 3, 0, 0, 0], 3, "");
    assert_eq!((server.count(LOGS), server.count(DEAD_LETTERS)), (3, 0));
}

/// The letter stays as it was: no letter is written twice.
#[test]
fn letters_of_documents_rejected_again_stay() {
    let server = FakeElasticsearch::start();
    bury(&server, &three());
    let before = documents(&server, DEAD_LETTERS);
    server.refuse(LOGS, "hush", 400, "document_parsing_exception");
    let some = redrive(&server);
    check(&some, 1, [2, 0, 1, 0, 0], 2, "Delivery.Refused");
    assert!(
        some.stderr
            .contains("1 of 3 dead letters stay, rejected again (400 document_parsing_exception)"),
        "{some:?}"
    );
    check(&redrive(&server), 1, [0, 0, 1, 0, 0], 0, "Delivery.Refused");
    let after = documents(&server, DEAD_LETTERS);
    assert!(after.len() == 1 && before.contains(&after[0]), "{after:?}");
    assert!(
        server
            .requests()
            .iter()
            .skip(2)
            .all(|request| !(request.path.contains("dead") && request.ids.is_empty()))
    );
}

/// Elasticsearch answers 200 for a document that an ingest pipeline drops. Nothing is stored, so
/// the letter stays.
#[test]
fn letters_of_dropped_documents_stay() {
    let server = FakeElasticsearch::start();
    bury(&server, &[line(0)]);
    let id = server.requests()[0].ids[0].clone();
    let dropped = json!({"items": [{"create": {"_id": id, "status": 200, "result": "noop"}}]});
    // The letters are read, the document is looked up, and then it is sent.
    server.fail([
        Fault::none(),
        Fault::none(),
        Fault::answer(200, &dropped.to_string()).after(0),
    ]);
    let run = redrive(&server);
    check(&run, 1, [0, 0, 0, 1, 0], 0, "Delivery.Incomplete");
    assert!(
        run.stderr
            .contains("1 of 1 dead letters stay, dropped by the ingest pipeline"),
        "{run:?}"
    );
    assert_eq!((server.count(LOGS), server.count(DEAD_LETTERS)), (0, 1));
}

/// No search of the data stream finds a document in the failure store, so the letter stays.
#[test]
fn letters_of_documents_in_the_failure_store_stay() {
    let server = FakeElasticsearch::start();
    bury(&server, &[line(0)]);
    let stored = r#"{"items":[{"create":{"status":201,"failure_store":"used"}}]}"#;
    // The letters are read, the document is looked up, and then it is sent.
    server.fail([
        Fault::none(),
        Fault::none(),
        Fault::answer(200, stored).after(0),
    ]);
    let run = redrive(&server);
    check(&run, 1, [1, 0, 0, 0, 0], 0, "Delivery.Incomplete");
    assert!(
        run.stderr
            .contains("1 of 1 dead letters stay, put into the failure store"),
        "{run:?}"
    );
    assert_eq!(server.count(DEAD_LETTERS), 1);
    check(&redrive(&server), 0, [1, 0, 0, 0, 0], 1, "");
}

/// A letter that somebody has changed since it was read is another one. The others are removed.
#[test]
fn letters_that_were_changed_meanwhile_stay() {
    let server = FakeElasticsearch::start();
    bury(&server, &three());
    server.refuse(
        DEAD_LETTERS,
        "delete",
        409,
        "version_conflict_engine_exception",
    );
    let run = redrive(&server);
    check(&run, 1, [3, 0, 0, 0, 0], 0, "Delivery.Incomplete");
    assert!(
        run.stderr.contains(
            "3 of 3 dead letters stay, delivered and not removed, because they were changed"
        ),
        "{run:?}"
    );
    assert_eq!(server.count(DEAD_LETTERS), 3);
    server.recover();
    check(&redrive(&server), 0, [0, 3, 0, 0, 0], 3, "");
}

/// If only an operator can help, or the server is down, all letters stay, and the sentence says
/// why.
#[test]
fn letters_of_unconfirmed_documents_stay() {
    for (status, kind) in [
        (403, "security_exception"),
        (404, "index_not_found_exception"),
        (503, "unavailable"),
    ] {
        let server = FakeElasticsearch::start();
        bury(&server, &three());
        server.refuse(LOGS, "", status, kind);
        let run = redrive_with(
            &server,
            &[],
            &[
                ("RETRY_INITIAL_MS", "86400000"),
                ("RETRY_MAX_MS", "86400000"),
            ],
        );
        check(&run, 1, [0, 0, 0, 0, 3], 0, "Delivery.Incomplete");
        assert!(run.stderr.contains(&status.to_string()), "{run:?}");
        assert_eq!(server.count(DEAD_LETTERS), 3);
    }
}

/// Some documents have arrived although their letters cannot be removed. Another run does not
/// double them.
#[test]
fn documents_whose_letters_cannot_be_removed_are_not_doubled() {
    let server = FakeElasticsearch::start();
    bury(&server, &three());
    server.refuse(DEAD_LETTERS, "delete", 403, "security_exception");
    let run = redrive(&server);
    check(&run, 1, [3, 0, 0, 0, 0], 0, "Delivery.Incomplete");
    assert!(
        run.stderr.contains("delivered and not removed") && run.stderr.contains("403"),
        "{run:?}"
    );
    assert!(
        run.stderr.contains("the index privilege `delete`") && !run.stderr.contains("create_doc"),
        "{run:?}"
    );
    server.recover();
    check(&redrive(&server), 0, [0, 3, 0, 0, 0], 3, "");
    assert_eq!((server.count(LOGS), server.count(DEAD_LETTERS)), (3, 0));
}

/// A search that fails is begun again. Letters that were sent before are not sent twice.
#[test]
fn a_search_that_fails_is_begun_again() {
    let lines: Vec<String> = (0..600).map(|number| format!("line {number}")).collect();
    // The requests: search, send, remove, scroll, send, remove, scroll, send, remove, scroll.
    let faults: [&[Fault]; 7] = [
        &[Fault::status(503), Fault::status(429), Fault::close()],
        &[
            Fault::answer(200, "<html>"),
            Fault::answer(200, r#"{"hits":{"hits":[]},"timed_out":true}"#),
            // The result is neither everything nor nothing.
            Fault::answer(
                200,
                r#"{"_scroll_id":"s","timed_out":false,"_shards":{"total":1,"successful":1},"hits":{"total":{"value":600,"relation":"eq"},"hits":[]}}"#,
            ),
            Fault::answer(
                200,
                r#"{"_scroll_id":"s","timed_out":false,"_shards":{"total":1,"successful":1},"hits":{"total":{"value":600,"relation":"gte"},"hits":[]}}"#,
            ),
            Fault::answer(
                200,
                r#"{"_scroll_id":"s","timed_out":false,"_shards":{"total":1,"successful":0},"hits":{"total":{"value":0,"relation":"eq"},"hits":[]}}"#,
            ),
        ],
        &[
            Fault::none(),
            Fault::none(),
            Fault::none(),
            Fault::none(),
            Fault::status(502),
        ],
        &[
            Fault::none(),
            Fault::none(),
            Fault::none(),
            Fault::none(),
            Fault::close(),
            Fault::close(),
        ],
        &[
            Fault::none(),
            Fault::none(),
            Fault::none(),
            Fault::none(),
            Fault::status(404),
        ],
        &[
            Fault::none(),
            Fault::none(),
            Fault::status(502).after(300),
            Fault::close().after(500),
            Fault::status(503).after(99),
        ],
        &[
            Fault::none(),
            Fault::none(),
            Fault::none(),
            Fault::status(502).after(200),
            Fault::close().after(500),
        ],
    ];
    for faults in faults {
        let server = FakeElasticsearch::start();
        bury(&server, &lines);
        server.fail(faults.iter().cloned());
        let run = redrive(&server);
        assert_eq!(
            (run.status, run.report.removed, run.report.report.received),
            (0, 600, 600),
            "{faults:?}: {run:?}"
        );
        assert_eq!(
            (server.count(LOGS), server.count(DEAD_LETTERS)),
            (600, 0),
            "{faults:?}"
        );
        assert_eq!(server.open_scrolls(), 0, "{faults:?}");
    }
}

/// A search that ends early, without an error, is begun again. The next search finds what it has
/// not returned.
#[test]
fn a_search_that_ends_early_is_begun_again() {
    let lines: Vec<String> = (0..1200).map(|number| format!("line {number}")).collect();
    for ends_after in [100, 499, 500, 700] {
        let server = FakeElasticsearch::start();
        bury(&server, &lines);
        server.end_searches_after(Some(ends_after));
        let run = redrive_with(&server, &["--limit", "1100"], &[]);
        check(&run, 0, [1100, 0, 0, 0, 0], 1100, "");
        assert_eq!(
            (server.count(DEAD_LETTERS), server.open_scrolls()),
            (100, 0)
        );
    }
}

/// Elasticsearch 9.5 fails like this in an index that is sorted by `host.name`, as in logsdb.
#[test]
fn a_search_that_fails_in_order_of_time_is_repeated_in_another_order() {
    let lines: Vec<String> = (0..1200).map(|number| format!("line {number}")).collect();
    for failure in [
        OrderFailure::EndsAfter(0),
        OrderFailure::EndsAfter(700),
        OrderFailure::Refused,
    ] {
        let server = FakeElasticsearch::start();
        bury(&server, &lines);
        server.fail_in_order_of_time(failure);
        let run = redrive(&server);
        check(&run, 0, [1200, 0, 0, 0, 0], 1200, "");
        assert_eq!(
            (server.count(DEAD_LETTERS), server.open_scrolls()),
            (0, 0),
            "{failure:?}"
        );
    }
}

/// If no search returns the rest, the redrive fails, whether letters were read before or not.
#[test]
fn letters_that_no_search_returns_are_an_error() {
    let short = |ends_after: usize, counts, removed, words: &str| {
        let server = FakeElasticsearch::start();
        bury(&server, &three());
        server.refuse(LOGS, "", 400, "document_parsing_exception");
        server.end_searches_after(Some(ends_after));
        let run = redrive_with(&server, &[], &[("RETRY_BUDGET_MS", "100")]);
        check(&run, 1, counts, removed, "Delivery.Incomplete");
        assert!(run.stderr.contains(words), "{run:?}");
        assert_eq!(server.count(DEAD_LETTERS), 3);
    };
    short(
        0,
        [0; 5],
        0,
        "returned 0 of the 3 documents that its search found",
    );
    short(
        2,
        [0, 0, 2, 0, 0],
        0,
        "returned 2 of the 3 documents that its search found",
    );
}

/// Failures that another try cannot repair stop the redrive at once. A missing data stream is no
/// such failure.
#[test]
fn a_search_that_is_denied_is_an_error() {
    for (status, body, words) in [
        (403, r#"{"error":{"type":"security_exception"}}"#, "`read`"),
        (401, "", "`read`"),
        (404, "<html>not here</html>", "ELASTICSEARCH_URL"),
        (302, "", "redirect"),
        (
            400,
            r#"{"error":{"type":"parsing_exception","reason":"hush"}}"#,
            "400",
        ),
    ] {
        let server = FakeElasticsearch::start();
        bury(&server, &three());
        server.fail(vec![Fault::answer(status, body); 3]);
        let run = redrive(&server);
        check(&run, 1, [0; 5], 0, "Delivery.Incomplete");
        assert!(
            run.stderr.contains("cannot be read") && run.stderr.contains(words),
            "{status}: {run:?}"
        );
        let asked = server.asked();
        let searches = asked.iter().filter(|request| request.ends_with("_search"));
        // After a 400, the search is repeated in another order.
        let expected = if status == 400 { 2 } else { 1 };
        assert_eq!(searches.count(), expected, "{status}");
        assert_eq!(server.count(DEAD_LETTERS), 3);
    }
}

/// If a reply would be larger than any that is read, the program asks for smaller pages.
#[test]
fn large_letters_come_in_small_pages() {
    let server = FakeElasticsearch::start();
    bury(&server, &[line(0)]);
    let mut letter: Value =
        serde_json::from_str(&server.documents(DEAD_LETTERS)[0]).expect("a letter is JSON");
    letter["event"]["original"] = json!(line(0) + &" ".repeat(1_000_000));
    (1..20).for_each(|copy| server.put(DEAD_LETTERS, &format!("copy {copy}"), letter.clone()));
    check(
        &redrive_with(&server, &["--limit", "20"], &[]),
        0,
        [1, 19, 0, 0, 0],
        20,
        "",
    );
    assert_eq!((server.count(LOGS), server.count(DEAD_LETTERS)), (1, 0));
}

#[test]
fn since_and_limit_choose() {
    let server = FakeElasticsearch::start();
    // Log events of 2023-11-14T22:13:20.000Z, each a millisecond after the last.
    bury(&server, &(0..10).map(line).collect::<Vec<_>>());
    check(
        &redrive_with(&server, &["--since", "2h"], &[]),
        0,
        [0; 5],
        0,
        "",
    );
    check(
        &redrive_with(&server, &["--since", "2023-11-14T22:13:20.008Z"], &[]),
        0,
        [2, 0, 0, 0, 0],
        2,
        "",
    );
    check(
        &redrive_with(&server, &["--limit", "3"], &[]),
        0,
        [3, 0, 0, 0, 0],
        3,
        "",
    );
    let left = documents(&server, DEAD_LETTERS).concat();
    assert!(
        !left.contains("request-2") && left.contains("request-3"),
        "the oldest go first"
    );
    let run = redrive_with(&server, &["--since", "9000d", "--limit", "100"], &[]);
    check(&run, 0, [5, 0, 0, 0, 0], 5, "");
}

#[test]
fn a_dry_run_changes_nothing() {
    let server = FakeElasticsearch::start();
    bury(&server, &three());
    let before = server.requests().len();
    let run = redrive_with(&server, &["--dry-run"], &[]);
    check(&run, 0, [3, 0, 0, 0, 0], 0, "");
    assert_eq!(run.report.dry_run, Some(true), "{run:?}");
    let mut printed: Vec<String> = run
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line)
                .expect("a document")
                .to_string()
        })
        .collect();
    printed.sort();
    assert_eq!(printed, delivered(&three()));
    assert_eq!(
        (
            server.requests().len(),
            server.count(DEAD_LETTERS),
            server.open_scrolls()
        ),
        (before, 3, 0)
    );
    assert_eq!(redrive(&server).report.dry_run, None);
}

#[test]
fn a_terminal_shows_the_report_as_a_sentence() {
    let server = FakeElasticsearch::start();
    bury(&server, &three());
    let at_terminal = |arguments| {
        at_terminal(arguments, &settings(&server)).map(|(status, text)| (status, shown(&text)))
    };
    let (Some(trial), Some(json), Some(deed)) = (
        at_terminal("redrive --dry-run"),
        at_terminal("redrive --dry-run --json"),
        at_terminal("redrive"),
    ) else {
        return;
    };
    let last = |text: &str| text.lines().last().unwrap_or_default().to_owned();
    let words = "dry run: 3 dead letters: 3 documents printed, in ";
    assert!(last(&trial.1).starts_with(words), "{trial:?}");
    let end = "; nothing was sent or removed";
    assert!(last(&trial.1).ends_with(end), "{trial:?}");
    assert!(json.1.contains("\"dry_run\":true"), "{json:?}");
    let words = "3 dead letters: 3 indexed, in ";
    assert!(last(&deed.1).starts_with(words), "{deed:?}");
    assert!(last(&deed.1).ends_with("; 3 removed"), "{deed:?}");
    assert_eq!((trial.0, json.0, deed.0), (0, 0, 0));
}

/// A letter does not decide where a redrive writes. Whoever runs the redrive names data streams
/// other than DATA_STREAM.
#[test]
fn letters_for_other_data_streams_are_sent_only_on_request() {
    const OTHER: &str = "logs-aws.api_gateway_logs-other";
    let server = FakeElasticsearch::start();
    bury(&server, &(0..3).map(line).collect::<Vec<_>>());
    server.refuse(OTHER, "", 400, "mapper_parsing_exception");
    let settings = [&*settings(&server), &[("DATA_STREAM", OTHER)]].concat();
    assert_eq!(
        invoke(
            &direct(&payload("f", "api", &[line(3), line(4)])),
            &settings
        )
        .report
        .dead_lettered,
        2
    );
    server.recover();
    // They do not count against the limit, otherwise they would block the way for ever.
    let untold = redrive_with(&server, &["--limit", "3"], &[]);
    check(&untold, 1, [3, 0, 0, 2, 0], 3, "Delivery.Incomplete");
    assert_eq!(untold.report.other_targets, 2);
    assert!(
        untold.stderr.contains("2 of 5 dead letters stay")
            && untold
                .stderr
                .contains(&format!("({OTHER}): send them with --to NAME")),
        "{untold:?}"
    );
    assert_eq!((server.count(LOGS), server.count(OTHER)), (3, 0));

    check(
        &redrive_with(&server, &["--to", "logs-x-y", "--to", OTHER], &[]),
        0,
        [2, 0, 0, 0, 0],
        2,
        "",
    );
    assert_eq!((server.count(LOGS), server.count(OTHER)), (3, 2));
    assert!(
        server
            .documents(OTHER)
            .iter()
            .all(|document| document.contains(r#""namespace":"other""#))
    );
}

/// Somebody has written a letter that names the data stream of the letters themselves.
#[test]
fn no_document_is_sent_to_the_data_stream_of_dead_letters() {
    let server = FakeElasticsearch::start();
    bury(&server, &[line(0)]);
    let mut planted: Value =
        serde_json::from_str(&server.documents(DEAD_LETTERS)[0]).expect("a letter is JSON");
    planted["aws"]["api_gateway"]["dead_letter"]["data_stream"] = json!(DEAD_LETTERS);
    server.put(DEAD_LETTERS, "planted", planted);
    let run = redrive(&server);
    check(&run, 1, [1, 0, 0, 1, 0], 1, "Delivery.Incomplete");
    assert_eq!(run.report.other_targets, 1);
    assert_eq!((server.count(LOGS), server.count(DEAD_LETTERS)), (1, 1));
    let to = redrive_usage(&["--to", DEAD_LETTERS]);
    assert!(
        to.status == 2 && to.stderr.contains("the dead letters are there"),
        "{to:?}"
    );
}

fn redrive_usage(arguments: &[&str]) -> Outcome {
    let url = ("ELASTICSEARCH_URL", "http://127.0.0.1:9");
    run(&[&["redrive"], arguments].concat(), &[url], b"")
}

/// The report says whether the work is finished. Nobody needs to read it.
#[test]
fn unread_output_changes_nothing_else() {
    for (output, is_said) in [("| true", false), ("> /dev/full", true)] {
        let server = FakeElasticsearch::start();
        bury(&server, &three());
        let (status, stderr) = redrive_in_shell(&server, output);
        assert_eq!((status, server.count(LOGS)), (0, 3), "{output}: {stderr}");
        assert_eq!(
            stderr.contains("warning: the report cannot"),
            is_said,
            "{stderr}"
        );

        server.put(
            DEAD_LETTERS,
            "foreign",
            json!({"@timestamp": "2024-01-01T00:00:00Z"}),
        );
        let (status, stderr) = redrive_in_shell(&server, output);
        assert!(
            status == 1 && stderr.contains("error: 1 of 1"),
            "{output}: {stderr}"
        );
    }
}

/// Runs `redrive` with another standard output. Returns its own exit status.
fn redrive_in_shell(server: &FakeElasticsearch, output: &str) -> (i32, String) {
    let script = format!(
        "'{}' redrive {output}; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_apigw-logs")
    );
    let run = Command::new("bash")
        .args(["-c", &script])
        .env_clear()
        .envs(settings(server))
        .output()
        .expect("there is bash");
    (
        run.status.code().unwrap_or_default(),
        String::from_utf8_lossy(&run.stderr).into_owned(),
    )
}

/// An interrupt ends it at once, with a sentence about how far it got. Another run goes on from
/// there.
#[test]
fn an_interrupted_redrive_says_so_and_goes_on() {
    let lines: Vec<String> = (0..1200).map(|number| format!("line {number}")).collect();
    let server = FakeElasticsearch::start();
    bury(&server, &lines);
    // Search, look up, send, remove, scroll, look up: the second page is sent, and its reply does
    // not arrive.
    let mut faults = vec![Fault::none(); 6];
    faults.push(Fault::none().delayed(3_600_000));
    server.fail(faults);
    let before = server.requests().len();
    let process = Command::new(env!("CARGO_BIN_EXE_apigw-logs"))
        .arg("redrive")
        .env_clear()
        .envs(settings(&server))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    while server.requests().len() < before + 3 {
        std::thread::yield_now();
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &process.id().to_string()])
        .status();
    assert!(interrupt.expect("there is kill").success());
    let run = process.wait_with_output().expect("it ends");
    assert_eq!(
        (run.status.code(), &*String::from_utf8_lossy(&run.stderr)),
        (
            Some(1),
            "stopped: 500 of 1,200 dead letters sent; run it again to go on\n"
        )
    );
    server.fail_no_more();
    check(&redrive(&server), 0, [200, 500, 0, 0, 0], 700, "");
    assert_eq!((server.count(LOGS), server.count(DEAD_LETTERS)), (1200, 0));
}

/// Letters that a filter leaves out, or from which no document can be made, stay. Nothing of them
/// is quoted.
#[test]
fn letters_that_are_not_sent_stay() {
    let server = FakeElasticsearch::start();
    bury(&server, &three());
    server.put(
        DEAD_LETTERS,
        "foreign",
        json!({"@timestamp": "2024-01-01T00:00:00Z", "message": "hush"}),
    );
    let run = redrive_with(&server, &[], &[("EXCLUDE", "requestId")]);
    check(&run, 1, [1, 0, 0, 2, 1], 1, "Delivery.Incomplete");
    assert_eq!(server.count(DEAD_LETTERS), 3);
    for words in [
        "2 of 4 dead letters stay, left out by",
        "1 of 4 dead letters stay, not in the form",
    ] {
        assert!(run.stderr.contains(words), "{run:?}");
    }
    let traced = redrive_with(
        &server,
        &[],
        &[("LOG_LEVEL", "trace"), ("EXCLUDE", "request-0")],
    );
    for secret in ["hush", "s3cr3t", "request-0", "aHVzaC1rZXk"] {
        assert!(
            ![&*traced.stdout, &traced.stderr].concat().contains(secret),
            "{secret}: {traced:?}"
        );
    }
}

#[test]
fn wrong_usage_and_settings_are_reported() {
    let url = ("ELASTICSEARCH_URL", "http://127.0.0.1:9");
    let none = [url, ("DEAD_LETTER_DATA_STREAM", "none")];
    type Case<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str)]);
    let cases: [Case<'_>; 6] = [
        ("ELASTICSEARCH_URL", &[], &[]),
        ("DEAD_LETTER_DATA_STREAM=none", &[], &none),
        ("RFC", &["--since", "RFC"], &[url]),
        ("-2h", &["--since=-2h"], &[url]),
        ("duration such as", &["--since", "1 month"], &[url]),
        ("--limit", &["--limit", "0"], &[url]),
    ];
    for (words, arguments, settings) in cases {
        let Outcome {
            status,
            stdout,
            stderr,
        } = run(&[&["redrive"], arguments].concat(), settings, b"");
        assert_eq!((status, &*stdout), (2, ""), "{words}: {stderr}");
        assert!(
            stderr.starts_with("error: ") && stderr.contains(words),
            "{words}: {stderr}"
        );
    }
    let down = run(&["redrive"], &[url, ("RETRY_BUDGET_MS", "0")], b"");
    assert!(
        down.status == 1 && down.stderr.contains("no connection could be made"),
        "{down:?}"
    );
}
