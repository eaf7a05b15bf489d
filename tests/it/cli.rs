//! The command line as people and scripts see it: exit status, standard output, standard error.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use apigw_logs::config::SETTINGS;
use tempfile::TempDir;

use crate::support::cloudwatch::{CloudWatch, Fault as CloudWatchFault, events};
use crate::support::command_line::{Outcome, at_terminal, command, run};
use crate::support::fake_elasticsearch::FakeElasticsearch;
use crate::support::golden::repository;
use crate::support::invocation::{LOGS, kinesis, lines, payload};
use crate::support::json::Json;
use crate::support::signature::ROLE;

/// Text that must never be printed: it stands for credentials and for customers' logs.
const SECRET: &str = "s3cr3t-and-never-shown";

const REST: &str = "events/rest.json";

type Settings<'a> = &'a [(&'a str, &'a str)];

/// Checks that each sentence on standard error is one line, `error: …`, and that standard output is
/// empty.
fn check_refused(arguments: &[&str], settings: Settings<'_>, input: &str, words: &[&str]) {
    let Outcome {
        status,
        stdout,
        stderr,
    } = run(arguments, settings, input.as_bytes());
    let case = format!("{arguments:?} {settings:?}: {stderr}");
    assert_eq!(status, 2, "{case}");
    assert_eq!(stdout, "", "{case}");
    for word in words {
        assert!(stderr.contains(word), "{case} should say {word:?}");
    }
    let sentences = stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .count();
    assert_eq!(sentences, 1, "{case} should be one sentence");
    assert!(
        !stderr.contains(SECRET) && !stderr.contains("panicked"),
        "{case}"
    );
}

#[test]
fn wrong_settings_are_reported() {
    let (fingerprint, long) = ("a".repeat(63), "a".repeat(256));
    let cases: &[(&str, &str, &str)] = &[
        (
            "ELASTICSEARCH_URL",
            "elasticsearch:9200",
            "such as https://",
        ),
        ("ELASTICSEARCH_URL", "ftp://localhost", "such as https://"),
        (
            "ELASTICSEARCH_URL",
            "https://a,https://b:99999",
            "URL 2 of 2: its port",
        ),
        ("ELASTICSEARCH_API_KEY", "null", "a failed command prints"),
        ("ELASTICSEARCH_CA_FILE", "/dev/zero", "a device"),
        ("ELASTICSEARCH_CA_FILE", "src", "a folder"),
        ("GEOIP_CITY_DATABASE", "/dev/zero", "a device"),
        ("USER_AGENT_REGEXES", "/dev/zero", "a device"),
        ("INCLUDE", "x{0,50000}y", "smaller"),
        ("EXCLUDE", "(a{1000}){100}", "smaller"),
        (
            "ELASTICSEARCH_URL",
            "http://user:s3cr3t-and-never-shown@localhost",
            "ELASTICSEARCH_USERNAME",
        ),
        ("ELASTIC_CLOUD_ID", "nonsense", "Elastic Cloud"),
        (
            "ELASTICSEARCH_API_KEY",
            "s3cr3t-and-never-shown with blanks",
            "without quotes and blanks",
        ),
        (
            "ELASTICSEARCH_API_KEY",
            "id:s3cr3t-and-never-shown",
            "encoded",
        ),
        (
            "ELASTICSEARCH_PASSWORD",
            SECRET,
            "ELASTICSEARCH_USERNAME: it is missing",
        ),
        (
            "ELASTICSEARCH_USERNAME",
            "elastic",
            "ELASTICSEARCH_PASSWORD: it is missing",
        ),
        (
            "ELASTICSEARCH_CA_FINGERPRINT",
            &fingerprint,
            "64 hexadecimal digits",
        ),
        (
            "DATA_STREAM",
            "Logs-Upper-Case",
            "DATA_STREAM=Logs-Upper-Case",
        ),
        ("DATA_STREAM", "no_parts", "DATA_STREAM=no_parts"),
        (
            "DEAD_LETTER_DATA_STREAM",
            "logs",
            "DEAD_LETTER_DATA_STREAM=logs",
        ),
        ("PRESERVE_ORIGINAL_EVENT", "yes", "`false` or `true`"),
        ("EXECUTION_LOGS", "drop", "`keep` or `skip`"),
        ("INCLUDE", "(", "regular expression"),
        ("EXCLUDE", "a{9999999}", "regular expression"),
        (
            "BULK_MAX_BYTES",
            "5MB",
            "whole number of bytes from 1 up, such as 5242880",
        ),
        ("BULK_MAX_ACTIONS", "0", "from 1"),
        ("BULK_COMPRESSION_LEVEL", "10", "from 0 to 9"),
        ("REQUEST_TIMEOUT_MS", "-1", "whole number"),
        ("CONNECT_TIMEOUT_MS", "0", "from 1"),
        ("RETRY_BUDGET_MS", "1.5", "whole number"),
        ("RETRY_INITIAL_MS", "20000", "RETRY_MAX_MS"),
        ("RETRY_MAX_MS", "1", "RETRY_INITIAL_MS=250 (default): "),
        ("RETRY_MAX_MS", "a", "whole number"),
        ("INFLATED_MAX_BYTES", "0", "from 1"),
        (
            "ELASTICSEARCH_SECRET_ARN",
            "my-secret",
            "it should be the ARN of a secret",
        ),
        ("ELASTICSEARCH_AUTH", "basic", "it should be `sigv4`"),
        ("LOG_LEVEL", "loud", "`error`, `warn`, `info`"),
        ("METRICS_NAMESPACE", "Größe", "CloudWatch namespace"),
        ("METRICS_NAMESPACE", ":mine", "CloudWatch namespace"),
        ("METRICS_NAMESPACE", &long, "CloudWatch namespace"),
        ("METRICS_NAMESPACE", "AWS/Lambda", "take another"),
        ("GEOIP_CITY_DATABASE", "missing.mmdb", "missing.mmdb"),
        ("GEOIP_CITY_DATABASE", "Cargo.toml", "Cargo.toml"),
        ("GEOIP_ASN_DATABASE", "missing.mmdb", "missing.mmdb"),
        ("USER_AGENT_REGEXES", "missing.yaml", "cannot be read"),
        ("USER_AGENT_REGEXES", "Cargo.toml", "Cargo.toml"),
    ];
    for &(variable, value, word) in cases {
        check_refused(
            &["invoke", REST],
            &[(variable, value)],
            "",
            &[variable, word],
        );
    }
}

