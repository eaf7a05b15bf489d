//! The built binary as a Lambda function, under AWS's Runtime Interface Emulator and under a
//! Runtime API of our own.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use apigw_logs::report::Report;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::command_line::command;
use crate::support::fake_elasticsearch::{FakeElasticsearch, Fault};
use crate::support::golden::repository;
use crate::support::invocation::{LOGS, direct, line, lines, payload, sqs};
use crate::support::json::Json;
use crate::support::runtime_api::RuntimeApi;
use crate::support::runtime_emulator::RuntimeEmulator;

/// An address where nothing listens, for invocations that have nothing to send.
const NOWHERE: (&str, &str) = ("ELASTICSEARCH_URL", "http://127.0.0.1:9");

/// CloudWatch's probe that checks whether the destination works: an event without documents.
const CONTROL_MESSAGE: &str = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"",
    "subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1700000000000,
    "message":"CWL CONTROL MESSAGE: Checking health of destination Lambda."}]}"#;

const DATA_MESSAGE: &str = r#"{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"api","logStream":"s",
    "subscriptionFilters":["f"],"logEvents":[{"id":"1","timestamp":1700000000000,
    "message":"{\"requestId\":\"r\",\"status\":\"200\"}"}]}"#;

/// A direct subscription's invoke event.
fn event(log_data: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(log_data.as_bytes())
        .expect("writing to a Vec cannot fail");
    let data = BASE64_STANDARD.encode(gzip.finish().expect("writing to a Vec cannot fail"));
    format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#).into_bytes()
}

/// The same function on AWS's emulator (where it is available) and on ours.
fn on_both(variables: &[(&str, &str)], timeout_seconds: u32, check: fn(&RuntimeEmulator)) {
    check(&RuntimeEmulator::start(variables, timeout_seconds));
    check(&RuntimeEmulator::start_own(variables, timeout_seconds));
}

#[test]
fn a_control_message_succeeds() {
    on_both(&[NOWHERE], 300, |function| {
        let answer = function.invoke(&event(CONTROL_MESSAGE));
        assert!(!answer.contains("errorType"), "{answer}");
    });
}

