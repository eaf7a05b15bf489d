//! Our answers beside those of a real `user_agent` processor.

use apigw_logs::enrich::user_agent::{ParsedUserAgent, UserAgents};
use serde::{Deserialize, Serialize};

const PATTERNS: &str = include_str!("../../data/uap-core-0.10.0/regexes.yaml");
const USER_AGENTS: &str = include_str!("fixtures/user_agents.txt");
/// What OpenSearch 3.8 answered to the one request that [`compare`] makes of them.
const SIMULATED: &str = include_str!("fixtures/user_agents.simulated.json");

#[test]
fn agrees_with_the_recorded_answers_of_opensearch() {
    let user_agents: Vec<_> = USER_AGENTS.lines().collect();
    let differences = compare(|_| SIMULATED.to_owned(), &user_agents);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// One line for each user agent whose answer differs. `simulate` sends a body to
/// `_ingest/pipeline/_simulate?filter_path=docs.doc._source.user_agent` of an OpenSearch and returns the answer's.
pub(crate) fn compare(simulate: impl Fn(&str) -> String, user_agents: &[&str]) -> Vec<String> {
    let docs = user_agents.iter().map(|line| Doc { _source: Source { line } }).collect();
    let request =
        serde_json::to_string(&Request { pipeline: Pipeline::default(), docs }).expect("a request can be written");
    let response = simulate(&request);
    let response: Response = serde_json::from_str(&response).expect("an answer of _simulate");
    assert_eq!(response.docs.len(), user_agents.len());
    let ours = with_the_patterns_of_opensearch();
    let difference = |(user_agent, simulated): (&&str, Simulated)| {
        let theirs = simulated.doc._source.user_agent;
        let ours = ours.parse(user_agent);
        (!agree(&ours, &theirs)).then(|| format!("{user_agent:?}\n  ours:   {ours:?}\n  theirs: {theirs:?}"))
    };
    user_agents.iter().zip(response.docs).filter_map(difference).collect()
}

/// OpenSearch's copy of the built-in patterns went through a replacement of names of architectures.
/// Elasticsearch's did not.
fn with_the_patterns_of_opensearch() -> UserAgents {
    UserAgents::from_yaml(&PATTERNS.replace("x86_64", "x64").replace("aarch64", "arm64"))
        .expect("the patterns of OpenSearch")
}

fn agree(ours: &ParsedUserAgent, theirs: &UserAgent) -> bool {
    ours.name == theirs.name
        && same_version(ours.version.as_deref(), theirs.version.as_deref())
        && ours.device == theirs.device.name
        && match (&ours.os, &theirs.os) {
            (Some(ours), Some(theirs)) => {
                ours.name == theirs.name
                    && same_version(ours.version.as_deref(), theirs.version.as_deref())
                    && ours.full == ours.version.as_ref().map(|version| format!("{} {version}", ours.name))
                    && theirs.full == theirs.version.as_ref().map(|version| format!("{} {version}", theirs.name))
            }
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        }
}

/// OpenSearch joins empty groups too ("128.0."). Elasticsearch ends a version there since 8.16 (pull request 117213).
fn same_version(ours: Option<&str>, theirs: Option<&str>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            theirs.strip_prefix(ours).is_some_and(|rest| matches!(rest, "" | ".") || rest.starts_with(".."))
        }
        (None, Some(theirs)) => theirs.is_empty() || theirs.starts_with('.'),
        (ours, theirs) => ours == theirs,
    }
}

#[derive(Serialize)]
struct Request<'a> {
    pipeline: Pipeline,
    docs: Vec<Doc<Source<'a>>>,
}

#[derive(Serialize)]
struct Pipeline {
    processors: [Processor; 1],
}

#[derive(Serialize)]
struct Processor {
    user_agent: Settings,
}

#[derive(Serialize)]
struct Settings {
    field: &'static str,
    properties: [&'static str; 4],
}

impl Default for Pipeline {
    fn default() -> Self {
        let settings = Settings { field: "line", properties: ["name", "version", "os", "device"] };
        Self { processors: [Processor { user_agent: settings }] }
    }
}

#[derive(Deserialize, Serialize)]
struct Doc<S> {
    _source: S,
}

#[derive(Serialize)]
struct Source<'a> {
    line: &'a str,
}

#[derive(Deserialize)]
struct Response {
    docs: Vec<Simulated>,
}

#[derive(Deserialize)]
struct Simulated {
    doc: Doc<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    user_agent: UserAgent,
}

#[derive(Debug, Deserialize)]
struct UserAgent {
    name: String,
    version: Option<String>,
    os: Option<Os>,
    device: Device,
}

#[derive(Debug, Deserialize)]
struct Os {
    name: String,
    version: Option<String>,
    full: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Device {
    name: String,
}
