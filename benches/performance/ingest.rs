//! The cost of our documents to the cluster, compared with raw lines: processor time and bytes of a
//! real server.
//!
//! With Elasticsearch, the tables show the cost in each index mode. Raw lines that nobody parses
//! are the floor: a forwarder that leaves the work to others sends such lines. With OpenSearch,
//! they show what an ingest pipeline that parses raw lines would spend, because its processors need
//! no licence. It has no `uri_parts`, so the pipeline does without.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::report::least_time;
use crate::steps;
use test_support::http;
use test_support::inputs::{self, InputFormat};

const PIPELINE: &str = include_str!("pipeline.json");
const DATA_STREAM: &str = "logs-aws.api_gateway_logs-default";

/// The number of documents in a request, and in a round.
const REQUEST: usize = 1_000;
const ROUND: usize = 10_000;

/// The number of rounds until Java has compiled its code, and the number of rounds that are
/// measured. The lowest measurement counts.
const WARM: usize = 3;
const COUNTED: usize = 3;

/// Prints two tables of the resources that a server spends on a document.
pub(crate) fn run() {
    index_modes();
    pipeline();
}

/// Measures documents and raw lines in each index mode of Elasticsearch. The servers of the tests
/// have keywords in place of wildcards, and no `match_only_text`: a text without positions is the
/// closest to it.
fn index_modes() {
    let server = Server::start(&["elasticsearch"]);
    server.setup();
    server.ask(
        "PUT",
        "/_component_template/logsdb",
        Some(r#"{"template":{"settings":{"index.mode":"logsdb"}}}"#),
    );
    server.ask(
        "PUT",
        "/_component_template/standard",
        Some(r#"{"template":{}}"#),
    );
    server.ask("PUT", "/_component_template/lines", Some(LINES));
    let (ours, raw) = (
        bodies(InputFormat::RestFull, Sent::Documents),
        bodies(InputFormat::RestFull, Sent::Messages),
    );
    let ours_of = [
        "logs-aws.api_gateway_logs@settings",
        "logs-aws.api_gateway_logs@mappings",
    ];
    let variants = ["standard", "logsdb"].map(|mode| {
        server.put_template("ours", &ours_of, mode);
        server.put_template("lines", &["lines"], mode);
        [("ours", mode, &ours), ("lines", mode, &raw)]
    });
    let variants = variants.concat();
    let mut least = vec![(Duration::MAX, 0); variants.len()];
    for round in 0..WARM + COUNTED {
        // The modes take turns, so that other load on the machine affects all of them.
        for ((name, mode, bodies), (time, bytes)) in variants.iter().zip(&mut least) {
            let stream = format!("{name}-{mode}-{round}");
            let spent = server.round(&stream, bodies, "");
            if round >= WARM {
                *time = spent.min(*time);
                *bytes = server.bytes(&stream);
            }
        }
    }
    println!(
        "| {ROUND} REST events, recommended format | µs of the server's CPU a document | bytes of disk a document |"
    );
    println!("| --- | ---: | ---: |");
    for ((name, mode, _), (time, bytes)) in variants.iter().zip(least) {
        let name = if *name == "ours" {
            "our documents"
        } else {
            "raw lines, not parsed"
        };
        println!(
            "| {name}, {mode} | {:.0} | {} |",
            a_document(time),
            bytes / ROUND
        );
    }
    println!();
}

/// The mapping of raw lines.
const LINES: &str = r#"{"template":{"settings":{"index.codec":"best_compression"},"mappings":{"dynamic":false,"properties":{
    "@timestamp":{"type":"date"},"message":{"type":"text","index_options":"docs","norms":false}}}}}"#;

/// Measures documents, and raw lines that go through a pipeline of OpenSearch.
fn pipeline() {
    let server = Server::start(&["opensearch", "node.roles=cluster_manager,data,ingest"]);
    server.setup();
    server.ask("PUT", "/_ingest/pipeline/api-gateway", Some(PIPELINE));
    let (ours, raw) = (
        bodies(InputFormat::Rest, Sent::Documents),
        bodies(InputFormat::Rest, Sent::Originals),
    );
    let variants = [
        ("our documents", &ours, ""),
        (
            "raw lines, through a pipeline",
            &raw,
            "?pipeline=api-gateway",
        ),
        ("raw lines, as they are", &raw, ""),
    ];
    println!(
        "| {ROUND} REST events | µs of the server's CPU a document | bytes a document, before gzip |"
    );
    println!("| --- | ---: | ---: |");
    for (name, bodies, query) in variants {
        let time = a_document(server.cost(bodies, query));
        let bytes = bodies.iter().map(String::len).sum::<usize>() / ROUND;
        println!("| {name} | {time:.0} | {bytes} |");
    }
    let mut path = steps::path(InputFormat::Rest, ROUND, steps::default_level());
    let time = a_document(least_time(&mut *path.run, Duration::from_secs(2)));
    println!("| the function's CPU, for our documents | {time:.0} | |");
}

/// Returns the microseconds for one document of a round.
fn a_document(round: Duration) -> f64 {
    round.as_secs_f64() * 1e6 / ROUND as f64
}

/// The form in which events are sent.
#[derive(Clone, Copy)]
enum Sent {
    /// Our documents.
    Documents,
    /// Raw lines under `event.original`, which a pipeline parses.
    Originals,
    /// Raw lines under `message`.
    Messages,
}

