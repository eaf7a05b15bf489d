//! What Elasticsearch's own ingest pipeline would spend: OpenSearch's processor time for documents of ours, and for raw lines
//! that an equivalent pipeline of its own makes documents of.
//!
//! OpenSearch, since its processors can be had without a licence; `uri_parts` it lacks, and the pipeline does without.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::report::least_time;
use crate::steps;
use test_support::http;
use test_support::inputs::{self, Format};

const PIPELINE: &str = include_str!("pipeline.json");
const DATA_STREAM: &str = "logs-aws.api_gateway_logs-default";

/// Documents of a request, and of a round.
const REQUEST: usize = 1_000;
const ROUND: usize = 10_000;

/// Rounds until Java has compiled what it needs, and rounds that count, of which the least does.
const WARM: usize = 3;
const COUNTED: usize = 3;

/// A table of what is spent on a document.
pub(crate) fn run() {
    let server = Server::start();
    server.prepare();
    let (ours, raw) = (bodies(true), bodies(false));
    let variants = [
        ("documents of ours", &ours, ""),
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
        let time = server.cost(bodies, query).as_secs_f64() * 1e6 / ROUND as f64;
        let bytes = bodies.iter().map(String::len).sum::<usize>() / ROUND;
        println!("| {name} | {time:.0} | {bytes} |");
    }
    let mut path = steps::path(Format::Rest, ROUND, steps::default_level());
    let time =
        least_time(&mut *path.run, Duration::from_secs(2)).as_secs_f64() * 1e6 / ROUND as f64;
    println!("| the function's CPU, for documents of ours | {time:.0} | |");
}

/// The bodies of a round.
fn bodies(ours: bool) -> Vec<String> {
    let body = String::from_utf8(steps::bulk_body(Format::Rest, ROUND)).expect("JSON is UTF-8");
    let (lines, pairs): (_, Vec<_>) = (inputs::lines(Format::Rest, ROUND), body.lines().collect());
    let document = |(pair, line): (&[&str], &String)| match pair {
        [action, document] if ours => format!("{action}\n{document}\n"),
        [action, _] => {
            let line = serde_json::to_string(line).expect("a text can be written as JSON");
            format!(
                "{action}\n{{\"@timestamp\":1772353800210,\"event\":{{\"original\":{line}}}}}\n"
            )
        }
        _ => panic!("a document has an action"),
    };
    let documents: Vec<String> = pairs.chunks(2).zip(&lines).map(document).collect();
    documents.chunks(REQUEST).map(<[String]>::concat).collect()
}

/// An OpenSearch. It ends when its standard input closes.
struct Server {
    script: Child,
    stdin: Option<ChildStdin>,
    url: String,
}

impl Server {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/searchnode");
        let mut script = Command::new(folder.join("serve"))
            .args(["opensearch", "node.roles=cluster_manager,data,ingest"])
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
            .expect("OpenSearch starts")
            .to_owned();
        Self {
            stdin: script.stdin.take(),
            script,
            url,
        }
    }

    /// The templates as users install them, and the pipeline.
    fn prepare(&self) {
        let setup = Command::new(env!("CARGO_BIN_EXE_apigw-logs"))
            .arg("setup")
            .env_clear()
            .env("ELASTICSEARCH_URL", &self.url)
            .stdout(Stdio::null())
            .status();
        assert!(setup.is_ok_and(|status| status.success()), "setup runs");
        self.ask("PUT", "/_ingest/pipeline/api-gateway", Some(PIPELINE));
    }

    fn ask(&self, method: &str, path: &str, body: Option<&str>) -> String {
        let url = format!("{}{path}", self.url);
        let (status, answer) =
            http::request(method, &url, None, body.map(Into::into)).expect("OpenSearch answers");
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    /// The least processor time of a round.
    fn cost(&self, bodies: &[String], query: &str) -> Duration {
        let rounds = (0..WARM + COUNTED).map(|_| self.round(bodies, query));
        rounds.skip(WARM).min().unwrap_or_default()
    }

    /// The processor time of a round in a new data stream, until it can be searched and is on disk.
    fn round(&self, bodies: &[String], query: &str) -> Duration {
        self.ask("PUT", &format!("/_data_stream/{DATA_STREAM}"), None);
        let before = self.cpu_time();
        for body in bodies {
            let answer = self.ask("POST", &format!("/{DATA_STREAM}/_bulk{query}"), Some(body));
            assert!(answer.contains(r#""errors":false"#), "{answer:.1000}");
        }
        self.ask("POST", &format!("/{DATA_STREAM}/_refresh"), None);
        self.ask("POST", &format!("/{DATA_STREAM}/_flush"), None);
        let spent = self.cpu_time().saturating_sub(before);
        self.ask("DELETE", &format!("/_data_stream/{DATA_STREAM}"), None);
        spent
    }

    /// The processor time of the Java process so far, user and system, in hundredths of seconds as Linux counts it.
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
        // Waiting fails only for a process that is gone.
        drop(self.script.wait());
    }
}