#[test]
fn an_event_of_no_known_trigger_is_an_error_with_a_fixed_name() {
    on_both(&[NOWHERE], 300, |function| {
        let answer = function.invoke(b"{}");
        assert!(
            answer.contains(r#""errorType":"Event.Unsupported""#),
            "{answer}"
        );
    });
}

/// Returns a function that has started, so that its start takes no time of the next invocation.
fn started(variables: &[(&str, &str)], timeout_seconds: u32) -> RuntimeEmulator {
    let debug = [variables, &[("LOG_LEVEL", "debug")]].concat();
    let function = RuntimeEmulator::start_own(&debug, timeout_seconds);
    function.invoke(&event(CONTROL_MESSAGE));
    function
}

/// Checks that the function keeps at least half a second of each invocation for its answer.
fn check_reserve(function: &RuntimeEmulator, timeout_seconds: u32) {
    let lines = log_lines(&function.output_with("Delivery.Incomplete"));
    let times = lines.iter().filter_map(|line| line.get("time_left_s"));
    let times: Vec<f64> = times
        .map(|time| time.compact().parse().expect("a time is a number"))
        .collect();
    assert_eq!(times.len(), 2, "two invocations");
    let longest = f64::from(timeout_seconds) - 0.5;
    assert!(times.iter().all(|time| *time <= longest), "{times:?}");
}

/// The function must answer by itself before the platform ends it.
#[test]
fn a_server_that_never_answers_is_an_error_before_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    let url = format!(
        "http://{}",
        silent.local_addr().expect("a bound socket has an address")
    );
    for seconds in [3, 6] {
        let function = started(&[("ELASTICSEARCH_URL", &url)], seconds);
        let answer = function.invoke(&event(DATA_MESSAGE));
        assert!(
            answer.contains(r#""errorType":"Delivery.Incomplete""#),
            "{answer}"
        );
        assert!(answer.contains("no answer came in time"), "{answer}");
        check_reserve(&function, seconds);
    }
}

/// Dead letters may be written until late, but not into the time that the answer needs.
#[test]
fn dead_letters_that_are_never_answered_are_an_error_before_the_deadline() {
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "/7", 400, "document_parsing_exception");
    server.fail([Fault::none(), Fault::none().delayed(3_600_000)]);
    let function = started(&[("ELASTICSEARCH_URL", &server.url)], 4);
    let answer = function.invoke(direct(&payload("e", "api", &[line(7)])).as_bytes());
    assert!(
        answer.contains(r#""errorType":"Delivery.Incomplete""#),
        "{answer}"
    );
}

/// The function drains the queue of failed invocations: finished messages are removed, the others
/// stay.
#[test]
fn a_queue_of_failed_invocations_is_drained() {
    let server = FakeElasticsearch::start();
    let failed = |name: &str| direct(&payload(name, "api", &[line(0), line(1)]));
    let record = |name| {
        format!(
            r#"{{"version":"1.0","requestPayload":{},"responsePayload":null}}"#,
            failed(name)
        )
    };
    let queue = sqs(&[
        ("on-failure", &record("a")),
        ("bare", &failed("b")),
        ("broken", "{"),
        ("foreign", "{}"),
    ]);
    // With these settings, any wait is longer than the budget.
    let no_waiting = [
        ("RETRY_INITIAL_MS", "86400000"),
        ("RETRY_MAX_MS", "86400000"),
    ];
    let function = RuntimeEmulator::start_own(
        &[&[("ELASTICSEARCH_URL", &*server.url)], &no_waiting[..]].concat(),
        30,
    );
    server.fail([Fault::status(503), Fault::status(503)]);
    let all = r#"{"batchItemFailures":[{"itemIdentifier":"on-failure"},{"itemIdentifier":"bare"},{"itemIdentifier":"broken"},{"itemIdentifier":"foreign"}]}"#;
    assert_eq!(function.invoke(queue.as_bytes()), all);
    let unreadable =
        r#"{"batchItemFailures":[{"itemIdentifier":"broken"},{"itemIdentifier":"foreign"}]}"#;
    server.fail_no_more();
    for _ in 0..2 {
        assert_eq!(function.invoke(queue.as_bytes()), unreadable);
        assert_eq!(server.count(LOGS), 4);
    }
}

#[test]
fn two_invocations_come_over_one_connection() {
    let function = RuntimeEmulator::start_own(&[NOWHERE], 10);
    function.invoke(&event(CONTROL_MESSAGE));
    function.invoke(b"{}");

    let requests = function.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.connection == requests[0].connection),
        "{requests:#?}"
    );
    let posts: Vec<_> = requests
        .iter()
        .filter(|request| request.method == "POST")
        .collect();
    assert_eq!(posts.len(), 2, "{requests:#?}");
    assert!(posts[0].path.ends_with("/response"), "{}", posts[0].path);
    assert!(posts[1].path.ends_with("/error"), "{}", posts[1].path);
    assert!(
        posts[1]
            .headers
            .iter()
            .any(|(name, _)| name == "lambda-runtime-function-error-type")
    );
    assert!(
        posts[1].body.contains("Event.Unsupported"),
        "{}",
        posts[1].body
    );
}

#[test]
fn a_start_without_settings_names_the_missing_ones() {
    on_both(&[], 10, |function| {
        function.invoke(&event(CONTROL_MESSAGE));
        let output = function.output_with("ELASTICSEARCH_URL");
        let line = output
            .lines()
            .find(|line| line.contains("ELASTICSEARCH_URL"))
            .unwrap_or_default();
        assert_eq!(log_lines(line)[0].text("level"), Some("ERROR"));
    });
}