#[test]
fn settings_that_contradict_each_other_are_reported() {
    let url = ("ELASTICSEARCH_URL", "https://localhost:1");
    let key = ("ELASTICSEARCH_API_KEY", SECRET);
    let cases: &[(Settings<'_>, &str)] = &[
        (
            &[url, ("ELASTIC_CLOUD_ID", "a:b")],
            "ELASTIC_CLOUD_ID=a…: it contradicts ELASTICSEARCH_URL",
        ),
        (
            &[
                url,
                key,
                ("ELASTICSEARCH_USERNAME", "a"),
                ("ELASTICSEARCH_PASSWORD", SECRET),
            ],
            "more than one way",
        ),
        (
            &[
                url,
                key,
                (
                    "ELASTICSEARCH_SECRET_ARN",
                    "arn:aws:secretsmanager:x:1:secret:a",
                ),
            ],
            "more than one way",
        ),
        (
            &[url, key, ("ELASTICSEARCH_AUTH", "sigv4")],
            "ELASTICSEARCH_AUTH=si…: there is more than one way",
        ),
        (
            &[url, ("ELASTICSEARCH_AUTH", "sigv4")],
            "ELASTICSEARCH_AUTH: it needs AWS credentials",
        ),
        (
            &[
                url,
                ("ELASTICSEARCH_AUTH", "sigv4"),
                ("AWS_ACCESS_KEY_ID", "AKID"),
                ("AWS_SECRET_ACCESS_KEY", SECRET),
            ],
            "set AWS_REGION",
        ),
        (
            &[(
                "ELASTICSEARCH_SECRET_ARN",
                "arn:aws:secretsmanager:x:1:secret:a",
            )],
            "ELASTICSEARCH_SECRET_ARN: it needs AWS credentials",
        ),
        (
            &[
                url,
                ("ELASTICSEARCH_CA_FILE", "ca.pem"),
                ("ELASTICSEARCH_CA_FINGERPRINT", &"ab".repeat(32)),
            ],
            "ELASTICSEARCH_CA_FILE: set one of them",
        ),
        (
            &[
                ("DATA_STREAM", "logs-a-b"),
                ("DEAD_LETTER_DATA_STREAM", "logs-a-b"),
            ],
            "DEAD_LETTER_DATA_STREAM=logs-a-b: it is DATA_STREAM, too",
        ),
        (
            &[
                ("ELASTICSEARCH_USERNAME", "a:b"),
                ("ELASTICSEARCH_PASSWORD", SECRET),
            ],
            "ELASTICSEARCH_USERNAME=a…: it should have no `:`",
        ),
        (
            &[url, ("ELASTICSEARCH_CA_FILE", "missing.pem")],
            "ELASTICSEARCH_CA_FILE=missi…: it cannot be read: No such file",
        ),
        (
            &[url, ("ELASTICSEARCH_CA_FILE", "Cargo.toml")],
            "ELASTICSEARCH_CA_FILE=Cargo.toml",
        ),
    ];
    for (settings, word) in cases {
        check_refused(&["invoke", REST], settings, "", &[word]);
    }
}

#[test]
fn wrong_usage_is_reported() {
    let cases: &[(&[&str], &str)] = &[
        (&["frobnicate"], "unrecognized subcommand"),
        (&["invoke"], "<EVENT.json>"),
        (
            &["invoke", "--quickly", REST],
            "unexpected argument '--quickly'",
        ),
        (
            &["log-format", "soap"],
            "possible values: rest, http, websocket",
        ),
        (&["log-format"], "<API_TYPE>"),
        (&["completions", "cmd"], "possible values"),
        (&["invoek"], "a similar subcommand exists: 'invoke'"),
        (&["setup", "--frce"], "a similar argument exists: '--force'"),
        (
            &["event", "a.log", "--generate", "5"],
            "Usage: apigw-logs event --log-group <GROUP>",
        ),
        (
            &["event", "--log-group", "", "--log-stream", "s"],
            "1 to 512 characters",
        ),
        (
            &[
                "event",
                "--log-group",
                "g",
                "--log-stream",
                "s",
                "--owner",
                "12",
            ],
            "12 digits",
        ),
        (
            &[
                "event",
                "--log-group",
                "g",
                "--log-stream",
                "s",
                "--event-time",
                "-5",
            ],
            "such as 2026-01-31",
        ),
        (&["event"], "--log-group"),
        (&["event", "--log-group", "g"], "--log-stream"),
        (
            &[
                "event",
                "--log-group",
                "g",
                "--log-stream",
                "s",
                "--kinesis",
                "--sqs",
            ],
            "cannot be used with",
        ),
        (&["event", "--generate", "0"], "--generate"),
        (
            &["event", "--generate", "9", "--sqs"],
            "cannot be used with",
        ),
        (
            &["event", "--generate", "9", "--log-group", "g"],
            "cannot be used with",
        ),
        (
            &["event", "--generate", "9", "--since", "noon"],
            "duration such as",
        ),
        (
            &["event", "--generate", "9", "--until", "2d"],
            "--until: it should be a time after that of --since",
        ),
        (
            &[
                "event",
                "--log-group",
                "g",
                "--log-stream",
                "s",
                "--until",
                "1h",
            ],
            "cannot be used with",
        ),
        (&["normalize", "--event-time", "noon"], "--event-time"),
        (&["invoke", "missing.json"], "missing.json cannot be read"),
        (&["invoke", "src"], "src cannot be read"),
        (&["normalize", "missing.log"], "missing.log cannot be read"),
        (
            &[
                "event",
                "missing.log",
                "--log-group",
                "g",
                "--log-stream",
                "s",
            ],
            "missing.log cannot be read",
        ),
    ];
    for (arguments, word) in cases {
        check_refused(arguments, &[], "", &[word]);
    }
    let nothing = run(&[], &[], b"");
    assert_eq!((nothing.status, &*nothing.stdout), (2, ""));
    assert!(
        nothing.stderr.contains("Usage: apigw-logs <COMMAND>"),
        "{}",
        nothing.stderr
    );
}

/// Returns what `invoke` writes to standard error: the report, then a sentence.
fn check_invoked(event: &str, status: i32, kind: &str, words: &str) {
    let outcome = run(&["invoke", "-"], &[], event.as_bytes());
    assert_eq!(outcome.status, status, "{event}: {}", outcome.stderr);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    let [report, sentence] = lines[..] else {
        panic!("{event}: {}", outcome.stderr)
    };
    let report = Json::read(report);
    assert_eq!(
        report.text("error.type"),
        Some(kind),
        "{event}: {}",
        outcome.stderr
    );
    assert_eq!(
        Some(sentence),
        report
            .text("error.message")
            .map(|text| format!("error: {text}"))
            .as_deref(),
        "{event}"
    );
    assert!(
        sentence.contains(words),
        "{event}: {sentence} should say {words:?}"
    );
    assert!(
        !outcome.stderr.contains(SECRET) && !outcome.stdout.contains(SECRET),
        "{event}: {}",
        outcome.stderr
    );
}

#[test]
fn events_of_no_known_kind_are_rejected() {
    let cases = [
        ("", "the event is not JSON (line 1, column 0)"),
        (
            "s3cr3t-and-never-shown",
            "the event is not JSON (line 1, column 1)",
        ),
        ("{\"awslogs\":\n{\"data\"", "line 2, column 7"),
        (
            "{\"awslogs\":{\"data\":\"\u{0}\"}}",
            "the event is not JSON",
        ),
        (
            r#"{"s3cr3t-and-never-shown":1}"#,
            "of no kind this function knows",
        ),
        ("[]", "of no kind this function knows"),
        ("null", "of no kind this function knows"),
        (r#"{"awslogs":7}"#, "of no kind this function knows"),
        (
            r#"{"Records":[{"eventSource":"aws:s3"}]}"#,
            "\"aws:s3\": connect this function to aws:kinesis or aws:sqs only",
        ),
        (
            r#"{"Records":[{"eventSource":"aws:sqs"},{"eventSource":"aws:kinesis"}]}"#,
            "send each in an event of its own",
        ),
        (
            r#"{"requestPayload":{"Records":[{"eventSource":"aws:s3"}]}}"#,
            "of no kind this function knows",
        ),
    ];
    for (event, words) in cases {
        check_invoked(event, 2, "Event.Unsupported", words);
    }
}

#[test]
fn payloads_that_cannot_be_read_are_unfinished_work() {
    let direct = |data: &str| format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#);
    let kinesis = |data: &str| {
        format!(
            r#"{{"Records":[{{"eventSource":"aws:kinesis","kinesis":{{"sequenceNumber":"1","data":"{data}"}}}}]}}"#
        )
    };
    let sqs = |body: &str| {
        format!(r#"{{"Records":[{{"eventSource":"aws:sqs","messageId":"m","body":{body}}}]}}"#)
    };
    // gzip of "{}": whole, cut off, and with trailing bytes.
    let (whole, cut) = (
        "H4sIAAAAAAACA6uuBQBDv6ajAgAAAA==",
        "H4sIAAAAAAACA6uuBQBDv6aj",
    );
    let more = "H4sIAAAAAAACA6uuBQBDv6ajAgAAAGFiYw==";
    let cases = [
        (
            direct("s3cr3t-and-never-shown"),
            "the payload is not base64",
        ),
        (direct("aGVsbG8="), "the payload is not whole gzip"),
        (direct(cut), "the payload is not whole gzip"),
        (direct(more), "the payload is not whole gzip"),
        (
            direct(whole),
            "the payload is not a CloudWatch Logs message: unexpected structure",
        ),
        (direct(""), "the payload is not whole gzip"),
        (r#"{"awslogs":{}}"#.to_owned(), "`awslogs.data`"),
        (r#"{"awslogs":{"data":null}}"#.to_owned(), "`awslogs.data`"),
        (
            kinesis("aGVsbG8="),
            "1 of the records cannot be decoded, the first because the payload is not whole gzip",
        ),
        (
            r#"{"Records":[{"eventSource":"aws:kinesis"}]}"#.to_owned(),
            "`kinesis`",
        ),
        (
            r#"{"Records":[{"eventSource":"aws:kinesis","kinesis":{}}]}"#.to_owned(),
            "`kinesis.data`",
        ),
        (
            sqs("\"s3cr3t-and-never-shown\""),
            "the message body is not JSON",
        ),
        (
            sqs(r#""{\"s3cr3t-and-never-shown\":1}""#),
            "the message body is not an event of this function",
        ),
        (sqs("null"), "`body`"),
    ];
    for (event, words) in &cases {
        check_invoked(event, 1, "Record.Undecodable", words);
    }
}

#[test]
fn a_broken_record_is_named_in_the_answer_and_does_not_affect_the_others() {
    let good = fs::read_to_string(repository("events/kinesis.json")).unwrap();
    let Some(Json::List(mut records)) = Json::read(&good).get("Records").cloned() else {
        panic!("records")
    };
    let broken =
        r#"{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"4711","data":"aGVsbG8="}}"#;
    records.insert(1, Json::read(broken));
    let event = Json::Object(vec![("Records".to_owned(), Json::List(records))]).compact();
    let outcome = run(&["invoke", "-"], &[], event.as_bytes());
    let report = Json::read(outcome.stderr.lines().next().unwrap());
    assert_eq!(
        (outcome.status, outcome.stdout.lines().count()),
        (1, 4),
        "{}",
        outcome.stderr
    );
    assert_eq!(report.number("undecodable_records"), Some(1));
    assert_eq!(
        report.get("answer").map(Json::compact).unwrap(),
        r#"{"batchItemFailures":[{"itemIdentifier":"4711"}]}"#
    );
}

#[test]
fn invoke_prints_documents_and_report_to_different_outputs() {
    let settings = [("ELASTICSEARCH_URL", "http://127.0.0.1:1")];
    for (arguments, settings) in [
        (&["invoke", REST][..], &[][..]),
        (&["invoke", "--dry-run", REST], &settings),
    ] {
        let outcome = run(arguments, settings, b"");
        assert_eq!(
            (outcome.status, outcome.stdout.lines().count()),
            (0, 9),
            "{}",
            outcome.stderr
        );
        assert!(
            outcome
                .stdout
                .lines()
                .all(|line| Json::read(line).text("event.id").is_some())
        );
        let [report] = outcome.stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{}", outcome.stderr)
        };
        let report = Json::read(report);
        assert_eq!(
            (report.number("received"), report.get("error")),
            (Some(9), Some(&Json::Null))
        );
        assert_eq!(
            report.get("answer"),
            None,
            "a direct subscription is owed none"
        );
    }
}

#[test]
fn each_event_has_its_own_report_in_order() {
    let files = [
        "events/websocket.json",
        "missing.json",
        "events/kinesis.json",
        "events/control-message.json",
        "-",
    ];
    let input = fs::read(repository("events/http.json")).unwrap();
    let outcome = run(&[&["invoke"], &files[..]].concat(), &[], &input);
    let (reports, sentences): (Vec<_>, Vec<_>) = outcome
        .stderr
        .lines()
        .partition(|line| line.starts_with('{'));
    let counts = |name| {
        reports
            .iter()
            .map(|report| Json::read(report).number(name).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(counts("received"), [7, 5, 1, 7]);
    assert_eq!(counts("indexed"), [7, 4, 0, 7]);
    assert_eq!(counts("skipped"), [0, 1, 1, 0]);
    assert_eq!(outcome.status, 2, "{}", outcome.stderr);
    assert!(
        matches!(sentences[..], [sentence] if sentence.starts_with("error: missing.json cannot be read"))
    );
    assert_eq!(outcome.stdout.lines().count(), 18);
}

#[test]
fn the_report_holds_the_answer_to_a_stream_or_queue() {
    for (event, answer) in [
        ("events/kinesis.json", Some(r#"{"batchItemFailures":[]}"#)),
        (
            "events/sqs-failed-invocations.json",
            Some(r#"{"batchItemFailures":[]}"#),
        ),
        ("events/on-failure-record.json", None),
    ] {
        let outcome = run(&["invoke", event], &[], b"");
        let report = Json::read(outcome.stderr.trim());
        assert_eq!(
            report.get("answer").map(Json::compact).as_deref(),
            answer,
            "{event}"
        );
    }
}

#[test]
fn without_a_server_the_work_is_unfinished() {
    let settings = [
        ("ELASTICSEARCH_URL", "http://127.0.0.1:1"),
        ("ELASTICSEARCH_API_KEY", SECRET),
        ("RETRY_BUDGET_MS", "0"),
        ("CONNECT_TIMEOUT_MS", "500"),
    ];
    let outcome = run(&["invoke", REST], &settings, b"");
    let report = Json::read(outcome.stdout.trim());
    assert_eq!(
        (outcome.status, report.number("unresolved")),
        (1, Some(9)),
        "{}",
        outcome.stderr
    );
    assert_eq!(report.text("error.type"), Some("Delivery.Incomplete"));
    assert!(
        outcome
            .stderr
            .lines()
            .any(|line| line.starts_with("error: 9 of 9 events are not confirmed"))
    );
    assert!(
        !outcome.stderr.contains(SECRET) && !outcome.stdout.contains(SECRET),
        "{}",
        outcome.stderr
    );
}

#[test]
fn normalize_prints_one_line_for_each_line() {
    let line = r#"{"requestId":"a","status":"200"}"#;
    let cases: &[(&[u8], &[&str])] = &[
        (b"", &[]),
        (b"\n", &["null"]),
        (b"\n\n", &["null", "null"]),
        (line.as_bytes(), &["{"]),
        (b"a\nb\n", &["{", "{"]),
        (b"a\r\n\r\nb", &["{", "null", "{"]),
        (b"\xff\xfe\n", &["{"]),
        (b"{\"requestId\":\"\xff\"}", &["{"]),
        (b"{\"requestId\":\"a\"}{\"requestId\":\"b\"}", &["[{"]),
        (br#"{"messageType":"CONTROL_MESSAGE"}"#, &["null"]),
    ];
    for (input, expected) in cases {
        let outcome = run(&["normalize"], &[], input);
        let lines: Vec<_> = outcome.stdout.lines().collect();
        assert_eq!(
            (outcome.status, &*outcome.stderr, lines.len()),
            (0, "", expected.len()),
            "{input:?}"
        );
        assert!(
            lines
                .iter()
                .zip(*expected)
                .all(|(line, start)| line.starts_with(start)),
            "{input:?}: {lines:?}"
        );
        lines.iter().for_each(|line| drop(Json::read(line)));
    }
}

/// A line of one MiB, the largest size that CloudWatch Logs accepts.
#[test]
fn normalize_reads_the_largest_lines() {
    for line in [
        format!(r#"{{"requestId":"{}"}}"#, "x".repeat(1 << 20)),
        "{\"a\":".repeat(200_000),
        "[".repeat(1 << 20),
    ] {
        let outcome = run(&["normalize"], &[], line.as_bytes());
        assert_eq!(
            (outcome.status, outcome.stdout.lines().count()),
            (0, 1),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn an_event_made_from_lines_gives_the_same_documents() {
    let lines = fs::read(repository("tests/it/fixtures/lines/rest.log")).unwrap();
    let normalized = run(&["normalize"], &[], &lines).stdout;
    let ids = |documents: &str| -> Vec<_> {
        documents
            .lines()
            .map(|line| {
                Json::read(line)
                    .text("aws.api_gateway.request_id")
                    .unwrap()
                    .to_owned()
            })
            .collect()
    };
    for way in [&[][..], &["--kinesis"], &["--sqs"]] {
        let from = [
            "event",
            "--log-group",
            "group",
            "--log-stream",
            "stream",
            "--owner",
            "444455556666",
        ];
        let event = run(&[&from[..], way].concat(), &[], &lines);
        assert_eq!(
            (event.status, event.stdout.lines().count(), &*event.stderr),
            (0, 1, ""),
            "{way:?}"
        );
        let outcome = run(&["invoke", "-"], &[], event.stdout.as_bytes());
        assert_eq!(outcome.status, 0, "{way:?}: {}", outcome.stderr);
        assert_eq!(ids(&outcome.stdout), ids(&normalized), "{way:?}");
        let first = Json::read(outcome.stdout.lines().next().unwrap());
        assert_eq!(
            first.text("aws.cloudwatch.log_group"),
            Some("group"),
            "{way:?}"
        );
        assert_eq!(
            first.text("aws.cloudwatch.log_stream"),
            Some("stream"),
            "{way:?}"
        );
        assert!(
            first.text("event.id").is_some_and(|id| id.len() == 56),
            "{way:?}"
        );
    }
}

/// A value may be made of several variables. Each of them is explained, and none is said to be
/// without quotes.
#[test]
fn an_explained_format_may_have_several_variables_in_a_value() {
    let format = concat!(
        r#"{"requestId":"$context.requestId","requestTime":"$context.requestTime","call":"#,
        r#""$context.httpMethod $context.path","from":"[$context.identity.sourceIp]","#,
        r#""result":"$context.status/$context.responseLatency","api":"$context.apiId","#,
        r#""responseLength":$context.responseLength}"#,
    );
    let outcome = run(&["log-format", "--explain", format], &[], b"");
    let explanation = Json::read(outcome.stdout.trim_end());
    let keys = explanation.list("keys").unwrap().iter().map(|key| {
        ["key", "variable", "field", "without_format"].map(|member| key.text(member).unwrap())
    });
    assert_eq!(
        keys.collect::<Vec<_>>(),
        [
            [
                "requestId",
                "requestId",
                "aws.api_gateway.request_id",
                "aws.api_gateway.request_id"
            ],
            ["requestTime", "requestTime", "@timestamp", "@timestamp"],
            [
                "call",
                "httpMethod",
                "http.request.method",
                "http.request.method"
            ],
            ["call", "path", "url.path", "url.path"],
            [
                "from",
                "identity.sourceIp",
                "source.ip",
                "aws.api_gateway.unmapped.from"
            ],
            [
                "result",
                "status",
                "http.response.status_code",
                "aws.api_gateway.unmapped.result"
            ],
            [
                "result",
                "responseLatency",
                "aws.api_gateway.response_latency",
                "aws.api_gateway.unmapped.result"
            ],
            [
                "api",
                "apiId",
                "aws.api_gateway.api_id",
                "aws.api_gateway.unmapped.api"
            ],
            [
                "responseLength",
                "responseLength",
                "http.response.body.bytes",
                "http.response.body.bytes"
            ],
        ]
    );
    assert_eq!(
        explanation.list("warnings").unwrap(),
        [Json::Text(
            "$context.responseLength is not in quotes: without a value the line is not JSON".into()
        )]
    );
}

#[test]
fn a_log_format_is_valid_and_completely_understood() {
    for kind in ["rest", "http", "websocket"] {
        for minimal in [&[][..], &["--minimal"]] {
            let outcome = run(&[&["log-format", kind], minimal].concat(), &[], b"");
            let format = outcome.stdout.strip_suffix('\n').unwrap();
            assert_eq!((outcome.status, format.lines().count()), (0, 1));
            assert!(format.len() < 3_072, "{kind}: {} bytes", format.len());
            let Json::Object(members) = Json::read(format) else {
                panic!("{kind}")
            };
            assert!(
                members
                    .iter()
                    .all(|(_, variable)| matches!(variable, Json::Text(text) if text.starts_with("$context.")))
            );
            let line = Json::Object(
                members
                    .into_iter()
                    .map(|(key, variable)| (key, value_of(&variable)))
                    .collect(),
            );
            let document = run(&["normalize"], &[], line.compact().as_bytes()).stdout;
            let document = Json::read(document.trim());
            assert_eq!(document.text("event.kind"), Some("event"), "{kind}");
            assert_eq!(
                document.get("aws.api_gateway.unmapped"),
                None,
                "{kind}: {}",
                document.compact()
            );
        }
    }
}

/// Returns a plausible value of a variable: a value that is converted needs the right type.
fn value_of(variable: &Json) -> Json {
    let Json::Text(variable) = variable else {
        panic!("{variable:?}")
    };
    let value = match variable.rsplit('.').next().unwrap() {
        "requestTimeEpoch" | "connectedAt" => "1772353800123",
        "notBefore" | "notAfter" => "Aug  5 09:36:04 2025 GMT",
        "isCanaryRequest" => "false",
        "protocol" => "HTTP/1.1",
        name if ["status", "length", "latency", "processed"]
            .iter()
            .any(|end| name.to_lowercase().ends_with(end)) =>
        {
            "200"
        }
        name => name,
    };
    Json::Text(value.to_owned())
}

#[test]
fn completions_help_and_version_are_data() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["completions", "bash"], &["complete -F", "log-format"]),
        (&["completions", "zsh"], &["#compdef apigw-logs"]),
        (&["completions", "fish"], &["complete -c apigw-logs"]),
        (
            &["--help"],
            &[
                "invoke",
                "normalize",
                "event",
                "log-format",
                "config",
                "completions",
                "environment variables",
            ],
        ),
        (&["invoke", "--help"], &["--dry-run", "ELASTICSEARCH_URL"]),
        (&["normalize", "--help"], &["Exactly one JSON line"]),
        (
            &["event", "--help"],
            &[
                "--log-group",
                "--log-stream",
                "--owner",
                "--kinesis",
                "--sqs",
            ],
        ),
        (&["log-format", "--help"], &["--minimal", "websocket"]),
        (
            &["--version"],
            &[concat!("apigw-logs ", env!("CARGO_PKG_VERSION"))],
        ),
    ];
    for (arguments, words) in cases {
        let outcome = run(arguments, &[], b"");
        assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{arguments:?}");
        for word in *words {
            assert!(
                outcome.stdout.contains(word),
                "{arguments:?} should say {word:?}: {}",
                outcome.stdout
            );
        }
        assert!(
            !outcome.stdout.contains('\u{1b}'),
            "{arguments:?}: no colours but on a terminal"
        );
    }
}

#[test]
fn config_shows_every_setting_but_no_secret() {
    let settings = [
        ("ELASTICSEARCH_URL", "https://localhost:9200/prefix"),
        ("ELASTICSEARCH_API_KEY", SECRET),
        ("TAGS", "a,b"),
        ("SOMETHING_ELSE", SECRET),
    ];
    let outcome = run(&["config"], &settings, b"");
    assert_eq!((outcome.status, &*outcome.stderr), (0, ""));
    for setting in SETTINGS {
        let lines: Vec<_> = outcome
            .stdout
            .lines()
            .filter(|line| line.starts_with(&format!("{}=", setting.name)))
            .collect();
        assert_eq!(lines.len(), 1, "{}", setting.name);
    }
    for line in [
        "ELASTICSEARCH_URL=https://localhost:9200/prefix",
        "ELASTICSEARCH_API_KEY=***",
        "TAGS=a,b",
    ] {
        assert!(
            outcome.stdout.lines().any(|shown| shown == line),
            "{line}: {}",
            outcome.stdout
        );
    }
    assert!(!outcome.stdout.contains(SECRET), "{}", outcome.stdout);
}

#[test]
fn config_reports_every_problem_at_once() {
    let settings = [
        (
            "ELASTICSEARCH_URL",
            "https://elastic:s3cr3t-and-never-shown@localhost",
        ),
        // The value does not fit into a header either, but that is no second problem.
        ("ELASTICSEARCH_API_KEY", "s3cr3t-and-never-shown\n:"),
        ("ELASTICSEARCH_CA_FILE", "missing.pem"),
        ("BULK_MAX_ACTIONS", "none"),
        ("INCLUDE", "("),
        ("LOG_LEVEL", "loud"),
        ("GEOIP_CITY_DATABASE", "missing.mmdb"),
    ];
    for arguments in [&["config"][..], &["invoke", REST], &["normalize"]] {
        let outcome = run(arguments, &settings, b"");
        assert_eq!(outcome.status, 2, "{arguments:?}");
        let named: Vec<_> = outcome
            .stderr
            .lines()
            .map(|line| {
                line.trim_start_matches("error: ")
                    .split(['=', ':'])
                    .next()
                    .unwrap()
            })
            .collect();
        let mut expected = settings.map(|(name, _)| name);
        let mut named = named.clone();
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!(named, expected, "{arguments:?}: {}", outcome.stderr);
        assert!(
            !outcome.stderr.contains(SECRET) && !outcome.stdout.contains(SECRET),
            "{arguments:?}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn unknown_and_empty_settings_do_no_harm() {
    let settings = [
        ("UNKNOWN", "x"),
        ("ELASTICSEARCH_URL", ""),
        ("INCLUDE", " "),
        ("LOG_LEVEL", "info,apigw_logs=debug"),
    ];
    assert_eq!(run(&["invoke", REST], &settings, b"").status, 0);
}

#[test]
fn include_and_exclude_choose_lines() {
    let cases: &[(Settings<'_>, i64, i64)] = &[
        (&[("INCLUDE", "GET")], 4, 5),
        (&[("EXCLUDE", "GET")], 5, 4),
        (&[("INCLUDE", "GET"), ("EXCLUDE", "search")], 3, 6),
        (&[("EXCLUDE", ".")], 0, 9),
    ];
    for (settings, indexed, skipped) in cases {
        let outcome = run(&["invoke", REST], settings, b"");
        let report = Json::read(outcome.stderr.trim());
        assert_eq!(
            (report.number("indexed"), report.number("skipped")),
            (Some(*indexed), Some(*skipped)),
            "{settings:?}"
        );
    }
}

/// `| head -1`
#[test]
fn a_closed_pipe_is_no_error() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("many.log");
    fs::write(&file, "{\"requestId\":\"a\"}\n".repeat(50_000)).unwrap();
    let file = file.to_str().unwrap();
    let event = folder.path().join("event.json");
    fs::write(
        &event,
        run(
            &["event", file, "--log-group", "g", "--log-stream", "s"],
            &[],
            b"",
        )
        .stdout,
    )
    .unwrap();
    for arguments in [
        &["normalize", file][..],
        &["invoke", event.to_str().unwrap()],
        &["completions", "bash"],
    ] {
        let mut child = command(arguments, &[])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::with_capacity(64, child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), &*output.stderr),
            (Some(0), &b""[..]),
            "{arguments:?}"
        );
        assert!(!line.is_empty());
    }
}

/// Keys, tokens and the like are never printed, and no message quotes a line.
#[test]
fn secrets_are_never_printed() {
    let lines = format!(
        "{{\"requestId\":\"a\",\"apiKey\":\"{SECRET}\",\"auth.token\":\"{SECRET}\"}}\n{{\"apiKey\":\"{SECRET}\n\
         x-api-key: {SECRET}\n(6b1c2d3e-0000) Method request headers: {{Authorization=Bearer {SECRET}}}\n"
    );
    for preserve in ["false", "true"] {
        let outcome = run(
            &["normalize"],
            &[("PRESERVE_ORIGINAL_EVENT", preserve)],
            lines.as_bytes(),
        );
        assert_eq!((outcome.status, outcome.stdout.lines().count()), (0, 4));
        assert!(!outcome.stdout.contains(SECRET), "{}", outcome.stdout);
        assert_eq!(outcome.stderr, "");
    }
}

/// An address where nothing listens; the command does not wait for it.
const NOWHERE: Settings<'_> = &[
    ("ELASTICSEARCH_URL", "http://127.0.0.1:1"),
    ("RETRY_BUDGET_MS", "0"),
    ("CONNECT_TIMEOUT_MS", "500"),
];

/// Runs a command whose standard output and standard error go to these files.
fn run_into(
    arguments: &[&str],
    settings: Settings<'_>,
    stdout: Stdio,
    stderr: Stdio,
) -> (Option<i32>, String) {
    let output = command(arguments, settings)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// Returns a pipe whose reading end is closed before the command starts.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

#[test]
fn an_unread_report_changes_nothing_else() {
    let files = [
        "events/rest.json",
        "events/http.json",
        "events/websocket.json",
    ];
    let arguments = [&["invoke"], &files[..]].concat();
    for stdout in [closed_pipe as fn() -> Stdio, full] {
        let server = FakeElasticsearch::start();
        let settings = [("ELASTICSEARCH_URL", &*server.url)];
        let (status, stderr) = run_into(&arguments, &settings, stdout(), Stdio::piped());
        assert_eq!(status, Some(0), "{stderr}");
        assert_eq!(server.count(LOGS), 9 + 7 + 7, "every event is sent");

        let (status, stderr) = run_into(&arguments, NOWHERE, stdout(), Stdio::piped());
        assert_eq!(status, Some(1), "{stderr}");
        for file in files {
            assert!(
                stderr.contains(&format!("error: {file}: ")),
                "{file} was tried: {stderr}"
            );
        }
    }
}

#[test]
fn documents_that_cannot_be_printed_are_unfinished_work() {
    for arguments in [
        &["invoke", REST][..],
        &["config"],
        &["--help"],
        &["completions", "bash"],
    ] {
        let (status, stderr) = run_into(arguments, &[], full(), Stdio::piped());
        assert_eq!(status, Some(1), "{arguments:?}: {stderr}");
        assert!(
            stderr.contains("cannot be written"),
            "{arguments:?}: {stderr}"
        );
        let (status, stderr) = run_into(arguments, &[], closed_pipe(), Stdio::piped());
        assert_eq!((status, &*stderr), (Some(0), ""), "{arguments:?}");
    }
}

/// A reader that goes away does not turn an earlier failure into a success.
#[test]
fn a_closed_pipe_hides_no_failure_before_it() {
    let folder = TempDir::new().unwrap();
    let undecodable = folder.path().join("undecodable.json");
    fs::write(&undecodable, r#"{"awslogs":{"data":"zzz"}}"#).unwrap();
    for (first, expected) in [("missing.json", 2), (undecodable.to_str().unwrap(), 1)] {
        let arguments = ["invoke", "--dry-run", first, REST];
        let (status, stderr) = run_into(&arguments, &[], closed_pipe(), Stdio::piped());
        assert_eq!(status, Some(expected), "{first}: {stderr}");
    }
    // The documents of the first record are printed before the second one is read.
    let halves = folder.path().join("halves.json");
    let good = payload("halves", "api", &lines(3));
    fs::write(&halves, kinesis(&[("1", &good), ("2", "zzz")])).unwrap();
    let arguments = ["invoke", "--dry-run", halves.to_str().unwrap()];
    let (status, stderr) = run_into(&arguments, &[], closed_pipe(), Stdio::piped());
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("error: "), "{stderr}");
}

/// A command that judges at its end judges in the same way if nobody reads its output.
#[test]
fn a_closed_pipe_changes_no_verdict() {
    let (status, stderr) = run_into(&["check"], NOWHERE, closed_pipe(), Stdio::piped());
    assert_eq!((status, &*stderr), (Some(1), ""));

    let wrong = [("BULK_MAX_BYTES", "a")];
    let (status, stderr) = run_into(&["config"], &wrong, closed_pipe(), Stdio::piped());
    assert_eq!(status, Some(2), "{stderr}");
    assert!(stderr.contains("error: BULK_MAX_BYTES=a: "), "{stderr}");

    let events = events("s", 1_772_323_200_000, &lines(3));
    let groups = [("api".to_owned(), events)].into();
    let logs = CloudWatch::start(groups, 40, |_| CloudWatchFault::None);
    let server = FakeElasticsearch::start();
    let settings = [
        &ROLE[..],
        &[
            ("ELASTICSEARCH_URL", &*server.url),
            ("AWS_ENDPOINT_URL", logs.url()),
        ],
    ]
    .concat();
    let audit = "audit --log-group api --since 2026-03-01 --until 2026-03-02";
    for (further, expected) in [("", 1), (" --repair", 0)] {
        let arguments = format!("{audit}{further}");
        let arguments: Vec<_> = arguments.split(' ').collect();
        let (status, stderr) = run_into(&arguments, &settings, closed_pipe(), Stdio::piped());
        assert_eq!(status, Some(expected), "{further}: {stderr}");
        let is_told = stderr.contains("error: 3 documents are missing");
        assert_eq!(is_told, expected == 1, "{further}: {stderr}");
    }
}

/// A panic would end the program with SIGABRT.
#[test]
fn a_full_standard_error_changes_no_exit_status() {
    let debug = [
        NOWHERE,
        &[("LOG_LEVEL", "debug"), ("ELASTICSEARCH_APIKEY", "a")],
    ]
    .concat();
    let cases: &[(&[&str], Settings<'_>, i32)] = &[
        (&["invoke", REST], &[], 0),
        (&["invoke", REST], &debug, 1),
        (&["invoke", "README.md"], &[], 2),
        (&["invoke"], &[], 2),
        (&["config"], &[("BULK_MAX_BYTES", "a")], 2),
    ];
    for (arguments, settings, expected) in cases {
        let (status, _) = run_into(arguments, settings, Stdio::null(), full());
        assert_eq!(status, Some(*expected), "{arguments:?} {settings:?}");
    }
}

#[test]
fn with_several_files_every_sentence_names_its_file() {
    let outcome = run(&["invoke", REST, "README.md", "missing.json"], &[], b"");
    assert_eq!(outcome.status, 2, "{}", outcome.stderr);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    let file = |line: &str| Json::read(line).text("file").map(str::to_owned);
    assert_eq!(file(lines[0]).as_deref(), Some(REST));
    assert_eq!(file(lines[1]).as_deref(), Some("README.md"));
    assert!(
        lines[2].starts_with("error: README.md: the event is not JSON"),
        "{lines:?}"
    );
    assert!(
        lines[3].starts_with("hint: are these raw log lines?"),
        "{lines:?}"
    );
    assert!(
        lines[4].starts_with("error: missing.json cannot be read"),
        "{lines:?}"
    );
}

#[test]
fn a_dry_run_says_that_nothing_was_sent() {
    let server = FakeElasticsearch::start();
    let settings = [("ELASTICSEARCH_URL", &*server.url)];
    let dry_run = |outcome: &str| Json::read(outcome.trim()).get("dry_run").map(Json::compact);
    let trial = run(&["invoke", REST], &[], b"");
    assert_eq!(dry_run(&trial.stderr).as_deref(), Some("true"));
    let trial = run(&["invoke", "--dry-run", REST], &settings, b"");
    assert_eq!(dry_run(&trial.stderr).as_deref(), Some("true"));
    assert_eq!(server.count(LOGS), 0);
    let delivery = run(&["invoke", REST], &settings, b"");
    assert_eq!(dry_run(&delivery.stdout), None);
}

#[test]
fn a_file_that_holds_no_event_gets_a_hint() {
    let folder = TempDir::new().unwrap();
    let event = fs::read_to_string(repository(REST)).unwrap();
    let cases: &[(&str, &[u8], Option<&str>)] = &[
        ("empty.json", b" \n", Some("is empty")),
        (
            "lines.log",
            b"{\"requestId\":\"a\"}\n{\"requestId\":\"b\"}\n",
            Some("apigw-logs event"),
        ),
        (
            "line.log",
            b"{\"requestId\":\"a\"}\n",
            Some("apigw-logs normalize"),
        ),
        (
            "plain.log",
            b"127.0.0.1 - - [01/Mar/2026]\n",
            Some("apigw-logs normalize"),
        ),
        ("packed.json", b"\x1f\x8b\x08\x00", Some("gunzip")),
        (
            "two.json",
            &[event.as_bytes(), event.as_bytes()].concat(),
            Some("a file of its own"),
        ),
        ("other.json", b"{\n\"a\": 1\n}\n", None),
    ];
    for (name, bytes, words) in cases {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let outcome = run(&["invoke", file.to_str().unwrap()], &[], b"");
        assert_eq!(outcome.status, 2, "{name}: {}", outcome.stderr);
        let hint = outcome
            .stderr
            .lines()
            .find(|line| line.starts_with("hint: "));
        assert_eq!(
            hint.is_some(),
            words.is_some(),
            "{name}: {}",
            outcome.stderr
        );
        let word = words.unwrap_or_default();
        assert!(
            hint.unwrap_or_default().contains(word),
            "{name}: {}",
            outcome.stderr
        );
    }
}

/// A credential may stand in any value by mistake, whatever the setting is meant to hold.
#[test]
fn no_value_of_an_identity_or_address_is_printed() {
    const S: &str = "hunter2-correct-horse";
    let url = "ELASTICSEARCH_URL";
    let cases: &[(&str, &str)] = &[
        ("ELASTICSEARCH_USERNAME", "elastic:S"),
        ("ELASTICSEARCH_USERNAME", "S"),
        (url, "https://es/?apikey=S#a"),
        (url, "https://es/?apikey=S,ftp://x"),
        (url, "https://es?apikey=S,https://es:99999"),
        (url, "http://user:S%40host"),
        (url, "http://user:S"),
        (url, "http://user:S@host"),
        (url, "https://es/S/"),
        (url, "S"),
        (url, "ApiKey S"),
        ("ELASTICSEARCH_SECRET_ARN", "S"),
        ("ELASTICSEARCH_CA_FINGERPRINT", "S"),
        ("ELASTICSEARCH_AUTH", "Bearer S"),
        ("ELASTICSEARCH_AUTH", "S"),
        ("ELASTIC_CLOUD_ID", "S"),
        ("ELASTIC_CLOUD_ID", "name:S"),
        ("ELASTICSEARCH_CA_FILE", "S"),
        ("ELASTICSEARCH_CA_FILE", "-----BEGIN CERTIFICATE-----S"),
        ("ELASTICSEARCH_API_KEY", "id:S"),
        ("ELASTICSEARCH_API_KEY", "ApiKey S"),
        ("ELASTICSEARCH_PASSWORD", "S"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://user:S"),
    ];
    let arn = (
        "ELASTICSEARCH_SECRET_ARN",
        "arn:aws:secretsmanager:x:1:secret:a",
    );
    for (variable, value) in cases {
        let value = value.replace('S', S);
        let setting = (*variable, value.as_str());
        let settings = match *variable {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER" => vec![arn, setting],
            _ => vec![setting],
        };
        // A second problem makes sure that the command prints something.
        let settings = [&settings[..], &[("BULK_MAX_BYTES", "x")]].concat();
        for arguments in [
            &["config"][..],
            &["invoke", REST],
            &["normalize"],
            &["setup"],
            &["redrive"],
        ] {
            let outcome = run(arguments, &settings, b"");
            assert_eq!(outcome.status, 2, "{setting:?}: {}", outcome.stderr);
            let said = outcome.stdout + &outcome.stderr;
            for part in [S, "correct", "hunter2-c"] {
                assert!(!said.contains(part), "{arguments:?} {setting:?}: {said}");
            }
        }
    }
}

#[test]
fn text_from_files_and_settings_cannot_act_on_a_terminal() {
    let name = "a\u{1b}]0;title\u{7}\nerror: forged";
    let cases: &[(&[&str], Settings<'_>)] = &[
        (&["invoke", name], &[]),
        (&["invoke", name, name], &[]),
        (&["normalize", name], &[]),
        (&["invoke", REST], &[("GEOIP_CITY_DATABASE", name)]),
        (&["config"], &[("TAGS", name), ("DATA_STREAM", name)]),
    ];
    for (arguments, settings) in cases {
        let outcome = run(arguments, settings, b"");
        assert_eq!(outcome.status, 2, "{arguments:?}");
        let said = outcome.stdout + &outcome.stderr;
        assert!(!said.contains(['\u{1b}', '\u{7}']), "{said:?}");
        assert!(!said.contains("\nerror: forged"), "{said:?}");
    }
}

/// Clients choose what a line says. JSON writes the characters on which a terminal acts as escapes.
#[test]
fn a_document_cannot_act_on_a_terminal() {
    const STRANGE: &str = "a\u{7f}\u{9b}2J\u{202e}b";
    let folder = TempDir::new().unwrap();
    let lines = folder.path().join("lines");
    let line = format!(r#"{{"requestId":"r","status":"200","path":"/{STRANGE}"}}"#);
    fs::write(&lines, line).unwrap();
    let name = lines.to_str().unwrap();
    let piped = run(&["normalize", name], &[], b"");
    assert!(piped.stdout.contains(STRANGE), "{}", piped.stdout);
    let Some((status, shown)) = at_terminal(&format!("normalize {name}"), &[]) else {
        return;
    };
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains(r"/a\u007f\u009b2J\u202eb"), "{shown}");
}

#[test]
fn unencrypted_credentials_get_a_warning() {
    let cases: &[(Settings<'_>, bool)] = &[
        (
            &[
                ("ELASTICSEARCH_URL", "http://es.example.com:9200"),
                ("ELASTICSEARCH_API_KEY", "a2V5"),
            ],
            true,
        ),
        (
            &[
                ("ELASTICSEARCH_URL", "https://a,http://192.0.2.1"),
                ("ELASTICSEARCH_API_KEY", "a2V5"),
            ],
            true,
        ),
        (
            &[("ELASTICSEARCH_URL", "http://es.example.com:9200")],
            false,
        ),
        (
            &[
                ("ELASTICSEARCH_URL", "https://es.example.com:9200"),
                ("ELASTICSEARCH_API_KEY", "a2V5"),
            ],
            false,
        ),
        (
            &[
                ("ELASTICSEARCH_URL", "http://localhost:9200"),
                ("ELASTICSEARCH_API_KEY", "a2V5"),
            ],
            false,
        ),
        (
            &[
                ("ELASTICSEARCH_URL", "http://[::1]:9200"),
                ("ELASTICSEARCH_API_KEY", "a2V5"),
            ],
            false,
        ),
        (
            &[
                ("ELASTICSEARCH_URL", "http://127.0.0.2"),
                ("ELASTICSEARCH_API_KEY", "a2V5"),
            ],
            false,
        ),
    ];
    for (settings, is_warned) in cases {
        let outcome = run(&["invoke", "--dry-run", REST], settings, b"");
        assert_eq!(outcome.status, 0, "{settings:?}: {}", outcome.stderr);
        let said = outcome
            .stderr
            .contains("warning: ELASTICSEARCH_URL: http:// sends the credentials");
        assert_eq!(said, *is_warned, "{settings:?}: {}", outcome.stderr);
    }
}

#[test]
fn a_misspelt_setting_gets_a_warning() {
    let settings = [
        ("ELASTICSEARCH_APIKEY", SECRET),
        ("BULK_MAX_BYTE", "1"),
        ("ELASTICSEARCH_USER", SECRET),
        ("SOMETHING_ELSE", "x"),
    ];
    let outcome = run(&["config"], &settings, b"");
    assert_eq!(outcome.status, 0);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert!(
        matches!(lines[..], [bytes, key, user]
            if user.ends_with("ELASTICSEARCH_USER is no setting and is ignored: `apigw-logs config` shows all settings")
            && bytes.contains("BULK_MAX_BYTE is no setting") && bytes.contains("do you mean BULK_MAX_BYTES?")
            && key.contains("do you mean ELASTICSEARCH_API_KEY?")),
        "{lines:?}"
    );
    assert!(!outcome.stderr.contains(SECRET));
}

#[test]
fn config_finds_problems_even_without_a_url() {
    let cases: &[(Settings<'_>, &str)] = &[
        (
            &[("ELASTICSEARCH_CA_FILE", "nope.pem")],
            "ELASTICSEARCH_CA_FILE",
        ),
        (
            &[("ELASTICSEARCH_CA_FILE", "Cargo.toml")],
            "ELASTICSEARCH_CA_FILE",
        ),
        (
            &[("ELASTICSEARCH_AUTH", "sigv4")],
            "ELASTICSEARCH_AUTH: it needs AWS credentials",
        ),
    ];
    for (settings, words) in cases {
        let outcome = run(&["config"], settings, b"");
        assert_eq!(outcome.status, 2, "{settings:?}");
        assert!(
            outcome.stderr.contains(words),
            "{settings:?}: {}",
            outcome.stderr
        );
    }
}

/// `set -a; . <(apigw-logs config)` sets the settings that are in force.
#[test]
fn a_shell_can_read_the_output_of_config() {
    let settings = [("INCLUDE", "\"status\": \"[45]"), ("TAGS", "it's,b c")];
    let shown = run(&["config"], &settings, b"");
    let script = format!(
        "{}\nprintf '%s|%s|%s' \"$INCLUDE\" \"$TAGS\" \"$BULK_MAX_BYTES\"",
        shown.stdout
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "\"status\": \"[45]|it's,b c|5242880"
    );
}

/// `invoke` reads every written file whose lines are those that CloudWatch Logs accepts.
#[test]
fn an_event_of_many_lines_is_split() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("many.log");
    let line = |number: u32| {
        format!(
            "{{\"requestId\":\"{number}\",\"path\":\"/{}\"}}\n",
            "x".repeat(900)
        )
    };
    fs::write(&file, (0..2_500).map(line).collect::<String>()).unwrap();
    let from = [
        "event",
        file.to_str().unwrap(),
        "--log-group",
        "g",
        "--log-stream",
        "s",
    ];
    for way in ["--kinesis", "--sqs"] {
        let event = run(&[&from[..], &[way]].concat(), &[], b"").stdout;
        let records = Json::read(&event).list("Records").unwrap().len();
        assert_eq!(records, 4, "{way}: 700,000 bytes each");
        let report = run(&["invoke", "-"], &[], event.as_bytes()).stderr;
        assert_eq!(
            Json::read(report.trim()).number("indexed"),
            Some(2_500),
            "{way}"
        );
    }
    // Lines that do not fit into one direct event become several records.
    fs::write(
        &file,
        (0..70)
            .map(|_| "y".repeat(1 << 20) + "\n")
            .collect::<String>(),
    )
    .unwrap();
    let outcome = run(&from, &[], b"");
    assert_eq!(
        Json::read(&outcome.stdout).list("Records").unwrap().len(),
        70
    );
    assert!(
        outcome
            .stderr
            .contains("note: 70 lines are too much for one direct event"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_line_that_is_too_long_for_invoke_gets_a_warning() {
    let from = ["event", "--log-group", "g", "--log-stream", "s"];
    for (length, is_readable) in [(6 << 20, true), ((6 << 20) + 1, false)] {
        let made = run(&from, &[], "y".repeat(length).as_bytes());
        let is_warned = made
            .stderr
            .starts_with("warning: 1 line is longer than 6 MiB");
        assert_eq!(is_warned, !is_readable, "{length}: {}", made.stderr);
        let invoked = run(&["invoke", "-"], &[], made.stdout.as_bytes());
        assert_eq!(invoked.status == 0, is_readable, "{}", invoked.stderr);
    }
}

#[test]
fn times_are_read_in_every_form() {
    let event = |time: &str| {
        let from = [
            "event",
            "--log-group",
            "g",
            "--log-stream",
            "s",
            "--event-time",
            time,
        ];
        let event = run(&from, &[], b"{\"requestId\":\"a\"}").stdout;
        let document = run(&["invoke", "-"], &[], event.as_bytes()).stdout;
        Json::read(document.trim())
            .text("@timestamp")
            .unwrap()
            .to_owned()
    };
    for time in [
        "1772353800000",
        "1772353800",
        "2026-03-01T08:30:00Z",
        "2026-03-01T09:30:00+01:00",
    ] {
        assert_eq!(event(time), "2026-03-01T08:30:00.000Z", "{time}");
    }
    assert_eq!(event("2026-03-01"), "2026-03-01T00:00:00.000Z");
    let normalized = run(&["normalize", "--event-time", "2026-03-01"], &[], b"a").stdout;
    assert!(
        normalized.contains("2026-03-01T00:00:00.000Z"),
        "{normalized}"
    );
}

/// Whoever watches a log that grows sees each document before the next line comes.
#[test]
fn normalize_answers_each_line_at_once() {
    let mut child = command(&["normalize"], &[]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut documents = BufReader::new(child.stdout.take().unwrap()).lines();
    for number in 0..3 {
        let line = format!("{{\"requestId\":\"r{number}\",\"status\":\"200\"}}\n{{\"requestId\":");
        // The start of the next line does not hold the document back.
        stdin.write_all(line.as_bytes()).unwrap();
        let document = Json::read(&documents.next().unwrap().unwrap());
        assert_eq!(
            document.text("aws.api_gateway.request_id"),
            Some(&*format!("r{number}"))
        );
        stdin.write_all(b"\"x\",\"status\":\"200\"}\n").unwrap();
        assert!(documents.next().unwrap().unwrap().contains("\"x\""));
    }
    drop(stdin);
    assert!(documents.next().is_none());
    assert!(child.wait().unwrap().success());
}

/// A file of another kind is recognised by each command that reads files.
#[test]
fn files_of_another_kind_are_recognised() {
    let folder = TempDir::new().unwrap();
    let event = fs::read(repository(REST)).unwrap();
    let line = "{\"requestId\":\"a\",\"status\":\"200\"}\n";
    let utf_16: Vec<u8> = line.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, Vec<u8>, &str); 8] = [
        (
            "log.gz",
            b"\x1f\x8b\x08 and so on".to_vec(),
            "is compressed: `gunzip -c ",
        ),
        (
            "log.zst",
            b"\x28\xb5\x2f\xfd and so on".to_vec(),
            "is compressed: `zstd -dc ",
        ),
        (
            "log.zip",
            b"PK\x03\x04 and so on".to_vec(),
            "is a ZIP archive: `unzip -p ",
        ),
        (
            "powershell",
            [b"\xff\xfe".to_vec(), utf_16].concat(),
            "is in UTF-16: `iconv -f UTF-16 -t UTF-8 ",
        ),
        (
            "program",
            b"\x7fELF\x02\x01\x01\0\0".to_vec(),
            "is no text: check that it is the right file",
        ),
        (
            "event.json",
            event,
            "looks like an event and not like log lines: `apigw-logs invoke ",
        ),
        (
            "exported",
            format!("2026-03-01T08:30:00.000Z {line}").into_bytes(),
            "begin with a time, as an export to S3 or `aws logs tail` writes them: `sed ",
        ),
        (
            "marked",
            format!("\u{feff}{line}").into_bytes(),
            "begins with a byte order mark, which becomes a part of the first line: `tail -c +4 ",
        ),
    ];
    for (name, content, sentence) in cases {
        let path = folder.path().join(name);
        fs::write(&path, &content).unwrap();
        let path = path.to_str().unwrap();
        let from_a_file: [&[&str]; 2] = [
            &["normalize", path],
            &["event", path, "--log-group", "g", "--log-stream", "s"],
        ];
        for arguments in from_a_file {
            let outcome = run(arguments, &[], b"");
            assert_eq!(outcome.status, 0, "{arguments:?}: {}", outcome.stderr);
            let expected = ["warning: ", sentence];
            for words in expected {
                assert!(
                    outcome.stderr.contains(words),
                    "{arguments:?} should say {words:?}: {}",
                    outcome.stderr
                );
            }
        }
        // A hint follows the error. A byte order mark before an event does no harm.
        let invoked = run(&["invoke", path], &[], b"");
        if name == "event.json" {
            assert_eq!(invoked.status, 0, "{}", invoked.stderr);
        } else {
            assert_eq!(invoked.status, 2, "{name}: {}", invoked.stderr);
            assert!(invoked.stderr.contains("\nhint: "), "{}", invoked.stderr);
        }
        let input = run(&["normalize"], &[], &content);
        assert!(
            input.stderr.contains("standard input"),
            "{name}: {}",
            input.stderr
        );
    }
    let log = run(&["normalize"], &[], line.as_bytes());
    assert_eq!((log.status, &*log.stderr), (0, ""));
    let path = folder.path().join("marked.json");
    let event = fs::read(repository(REST)).unwrap();
    fs::write(&path, [b"\xef\xbb\xbf".to_vec(), event].concat()).unwrap();
    let marked = run(&["invoke", path.to_str().unwrap()], &[], b"");
    assert_eq!(marked.status, 0, "{}", marked.stderr);
}

#[test]
fn a_number_that_is_none_says_what_it_should_be() {
    for (arguments, words) in [
        (&["redrive", "--limit", "0"][..], "a whole number from 1 up"),
        (&["redrive", "--limit", "-1"], "a whole number from 1 up"),
        (&["redrive", "--limit", "many"], "a whole number from 1 up"),
        (
            &["event", "--generate", "1e6"],
            "a whole number from 1 to 1000000",
        ),
        (
            &["event", "--generate", "-5"],
            "a whole number from 1 to 1000000",
        ),
        (
            &[
                "backfill",
                "--log-group",
                "g",
                "--since",
                "1d",
                "--rps",
                "0",
            ],
            "a whole number from 1 to 1000",
        ),
    ] {
        check_refused(arguments, &[], "", &[words]);
    }
}

#[test]
fn each_help_has_examples() {
    let help = run(&["--help"], &[], b"").stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    for name in commands.filter_map(|line| line.split_whitespace().next()) {
        let help = run(&[name, "--help"], &[], b"").stdout;
        let is_good = name == "help" || help.contains("Examples:\n  ");
        assert!(is_good, "{name}: {help}");
    }
}

/// Asks bash to complete a command line. Its replies are words.
const BASH: &str = r#"
    eval "$("$PROGRAM" completions bash)"
    read -ra COMP_WORDS <<< "$1"
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
    function=$(complete -p apigw-logs)
    function=${function##*-F }
    ${function%% *} apigw-logs "${COMP_WORDS[COMP_CWORD]}" ''
    printf '%s\n' "${COMPREPLY[@]}""#;

/// Asks fish to complete a command line. Its replies are words with descriptions.
const FISH: &str = r#"
    $PROGRAM completions fish | source
    complete -C "$argv[-1]" | string replace --regex '\t.*' ''"#;

/// Types a command line and a tab into zsh, at a terminal of its own. Its reply is the whole line.
const ZSH: &str = r#"
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell 'unsetopt prompt_cr prompt_sp; PS1= RPS1=; autoload -Uz compinit; compinit -D -u'
    zpty -w shell 'source <($PROGRAM completions zsh); compdef _apigw-logs apigw-logs'
    zpty -w shell 'said() { print -r -- "[[$BUFFER]]"; BUFFER=; }; zle -N said; bindkey "^X" said; print rea""dy'
    zpty -r -m shell _ '*ready*'
    zpty -w -n shell "$1"$'\t'$'\x18'
    zpty -r -m shell answer '*\[\[*\]\]*'
    print -r -- "${${${answer##*\[\[}%%\]\]*}##* }"
    print -r -- "${${${${answer##*\[\[}%%\]\]*}% }##* }"
    zpty -d shell"#;

#[test]
fn shells_complete_commands_options_and_values() {
    for (shell, script) in [("bash", BASH), ("fish", FISH), ("zsh", ZSH)] {
        if Command::new(shell).arg("--version").output().is_err() {
            eprintln!("skipped: {shell} is not installed");
            continue;
        }
        for (words, expected) in [
            ("apigw-logs inv", "invoke"),
            ("apigw-logs event --ki", "--kinesis"),
            ("apigw-logs setup --dr", "--dry-run"),
            ("apigw-logs log-format web", "websocket"),
            ("apigw-logs completions z", "zsh"),
        ] {
            let output = Command::new(shell)
                .args(["-c", script, shell, words])
                .env("PROGRAM", env!("CARGO_BIN_EXE_apigw-logs"))
                .output()
                .unwrap();
            let replies = String::from_utf8_lossy(&output.stdout);
            assert!(
                replies.lines().any(|reply| reply == expected),
                "{shell}: {words}: {output:?}"
            );
        }
    }
}

/// OpenSearch's `flat_object` rejects the whole document for one such value, both now and at each
/// redrive.
#[test]
fn values_that_no_index_accepts_are_left_out_and_the_line_is_kept() {
    let long = "x".repeat(32_767);
    let half = "x".repeat(20_000);
    let normalize =
        |line: &str| Json::read(run(&["normalize"], &[], line.as_bytes()).stdout.trim());
    for line in [
        format!(r#"{{"requestId":"a","status":"200","mine":"{long}","short":"s"}}"#),
        format!(r#"{{"requestId":"a","status":"200","mine":{{"b":["{long}"]}},"short":"s"}}"#),
        format!(r#"{{"requestId":"a","status":"200","{long}":"b","short":"s"}}"#),
        format!(
            r#"{{"requestId":"a","status":"200","mine":[{{"{half}":[1,{{"{half}":"b"}}]}}],"short":"s"}}"#
        ),
        format!(
            r#"{{"requestId":"a","status":"200","authorizer.claims.mine":"{long}","short":"s"}}"#
        ),
    ] {
        let document = normalize(&line);
        let flat = document
            .get("aws.api_gateway.unmapped")
            .map(Json::compact)
            .unwrap_or_default();
        assert_eq!(flat, r#"{"short":"s"}"#);
        assert_eq!(document.get("aws.api_gateway.authorizer.claims"), None);
        assert_eq!(
            document.list("aws.api_gateway.repairs").map(<[Json]>::len),
            Some(1)
        );
        assert_eq!(document.text("event.original"), Some(&*line));
        assert_eq!(document.text("event.kind"), Some("event"));
    }
    // Many short texts in one large value are fine.
    let many = vec![r#""0123456789""#; 4_000].join(",");
    let document = normalize(&format!(
        r#"{{"requestId":"a","status":"200","mine":[{many}]}}"#
    ));
    assert!(document.get("aws.api_gateway.unmapped").is_some());
    assert_eq!(document.get("aws.api_gateway.repairs"), None);
}

#[test]
fn a_terminal_gets_sentences_and_colours() {
    let server = FakeElasticsearch::start();
    let delivering = [("ELASTICSEARCH_URL", &*server.url), ("NO_COLOR", "1")];
    let (Some(trial), Some(delivery), Some(json), Some(error)) = (
        at_terminal("invoke events/rest.json", &[]).map(|(_, text)| text),
        at_terminal("invoke events/rest.json", &delivering).map(|(_, text)| text),
        at_terminal("invoke --json events/rest.json", &delivering).map(|(_, text)| text),
        at_terminal("invoke missing.json", &[]).map(|(_, text)| text),
    ) else {
        return;
    };
    let words = "9 events: 9 documents printed, in ";
    assert!(trial.contains(words), "{trial}");
    assert!(
        trial.contains("nothing was sent: ELASTICSEARCH_URL is not set"),
        "{trial}"
    );
    assert!(delivery.contains("9 events: 9 indexed, in "), "{delivery}");
    assert!(!delivery.contains("\u{1b}[1m"), "{delivery:?}");
    assert!(json.contains("\"duplicates\":9"), "{json}");
    assert!(error.contains("\u{1b}[1m\u{1b}[31merror:"), "{error:?}");
}

#[test]
fn a_terminal_is_told_that_a_command_waits_for_input() {
    for arguments in ["normalize", "event --log-group my-api", "invoke -"] {
        let Some((_, text)) = at_terminal(arguments, &[]) else {
            return;
        };
        let words = "reading standard input; end it with Ctrl-D";
        assert!(text.contains(words), "{arguments}: {text}");
    }
}

#[test]
fn a_password_in_a_domain_is_masked() {
    let line =
        r#"{"requestId":"r","status":"200","domainName":"user:hush@api.example.com","path":"/a"}"#;
    let output = run(&["normalize"], &[], line.as_bytes()).stdout;
    let document = Json::read(output.trim());
    assert_eq!(document.text("url.password"), Some("***"), "{output}");
    assert_eq!(document.text("url.username"), Some("user"), "{output}");
    assert!(!output.contains("hush"), "{output}");
}
