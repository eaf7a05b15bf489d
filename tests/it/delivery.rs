//! The built program against a server with realistic failures: the stored documents, the report and
//! the exit status.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::Duration;

use crate::support::fake_elasticsearch::{FakeElasticsearch, Fault};
use crate::support::invocation::{
    DEAD_LETTERS, LOGS, Run, compressed, control_message, direct, invoke, kinesis, line, lines,
    payload, sqs,
};
use crate::support::json::Json;
use crate::support::runtime_emulator::RuntimeEmulator;

/// A line that the server is told to reject.
const POISON: &str = r#"{"requestId":"poison","httpMethod":"GET","status":"200","path":"/hush"}"#;

/// Three good lines with a poisonous line among them.
fn poisoned() -> String {
    direct(&payload("e", "api", &[line(0), POISON.to_owned(), line(2)]))
}

/// Three good lines.
fn good() -> String {
    direct(&payload("e", "api", &lines(3)))
}

fn run(server: &FakeElasticsearch, event: &str) -> Run {
    invoke(event, &[("ELASTICSEARCH_URL", &server.url)])
}

/// Checks the status, the counts (indexed, duplicates, dead letters, skipped, unresolved) and the
/// error of a run.
fn check(run: &Run, status: i32, counts: [u64; 5], error: &str) {
    assert_eq!(
        (run.status, run.report.counts(), run.report.error_type()),
        (status, counts, error),
        "{run:?}"
    );
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
    let has_error = run.stderr.lines().any(|line| line.starts_with("error: "));
    assert_eq!(has_error, status != 0, "{run:?}");
}

#[test]
fn everything_is_indexed_once_and_found_the_second_time() {
    let server = FakeElasticsearch::start();
    let first = run(&server, &good());
    check(&first, 0, [3, 0, 0, 0, 0], "");
    assert_eq!(first.stderr, "");
    check(&run(&server, &good()), 0, [0, 3, 0, 0, 0], "");
    assert_eq!(server.count(LOGS), 3);
}

/// A bulk request is read line by line, so a value taken from a line must not bring a line break
/// with it.
#[test]
fn a_pretty_printed_line_becomes_one_line_of_the_body() {
    let server = FakeElasticsearch::start();
    let pretty =
        "{\r\n  \"requestId\": \"a\",\n  \"x\": [1,\n 2],\n  \"authorizer\": {\"y\": [\n{}]}\n}\n"
            .to_owned();
    let event = direct(&payload("e", "api", &[pretty.clone(), line(1), pretty]));
    check(&run(&server, &event), 0, [3, 0, 0, 0, 0], "");
    assert_eq!(server.count(LOGS), 3);
}

/// Somebody else may write to a stream or a queue. An event with no line, or with two, is kept
/// whole, too.
#[test]
fn a_log_event_without_a_line_is_kept_whole() {
    let server = FakeElasticsearch::start();
    let events = [
        r#"{"id":"1","timestamp":1772353800000}"#,
        r#"{"id":"2","timestamp":1772353800000,"message":null}"#,
        r#"{"id":"3","timestamp":1772353800000,"message":{"a":1}}"#,
        r#"{"id":"4","timestamp":1772353800000,"message":5}"#,
        r#"{"id":"5","timestamp":1772353800000,"message":"a","message":"b"}"#,
    ];
    let log_data = format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"g","logStream":"s","logEvents":[{}]}}"#,
        events.join(",")
    );
    let event = direct(&compressed(&log_data));
    check(&run(&server, &event), 0, [5, 0, 0, 0, 0], "");
    let documents: Vec<_> = server
        .documents(LOGS)
        .iter()
        .map(|document| Json::read(document))
        .collect();
    let originals: BTreeSet<_> = documents
        .iter()
        .map(|document| document.text("event.original").unwrap_or_default())
        .collect();
    assert_eq!(
        originals,
        BTreeSet::from([events[0], events[1], r#"{"a":1}"#, "5", events[4]])
    );
    for document in &documents {
        assert_eq!(document.text("event.kind"), Some("pipeline_error"));
        assert!(
            document
                .text("error.message")
                .is_some_and(|sentence| sentence.ends_with("it is kept as it is"))
        );
    }
}

#[test]
fn a_rejected_document_becomes_a_dead_letter() {
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "/hush", 400, "document_parsing_exception");
    let run_ = run(&server, &poisoned());
    check(&run_, 0, [2, 0, 1, 0, 0], "");
    assert!(
        run_.stderr
            .starts_with("warning: 1 document was rejected (400 document_parsing_exception) and is now a dead letter"),
        "{run_:?}"
    );
    assert!(!run_.stderr.contains("quotes the document"), "{run_:?}");
    let dead_letters = server.documents(DEAD_LETTERS);
    assert_eq!(dead_letters.len(), 1);
    assert!(
        dead_letters[0].contains("poison")
            && dead_letters[0].contains("document_parsing_exception")
    );
    // A second delivery writes no second letter.
    check(&run(&server, &poisoned()), 0, [0, 2, 1, 0, 0], "");
    assert_eq!((server.count(LOGS), server.count(DEAD_LETTERS)), (2, 1));
}

