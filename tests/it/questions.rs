//! The questions of `docs/kibana.md`: their KQL and ES|QL run on a real Elasticsearch, and their
//! numbers are compared with a separate count of the raw lines.

use std::cmp::Reverse;
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
    /// The rows of the table, without its head.
    rows: Vec<Vec<String>>,
}

fn page() -> String {
    fs::read_to_string(repository("docs/kibana.md")).expect("the page is there")
}

fn milliseconds(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>()
        .expect("a time")
        .as_millisecond()
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|')
        .split('|')
        .map(|cell| cell.trim().to_owned())
        .collect()
}

fn questions() -> Vec<Question> {
    let page = page();
    let part = page
        .split("\n## ")
        .find(|part| part.starts_with("Questions"))
        .expect("the part");
    let time = Regex::new(r"Time: (\S+) to ([^\s.]+)\.").expect("a pattern");
    let block = |text: &str, language: &str| {
        let rest = text
            .split(&format!("```{language}\n"))
            .nth(1)
            .expect("a block");
        rest.split("\n```").next().expect("its end").to_owned()
    };
    part.split("\n### ")
        .skip(1)
        .map(|text| {
            let times = time
                .captures(text)
                .map(|times| (times[1].to_owned(), times[2].to_owned()));
            let (from, to) = times.unwrap_or((
                "2026-03-01T00:00:00Z".to_owned(),
                "2026-03-02T00:00:00Z".to_owned(),
            ));
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

/// Returns the rows of a table, without its head.
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .filter(|line| line.starts_with("| "))
        .skip(2)
        .map(cells)
        .collect()
}

/// The pairs of a line, read independently of the program: complete pairs that have a
/// value.
type Request = BTreeMap<String, String>;

struct Day {
    lines: Vec<String>,
    requests: Vec<(i64, Request)>,
}

fn day(event: &str) -> Day {
    let pair = Regex::new(r#""([A-Za-z]+)":"([^"]*)""#).expect("a pattern");
    let lines: Vec<_> = log_events(event)
        .into_iter()
        .map(|event| (event.timestamp, event.line))
        .collect();
    let request = |(written, line): &(i64, String)| {
        let pairs = pair
            .captures_iter(line)
            .map(|pair| (pair[1].to_owned(), pair[2].to_owned()));
        let request: Request = pairs.filter(|(_, value)| value != "-").collect();
        let time = request
            .get("requestTimeEpoch")
            .map_or(*written, |time| time.parse().expect("a number"));
        (time, request)
    };
    let requests = lines.iter().map(request).collect();
    Day {
        lines: lines.into_iter().map(|(_, line)| line).collect(),
        requests,
    }
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
    ["GET /v1/products", "GET /v1/feed"].contains(&&*route(request))
}

/// Returns the route key, or its counterpart in a REST API.
fn route(request: &Request) -> String {
    match text(request, "routeKey") {
        "" => format!(
            "{} {}",
            text(request, "httpMethod"),
            text(request, "resourcePath")
        ),
        key => key.to_owned(),
    }
}

fn has_the_id(request: &Request) -> bool {
    text(request, "requestId") == "80829ac0-9b29-47b6-a80e-69881e718d2c"
}

/// Returns who is to blame for a server error.
fn whose(request: &Request) -> &'static str {
    let failed =
        number(request, "integrationStatus") >= 500 || request.contains_key("integrationError");
    match text(request, "errorResponseType") {
        "INTEGRATION_TIMEOUT" => "the integration, too slow",
        "INTEGRATION_FAILURE" => "the integration",
        _ if failed => "the integration",
        "" => "not logged",
        _ => "API Gateway",
    }
}

fn is_refused(request: &Request) -> bool {
    matches!(status(request), 403 | 404)
}

type Rows = Vec<Vec<String>>;

/// Two functions: the first returns whether the KQL finds a request, the second the answer of the
/// ES|QL to all requests.
type Expected = (fn(&Request) -> bool, fn(&[&Request]) -> Rows);

/// For each question, what its KQL should find among the requests, and what its ES|QL should
/// answer.
const QUESTIONS: &[Expected] = &[
    (|request| status(request) >= 400, who_fails),
    (
        |request| fails(request) && whose(request) == "API Gateway",
        whose_fault,
    ),
    (uses_the_old_route, who_uses_the_old_route),
    (
        |request| number(request, "responseLatency") > 1_000,
        slow_routes,
    ),
    (is_throttled, who_is_throttled),
    (
        |request| is_refused(request) && text(request, "ip") == "192.0.2.66",
        who_tries_paths,
    ),
    (is_turned_away, why_unauthorized),
    (
        |request| text(request, "deploymentId") == "d4pl0y" && fails(request),
        what_a_deployment_broke,
    ),
    (has_the_id, one_request),
];

fn fails(request: &Request) -> bool {
    status(request) >= 500
}

fn is_throttled(request: &Request) -> bool {
    status(request) == 429
}

fn is_turned_away(request: &Request) -> bool {
    request.contains_key("authorizerError")
}

fn any(_: &Request) -> bool {
    true
}

/// Returns counts for each key, with the highest last counter first.
fn counted<'r>(
    requests: &[&'r Request],
    key: impl Fn(&'r Request) -> Vec<String>,
    counters: &[fn(&Request) -> bool],
) -> Vec<(Vec<usize>, Vec<String>)> {
    let mut groups: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for request in requests {
        let counts = groups
            .entry(key(request))
            .or_insert_with(|| vec![0; counters.len()]);
        for (count, counter) in counts.iter_mut().zip(counters) {
            *count += usize::from(counter(request));
        }
    }
    let mut groups: Vec<_> = groups
        .into_iter()
        .map(|(key, counts)| (counts, key))
        .collect();
    groups.sort_by(|one, other| other.0.last().cmp(&one.0.last()));
    groups
}

fn row((counts, key): (Vec<usize>, Vec<String>)) -> Vec<String> {
    counts.iter().map(usize::to_string).chain(key).collect()
}

fn texts(request: &Request, keys: &[&str]) -> Vec<String> {
    keys.iter()
        .map(|key| text(request, key).to_owned())
        .collect()
}

/// Returns how many different values a key has among the requests with a given value of another
/// key.
fn different(requests: &[&Request], key: &str, among: (&str, &str)) -> String {
    let (other, value) = among;
    let values: BTreeSet<_> = requests
        .iter()
        .filter(|r| text(r, other) == value)
        .map(|r| text(r, key))
        .collect();
    values.len().to_string()
}

fn having<'r>(requests: &[&'r Request], wanted: fn(&Request) -> bool) -> Vec<&'r Request> {
    requests
        .iter()
        .copied()
        .filter(|request| wanted(request))
        .collect()
}

