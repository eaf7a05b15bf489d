//! Our answers compared with those of a real `user_agent` processor.

use std::cell::Cell;

use apigw_logs::enrich::{ParsedUserAgent, UserAgents};
use proptest::{collection::vec, prelude::*, sample::select};
use serde::{Deserialize, Serialize};

use crate::support::generated::{generated, piece};
use crate::support::search_server::{self, Flavour};

const PATTERNS: &str = include_str!("../../data/uap-core-0.10.0/regexes.yaml");
const USER_AGENTS: &str = include_str!("fixtures/user_agents.txt");
/// The answer of OpenSearch 3.8 to the one request that [`compare`] makes of them.
const SIMULATED: &str = include_str!("fixtures/user_agents.simulated.json");

#[test]
fn agrees_with_the_recorded_answers_of_opensearch() {
    let user_agents: Vec<_> = USER_AGENTS.lines().collect();
    let differences = compare(|_| SIMULATED.to_owned(), &user_agents);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Of the servers of the tests only OpenSearch has the processor, so the test does nothing with
/// another server.
#[test]
fn agrees_with_a_real_processor_on_made_up_user_agents() {
    let server = search_server::shared();
    if server.flavour != Flavour::OpenSearch {
        return;
    }
    let collected: Vec<_> = USER_AGENTS.lines().collect();
    let made_up = generated(&user_agent(), 2_000);
    let user_agents: Vec<_> = made_up
        .iter()
        .map(String::as_str)
        .chain(collected)
        .collect();
    let simulate = |body: &str| {
        let path = "/_ingest/pipeline/_simulate?filter_path=docs.doc._source.user_agent";
        let (status, answer) = server.admin_request("POST", path, Some(body));
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let differences = compare(simulate, &user_agents);
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Parts of real user agents, and text on which a pattern might stumble.
fn user_agent() -> impl Strategy<Value = String> {
    let known: Vec<_> = USER_AGENTS
        .lines()
        .filter(|line| !line.is_empty())
        .collect();
    let part =
        (select(known), 0..200_usize, 1..80_usize).prop_map(|(user_agent, skipped, taken)| {
            user_agent
                .chars()
                .skip(skipped)
                .take(taken)
                .collect::<String>()
        });
    let odd = piece(
        r"\u000a \u000d\u000a \u2028 \u0085 \u00e9 \u212a \u017f \u0663 ;\u0020 / Build BOT\u0020 $1 bot 1.2.3 1. ; ( )",
    );
    let text = vec(prop_oneof![3 => part, 1 => odd], 1..6).prop_map(|parts| parts.concat());
    (text, 0..4).prop_map(|(text, case)| match case {
        0 => text.to_lowercase(),
        1 => text.to_uppercase(),
        _ => text,
    })
}

/// Returns one line for each user agent whose answer differs. `simulate` sends a body to
/// `_ingest/pipeline/_simulate?filter_path=docs.doc._source.user_agent` of an OpenSearch and
/// returns the reply's body.
fn compare(simulate: impl Fn(&str) -> String, user_agents: &[&str]) -> Vec<String> {
    let docs = user_agents
        .iter()
        .map(|line| Doc {
            _source: Source { line },
        })
        .collect();
    let request = serde_json::to_string(&Request {
        pipeline: Pipeline::default(),
        docs,
    })
    .expect("a request can be written");
    let response = simulate(&request);
    let response: Response = serde_json::from_str(&response).expect("an answer of _simulate");
    assert_eq!(response.docs.len(), user_agents.len());
    let ours = with_the_patterns_of_opensearch();
    let difference = |(user_agent, simulated): (&&str, Simulated)| {
        let theirs = simulated.doc._source.user_agent;
        let ours = ours
            .parse(user_agent, &Cell::new(u64::MAX))
            .expect("there is work left");
        (!agree(&ours, &theirs))
            .then(|| format!("{user_agent:?}\n  ours:   {ours:?}\n  theirs: {theirs:?}"))
    };
    user_agents
        .iter()
        .zip(response.docs)
        .filter_map(difference)
        .collect()
}

/// Somebody replaced names of architectures in OpenSearch's copy of the built-in patterns.
/// Elasticsearch's copy is unchanged.
fn with_the_patterns_of_opensearch() -> UserAgents {
    UserAgents::from_yaml(
        &PATTERNS
            .replace("x86_64", "x64")
            .replace("aarch64", "arm64"),
    )
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
                    && ours.full
                        == ours
                            .version
                            .as_ref()
                            .map(|version| format!("{} {version}", ours.name))
                    && theirs.full
                        == theirs
                            .version
                            .as_ref()
                            .map(|version| format!("{} {version}", theirs.name))
            }
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        }
}

/// OpenSearch joins empty groups, too ("128.0."). Elasticsearch has stopped there since 8.16 (pull
/// request 117213).
fn same_version(ours: Option<&str>, theirs: Option<&str>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => theirs
            .strip_prefix(ours)
            .is_some_and(|rest| matches!(rest, "" | ".") || rest.starts_with("..")),
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
        let settings = Settings {
            field: "line",
            properties: ["name", "version", "os", "device"],
        };
        Self {
            processors: [Processor {
                user_agent: settings,
            }],
        }
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