/// The pipeline may be the reason why documents are rejected.
#[test]
fn a_dead_letter_goes_through_no_pipeline() {
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "/hush", 400, "document_parsing_exception");
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("ELASTICSEARCH_PIPELINE", "mine"),
    ];
    check(&invoke(&poisoned(), &settings), 0, [2, 0, 1, 0, 0], "");
    let requests = server.requests();
    let through: Vec<_> = requests
        .iter()
        .map(|request| request.query.contains("pipeline=mine"))
        .collect();
    assert_eq!(through, [true, false], "{requests:?}");
}

#[test]
fn an_unconfirmed_dead_letter_does_not_count() {
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "/hush", 400, "document_parsing_exception");
    server.fail([Fault::none(), Fault::status(500), Fault::status(500)]);
    let down = run(&server, &poisoned());
    check(&down, 1, [2, 0, 0, 0, 1], "Delivery.Incomplete");
    assert_eq!(
        (down.report.requests, down.report.retries),
        (3, 1),
        "one retry, no more"
    );

    // The dead letters are rejected, too. The sentence must not blame the time.
    for status in [400, 403] {
        server.recover();
        server.refuse(LOGS, "/hush", 400, "document_parsing_exception");
        server.refuse(DEAD_LETTERS, "poison", status, "some_exception");
        let refused = run(&server, &poisoned());
        check(&refused, 1, [0, 2, 0, 0, 1], "Delivery.Incomplete");
        let message = refused.report.error.expect("there is an error").message;
        assert!(
            message.contains(&format!("{status} some_exception")) && !message.contains("time"),
            "{message}"
        );
    }

    // Once the cause is fixed, a second delivery sends what is left.
    server.recover();
    check(&run(&server, &poisoned()), 0, [1, 2, 0, 0, 0], "");
    assert_eq!((server.count(LOGS), server.count(DEAD_LETTERS)), (3, 0));
}

