//! The questions of `docs/kibana.md`: their KQL and ES|QL run on a real Elasticsearch, and their numbers are held against an own count of the
//! raw lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;

use regex::Regex;

use crate::kibana::kql;
use crate::support::golden::repository;
use crate::support::json::Json;
use crate::support::sample::Sample;
use crate::support::traffic::{event, log_events};

struct Question {
    title: String,
    range: Range<i64>,
    kql: String,
    esql: String,
    /// The table's rows, below its head.
    rows: Vec<Vec<String>>,
}

fn page() -> String {
    fs::read_to_string(repository("docs/kibana.md")).expect("the page is there")
}

fn milliseconds(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().expect("a time").as_millisecond()
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

fn questions() -> Vec<Question> {
    let page = page();
    let part = page.split("\n## ").find(|part| part.starts_with("Questions")).expect("the part");
    let time = Regex::new(r"Time: (\S+) to ([^\s.]+)\.").expect("a pattern");
    let block = |text: &str, language: &str| {
        let rest = text.split(&format!("```{language}\n")).nth(1).expect("a block");
        rest.split("\n```").next().expect("its end").to_owned()
    };
    part.split("\n### ")
        .skip(1)
        .map(|text| {
            let times = time.captures(text).map(|times| (times[1].to_owned(), times[2].to_owned()));
            let (from, to) = times.unwrap_or(("2026-03-01T00:00:00Z".to_owned(), "2026-03-02T00:00:00Z".to_owned()));
            Question {
                title: text.lines().next().expect("a title").to_owned(),
                range: milliseconds(&from)..milliseconds(&to),
                kql: block(text, "kql"),
                esql: block(text, "esql"),
                rows: rows(text.rsplit("```").next().expect("what follows the blocks")),
            }
        })
        .collect()
}

/// The rows of a table, without its head.
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines().filter(|line| line.starts_with("| ")).skip(2).map(cells).collect()
}

/// The pairs of a line, read in another way than the program's: what stands whole in it, and has a value.
type Request = BTreeMap<String, String>;

struct Day {
    lines: Vec<String>,
    requests: Vec<(i64, Request)>,
}

fn day(event: &str) -> Day {
    let pair = Regex::new(r#""([A-Za-z]+)":"([^"]*)""#).expect("a pattern");
    let lines: Vec<_> = log_events(event).into_iter().map(|event| (event.timestamp, event.line)).collect();
    let request = |(written, line): &(i64, String)| {
        let pairs = pair.captures_iter(line).map(|pair| (pair[1].to_owned(), pair[2].to_owned()));
        let request: Request = pairs.filter(|(_, value)| value != "-").collect();
        let time = request.get("requestTimeEpoch").map_or(*written, |time| time.parse().expect("a number"));
        (time, request)
    };
    let requests = lines.iter().map(request).collect();
    Day { lines: lines.into_iter().map(|(_, line)| line).collect(), requests }
}

fn text<'r>(request: &'r Request, key: &str) -> &'r str {
    request.get(key).map_or("", String::as_str)
}

fn number(request: &Request, key: &str) -> i64 {
    text(request, key).parse().unwrap_or(-1)
}

fn status(request: &Request) -> i64 {
    number(request, "status")
}

fn uses_the_old_route(request: &Request) -> bool {
    text(request, "resourcePath") == "/v1/products" || text(request, "routeKey") == "GET /v1/feed"
}

fn has_the_id(request: &Request) -> bool {
    text(request, "requestId") == "80829ac0-9b29-47b6-a80e-69881e718d2c"
}

fn is_the_integration_s(request: &Request) -> bool {
    number(request, "integrationStatus") >= 500
}

fn is_too_slow(request: &Request) -> bool {
    text(request, "errorResponseType") == "INTEGRATION_TIMEOUT"
}

fn is_refused(request: &Request) -> bool {
    matches!(status(request), 403 | 404)
}

