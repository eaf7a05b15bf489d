//! The templates of service level objectives: a real Elasticsearch answers their KQL with the
//! numbers that the raw lines hold.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "saved objects and answers are trees"
)]

use std::fs;

use serde_json::{Value, json};

use super::FOLDER;
use super::kql::to_query;
use super::query::text;
use super::sample::{Line, Lines, MORNING, READABLE, server};
use crate::support::golden::{names, repository};

/// Two functions: they return whether a request is good, and whether it counts at all.
type Rule = (fn(&Line) -> bool, fn(&Line) -> bool);

/// The objectives and the targets that their names promise.
const OBJECTIVES: [(&str, f64, Rule); 2] = [
    (
        "availability",
        0.999,
        (
            |line| line.status() < 500.0,
            |line| line.get("status").is_some(),
        ),
    ),
    (
        "latency",
        0.95,
        (
            |line| latency(line).is_some_and(|latency| latency < 1_000.0),
            |line| latency(line).is_some(),
        ),
    ),
];

fn latency(line: &Line) -> Option<f64> {
    line.number("responseLatency")
}

fn read(name: &str) -> Value {
    let file = repository(&format!("{FOLDER}/slo_template/apigw_logs-{name}.json"));
    let text = fs::read_to_string(file).expect("a template can be read");
    serde_json::from_str(&text).expect("a template is JSON")
}

/// Returns the documents that match all these KQL texts.
fn count(texts: &[&Value], index: &Value, [from, to]: [&str; 2]) -> u64 {
    let time = json!({ "range": { "@timestamp": { "gte": from, "lte": to } } });
    let parts = texts.iter().map(|kql| to_query(text(kql)).expect("KQL"));
    let query = json!({ "bool": { "filter": parts.chain([time]).collect::<Vec<_>>() } });
    let (status, answer) = server().admin_request(
        "POST",
        &format!("/{}/_count", text(index)),
        Some(&json!({ "query": query }).to_string()),
    );
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
    answer["count"].as_u64().expect("a count")
}

#[test]
fn objectives_agree_with_the_raw_lines() {
    for (name, target, (is_good, counts)) in OBJECTIVES {
        let template = read(name);
        let attributes = &template["attributes"];
        assert_eq!(attributes["objective"]["target"].as_f64(), Some(target));
        let indicator = &attributes["indicator"];
        assert_eq!(indicator["type"], "sli.kql.custom");
        let params = &indicator["params"];
        for (range, lines) in [
            (MORNING, Lines::of_fixtures()),
            (READABLE, Lines::of_made_up_days()),
        ] {
            let of = |kql| count(&[&params["filter"], &params[kql]], &params["index"], range);
            let wanted = |is: &dyn Fn(&Line) -> bool| {
                lines.now.iter().filter(|line| is(line)).count() as u64
            };
            let good = wanted(&|line| counts(line) && is_good(line));
            assert_eq!((of("good"), of("total")), (good, wanted(&counts)), "{name}");
            assert!(good > 0 && good < of("total"), "{name}: {good}");
        }
    }
}

/// Fleet makes the saved object's id from the file's name; `docs/kibana.md` names each objective.
#[test]
fn the_page_lists_the_objectives() {
    let page = fs::read_to_string(repository("docs/kibana.md")).expect("the page is there");
    let files = names(&format!("{FOLDER}/slo_template"), ".json");
    let wanted = OBJECTIVES.map(|(name, ..)| format!("apigw_logs-{name}"));
    assert_eq!(files, wanted);
    for (name, ..) in OBJECTIVES {
        let template = read(name);
        assert_eq!(template["id"], format!("apigw_logs-{name}"));
        assert_eq!(template["type"], "slo_template");
        let title = text(&template["attributes"]["name"]).trim_start_matches("[API Gateway] ");
        assert!(page.contains(&format!("\n| {title} |")), "{title}");
    }
}