/// If every request is malformed, whatever is in it, no document is at fault, so there is no dead
/// letter. The same holds for a single document.
#[test]
fn a_configuration_error_makes_no_dead_letters() {
    for (actions, documents) in [
        ("1", 1),
        ("1", 2),
        ("1", 3),
        ("1", 9),
        ("2", 2),
        ("2", 6),
        ("1000", 1),
        ("1000", 2),
        ("1000", 6),
    ] {
        let server = FakeElasticsearch::start();
        server.fail(std::iter::repeat_n(Fault::status(400), 99));
        let settings = [
            ("ELASTICSEARCH_URL", &*server.url),
            ("BULK_MAX_ACTIONS", actions),
        ];
        let event = direct(&payload("e", "api", &lines(documents)));
        check(
            &invoke(&event, &settings),
            1,
            [0, 0, 0, 0, documents as u64],
            "Delivery.Incomplete",
        );
        assert!(
            server
                .requests()
                .iter()
                .all(|request| request.path.contains(LOGS)),
            "{actions} {documents}"
        );
    }
    // If only one document is malformed, it is at fault, even if it comes first and others are
    // accepted later.
    for (actions, documents) in [("1", 5), ("2", 2), ("2", 5)] {
        let server = FakeElasticsearch::start();
        let is_alone = actions == "1";
        let faults = if is_alone {
            vec![Fault::status(400)]
        } else {
            vec![Fault::status(400); 2]
        };
        server.fail(faults);
        let settings = [
            ("ELASTICSEARCH_URL", &*server.url),
            ("BULK_MAX_ACTIONS", actions),
        ];
        let event = direct(&payload("e", "api", &lines(documents)));
        check(
            &invoke(&event, &settings),
            0,
            [documents as u64 - 1, 0, 1, 0, 0],
            "",
        );
        assert_eq!(server.count(DEAD_LETTERS), 1);
    }
    // A document that is rejected by itself shows, too, that requests are well-formed.
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "", 400, "document_parsing_exception");
    server.fail([Fault::status(400)]);
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("BULK_MAX_ACTIONS", "1"),
    ];
    let event = direct(&payload("e", "api", &lines(2)));
    check(&invoke(&event, &settings), 0, [0, 0, 2, 0, 0], "");
    assert_eq!(server.count(DEAD_LETTERS), 2);
}

/// A server may copy the credentials of a request into its errors. They are not shown.
#[test]
fn credentials_in_errors_are_masked() {
    for (status, error) in [
        (
            403,
            r#"{"type":"security_exception","reason":"bad aWQ6aHVzaC1rZXk= or hush-key"}"#,
        ),
        (429, r#"{"type":"bad ApiKey aWQ6aHVzaC1rZXk="}"#),
    ] {
        let server = FakeElasticsearch::start();
        let body = format!(r#"{{"items":[{{"create":{{"status":{status},"error":{error}}}}}]}}"#);
        server.fail([Fault::answer(200, &body).after(0)]);
        let settings = [
            ("ELASTICSEARCH_URL", &*server.url),
            ("ELASTICSEARCH_API_KEY", "aWQ6aHVzaC1rZXk="),
            ("RETRY_BUDGET_MS", "1"),
        ];
        let run = invoke(&direct(&payload("e", "api", &lines(1))), &settings);
        check(&run, 1, [0, 0, 0, 0, 1], "Delivery.Incomplete");
        assert!(
            run.stdout.contains("bad ") && run.stdout.contains("***"),
            "{run:?}"
        );
        for shown in [&run.stdout, &run.stderr] {
            assert!(
                !shown.contains("aWQ6") && !shown.contains("hush-key"),
                "{run:?}"
            );
        }
    }
}

/// If dead letters cannot be written, the program does not try it again for every chunk.
#[test]
fn dead_letters_are_tried_twice_and_then_given_up() {
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "", 400, "document_parsing_exception");
    let faults = [Fault::none(), Fault::status(500), Fault::status(500)];
    server.fail(
        faults
            .into_iter()
            .chain(std::iter::repeat_n(Fault::none(), 9)),
    );
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("BULK_MAX_ACTIONS", "2"),
    ];
    let event = direct(&payload("e", "api", &lines(6)));
    check(
        &invoke(&event, &settings),
        1,
        [0, 0, 0, 0, 6],
        "Delivery.Incomplete",
    );
    let letters = server
        .requests()
        .iter()
        .filter(|request| request.path.contains(DEAD_LETTERS))
        .count();
    assert_eq!((letters, server.count(DEAD_LETTERS)), (2, 0));
    // But each chunk may have one failure.
    let faults = || [Fault::none(), Fault::status(503), Fault::none()];
    server.fail_no_more();
    server.fail(faults().into_iter().chain(faults()).chain(faults()));
    check(&invoke(&event, &settings), 0, [0, 0, 6, 0, 0], "");
}

