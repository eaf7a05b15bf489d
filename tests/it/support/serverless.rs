//! Elasticsearch Serverless, as far as it refuses what other servers take: in front of a real
//! server.
//!
//! The documentation says which requests it rejects, and how:
//! - index settings beyond a closed list, with 400:
//!   <https://www.elastic.co/docs/reference/elasticsearch/index-settings/serverless>;
//! - APIs of nodes, cluster, snapshots and most of `_cat`, with 410; ILM, since there is the
//!   lifecycle of data streams only; users with passwords:
//!   <https://www.elastic.co/docs/deploy-manage/deploy/elastic-cloud/differences-from-other-elasticsearch-offerings>;
//! - scrolls, `_delete_by_query`, `_has_privileges` and templates are there:
//!   <https://www.elastic.co/docs/api/doc/elasticsearch-serverless>.
//!
//! Its `GET /` names a version that stays as it is, 8.11.0, and the flavour `serverless`.

use std::time::Duration;

use super::json::Json;
use super::middleman::{self, Answer, Request};
use super::raw_tcp::RawTcp;

/// The index settings that a user may set. A name that ends with a dot stands for all below it.
const SETTINGS: [&str; 31] = [
    "index.analysis.",
    "index.blocks.metadata",
    "index.blocks.read",
    "index.blocks.read_only",
    "index.blocks.write",
    "index.codec",
    "index.default_pipeline",
    "index.dense_vector.hnsw_filter_heuristic",
    "index.final_pipeline",
    "index.hidden",
    "index.lifecycle.origination_date",
    "index.look_ahead_time",
    "index.look_back_time",
    "index.mapping.coerce",
    "index.mapping.ignore_above",
    "index.mapping.ignore_malformed",
    "index.mapping.source.mode",
    "index.mapping.synthetic_source_keep",
    "index.mapping.total_fields.ignore_dynamic_beyond_limit",
    "index.mapping.total_fields.limit",
    "index.mode",
    "index.query.default_field",
    "index.refresh_interval",
    "index.routing_path",
    "index.similarity.",
    "index.sort.field",
    "index.sort.missing",
    "index.sort.mode",
    "index.sort.order",
    "index.time_series.end_time",
    "index.time_series.start_time",
];

/// The first parts of paths that do not exist.
const APIS: [&str; 7] = [
    "_ccr",
    "_cluster",
    "_ilm",
    "_nodes",
    "_snapshot",
    "_stats",
    "_watcher",
];

/// The last parts of paths below an index that do not exist.
const INDEX_APIS: [&str; 5] = ["_close", "_forcemerge", "_open", "_recovery", "_stats"];

/// Starts to listen in front of a server. Each answer comes after `delay`, as over the internet.
#[expect(clippy::disallowed_methods, reason = "a distant server is slow")]
pub(crate) fn start(server: &str, delay: Duration) -> RawTcp {
    middleman::start_reading(server, move |request, forward| {
        std::thread::sleep(delay);
        let (method, path) = request.method_and_path()?;
        if let Some(refusal) = refused_credentials(request).or_else(|| {
            let body = std::str::from_utf8(&request.body).unwrap_or_default();
            refusal(method, path, body)
        }) {
            return Some(refusal);
        }
        let answer = forward()?;
        // The servers of the tests do not know this request, but they know the credentials.
        let is_root = method == "GET" && path == "/";
        if is_root && !matches!(answer.0, 401 | 403) {
            return Some((200, ROOT.to_owned()));
        }
        Some(answer)
    })
}

const ROOT: &str = r#"{"name":"serverless","version":{"number":"8.11.0","build_flavor":"serverless"},"tagline":"You Know, for Search"}"#;

/// Returns the answer to a request without an API key.
fn refused_credentials(request: &Request) -> Option<Answer> {
    let authorization = request.header("authorization").unwrap_or_default();
    let is_key = authorization.starts_with("ApiKey ");
    (!is_key).then(|| {
        error(
            401,
            "security_exception",
            "unable to authenticate with provided credentials",
        )
    })
}

/// Returns the answer to a request that Serverless refuses whoever sends it.
pub(crate) fn refusal(method: &str, path: &str, body: &str) -> Option<Answer> {
    let parts: Vec<_> = path
        .split('?')
        .next()?
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    if is_missing(&parts) {
        let reason = format!(
            "Request for uri [{path}] with method [{method}] exists but is not available when running in serverless mode"
        );
        return Some(error(410, "api_not_available_exception", &reason));
    }
    let refused: Vec<_> = settings(method, &parts, body)
        .into_iter()
        .filter(|name| !is_allowed(name))
        .collect();
    (!refused.is_empty()).then(|| {
        let reason = format!(
            "Settings [{}] are not available when running in serverless mode",
            refused.join(",")
        );
        error(400, "illegal_argument_exception", &reason)
    })
}

fn is_missing(parts: &[&str]) -> bool {
    match parts {
        ["_cat", "indices" | "aliases", ..] => false,
        ["_cat", ..] => true,
        [first, ..] if APIS.contains(first) => true,
        [.., last] if parts.len() > 1 => INDEX_APIS.contains(last),
        _ => false,
    }
}

/// Returns the full names of the index settings in a request.
fn settings(method: &str, parts: &[&str], body: &str) -> Vec<String> {
    if !matches!(method, "PUT" | "POST") {
        return Vec::new();
    }
    let member = match parts {
        ["_component_template" | "_index_template", ..] => "template.settings",
        [_, "_settings"] => "",
        [index] if !index.starts_with('_') => "settings",
        _ => return Vec::new(),
    };
    let Ok(body) = serde_json::from_str::<Json>(body) else {
        return Vec::new();
    };
    let settings = if member.is_empty() {
        Some(&body)
    } else {
        body.get(member)
    };
    let mut names = Vec::new();
    if let Some(settings) = settings {
        collect(settings, "", &mut names);
    }
    for name in &mut names {
        if !name.starts_with("index.") {
            name.insert_str(0, "index.");
        }
    }
    names
}

fn collect(json: &Json, prefix: &str, names: &mut Vec<String>) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                let dot = if prefix.is_empty() { "" } else { "." };
                collect(value, &format!("{prefix}{dot}{name}"), names);
            }
        }
        _ => names.push(prefix.to_owned()),
    }
}

fn is_allowed(name: &str) -> bool {
    SETTINGS
        .iter()
        .any(|allowed| *allowed == name || (allowed.ends_with('.') && name.starts_with(allowed)))
}

fn error(status: u16, kind: &str, reason: &str) -> Answer {
    let reason = serde_json::to_string(reason).expect("a text can be written as JSON");
    let error = format!(r#""type":"{kind}","reason":{reason}"#);
    let body = format!(r#"{{"error":{{"root_cause":[{{{error}}}],{error}}},"status":{status}}}"#);
    (status, body)
}