fn rows_of(groups: Vec<(Vec<usize>, Vec<String>)>) -> Rows {
    groups.into_iter().map(row).collect()
}

fn who_fails(requests: &[&Request]) -> Rows {
    let user = |r| {
        text(r, "userArn")
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    rows_of(counted(
        requests,
        |r| vec![text(r, "ip").to_owned(), user(r)],
        &[any, |r| status(r) >= 400],
    ))
}

fn whose_fault(requests: &[&Request]) -> Rows {
    rows_of(counted(
        &having(requests, fails),
        |r| vec![whose(r).to_owned()],
        &[any],
    ))
}

fn who_uses_the_old_route(requests: &[&Request]) -> Rows {
    let requests = having(requests, uses_the_old_route);
    let groups = rows_of(counted(&requests, |r| texts(r, &["userAgent"]), &[any]));
    let with_clients = groups.into_iter().map(|row| {
        let [count, user_agent] = &row[..] else {
            panic!("two columns")
        };
        vec![
            count.clone(),
            different(&requests, "ip", ("userAgent", user_agent)),
            user_agent.clone(),
        ]
    });
    with_clients.collect()
}

fn slow_routes(requests: &[&Request]) -> Rows {
    let slow: fn(&Request) -> bool = |request| number(request, "responseLatency") > 1_000;
    let waited: fn(&Request) -> bool = |request| number(request, "integrationLatency") > 1_000;
    let timed = having(requests, |request| request.contains_key("responseLatency"));
    rows_of(counted(&timed, |r| vec![route(r)], &[any, slow, waited]))
}

fn who_is_throttled(requests: &[&Request]) -> Rows {
    rows_of(counted(
        &having(requests, is_throttled),
        |r| texts(r, &["ip", "apiKeyId"]),
        &[any],
    ))
}

fn who_tries_paths(requests: &[&Request]) -> Rows {
    let requests = having(requests, is_refused);
    let blocked: fn(&Request) -> bool =
        |request| text(request, "errorResponseType") == "WAF_FILTERED";
    let groups = rows_of(counted(&requests, |r| texts(r, &["ip"]), &[blocked, any]));
    let with_paths = groups.into_iter().filter_map(|row| {
        let [blocked, refused, ip] = &row[..] else {
            panic!("three columns")
        };
        let paths = different(&requests, "path", ("ip", ip));
        let is_many = refused.parse::<usize>().is_ok_and(|refused| refused >= 50);
        is_many.then(|| vec![refused.clone(), paths, blocked.clone(), ip.clone()])
    });
    with_paths.collect()
}

fn why_unauthorized(requests: &[&Request]) -> Rows {
    let reason = |r| texts(r, &["status", "errorResponseType", "authorizerError"]);
    rows_of(counted(&having(requests, is_turned_away), reason, &[any]))
}

fn what_a_deployment_broke(requests: &[&Request]) -> Rows {
    let deployed = having(requests, |request| request.contains_key("deploymentId"));
    let groups = counted(
        &deployed,
        |r| vec![text(r, "deploymentId").to_owned(), route(r)],
        &[any, fails],
    );
    let with_permille = groups.into_iter().map(|group| match group.0[..] {
        [all, failed] => ((failed * 1_000 + all / 2) / all, group),
        _ => panic!("two counts"),
    });
    let mut groups: Vec<_> = with_permille.collect();
    groups.sort_by_key(|(permille, _)| Reverse(*permille));
    let percent = |permille: usize| format!("{}.{}", permille / 10, permille % 10);
    groups
        .into_iter()
        .map(|(permille, group)| [row(group), vec![percent(permille)]].concat())
        .collect()
}

fn one_request(requests: &[&Request]) -> Rows {
    let time = |request| {
        jiff::Timestamp::from_millisecond(number(request, "requestTimeEpoch"))
            .expect("a time")
            .to_string()
    };
    let row = |request| {
        [
            vec![time(request)],
            texts(request, &["ip", "path", "status", "errorResponseType"]),
        ]
        .concat()
    };
    having(requests, has_the_id).into_iter().map(row).collect()
}

/// The last question is about lines.
fn what_was_not_understood(lines: &[String]) -> Rows {
    let [cut_off, repaired, unknown] = damaged(lines);
    vec![
        [lines.len(), cut_off, repaired, unknown]
            .map(|count| count.to_string())
            .to_vec(),
    ]
}

/// Lines that are cut off, that lack quotes, or that are not access logs.
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

/// Returns how many documents the question's KQL should find, and the rows that its ES|QL should
/// return.
fn expected(question: usize, range: &Range<i64>, day: &Day) -> (usize, Rows) {
    let of_the_time = day
        .requests
        .iter()
        .filter(|(time, _)| range.contains(time))
        .map(|(_, request)| request);
    let of_the_time: Vec<_> = of_the_time.collect();
    match QUESTIONS.get(question) {
        Some((found, answer)) => (having(&of_the_time, *found).len(), answer(&of_the_time)),
        None => (
            damaged(&day.lines).iter().sum(),
            what_was_not_understood(&day.lines),
        ),
    }
}

#[test]
fn ten_questions_have_the_documented_answers() {
    let sample = Sample::new("questions");
    let event = event(20_000, 1, "2026-03-01T00:00:00Z");
    let report = sample.index(&event);
    assert_eq!(report.number("indexed"), Some(20_000), "{report:?}");
    let day = day(&event);
    let questions = questions();
    assert_eq!(questions.len(), 10);
    for (
        number,
        Question {
            title,
            range,
            kql,
            esql,
            rows,
        },
    ) in questions.into_iter().enumerate()
    {
        let answered = sample.esql(&esql, &range);
        let answered: Rows = answered
            .iter()
            .map(|row| row.iter().map(|(_, value)| cell(value)).collect())
            .take(rows.len())
            .collect();
        let (found, counted) = expected(number, &range, &day);
        assert!(!rows.is_empty() && found > 0, "{title}");
        assert_eq!(answered, rows, "{title}: what the server answers");
        assert_eq!(
            counted.into_iter().take(rows.len()).collect::<Rows>(),
            rows,
            "{title}: what the lines say"
        );
        let found = i64::try_from(found).expect("few");
        assert_eq!(
            (sample.kql(&kql, &range), sample.kql_of_kibana(&kql, &range)),
            (found, found),
            "{title}: {kql}"
        );
    }
}

/// Checks the fields of the KQL. The server knows those of the ES|QL, otherwise it would not
/// answer.
#[test]
fn every_field_in_a_question_exists() {
    let page = fs::read_to_string(repository("docs/fields.md")).expect("the page is there");
    let fields: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    for question in questions() {
        let named = kql::fields(&question.kql).expect("KQL");
        assert!(!named.is_empty(), "{}", question.title);
        for name in named {
            assert!(
                fields.contains(&*name),
                "{}: {name} is no field",
                question.title
            );
        }
    }
}