#[test]
fn a_dead_letter_is_written_after_one_failure() {
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "/hush", 413, "too_large");
    server.fail([Fault::none(), Fault::status(503).after(1)]);
    check(&run(&server, &poisoned()), 0, [2, 0, 1, 0, 0], "");
    assert_eq!(server.count(DEAD_LETTERS), 1);
}

#[test]
fn without_dead_letters_a_rejection_fails_the_invocation() {
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "/hush", 400, "document_parsing_exception");
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("DEAD_LETTER_DATA_STREAM", "none"),
    ];
    let run = invoke(&poisoned(), &settings);
    check(&run, 1, [2, 0, 0, 0, 1], "Delivery.Refused");
    let reason = "Elasticsearch rejects them (400 document_parsing_exception) and DEAD_LETTER_DATA_STREAM is none";
    assert!(run.stderr.contains(reason), "{run:?}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn wrong_credentials_and_none_are_told_apart() {
    for (settings, words) in [
        (
            &[][..],
            "401, and no credentials are set: set ELASTICSEARCH_API_KEY",
        ),
        (
            &[("ELASTICSEARCH_API_KEY", "aWQ6a2V5LWtleQ==")],
            "401: it does not know the credentials",
        ),
    ] {
        let server = FakeElasticsearch::start();
        server.fail([Fault::status(401)]);
        let settings = [&[("ELASTICSEARCH_URL", &*server.url)], settings].concat();
        let run = invoke(&good(), &settings);
        check(&run, 1, [0, 0, 0, 0, 3], "Delivery.Incomplete");
        assert!(run.stderr.contains(words), "{words}: {run:?}");
    }
}

#[test]
fn an_error_that_only_an_operator_can_repair_stops_at_once() {
    for status in [301, 307, 401, 403, 404, 405, 410, 415, 501] {
        let server = FakeElasticsearch::start();
        server.fail(vec![Fault::status(status); 9]);
        check(
            &run(&server, &good()),
            1,
            [0, 0, 0, 0, 3],
            "Delivery.Incomplete",
        );
        assert_eq!(server.requests().len(), 1, "{status}");
        assert_eq!(server.count(DEAD_LETTERS), 0);
    }
}

/// A document lacks a privilege: nothing is retried, nothing becomes a dead letter, and a replay
/// delivers it.
#[test]
fn a_forbidden_document_waits_for_its_operator() {
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "/hush", 403, "security_exception");
    check(
        &run(&server, &poisoned()),
        1,
        [2, 0, 0, 0, 1],
        "Delivery.Incomplete",
    );
    assert_eq!(server.requests().len(), 1);
    server.recover();
    check(&run(&server, &poisoned()), 0, [1, 2, 0, 0, 0], "");
}

/// There is one copy of each, whatever the answer was.
#[test]
fn documents_stored_without_an_answer_are_stored_once() {
    let all = usize::MAX;
    let faults = [
        Fault::status(502).after(all),
        Fault::status(503).after(2),
        Fault::status(500).after(all),
        Fault::status(408).after(1),
        Fault::answer(200, "<html>").after(all),
        Fault::answer(200, "{}").after(all),
        Fault::none().after(2),
        Fault::close().after(all),
        Fault::close(),
    ];
    let stored = [3, 2, 3, 1, 3, 3, 2, 3, 0];
    for (fault, stored) in faults.into_iter().zip(stored) {
        let server = FakeElasticsearch::start();
        server.fail([fault.clone()]);
        let run = run(&server, &good());
        check(&run, 0, [3 - stored, stored, 0, 0, 0], "");
        assert_eq!(
            (run.report.requests, run.report.retries),
            (2, 1),
            "{fault:?}"
        );
        assert_eq!(server.count(LOGS), 3, "{fault:?}");
    }
}

