//! The templates of alerting rules: each fires when it should, and stays quiet on data that comes
//! close to it.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;

use regex::Regex;

use crate::support::command_line::run;
use crate::support::golden::repository;
use crate::support::json::Json;
use crate::support::sample::{Row, Sample, column};
use crate::support::traffic;

const FOLDER: &str = "integration/kibana/alerting_rule_template";
const A_MINUTE: i64 = 60_000;
/// 2026-03-01T00:00:00Z, in milliseconds since 1970.
const DAY_BEGINS: i64 = 1_772_323_200_000;

pub(crate) struct Rule {
    name: String,
    template: Json,
}

impl Rule {
    pub(crate) fn read(name: &str) -> Self {
        let path = repository(&format!("{FOLDER}/apigw_logs-{name}.json"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self {
            name: name.to_owned(),
            template: Json::read(&text),
        }
    }

    fn all() -> Vec<Self> {
        let files = fs::read_dir(repository(FOLDER))
            .expect("the folder is there")
            .map(|entry| {
                let name = entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("a name");
                let name = name
                    .strip_prefix("apigw_logs-")
                    .and_then(|name| name.strip_suffix(".json"));
                Self::read(name.expect("the package's prefix"))
            });
        files.collect()
    }

    fn param(&self, name: &str) -> &Json {
        self.template
            .get(&format!("attributes.params.{name}"))
            .unwrap_or_else(|| panic!("{}: no {name}", self.name))
    }

    /// The name that people see.
    pub(crate) fn title(&self) -> &str {
        let title = self.template.text("attributes.name").expect("a name");
        title.trim_start_matches("[API Gateway] ")
    }

    pub(crate) fn esql(&self) -> &str {
        self.template
            .text("attributes.params.esqlQuery.esql")
            .expect("a query")
    }

    /// The text of the comments, and the query below them.
    fn parts(&self) -> (Vec<&str>, Vec<&str>) {
        self.esql().lines().partition(|line| line.starts_with("//"))
    }

    /// The time range of the rule, in milliseconds.
    pub(crate) fn window(&self) -> i64 {
        let size = self
            .template
            .number("attributes.params.timeWindowSize")
            .expect("a size");
        size * if *self.param("timeWindowUnit") == Json::Text("h".to_owned()) {
            60
        } else {
            1
        } * A_MINUTE
    }

    /// The columns by which the query groups.
    fn groups(&self) -> Vec<&str> {
        let stats = self.parts().1.into_iter().rev();
        let grouped = stats.filter_map(|line| line.strip_prefix("| STATS ")?.rsplit_once(" BY "));
        grouped
            .flat_map(|(_, columns)| columns.split(", "))
            .collect()
    }

    /// The alerts of one run.
    fn alerts(&self, sample: &Sample, at: i64) -> Vec<Row> {
        self.alerts_of(sample.esql(self.esql(), &(at - self.window()..at)))
    }

    /// The alerts of an answer's rows. Each row is one alert, and Kibana makes its id from the
    /// grouping values of the row. Kibana silently drops a row in which all of these are null.
    pub(crate) fn alerts_of(&self, rows: Vec<Row>) -> Vec<Row> {
        let groups = self.groups();
        let has_id = |row: &Row| {
            groups.is_empty() || groups.iter().any(|group| *column(row, group) != Json::Null)
        };
        rows.into_iter().filter(has_id).collect()
    }
}

/// The fixed parts of an ES|QL rule of the type `.es-query`. Kibana rejects any threshold but "more
/// than 0 rows".
#[test]
fn kibana_accepts_every_rule() {
    let rules = Rule::all();
    assert_eq!(rules.len(), 7);
    for rule in rules {
        let name = &rule.name;
        let text = |path: &str| rule.template.text(path);
        assert_eq!(text("id"), Some(&*format!("apigw_logs-{name}")));
        assert_eq!(text("type"), Some("alerting_rule_template"), "{name}");
        assert_eq!(text("attributes.ruleTypeId"), Some(".es-query"), "{name}");
        assert!(
            text("attributes.name").is_some_and(|title| title.starts_with("[API Gateway] ")),
            "{name}"
        );
        for (param, value) in [
            ("searchType", r#""esqlQuery""#),
            ("threshold", "[0]"),
            ("thresholdComparator", r#"">""#),
            ("timeField", r#""@timestamp""#),
            ("groupBy", r#""row""#),
        ] {
            assert_eq!(rule.param(param).compact(), value, "{name}");
        }
        let interval = text("attributes.schedule.interval").expect("an interval");
        let minutes: i64 = interval
            .strip_suffix('m')
            .expect("minutes")
            .parse()
            .expect("a number");
        assert!(
            minutes * A_MINUTE < rule.window(),
            "{name}: nothing may fall between two runs"
        );
        let (comments, query) = rule.parts();
        assert!(
            comments.iter().any(|line| line.starts_with("// Fires ")),
            "{name} says when it fires"
        );
        assert!(
            comments
                .iter()
                .any(|line| line.starts_with("// What to do: ")),
            "{name} says what to do"
        );
        assert!(
            query
                .first()
                .is_some_and(|line| line.starts_with("FROM logs-aws.api_gateway_")),
            "{name}"
        );
    }
}

/// Also checks the fields that a rule's comments mention. The server decides below whether an
/// operation accepts a field's type.
#[test]
fn every_field_in_a_rule_exists() {
    let page = fs::read_to_string(repository("docs/fields.md")).expect("the page is there");
    let fields: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let name = Regex::new(r"\b(?:aws|cloud|data_stream|error|event|http|source|trace|url|user_agent)(?:\.[a-z_0-9]+)+")
        .expect("a pattern");
    for rule in Rule::all() {
        let text = rule
            .esql()
            .replace("logs-aws.api_gateway_logs-*", "")
            .replace("logs-aws.api_gateway_*", "");
        let text = text.replace("\"aws.api_gateway_dead_letters\"", "");
        for found in name.find_iter(&text).map(|found| found.as_str()) {
            assert!(fields.contains(found), "{}: {found} is no field", rule.name);
        }
    }
}

/// The table of `docs/kibana.md` lists every rule with its name and its time window.
#[test]
fn the_page_lists_the_rules() {
    let page = fs::read_to_string(repository("docs/kibana.md")).expect("the page is there");
    let (_, section) = page.split_once("\n## Alerts\n").expect("a section");
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with("| ---"))
        .skip(1);
    let told: BTreeSet<_> = rows
        .take_while(|line| line.starts_with("| "))
        .map(|line| line.split(" | ").take(2).collect::<Vec<_>>().join(" | "))
        .collect();
    let rule = |rule: &Rule| {
        let name = rule.title();
        let size = rule
            .template
            .number("attributes.params.timeWindowSize")
            .expect("a size");
        let unit = rule
            .template
            .text("attributes.params.timeWindowUnit")
            .expect("a unit");
        format!("| {name} | {size}{unit}")
    };
    assert_eq!(told, Rule::all().iter().map(rule).collect());
}

/// This many equal requests of a stage, spread over five minutes from a given time.
struct Requests<'a>(usize, &'a str, &'a [(&'a str, &'a str)]);

/// Returns an invoke event of such requests.
fn event(name: &str, from: i64, requests: &[Requests<'_>]) -> String {
    let mut lines = String::new();
    for Requests(count, stage, members) in requests {
        for number in 0..*count {
            let time = from
                + i64::try_from(number).expect("few") * 5 * A_MINUTE
                    / i64::try_from(*count).expect("few");
            let members: String = members
                .iter()
                .map(|(key, value)| format!(r#","{key}":"{value}""#))
                .collect();
            let line = format!(
                r#"{{"apiId":"api","stage":"{stage}","requestId":"{number}","requestTimeEpoch":"{time}"{members}}}"#
            );
            lines.extend([line.as_str(), "\n"]);
        }
    }
    event_of_lines(name, from, &lines)
}

/// Returns an invoke event of raw lines that were all written at one time.
fn event_of_lines(name: &str, time: i64, lines: &str) -> String {
    let time = time.to_string();
    let arguments = [
        "event",
        "--log-group",
        "g",
        "--log-stream",
        name,
        "--event-time",
        &time,
    ];
    let outcome = run(&arguments, &[], lines.as_bytes());
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    outcome.stdout
}

/// The name of a case, its requests, and columns of the alert that they cause. Without columns they
/// cause none.
type Case<'a> = (&'a str, &'a [Requests<'a>], &'a [(&'a str, &'a str)]);

/// Checks what a rule reports for the requests of each case. Each case begins two hours after the
/// last.
fn check(name: &str, cases: &[Case<'_>]) {
    let (rule, sample) = (
        Rule::read(name),
        Sample::new(&format!("alert{}", name.replace('-', ""))),
    );
    for (number, (case, requests, expected)) in (0..).zip(cases) {
        let from = DAY_BEGINS + number * 120 * A_MINUTE;
        sample.index(&event(case, from, requests));
        let alerts = rule.alerts(&sample, from + 6 * A_MINUTE);
        assert_eq!(
            alerts.len(),
            usize::from(!expected.is_empty()),
            "{name}: {case}: {alerts:?}"
        );
        for (alert, (wanted, value)) in alerts
            .iter()
            .flat_map(|alert| expected.iter().map(move |want| (alert, want)))
        {
            assert_eq!(
                column(alert, wanted).compact(),
                *value,
                "{name}: {case}: {alert:?}"
            );
        }
        assert!(
            rule.alerts(&sample, from - A_MINUTE).is_empty(),
            "{name}: {case}: too early"
        );
    }
}

const OK: &[(&str, &str)] = &[
    ("status", "200"),
    ("responseLatency", "3000"),
    ("ip", "198.51.100.1"),
];
const FAILED: &[(&str, &str)] = &[("status", "502"), ("ip", "198.51.100.1")];

#[test]
fn server_errors_fire_above_five_percent_of_fifty() {
    check(
        "server-errors",
        &[
            (
                "3 of 50",
                &[Requests(47, "s", OK), Requests(3, "s", FAILED)],
                &[("requests", "50"), ("failed", "3"), ("percent", "6.0")],
            ),
            (
                "5 of 100",
                &[Requests(95, "s", OK), Requests(5, "s", FAILED)],
                &[],
            ),
            ("49 of 49", &[Requests(49, "s", FAILED)], &[]),
            (
                "one stage of two",
                &[Requests(60, "good", OK), Requests(60, "bad", FAILED)],
                &[("aws.api_gateway.stage", r#""bad""#)],
            ),
            (
                "the client's errors",
                &[Requests(60, "s", &[("status", "499")])],
                &[],
            ),
        ],
    );
}

#[test]
fn slow_responses_fire_above_three_seconds() {
    const SLOW: &[(&str, &str)] = &[("status", "200"), ("responseLatency", "3001")];
    check(
        "slow-responses",
        &[
            (
                "all above",
                &[Requests(50, "s", SLOW)],
                &[("responses", "50"), ("p95_milliseconds", "3001.0")],
            ),
            ("all at it", &[Requests(50, "s", OK)], &[]),
            (
                "a tenth above",
                &[Requests(90, "s", OK), Requests(10, "s", SLOW)],
                &[("responses", "100")],
            ),
            (
                "a hundredth above",
                &[Requests(99, "s", OK), Requests(1, "s", SLOW)],
                &[],
            ),
            ("too few", &[Requests(49, "s", SLOW)], &[]),
            ("no latency is logged", &[Requests(60, "s", FAILED)], &[]),
        ],
    );
}

#[test]
fn throttling_fires_from_fifty_on() {
    const THROTTLED: &[(&str, &str)] = &[("status", "429")];
    check(
        "throttling",
        &[
            (
                "50",
                &[Requests(50, "s", THROTTLED), Requests(9, "s", OK)],
                &[("throttled", "50"), ("requests", "59")],
            ),
            (
                "49",
                &[Requests(49, "s", THROTTLED), Requests(9, "s", OK)],
                &[],
            ),
        ],
    );
}

#[test]
fn authorizer_failures_fire_if_the_authorizer_fails_or_denies_many_requests() {
    const BROKEN: &[(&str, &str)] = &[
        ("status", "500"),
        ("errorResponseType", "AUTHORIZER_FAILURE"),
    ];
    const UNAUTHORIZED: &[(&str, &str)] = &[("status", "401")];
    const DENIED: &[(&str, &str)] = &[("status", "403"), ("errorResponseType", "ACCESS_DENIED")];
    check(
        "authorizer-failures",
        &[
            (
                "5 fail",
                &[Requests(5, "s", BROKEN), Requests(500, "s", OK)],
                &[("failed", "5"), ("turned_away", "0")],
            ),
            (
                "4 fail",
                &[Requests(4, "s", BROKEN), Requests(4, "s", OK)],
                &[],
            ),
            (
                "5 by their status",
                &[Requests(
                    5,
                    "s",
                    &[("status", "500"), ("authorizerStatus", "500")],
                )],
                &[("failed", "5")],
            ),
            (
                "50 of 249",
                &[
                    Requests(25, "s", UNAUTHORIZED),
                    Requests(25, "s", DENIED),
                    Requests(199, "s", OK),
                ],
                &[("turned_away", "50")],
            ),
            (
                "50 of 250",
                &[
                    Requests(25, "s", UNAUTHORIZED),
                    Requests(25, "s", DENIED),
                    Requests(200, "s", OK),
                ],
                &[],
            ),
            ("49 of 49", &[Requests(49, "s", UNAUTHORIZED)], &[]),
            (
                "the firewall's",
                &[Requests(
                    90,
                    "s",
                    &[("status", "403"), ("errorResponseType", "WAF_FILTERED")],
                )],
                &[],
            ),
        ],
    );
}

#[test]
fn a_scanning_client_fires_from_fifty_denied_requests_on() {
    const NOT_FOUND: &[(&str, &str)] = &[("status", "404"), ("ip", "198.51.100.1")];
    const FORBIDDEN: &[(&str, &str)] = &[("status", "403"), ("ip", "198.51.100.1")];
    const ELSEWHERE: &[(&str, &str)] = &[("status", "404"), ("ip", "198.51.100.2")];
    check(
        "scanning-client",
        &[
            (
                "50 of 62",
                &[
                    Requests(25, "s", NOT_FOUND),
                    Requests(25, "t", FORBIDDEN),
                    Requests(12, "s", OK),
                ],
                &[
                    ("source.ip", r#""198.51.100.1""#),
                    ("refused", "50"),
                    ("requests", "62"),
                ],
            ),
            (
                "50 of 63",
                &[Requests(50, "s", NOT_FOUND), Requests(13, "s", OK)],
                &[],
            ),
            ("49 of 49", &[Requests(49, "s", NOT_FOUND)], &[]),
            (
                "two clients",
                &[Requests(40, "s", NOT_FOUND), Requests(40, "s", ELSEWHERE)],
                &[],
            ),
            (
                "no address",
                &[Requests(90, "s", &[("status", "404")])],
                &[],
            ),
        ],
    );
}

#[test]
fn no_events_fires_after_half_an_hour() {
    let (rule, sample) = (Rule::read("no-events"), Sample::new("alertnoevents"));
    sample.index(&event("one", DAY_BEGINS, &[Requests(1, "s", OK)]));
    for (minutes, fires) in [(1, false), (30, false), (31, true)] {
        let alerts = rule.alerts(&sample, DAY_BEGINS + minutes * A_MINUTE);
        assert_eq!(
            alerts.len(),
            usize::from(fires),
            "after {minutes} minutes: {alerts:?}"
        );
    }
}

#[test]
fn dead_letters_fire_once_for_each_reason() {
    let (rule, sample) = (Rule::read("dead-letters"), Sample::new("alertdeadletters"));
    let end = DAY_BEGINS + 6 * A_MINUTE;
    sample.index(&event("good", DAY_BEGINS, &[Requests(3, "s", OK)]));
    assert!(
        rule.alerts(&sample, end).is_empty(),
        "before the first dead letter"
    );

    let refusing = Sample::new("alertrefused");
    // A mapping that rejects a field that no rule and no question uses.
    let template = format!(
        r#"{{"index_patterns":["{}"],"priority":999,"data_stream":{{}},
            "template":{{"mappings":{{"properties":{{"ecs":{{"properties":{{"version":{{"type":"ip"}}}}}}}}}}}}}}"#,
        refusing.data_stream()
    );
    refusing.admin_request("PUT", "/_index_template/alertrefused", Some(&template));
    let report = refusing.index(&event("bad", DAY_BEGINS, &[Requests(4, "s", OK)]));
    assert_eq!(report.number("dead_lettered"), Some(4));
    refusing.admin_request("DELETE", "/_index_template/alertrefused", None);
    let [alert] = &rule.alerts(&refusing, end)[..] else {
        panic!("one reason")
    };
    assert_eq!(column(alert, "dead_letters").compact(), "4");
    assert_eq!(
        column(alert, "error.type").compact(),
        r#""document_parsing_exception""#
    );
    assert!(
        rule.alerts(&refusing, end + rule.window()).is_empty(),
        "a day later"
    );
}

/// The made-up day of `docs/kibana.md`: the incident at night, the quiet noon, the deployment and
/// the bot.
#[test]
fn a_made_up_day_fires_when_something_happens() {
    let sample = Sample::new("alertday");
    sample.index(&traffic::event(20_000, 1, "2026-03-01T00:00:00Z"));
    let fires = |hours: Range<i64>, name: &str| {
        let rule = Rule::read(name);
        let mut times = (hours.start * 6..hours.end * 6)
            .map(|ten_minutes| DAY_BEGINS + ten_minutes * 10 * A_MINUTE);
        times.any(|at| !rule.alerts(&sample, at).is_empty())
    };
    let night: Vec<_> = Rule::all()
        .iter()
        .map(|rule| (rule.name.clone(), fires(3..4, &rule.name)))
        .collect();
    for (name, fired) in night {
        assert_eq!(
            fired,
            ["server-errors", "slow-responses", "throttling"].contains(&&*name),
            "{name} at night"
        );
    }
    for rule in Rule::all() {
        assert!(!fires(11..12, &rule.name), "{} at noon", rule.name);
    }
    assert!(fires(14..15, "server-errors"), "the deployment's mistake");
    assert!(fires(22..23, "scanning-client"), "the bot of the evening");
}
