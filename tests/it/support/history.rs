//! CloudWatch Logs as moto plays it, and the program that reads its history.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::time::{SystemTime, UNIX_EPOCH};

use super::command_line::{Outcome, run};
use super::http;
use super::invocation::Report;
use super::json::Json;
use super::moto;
use super::search_server::{SearchServer, shared};
use super::signature::ROLE;
use super::templates::{Job, key, put_templates};

/// The account of moto.
pub(crate) const OWNER: &str = "123456789012";

/// A log event as CloudWatch returns it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogEvent {
    pub(crate) id: String,
    pub(crate) stream: String,
    pub(crate) timestamp: i64,
    pub(crate) message: String,
}

/// Milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "moto takes log events of the last two weeks only"
)]
pub(crate) fn now() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since_1970.as_millis()).unwrap()
}

/// The number of log events of a large history: `HISTORY_EVENTS`, or a number that suits a run of
/// all tests.
#[expect(
    clippy::disallowed_methods,
    reason = "the length of a test is not a setting of the product"
)]
pub(crate) fn history_events() -> usize {
    std::env::var("HISTORY_EVENTS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(4_000)
}

/// Calls an action of a service.
pub(crate) fn call(url: &str, service: &str, target: &str, body: &str) -> String {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let headers = [
        ("authorization", &*authorization),
        ("x-amz-target", target),
        ("content-type", "application/x-amz-json-1.1"),
    ];
    let (status, answer) =
        http::request_with("POST", url, &headers, Some(body.as_bytes().to_vec())).unwrap();
    assert_eq!(status, 200, "{target}: {answer}");
    answer
}

fn logs(action: &str, body: &str) -> String {
    let target = format!("Logs_20140328.{action}");
    call(&moto::shared().url, "logs", &target, body)
}

fn json(text: &str) -> String {
    Json::Text(text.to_owned()).compact()
}

/// A log group of a test's own, with some log streams.
pub(crate) fn log_group(name: &str, streams: &[&str]) -> String {
    let name = format!("{name}-{}", std::process::id());
    logs(
        "CreateLogGroup",
        &format!(r#"{{"logGroupName":{}}}"#, json(&name)),
    );
    for stream in streams {
        let body = format!(
            r#"{{"logGroupName":{},"logStreamName":{}}}"#,
            json(&name),
            json(stream)
        );
        logs("CreateLogStream", &body);
    }
    name
}

/// Writes lines to a log stream, the first at a time and each other a millisecond later.
pub(crate) fn put(group: &str, stream: &str, start: i64, lines: &[String]) {
    let event = |(number, line): (usize, &String)| {
        let time = start + i64::try_from(number).unwrap();
        format!(r#"{{"timestamp":{time},"message":{}}}"#, json(line))
    };
    let events: Vec<_> = lines.iter().enumerate().map(event).collect();
    let body = format!(
        r#"{{"logGroupName":{},"logStreamName":{},"logEvents":[{}]}}"#,
        json(group),
        json(stream),
        events.join(",")
    );
    logs("PutLogEvents", &body);
}

/// The log events of a log group.
pub(crate) fn log_events(group: &str) -> Vec<LogEvent> {
    let body = format!(
        r#"{{"logGroupName":{},"interleaved":true,"limit":10000}}"#,
        json(group)
    );
    let answer = Json::read(&logs("FilterLogEvents", &body));
    let event = |event: &Json| LogEvent {
        id: event.text("eventId").unwrap().to_owned(),
        stream: event.text("logStreamName").unwrap().to_owned(),
        timestamp: event.number("timestamp").unwrap(),
        message: event.text("message").unwrap().to_owned(),
    };
    answer.list("events").unwrap().iter().map(event).collect()
}

/// An event with which a subscription delivers log events of one log stream.
pub(crate) fn delivery(group: &str, events: &[LogEvent]) -> String {
    let log_event = |event: &LogEvent| {
        format!(
            r#"{{"id":{},"timestamp":{},"message":{}}}"#,
            json(&event.id),
            event.timestamp,
            json(&event.message)
        )
    };
    let log_events: Vec<_> = events.iter().map(log_event).collect();
    let data = format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"{OWNER}","logGroup":{},"logStream":{},"subscriptionFilters":["all"],"logEvents":[{}]}}"#,
        json(group),
        json(&events.first().unwrap().stream),
        log_events.join(",")
    );
    super::invocation::direct(&super::invocation::compressed(&data))
}