/// A server that accepts connections but never answers costs the budget.
#[test]
fn a_silent_server_costs_the_budget() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    let url = format!(
        "http://{}",
        silent.local_addr().expect("a bound socket has an address")
    );
    let settings = [
        ("ELASTICSEARCH_URL", &*url),
        ("RETRY_BUDGET_MS", "600"),
        ("REQUEST_TIMEOUT_MS", "250"),
    ];
    let run = invoke(&good(), &settings);
    check(&run, 1, [0, 0, 0, 0, 3], "Delivery.Incomplete");
    // The function gives up, though nobody ever answers. tests/it/indexer.rs checks the schedule to
    // the millisecond, on a stopped clock.
    assert!((1..=3).contains(&run.report.requests), "{run:?}");
    assert!(run.took > Duration::from_millis(450), "{run:?}");
}

/// Lambda goes on from the named record, so it must be the first unfinished one.
#[test]
fn a_stream_is_told_the_first_unfinished_record() {
    let server = FakeElasticsearch::start();
    let [a, b, c] = ["a", "b", "c"].map(|name| payload(name, "api", &lines(2)));
    let event = kinesis(&[
        ("101", &a),
        ("102", "AAAA"),
        ("103", &b),
        ("104", "not base64"),
        ("105", &c),
    ]);
    let run_ = run(&server, &event);
    check(&run_, 1, [6, 0, 0, 0, 0], "Record.Undecodable");
    assert_eq!(
        (run_.report.named(), run_.report.undecodable_records),
        (vec!["102"], 2)
    );
    assert_eq!(
        server.count(LOGS),
        6,
        "the good records do not wait for the broken one"
    );

    server.refuse(LOGS, "/hush", 403, "security_exception");
    let poison = payload("p", "api", &[POISON.to_owned()]);
    let both = run(
        &server,
        &kinesis(&[("201", &a), ("202", &poison), ("203", "AAAA")]),
    );
    check(&both, 1, [0, 2, 0, 0, 1], "Delivery.Incomplete");
    assert_eq!(both.report.named(), ["202"]);

    let fine = run(&server, &kinesis(&[("301", &a), ("302", &b)]));
    check(&fine, 0, [0, 4, 0, 0, 0], "");
    assert!(
        fine.report.answer.is_some() && fine.report.named().is_empty(),
        "{fine:?}"
    );
}

/// However many records there are, only the broken one is named, and all others are delivered.
#[test]
fn a_broken_record_among_a_hundred_is_named() {
    let server = FakeElasticsearch::start();
    let whole: Vec<String> = (0..100)
        .map(|record| payload(&format!("r{record}-"), "api", &lines(3)))
        .collect();
    let number =
        |record: usize| format!("4959033827149025660855969253836157109592157598913658{record:04}");
    let numbers: Vec<String> = (0..100).map(number).collect();
    for broken in [0, 50, 99] {
        let cut = whole[broken]
            .get(..whole[broken].len() / 2 / 4 * 4)
            .expect("base64 is ASCII");
        let payload = |record: usize| {
            if record == broken {
                cut
            } else {
                &*whole[record]
            }
        };
        let records: Vec<(&str, &str)> = (0..100)
            .map(|record| (&*numbers[record], payload(record)))
            .collect();
        let run = run(&server, &kinesis(&records));
        assert_eq!(
            (run.status, run.report.error_type(), run.report.unresolved),
            (1, "Record.Undecodable", 0),
            "{run:?}"
        );
        assert_eq!(
            (run.report.received, run.report.undecodable_records),
            (297, 1),
            "{run:?}"
        );
        assert_eq!(run.report.named(), [&*numbers[broken]]);
    }
    assert_eq!(server.count(LOGS), 300);
}