/// Returns the lines of the function's own log. Each is JSON with the members of Lambda's
/// structured logs.
fn log_lines(output: &str) -> Vec<Json> {
    let lines: Vec<_> = output.lines().map(Json::read).collect();
    for line in &lines {
        let timestamp = line.text("timestamp").unwrap_or_default();
        assert!(
            timestamp.ends_with('Z') && timestamp.parse::<jiff::Timestamp>().is_ok(),
            "{}",
            line.compact()
        );
        let level = line.text("level").unwrap_or_default();
        assert!(
            ["DEBUG", "INFO", "WARN", "ERROR"].contains(&level),
            "{}",
            line.compact()
        );
    }
    lines
}

#[test]
fn an_invocation_is_one_line_with_the_report_and_the_metrics() {
    let function = RuntimeEmulator::start_own(&[NOWHERE, ("METRICS_NAMESPACE", "Mine")], 10);
    function.invoke(&event(CONTROL_MESSAGE));
    function.invoke(b"{}");
    let output = function.output_with("Event.Unsupported");

    let [good, bad] = &log_lines(&output)[..] else {
        panic!("two invocations, two lines: {output}")
    };
    assert_eq!(
        (good.text("level"), bad.text("level")),
        (Some("INFO"), Some("ERROR"))
    );
    assert_eq!(
        (good.number("received"), good.number("skipped")),
        (Some(1), Some(1))
    );
    assert!(
        good.text("requestId").is_some_and(|id| !id.is_empty()),
        "{output}"
    );
    assert_eq!(
        good.get("xray_trace_id"),
        None,
        "the request is not sampled"
    );

    // The members that the metrics point at are in the line as numbers, and their dimension as
    // text.
    assert!(good.number("_aws.Timestamp").is_some(), "{output}");
    let Some([Json::Object(_)]) = good.list("_aws.CloudWatchMetrics") else {
        panic!("one directive: {output}")
    };
    let directive = &good.list("_aws.CloudWatchMetrics").unwrap_or_default()[0];
    assert_eq!(directive.text("Namespace"), Some("Mine"));
    let Some([Json::List(dimensions)]) = directive.list("Dimensions") else {
        panic!("one set: {output}")
    };
    assert_eq!(dimensions, &[Json::Text("FunctionName".to_owned())]);
    assert_eq!(good.text("FunctionName"), Some("test_function"));
    let metrics = directive.list("Metrics").unwrap_or_default();
    for metric in metrics {
        assert!(
            good.number(metric.text("Name").unwrap_or_default())
                .is_some(),
            "{}",
            metric.compact()
        );
    }
    // Alarms watch some of the metrics, so none may be missing.
    let report = Json::read(&serde_json::to_string(&Report::default()).expect("a report is JSON"));
    let Json::Object(members) = &report else {
        panic!("{}", report.compact())
    };
    let counts = members
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| report.number(name).is_some());
    let names = metrics
        .iter()
        .map(|metric| metric.text("Name").unwrap_or_default());
    assert_eq!(names.collect::<Vec<_>>(), counts.collect::<Vec<_>>());
}

#[test]
fn without_a_namespace_there_are_no_metrics() {
    let function = RuntimeEmulator::start_own(&[NOWHERE, ("METRICS_NAMESPACE", "none")], 10);
    function.invoke(&event(CONTROL_MESSAGE));
    let output = function.output_with("requestId");
    assert!(!output.contains("_aws"), "{output}");
}