/// What the KQL of a question finds, but for that of the last, which asks for lines.
const FOUND: &[fn(&Request) -> bool] = &[
    |request| status(request) >= 400,
    |request| status(request) >= 500 && !request.contains_key("integrationStatus") && !is_too_slow(request),
    uses_the_old_route,
    |request| number(request, "responseLatency") > 1_000,
    |request| status(request) == 429,
    |request| is_refused(request) && text(request, "ip") == "192.0.2.66",
    |request| request.contains_key("authorizerError"),
    |request| text(request, "deploymentId") == "d4pl0y" && status(request) >= 500,
    has_the_id,
];

/// Counts for each key, those with most of the last counter first.
fn counted<'r>(
    requests: &[&'r Request],
    key: impl Fn(&'r Request) -> Vec<String>,
    counters: &[fn(&Request) -> bool],
) -> Vec<(Vec<usize>, Vec<String>)> {
    let mut groups: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for request in requests {
        let counts = groups.entry(key(request)).or_insert_with(|| vec![0; counters.len()]);
        for (count, counter) in counts.iter_mut().zip(counters) {
            *count += usize::from(counter(request));
        }
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(key, counts)| (counts, key)).collect();
    groups.sort_by(|one, other| other.0.last().cmp(&one.0.last()));
    groups
}

fn row((counts, key): (Vec<usize>, Vec<String>)) -> Vec<String> {
    counts.iter().map(usize::to_string).chain(key).collect()
}

fn texts(request: &Request, keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| text(request, key).to_owned()).collect()
}

/// How many different values a key has.
fn different(requests: &[&Request], key: &str) -> String {
    requests.iter().map(|request| text(request, key)).collect::<BTreeSet<_>>().len().to_string()
}

/// The answer to a question, from the raw lines.
fn answer(number_of_question: usize, requests: &[&Request], lines: &[String]) -> Vec<Vec<String>> {
    let having = |wanted: fn(&Request) -> bool| requests.iter().copied().filter(move |r| wanted(r)).collect::<Vec<_>>();
    let rows = |groups: Vec<_>| groups.into_iter().map(row).collect();
    let all: fn(&Request) -> bool = |_| true;
    match number_of_question {
        0 => rows(counted(
            requests,
            |r| vec![text(r, "ip").to_owned(), text(r, "userArn").rsplit('/').next().unwrap_or_default().to_owned()],
            &[all, |r| status(r) >= 400],
        )),
        1 => rows(counted(
            &having(|r| status(r) >= 500),
            |r| {
                let who = match (is_the_integration_s(r), is_too_slow(r)) {
                    (true, _) => "the integration",
                    (_, true) => "the integration, too slow",
                    _ => "API Gateway",
                };
                vec![who.to_owned()]
            },
            &[all],
        )),
        2 => {
            let groups = counted(&having(uses_the_old_route), |r| texts(r, &["userAgent"]), &[all]);
            let with_clients = groups.into_iter().map(|(counts, key)| {
                let mut of_it = having(uses_the_old_route);
                of_it.retain(|r| texts(r, &["userAgent"]) == key);
                [vec![counts[0].to_string(), different(&of_it, "ip")], key].concat()
            });
            with_clients.collect()
        }
        3 => rows({
            let route = |r: &Request| match text(r, "routeKey") {
                "" => format!("{} {}", text(r, "httpMethod"), text(r, "resourcePath")),
                key => key.to_owned(),
            };
            let slow: fn(&Request) -> bool = |r| number(r, "responseLatency") > 1_000;
            let waited: fn(&Request) -> bool = |r| number(r, "integrationLatency") > 1_000;
            counted(&having(|r| r.contains_key("responseLatency")), |r| vec![route(r)], &[all, slow, waited])
        }),
        4 => rows(counted(&having(|r| status(r) == 429), |r| texts(r, &["ip", "apiKeyId"]), &[all])),
        5 => {
            let blocked: fn(&Request) -> bool = |r| text(r, "errorResponseType") == "WAF_FILTERED";
            let groups = counted(&having(is_refused), |r| texts(r, &["ip"]), &[blocked, all]);
            let many = groups.into_iter().filter(|(counts, _)| counts[1] >= 50).map(|(counts, key)| {
                let mut of_it = having(is_refused);
                of_it.retain(|r| texts(r, &["ip"]) == key);
                [vec![counts[1].to_string(), different(&of_it, "path"), counts[0].to_string()], key].concat()
            });
            many.collect()
        }
        6 => rows(counted(
            &having(|r| r.contains_key("authorizerError")),
            |r| texts(r, &["status", "errorResponseType", "authorizerError"]),
            &[all],
        )),
        7 => {
            let failed: fn(&Request) -> bool = |r| status(r) >= 500;
            let groups = counted(
                &having(|r| r.contains_key("deploymentId")),
                |r| texts(r, &["deploymentId", "resourcePath"]),
                &[all, failed],
            );
            let percent = |counts: &[usize]| (counts[1] * 1_000 + counts[0] / 2) / counts[0];
            let mut groups: Vec<_> = groups.into_iter().map(|group| (percent(&group.0), group)).collect();
            groups.sort_by_key(|(percent, _)| std::cmp::Reverse(*percent));
            let with_percent = |(percent, group): (usize, _)| {
                [row(group), vec![format!("{}.{}", percent / 10, percent % 10)]].concat()
            };
            groups.into_iter().map(with_percent).collect()
        }
        8 => having(has_the_id)
            .into_iter()
            .map(|r| {
                let time =
                    jiff::Timestamp::from_millisecond(number(r, "requestTimeEpoch")).expect("a time").to_string();
                [vec![time], texts(r, &["ip", "path", "status", "errorResponseType"])].concat()
            })
            .collect(),
        _ => {
            let [cut_off, repaired, unknown] = damaged(lines);
            vec![[lines.len(), cut_off, repaired, unknown].map(|count| count.to_string()).to_vec()]
        }
    }
}