/// Data streams of a test's own on the shared server, and the settings that lead there.
pub(crate) struct Streams {
    pub(crate) server: &'static SearchServer,
    pub(crate) data_stream: String,
    pub(crate) dead_letters: String,
}

impl Streams {
    pub(crate) fn new(namespace: &str) -> Self {
        let server = shared();
        put_templates(server);
        let unique = std::process::id();
        Self {
            server,
            data_stream: format!("logs-aws.api_gateway_logs-{namespace}{unique}"),
            dead_letters: format!("logs-aws.api_gateway_dead_letters-{namespace}{unique}"),
        }
    }

    /// Runs a command with the key of its job.
    pub(crate) fn run(
        &self,
        job: Job,
        arguments: &[&str],
        more: &[(&str, &str)],
        input: &str,
    ) -> Outcome {
        let key = key(self.server, job);
        let mut settings = self.settings();
        settings.extend(key.as_deref().map(|key| ("ELASTICSEARCH_API_KEY", key)));
        // The last one of a name counts.
        settings.extend(more);
        run(arguments, &settings, input.as_bytes())
    }

    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        let mut settings = ROLE.to_vec();
        settings.extend([
            ("ELASTICSEARCH_URL", self.server.url.as_str()),
            ("DATA_STREAM", &*self.data_stream),
            ("DEAD_LETTER_DATA_STREAM", &*self.dead_letters),
            (
                "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
                moto::shared().url.as_str(),
            ),
            ("RETRY_INITIAL_MS", "1"),
            ("RETRY_MAX_MS", "200"),
            ("RETRY_BUDGET_MS", "300000"),
            ("REQUEST_TIMEOUT_MS", "120000"),
        ]);
        settings
    }

    /// Delivers log events as a subscription would.
    pub(crate) fn deliver(
        &self,
        group: &str,
        events: &[LogEvent],
        more: &[(&str, &str)],
    ) -> Report {
        let event = delivery(group, events);
        let run = self.run(Job::Function, &["invoke", "-"], more, &event);
        assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
        serde_json::from_str(&run.stdout).unwrap()
    }

    pub(crate) fn roll_over(&self) {
        self.server.refresh(&self.data_stream);
        let path = format!("/{}/_rollover", self.data_stream);
        let (status, answer) = self.server.admin_request("POST", &path, None);
        assert_eq!(status, 200, "{answer}");
    }

    /// The numbers of documents and of ids.
    pub(crate) fn stored(&self) -> (usize, usize) {
        self.server.refresh(&self.data_stream);
        let documents = self.server.search(&self.data_stream, "{}");
        let ids = documents.iter().map(|document| document["_id"].to_string());
        let ids: std::collections::BTreeSet<_> = ids.collect();
        (documents.len(), ids.len())
    }

    /// Removes the documents that a query finds, in all backing indices.
    pub(crate) fn remove(&self, query: &str) -> usize {
        self.server.refresh(&self.data_stream);
        let path = format!("/{}/_search?size=10000", self.data_stream);
        let body = format!(r#"{{"query":{query},"_source":false}}"#);
        let (status, answer) = self.server.admin_request("POST", &path, Some(&body));
        assert_eq!(status, 200, "{answer}");
        let answer = Json::read(&answer);
        let deletion = |hit: &Json| {
            let (index, id) = (hit.text("_index").unwrap(), hit.text("_id").unwrap());
            format!(r#"{{"delete":{{"_index":"{index}","_id":"{id}"}}}}"#) + "\n"
        };
        let deletions: Vec<_> = answer
            .list("hits.hits")
            .unwrap()
            .iter()
            .map(deletion)
            .collect();
        let bulk = format!("/{}/_bulk?refresh=true", self.data_stream);
        let (status, answer) = self
            .server
            .admin_request("POST", &bulk, Some(&deletions.concat()));
        assert!(
            status == 200 && answer.contains(r#""errors":false"#),
            "{answer}"
        );
        deletions.len()
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        for data_stream in [&self.data_stream, &self.dead_letters] {
            let path = format!("/_data_stream/{data_stream}");
            self.server.admin_request("DELETE", &path, None);
        }
    }
}