/// Debug lines tell what happens in an invocation, step by step, and nothing of what its lines say.
#[test]
fn debug_lines_tell_the_steps_of_an_invocation() {
    for variable in ["LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL"] {
        let server = FakeElasticsearch::start();
        let variables = [
            ("ELASTICSEARCH_URL", &*server.url),
            ("ELASTICSEARCH_API_KEY", "a2V5"),
            (variable, "DEBUG"),
        ];
        let function = RuntimeEmulator::start_own(&variables, 10);
        function.invoke(&event(DATA_MESSAGE));
        let output = function.output_with("_aws");

        let lines = log_lines(&output);
        let line = |message| {
            let line = lines
                .iter()
                .find(|line| line.text("message") == Some(message));
            line.unwrap_or_else(|| panic!("{message} is not in:\n{output}"))
        };
        let request_id = line("invocation").text("requestId");
        for step in ["event read", "payload read", "bulk request answered"] {
            assert_eq!(line(step).text("span.requestId"), request_id, "{output}");
        }
        for hidden in ["requestId\\\"", r#""status\"#, "a2V5", "idle connection"] {
            assert!(!output.contains(hidden), "{hidden}: {output}");
        }
    }
}

#[test]
fn log_level_takes_precedence_over_lambda_s() {
    let variables = [
        NOWHERE,
        ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
        ("LOG_LEVEL", "info"),
    ];
    let function = RuntimeEmulator::start_own(&variables, 10);
    function.invoke(&event(CONTROL_MESSAGE));
    assert_eq!(log_lines(&function.output_with("_aws")).len(), 1);
    let function = RuntimeEmulator::start_own(&[NOWHERE, ("AWS_LAMBDA_LOG_LEVEL", "FATAL")], 10);
    function.invoke(&event(CONTROL_MESSAGE));
    assert_eq!(log_lines(&function.output_with("_aws")).len(), 1);
}

/// With the template's system log level, Lambda adds no line of its own. The page on operating
/// computes its cost with a line of this size.
#[test]
fn a_successful_invocation_writes_less_than_a_kilobyte() {
    let server = FakeElasticsearch::start();
    let function = RuntimeEmulator::start_own(&[("ELASTICSEARCH_URL", &*server.url)], 60);
    let mut sizes = Vec::new();
    for count in [10, 10_000] {
        let before = function.output().len();
        function.invoke(direct(&payload("e", &format!("api-{count}"), &lines(count))).as_bytes());
        let output = function.output_with(&format!("\"received\":{count},"));
        let line = output.get(before..).unwrap_or_default();
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains("_aws"), "{line}");
        assert!(line.len() <= 1_000, "{} bytes: {line}", line.len());
        sizes.push(line.len());
    }
    let page = std::fs::read_to_string(repository("docs/operate.md")).expect("the page is there");
    let documented = (sizes[0] as f64 / 10.0).round() / 100.0;
    assert!(
        page.contains(&format!("3 million × {documented} kB")),
        "{} bytes",
        sizes[0]
    );
}

/// The emulator of AWS writes Lambda's own lines at any level. They are those that the template
/// turns off.
#[test]
fn lambda_s_own_lines_begin_with_known_words() {
    let server = FakeElasticsearch::start();
    let variables = [("ELASTICSEARCH_URL", &*server.url)];
    let Ok(function) = RuntimeEmulator::start_aws(&variables, 10) else {
        eprintln!("skipped: AWS's emulator is not available");
        return;
    };
    function.invoke(&event(DATA_MESSAGE));
    let output = function.output_with("REPORT RequestId");
    let lines = output.lines().filter(|line| !line.contains("(rapid)"));
    let first_words: Vec<_> = lines
        .map(|line| line.split([' ', ':']).next().unwrap_or_default())
        .collect();
    assert_eq!(
        first_words,
        ["START", "{\"timestamp\"", "END", "REPORT"],
        "{output}"
    );
}