/// Returns the bodies of a round.
fn bodies(format: InputFormat, sent: Sent) -> Vec<String> {
    let body = String::from_utf8(steps::bulk_body(format, ROUND)).expect("JSON is UTF-8");
    let (lines, pairs): (_, Vec<_>) = (inputs::lines(format, ROUND), body.lines().collect());
    let document = |(pair, line): (&[&str], &String)| {
        let [action, document] = pair else {
            panic!("a document has an action")
        };
        let line = serde_json::to_string(line).expect("a text can be written as JSON");
        let members = match sent {
            Sent::Documents => return format!("{action}\n{document}\n"),
            Sent::Originals => format!(r#""event":{{"original":{line}}}"#),
            Sent::Messages => format!(r#""message":{line}"#),
        };
        format!("{action}\n{{\"@timestamp\":1772353800210,{members}}}\n")
    };
    let documents: Vec<String> = pairs.chunks(2).zip(&lines).map(document).collect();
    documents.chunks(REQUEST).map(<[String]>::concat).collect()
}

/// A server. It ends when its standard input closes.
struct Server {
    script: Child,
    stdin: Option<ChildStdin>,
    url: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/searchnode");
        let mut script = Command::new(folder.join("serve"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/searchnode/serve can be started");
        let mut line = String::new();
        BufReader::new(script.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it is text");
        let url = line
            .trim_end()
            .strip_prefix("READY ")
            .expect("the server starts")
            .to_owned();
        Self {
            stdin: script.stdin.take(),
            script,
            url,
        }
    }

    /// Installs the templates as users do.
    fn setup(&self) {
        let setup = Command::new(env!("CARGO_BIN_EXE_apigw-logs"))
            .arg("setup")
            .env_clear()
            .env("ELASTICSEARCH_URL", &self.url)
            .stdout(Stdio::null())
            .status();
        assert!(setup.is_ok_and(|status| status.success()), "setup runs");
    }

    /// Installs a template for data streams `NAME-MODE-…`, made of these components and the
    /// component of the mode.
    fn put_template(&self, name: &str, components: &[&str], mode: &str) {
        let components = [components, &[mode]].concat().join("\",\"");
        let body = format!(
            r#"{{"index_patterns":["{name}-{mode}-*"],"priority":900,"data_stream":{{}},"composed_of":["{components}"]}}"#
        );
        self.ask(
            "PUT",
            &format!("/_index_template/{name}-{mode}"),
            Some(&body),
        );
    }

    fn ask(&self, method: &str, path: &str, body: Option<&str>) -> String {
        let url = format!("{}{path}", self.url);
        let (status, answer) =
            http::request(method, &url, None, body.map(Into::into)).expect("the server answers");
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    /// Returns the lowest processor time of a round in OpenSearch. Each round uses a new data
    /// stream.
    fn cost(&self, bodies: &[String], query: &str) -> Duration {
        let rounds = (0..WARM + COUNTED).map(|_| {
            let spent = self.round(DATA_STREAM, bodies, query);
            self.ask("DELETE", &format!("/_data_stream/{DATA_STREAM}"), None);
            spent
        });
        rounds.skip(WARM).min().unwrap_or_default()
    }

    /// Returns the processor time of a round, until it can be searched and is on disk. The first
    /// request creates the data stream.
    fn round(&self, data_stream: &str, bodies: &[String], query: &str) -> Duration {
        let before = self.cpu_time();
        for body in bodies {
            let answer = self.ask("POST", &format!("/{data_stream}/_bulk{query}"), Some(body));
            assert!(answer.contains(r#""errors":false"#), "{answer:.1000}");
        }
        self.ask("POST", &format!("/{data_stream}/_refresh"), None);
        self.ask("POST", &format!("/{data_stream}/_flush"), None);
        self.cpu_time().saturating_sub(before)
    }

    /// Returns the bytes of a data stream, merged to one segment.
    fn bytes(&self, data_stream: &str) -> usize {
        self.ask(
            "POST",
            &format!("/{data_stream}/_forcemerge?max_num_segments=1"),
            None,
        );
        self.ask("POST", &format!("/{data_stream}/_flush"), None);
        let path =
            format!("/{data_stream}/_stats/store?filter_path=_all.primaries.store.size_in_bytes");
        let answer = self.ask("GET", &path, None);
        let digits: String = answer.chars().filter(char::is_ascii_digit).collect();
        digits.parse().expect("a server tells its bytes")
    }

    /// Returns the processor time of the Java process so far, user and system, in hundredths of a
    /// second as Linux counts it.
    ///
    /// Source: <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>.
    fn cpu_time(&self) -> Duration {
        const TICK: Duration = Duration::from_millis(10);
        let script = self.script.id();
        let children = fs::read_to_string(format!("/proc/{script}/task/{script}/children"))
            .expect("the script runs");
        let java = children.split_whitespace().find_map(|process| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            stat.split_once("(java) ").map(|(_, rest)| rest.to_owned())
        });
        let java = java.expect("the script runs Java");
        let ticks = java
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u32>().ok());
        TICK * ticks.sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // Waiting fails only if the process has already ended.
        drop(self.script.wait());
    }
}