/// Lines that are cut off, that lack quotes, and that are something else.
fn damaged(lines: &[String]) -> [usize; 3] {
    let count = |wanted: fn(&String) -> bool| lines.iter().filter(|line| wanted(line)).count();
    [
        count(|line| line.starts_with('{') && !line.ends_with('}')),
        count(|line| line.contains(":-,") || line.contains(":-}")),
        count(|line| !line.starts_with('{')),
    ]
}

fn cell(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Text(text) => text.clone(),
        other => other.compact(),
    }
}

#[test]
fn ten_questions_have_the_answers_that_are_shown() {
    let sample = Sample::new("questions");
    let event = event(20_000, 1, "2026-03-01T00:00:00Z");
    assert_eq!(sample.index(&event).number("indexed"), Some(20_000));
    let Day { lines, requests } = day(&event);
    let questions = questions();
    assert_eq!(questions.len(), 10);
    for (number, Question { title, range, kql, esql, rows }) in questions.into_iter().enumerate() {
        let of_the_time: Vec<_> =
            requests.iter().filter(|(time, _)| range.contains(time)).map(|(_, request)| request).collect();
        let answered: Vec<Vec<String>> =
            sample.esql(&esql, &range).iter().map(|row| row.iter().map(|(_, value)| cell(value)).collect()).collect();
        let counted = answer(number, &of_the_time, &lines);
        assert!(!rows.is_empty() && answered.len() >= rows.len(), "{title}: {answered:?}");
        assert_eq!(answered[..rows.len()], rows, "{title}: what the server answers");
        assert_eq!(counted[..rows.len()], rows, "{title}: what the lines say");
        let found = match FOUND.get(number) {
            Some(found) => of_the_time.iter().filter(|request| found(request)).count(),
            None => damaged(&lines).iter().sum(),
        };
        assert!(found > 0, "{title}");
        assert_eq!(sample.kql(&kql, &range), i64::try_from(found).expect("few"), "{title}: {kql}");
        assert_eq!(sample.kql_of_kibana(&kql, &range), i64::try_from(found).expect("few"), "{title}: {kql}");
    }
}

/// The fields of the KQL; those of the ES|QL are known to the server, or it would not answer.
#[test]
fn every_field_that_a_question_names_exists() {
    let page = fs::read_to_string(repository("docs/fields.md")).expect("the page is there");
    let fields: BTreeSet<_> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    for question in questions() {
        let named = kql::fields(&question.kql).expect("KQL");
        assert!(!named.is_empty(), "{}", question.title);
        for name in named {
            assert!(fields.contains(&*name), "{}: {name} is no field", question.title);
        }
    }
}