#[test]
fn an_event_that_is_not_json_is_unsupported_and_logged() {
    for bytes in [&b""[..], b"not JSON", b"{\"awslogs\":", b"\xff\xfe"] {
        let function = RuntimeEmulator::start_own(&[NOWHERE], 10);
        let answer = function.invoke(bytes);
        assert!(
            answer.contains(r#""errorType":"Event.Unsupported""#),
            "{answer}"
        );
        let output = function.output_with("_aws");
        let [line] = &log_lines(&output)[..] else {
            panic!("one line: {output}")
        };
        assert_eq!(
            line.text("error.type"),
            Some("Event.Unsupported"),
            "{output}"
        );
    }
}

#[test]
fn no_log_level_logs_the_event() {
    let server = FakeElasticsearch::start();
    for level in [
        "trace",
        "info,lambda_runtime=trace",
        "lambda_runtime::layers=trace,hyper=trace",
    ] {
        let variables = [("ELASTICSEARCH_URL", &*server.url), ("LOG_LEVEL", level)];
        let function = RuntimeEmulator::start_own(&variables, 10);
        let event = event(DATA_MESSAGE);
        function.invoke(&event);
        let output = function.output_with("_aws");
        for hidden in ["H4sI", "raw JSON event", "awslogs", "TRACE lambda"] {
            assert!(!output.contains(hidden), "{level}: {output}");
        }
    }
}

/// Starts the function with its log on a full device.
#[test]
fn a_log_that_cannot_be_written_does_not_hold_back_the_answer() {
    let server = FakeElasticsearch::start();
    let requests = Arc::default();
    let api = RuntimeApi::start(Arc::clone(&requests));
    let full = || {
        File::options()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it")
    };
    let settings = [
        ("AWS_LAMBDA_RUNTIME_API", api.address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "test_function"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("ELASTICSEARCH_URL", &*server.url),
        ("ELASTICSEARCH_URLS", "misspelt, which is a line more"),
        ("LOG_LEVEL", "debug"),
    ];
    let mut function = command(&[], &settings)
        .stdin(Stdio::null())
        .stdout(full())
        .stderr(full())
        .spawn()
        .expect("the function starts");
    for _ in 0..2 {
        api.hand_out(&event(DATA_MESSAGE), 10);
        let answer = api
            .answer_within(Duration::from_secs(20))
            .unwrap_or_default();
        assert!(answer.contains(r#""error":null"#), "{answer}");
    }
    assert_eq!(server.count(LOGS), 1);
    assert!(
        function.try_wait().expect("its status").is_none(),
        "it goes on"
    );
    function.kill().expect("it is there");
    function.wait().expect("it has ended");
}

/// If the Runtime API fails, the function ends, and its last line says why.
#[test]
fn a_runtime_api_that_fails_ends_the_function_with_a_line() {
    for status in [
        "204 No Content",
        "403 Forbidden",
        "500 Internal Server Error",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
        let address = listener.local_addr().expect("an address").to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the function asks");
            let mut head = [0; 4096];
            let read = stream.read(&mut head).expect("it sends a request");
            assert!(read > 0);
            let reply =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(reply.as_bytes()).expect("it listens");
        });
        let settings = [
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "test_function"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            NOWHERE,
        ];
        let outcome = command(&[], &settings)
            .output()
            .expect("the function starts");
        server.join().expect("it served");
        assert!(!outcome.status.success(), "{status}");
        let output = String::from_utf8_lossy(&outcome.stdout).into_owned();
        let line = log_lines(&output).pop().expect("a line");
        assert_eq!(line.text("level"), Some("ERROR"), "{status}: {output}");
    }
}

/// The level of Lambda is a setting of Lambda's, under its own name.
#[test]
fn a_wrong_level_is_told_under_the_name_of_its_variable() {
    for (variables, name) in [
        (
            &[("AWS_LAMBDA_LOG_LEVEL", "loud")][..],
            "AWS_LAMBDA_LOG_LEVEL=loud",
        ),
        (
            &[("LOG_LEVEL", "loud"), ("AWS_LAMBDA_LOG_LEVEL", "INFO")],
            "LOG_LEVEL=loud",
        ),
    ] {
        let variables = [&[NOWHERE], variables].concat();
        let function = RuntimeEmulator::start_own(&variables, 10);
        function.invoke(&event(CONTROL_MESSAGE));
        let output = function.output_with("it should be `error`");
        assert!(
            output.contains(&format!("\"{name}: it should be `error`")),
            "{output}"
        );
    }
}