/// If Elasticsearch's failure store was used, it holds the document. If it failed or is off, nobody
/// has the document.
#[test]
fn documents_in_the_failure_store_count_as_stored() {
    let items = |state: &str, status: u16| {
        let error = if status == 400 {
            r#","error":{"type":"document_parsing_exception","reason":"r"}"#
        } else {
            ""
        };
        let item =
            format!(r#"{{"create":{{"status":{status}{error},"failure_store":"{state}"}}}}"#);
        format!(
            r#"{{"errors":true,"items":[{{"create":{{"status":201}}}},{item},{{"create":{{"status":201}}}}]}}"#
        )
    };
    for (state, status, counts, failure_store, letters) in [
        ("used", 201, [3, 0, 0, 0, 0], 1, 0),
        ("failed", 400, [2, 0, 1, 0, 0], 0, 1),
        ("not_enabled", 400, [2, 0, 1, 0, 0], 0, 1),
    ] {
        let server = FakeElasticsearch::start();
        server.fail([Fault::answer(200, &items(state, status))]);
        let run = run(&server, &poisoned());
        check(&run, 0, counts, "");
        assert!(
            run.stdout
                .contains(&format!(r#""failure_store":{failure_store},"#)),
            "{state}: {run:?}"
        );
        assert_eq!(server.count(DEAD_LETTERS), letters, "{state}");
    }
}

#[test]
fn a_queue_is_told_every_unfinished_message() {
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "/hush", 403, "security_exception");
    let (good, poison) = (
        direct(&payload("a", "api", &lines(2))),
        direct(&payload("p", "api", &[POISON.to_owned()])),
    );
    let failed = format!(r#"{{"version":"1.0","requestPayload":{good},"responsePayload":{{}}}}"#);
    let messages = [
        ("m1", &*good),
        ("m2", &*poison),
        ("m3", "hello"),
        ("m4", &*failed),
        ("m5", "{}"),
    ];
    let run = run(&server, &sqs(&messages));
    check(&run, 1, [2, 2, 0, 0, 1], "Delivery.Incomplete");
    assert_eq!(run.report.named(), ["m2", "m3", "m5"]);
}

/// A payload that is broken anywhere sends nothing.
#[test]
fn a_poison_payload_sends_nothing() {
    let whole = payload("e", "api", &lines(3));
    let cut = |length: usize| {
        whole
            .get(..length / 4 * 4)
            .expect("base64 is ASCII")
            .to_owned()
    };
    let poison = [
        "",
        "!",
        "AAAA",
        &cut(whole.len() / 2),
        &cut(whole.len() - 1),
        &format!("{whole}AAAA"),
    ];
    for payload in poison {
        let server = FakeElasticsearch::start();
        let run = run(&server, &direct(payload));
        check(&run, 1, [0; 5], "Record.Undecodable");
        assert_eq!(
            (server.requests().len(), run.report.undecodable_records),
            (0, 1),
            "{payload}"
        );
    }
    let server = FakeElasticsearch::start();
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("INFLATED_MAX_BYTES", "100"),
    ];
    check(&invoke(&good(), &settings), 1, [0; 5], "Record.Undecodable");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_control_message_sends_nothing() {
    let server = FakeElasticsearch::start();
    check(
        &run(&server, &direct(&control_message())),
        0,
        [0, 0, 0, 1, 0],
        "",
    );
    assert_eq!(server.requests().len(), 0);
}

/// The function must not forward its own log about logs.
#[test]
fn the_function_s_own_log_group_is_skipped() {
    let server = FakeElasticsearch::start();
    let [own, other] =
        ["/aws/lambda/apigw-logs", "api"].map(|group| payload("e", group, &lines(2)));
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/apigw-logs"),
    ];
    check(&invoke(&direct(&own), &settings), 0, [0, 0, 0, 2, 0], "");
    assert_eq!(server.requests().len(), 0);
    check(
        &invoke(&kinesis(&[("1", &own), ("2", &other)]), &settings),
        0,
        [2, 0, 0, 2, 0],
        "",
    );
}

/// The program never prints a line, a reason of the server that quotes it, or a credential.
#[test]
fn failures_reveal_no_documents_and_no_credentials() {
    let quoting = r#"{"error":{"type":"hush","reason":"hush-hush"}}"#;
    let cases: [&[Fault]; 6] = [
        &[Fault::none(), Fault::status(500), Fault::status(500)],
        &[Fault::answer(401, quoting)],
        &[Fault::answer(404, quoting)],
        &vec![Fault::answer(400, quoting); 9],
        &vec![Fault::answer(200, quoting); 99],
        &vec![Fault::answer(503, quoting); 99],
    ];
    for faults in cases {
        let server = FakeElasticsearch::start();
        server.refuse(LOGS, "/hush", 400, "mapper_parsing_exception");
        server.fail(faults.iter().cloned());
        let settings = [
            ("ELASTICSEARCH_URL", &*server.url),
            ("ELASTICSEARCH_USERNAME", "somebody"),
            ("ELASTICSEARCH_PASSWORD", "hush-password"),
            ("LOG_LEVEL", "trace"),
            ("RETRY_BUDGET_MS", "200"),
        ];
        let run = invoke(&poisoned(), &settings);
        assert_eq!(run.status, 1, "{run:?}");
        let said = [run.stdout, run.stderr].concat();
        // base64 of somebody:hush-password
        for secret in ["hush", "request-0", "c29tZWJvZHk6aHVzaC1wYXNzd29yZA"] {
            assert!(!said.contains(secret), "{secret}: {said}");
        }
    }
}

/// Every document is read to the end of its own line, however the requests are cut.
#[test]
fn small_requests_deliver_the_same_documents() {
    let server = FakeElasticsearch::start();
    let event = direct(&payload("e", "api", &lines(25)));
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("BULK_MAX_ACTIONS", "10"),
    ];
    let run = invoke(&event, &settings);
    check(&run, 0, [25, 0, 0, 0, 0], "");
    assert_eq!(
        (run.report.requests, run.report.retries, server.count(LOGS)),
        (3, 0, 25)
    );
    let settings = [("ELASTICSEARCH_URL", &*server.url), ("BULK_MAX_BYTES", "1")];
    check(&invoke(&event, &settings), 0, [0, 25, 0, 0, 0], "");
    let ids: Vec<String> = server
        .requests()
        .into_iter()
        .flat_map(|request| request.ids)
        .collect();
    let sorted = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
    let (first, second) = ids.split_at(25);
    assert_eq!(
        (sorted(first).len(), sorted(first)),
        (25, sorted(second)),
        "the same ids"
    );
}

/// Whoever waits is told why, once an invocation, after the first failed try.
#[test]
fn the_first_failure_that_is_waited_out_is_told() {
    let told = |output: &str| -> Vec<String> {
        let sentence = "Elasticsearch answered 503; trying again for up to ";
        let is_told = |line: &&str| line.contains(sentence);
        output.lines().filter(is_told).map(str::to_owned).collect()
    };
    let server = FakeElasticsearch::start();
    let event = direct(&payload("told", "api", &lines(3)));
    let settings = [
        ("ELASTICSEARCH_URL", server.url.as_str()),
        ("RETRY_BUDGET_MS", "600000"),
    ];
    server.fail([Fault::status(503), Fault::status(503), Fault::status(503)]);
    let run = invoke(&event, &settings);
    assert_eq!(
        (run.status, run.report.counts(), run.report.retries),
        (0, [3, 0, 0, 0, 0], 3),
        "{run:?}"
    );
    let [sentence] = &told(&run.stderr)[..] else {
        panic!("{run:?}")
    };
    assert!(sentence.starts_with("warning: "), "{sentence}");
    let seconds = sentence.rsplit(' ').nth(1).and_then(|s| s.parse().ok());
    assert!(
        seconds.is_some_and(|s: u64| s > 0 && s <= 600),
        "{sentence}"
    );

    // Without another try there is nothing to wait for.
    let run = invoke(&event, &settings);
    assert_eq!((run.status, &*run.stderr), (0, ""));

    server.fail([Fault::status(503), Fault::status(503)]);
    let settings = [
        ("ELASTICSEARCH_URL", server.url.as_str()),
        ("RETRY_INITIAL_MS", "1"),
        ("RETRY_MAX_MS", "20"),
    ];
    let function = RuntimeEmulator::start(&settings, 300);
    let answer = function.invoke(event.as_bytes());
    assert!(answer.contains("\"duplicates\":3"), "{answer}");
    let output = function.output_with("\"duplicates\":3");
    let [line] = &told(&output)[..] else {
        panic!("{output}")
    };
    assert!(line.contains("\"WARN\""), "{line}");
}
