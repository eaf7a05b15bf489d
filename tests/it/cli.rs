//! The command line as people and scripts meet it: exit status, standard output, standard error.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use apigw_logs::config::SETTINGS;
use tempfile::TempDir;

use crate::support::command_line::{Outcome, command, run};
use crate::support::golden::repository;
use crate::support::json::Json;

/// Text that must never come out again: it stands for credentials and for what customers log.
const SECRET: &str = "s3cr3t-and-never-shown";

const REST: &str = "events/rest.json";

type Settings<'a> = &'a [(&'a str, &'a str)];

/// Each sentence of standard error is one line, `error: …`, and nothing is said on standard output.
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
fn wrong_settings_are_refused() {
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
        ("BULK_MAX_BYTES", "5MB", "whole number"),
        ("BULK_MAX_ACTIONS", "0", "from 1"),
        ("BULK_COMPRESSION_LEVEL", "10", "from 0 to 9"),
        ("REQUEST_TIMEOUT_MS", "-1", "whole number"),
        ("CONNECT_TIMEOUT_MS", "0", "from 1"),
        ("RETRY_BUDGET_MS", "1.5", "whole number"),
        ("RETRY_INITIAL_MS", "20000", "RETRY_MAX_MS"),
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
fn settings_that_contradict_each_other_are_refused() {
    let url = ("ELASTICSEARCH_URL", "https://localhost:1");
    let key = ("ELASTICSEARCH_API_KEY", SECRET);
    let cases: &[(Settings<'_>, &str)] = &[
        (
            &[url, ("ELASTIC_CLOUD_ID", "a:b")],
            "ELASTIC_CLOUD_ID=a:b: it contradicts ELASTICSEARCH_URL",
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
            "ELASTICSEARCH_AUTH=sigv4: there is more than one way",
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
            "ELASTICSEARCH_USERNAME=a:b: it should have no `:`",
        ),
        (
            &[url, ("ELASTICSEARCH_CA_FILE", "missing.pem")],
            "ELASTICSEARCH_CA_FILE=missing.pem",
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
fn wrong_usage_is_refused() {
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

/// What `invoke` says on standard error: the report, then a sentence.
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
fn events_of_no_known_kind_are_refused() {
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
    // gzip of "{}", whole, cut off, and with something after it.
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
fn a_broken_record_leaves_the_others_alone_and_is_named_in_the_answer() {
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
fn invoke_prints_documents_and_reports_apart() {
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
fn each_event_has_its_report_in_order() {
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
fn the_answer_of_a_stream_and_of_a_queue_stands_in_the_report() {
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
fn normalize_answers_each_line_with_one() {
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

/// A line of a mebibyte, as large as CloudWatch Logs has them.
#[test]
fn normalize_takes_the_largest_lines() {
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
fn an_event_made_of_lines_is_invoked_with_the_same_documents() {
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

#[test]
fn a_log_format_is_valid_and_understood_whole() {
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

/// A value that API Gateway might put in the place of a variable: whatever is converted wants the right one.
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
fn config_shows_every_setting_and_no_secret() {
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
fn config_tells_every_problem_at_once() {
    let settings = [
        (
            "ELASTICSEARCH_URL",
            "https://elastic:s3cr3t-and-never-shown@localhost",
        ),
        // Nor does it fit a header: that is no second problem.
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
fn settings_that_nobody_knows_or_that_are_empty_do_no_harm() {
    let settings = [
        ("UNKNOWN", "x"),
        ("ELASTICSEARCH_URL", ""),
        ("INCLUDE", " "),
        ("LOG_LEVEL", "info,apigw_logs=debug"),
    ];
    assert_eq!(run(&["invoke", REST], &settings, b"").status, 0);
}

#[test]
fn lines_are_wanted_or_not() {
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

/// Keys, tokens and the like never come out; nor does a line in what is said of it.
#[test]
fn what_is_secret_stays_so() {
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
