//! The presets of API Gateway's console (CLF, JSON, XML and CSV for each kind of API): which
//! alerting rules fire with their lines, and which panels stay empty.
//!
//! `docs/kibana.md` says both, `log-format --explain` says it of any format, and each panel's
//! description names the variables that it needs. The tests hold all of them against the answers
//! of a real Elasticsearch.

#![expect(clippy::indexing_slicing, reason = "the indices are remainders")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Mutex, PoisonError};

use regex::Regex;

use super::panels::{drawn, shown};
use super::sample::server;
use super::saved::SavedPanel;
use crate::alerts::Rule;
use crate::support::command_line::run;
use crate::support::golden::repository;
use crate::support::json::Json;
use crate::support::sample::rows;

/// A format with little in it, beside the presets.
const POOR: (&str, &str) = (
    "poor",
    r#"{"id":"$context.requestId","requestTime":"$context.requestTime"}"#,
);

/// The day of these lines; each format has an hour of it.
const DAY: &str = "15/Jan/2026";

/// Statuses with the addresses that get them, 60 times each: enough for every rule.
const TROUBLE: [(&str, &str); 4] = [
    ("502", "89.160.20.112"),
    ("429", "81.2.69.142"),
    ("401", "81.2.69.160"),
    ("404", "2.125.160.216"),
];

/// The rules that look at requests. The other two look at whether documents come, of whatever
/// format.
const RULES: [&str; 5] = [
    "server-errors",
    "slow-responses",
    "throttling",
    "authorizer-failures",
    "scanning-client",
];

struct Preset {
    /// The kind of API and the form: `console/rest/clf`.
    name: String,
    format: String,
    /// The hour of its lines.
    hour: usize,
}

impl Preset {
    fn all() -> Vec<Self> {
        let path = repository("data/access-log-formats.txt");
        let file = fs::read_to_string(path).expect("the formats can be read");
        let is_preset = |(name, _): &(&str, &str)| {
            name.starts_with("console/") && name.matches('/').count() == 2
        };
        let formats = file.lines().filter_map(|line| line.split_once('\t'));
        let formats = formats.filter(is_preset).chain([POOR]).enumerate();
        formats
            .map(|(hour, (name, format))| Self {
                name: name.to_owned(),
                format: format.to_owned(),
                hour,
            })
            .collect()
    }

    /// Returns the place of its kind of API in [`KINDS`].
    fn kind(&self) -> Option<usize> {
        let kind = self.name.split('/').nth(1)?;
        KINDS.iter().position(|it| it.to_lowercase() == kind)
    }

    /// The forms of a kind of API have the same variables, so the first stands for all.
    fn first_of_each_kind() -> Vec<Self> {
        let is_first = |it: &Self| it.name.ends_with("/clf") || it.name == POOR.0;
        Self::all().into_iter().filter(is_first).collect()
    }

    fn has(&self, variable: &str) -> bool {
        variables(&self.format).any(|it| it == variable)
    }

    fn range(&self) -> [String; 2] {
        ["00:00", "59:59"].map(|time| format!("2026-01-15T{:02}:{time}.000Z", self.hour))
    }

    /// Returns the lines of five minutes, with all trouble that the format can tell.
    fn lines(&self) -> String {
        let mut lines = String::new();
        for number in 0..240 {
            let value = |name: &str| self.value(name, number);
            lines.push_str(&filled(&self.format, value));
            lines.push('\n');
        }
        lines
    }

    fn value(&self, variable: &str, number: usize) -> String {
        let (status, address) = TROUBLE[number % 4];
        let text = match variable {
            "identity.sourceIp" => address,
            "identity.caller" | "identity.user" => "AIDAEXAMPLE",
            "requestTime" => {
                let (minute, second) = (number / 48, number % 48);
                return format!("{DAY}:{:02}:{minute:02}:{second:02} +0000", self.hour);
            }
            "httpMethod" => "GET",
            "resourcePath" => "/pets/{id}",
            "routeKey" if self.name.contains("websocket") => "$default",
            "routeKey" => "GET /pets/{id}",
            "protocol" => "HTTP/1.1",
            "status" => status,
            "responseLength" => "1184",
            "eventType" => ["CONNECT", "MESSAGE", "MESSAGE", "DISCONNECT"][number / 4 % 4],
            "connectionId" => "Iq8gj1UmIAMCKpA=",
            "extendedRequestId" => return format!("JKJ0iH{number:04}IDoEF=",),
            // HTTP and WebSocket APIs have ids of this form for both.
            "requestId" if !self.name.contains("rest") => {
                return self.value("extendedRequestId", number);
            }
            "requestId" => {
                return format!("6b1c2d3e-0000-4000-8000-{:04}{number:08}", self.hour);
            }
            other => panic!("no preset has {other}"),
        };
        text.to_owned()
    }

    /// Returns the names of the rules that fire.
    fn firing(&self) -> BTreeSet<&'static str> {
        static FIRING: Memory<BTreeSet<&'static str>> = Memory::new(BTreeMap::new());
        remembered(&FIRING, self.hour, || self.ask_for_alerts())
    }

    fn ask_for_alerts(&self) -> BTreeSet<&'static str> {
        let from = format!("2026-01-15T{:02}:00:00Z", self.hour);
        let from = from.parse::<jiff::Timestamp>().expect("a time");
        let at = from.as_millisecond() + 6 * 60_000;
        let fires = |name: &&str| {
            let rule = Rule::read(name);
            let filter = format!(
                r#"{{"range":{{"@timestamp":{{"gte":{},"lt":{at},"format":"epoch_millis"}}}}}}"#,
                at - rule.window()
            );
            !rule
                .alerts_of(rows(server(), rule.esql(), &filter))
                .is_empty()
        };
        RULES.into_iter().filter(fires).collect()
    }

    /// Returns `dashboard: title` of the panels that show nothing. The Pipeline dashboard shows
    /// what went wrong, whatever the format.
    fn empty_panels(&self) -> BTreeSet<String> {
        static EMPTY: Memory<BTreeSet<String>> = Memory::new(BTreeMap::new());
        remembered(&EMPTY, self.hour, || self.ask_for_panels())
    }

    fn ask_for_panels(&self) -> BTreeSet<String> {
        let range = self.range();
        let range = range.each_ref().map(String::as_str);
        let is_empty = |panel: &SavedPanel| {
            let mut numbers = shown(panel, range).into_values().flatten();
            numbers.all(|number| number.is_none_or(|number| number == 0.0))
        };
        drawn()
            .filter(|panel| panel.dashboard != "pipeline" && is_empty(panel))
            .map(|panel| format!("{}: {}", panel.dashboard, panel.title))
            .collect()
    }

    /// Returns the variables that `log-format --explain` misses.
    fn missing(&self) -> BTreeSet<String> {
        let outcome = run(&["log-format", "--explain", &self.format], &[], b"");
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        let explanation = Json::read(&outcome.stdout);
        let missing = explanation.list("missing").expect("a list").iter();
        let variable = |it: &Json| it.text("variable").expect("a variable").to_owned();
        missing.map(variable).collect()
    }
}

/// Answers of the server, by the hour of their lines.
type Memory<T> = Mutex<BTreeMap<usize, T>>;

fn remembered<T: Clone>(memory: &Memory<T>, hour: usize, ask: impl FnOnce() -> T) -> T {
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    memory.entry(hour).or_insert_with(ask).clone()
}

fn variables(format: &str) -> impl Iterator<Item = &str> {
    let starts = format.split("$context.").skip(1);
    starts.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.');
        rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
    })
}

fn filled(format: &str, value: impl Fn(&str) -> String) -> String {
    let variable = Regex::new(r"\$context\.([A-Za-z.]+)").expect("a pattern");
    let replaced = variable.replace_all(format, |found: &regex::Captures<'_>| value(&found[1]));
    replaced.into_owned()
}

/// Returns the lines of all formats.
pub(super) fn lines() -> String {
    Preset::all().iter().map(Preset::lines).collect()
}

/// Returns the cells of the table below a heading of `docs/kibana.md`, by the table's first
/// column.
fn table(heading: &str) -> BTreeMap<String, Vec<String>> {
    let page = fs::read_to_string(repository("docs/kibana.md")).expect("the page can be read");
    let (_, section) = page.split_once("\n### AWS's presets\n").expect("a section");
    let (_, section) = section.split_once(heading).expect("a table");
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with("| ---"));
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.skip(1)
        .take_while(|line| line.starts_with("| "))
        .map(|line| {
            let mut cells = cells(line);
            (cells.remove(0), cells)
        })
        .collect()
}

const KINDS: [&str; 3] = ["REST", "HTTP", "WebSocket"];

#[test]
fn the_page_says_which_rules_fire_with_the_presets_of_aws() {
    let told = table("| alerting rule ");
    for preset in Preset::all().iter().filter(|it| it.kind().is_some()) {
        let firing = preset.firing();
        for name in RULES {
            let title = Rule::read(name).title().to_owned();
            let said = &told.get(&title).unwrap_or_else(|| panic!("no {title}"))[0];
            let reason = said.strip_prefix("never: no ");
            let variable = reason.map(|it| it.trim_matches('`'));
            assert!(
                said.starts_with("fires") || reason.is_some(),
                "{title}: {said}"
            );
            assert_eq!(
                firing.contains(name),
                reason.is_none(),
                "{}: {title}",
                preset.name
            );
            assert!(
                variable.is_none_or(|it| !preset.has(it)),
                "{}: {said}",
                preset.name
            );
        }
    }
    assert_eq!(told.len(), RULES.len());
}

/// The four forms of a kind of API make the same documents, so one of them stands for all below.
#[test]
fn the_forms_of_a_preset_make_the_same_documents() {
    // The forms differ in their name, their hour, and the id that some forms lack.
    let differs = r#""log_format":"\w+"|2026-01-15T\d\d|4000-8000-\d{4}|"request":\{[^{}]*\}"#;
    let differs = Regex::new(differs).expect("a pattern");
    let mut documents = BTreeMap::new();
    for preset in Preset::all() {
        let lines = preset.lines();
        let first: String = lines
            .lines()
            .take(20)
            .map(|line| format!("{line}\n"))
            .collect();
        let outcome = run(&["normalize"], &[], first.as_bytes());
        let text = outcome.stdout;
        let hour = format!("2026-01-15T{:02}", preset.hour);
        assert!(text.contains(&hour), "{}: {text}", preset.name);
        let text = differs.replace_all(&text, "").into_owned();
        let of_kind = documents
            .entry(preset.kind())
            .or_insert_with(|| text.clone());
        assert_eq!(*of_kind, text, "{}", preset.name);
    }
}

#[test]
fn the_page_says_which_panels_stay_empty_with_the_presets_of_aws() {
    let told = table("| dashboard ");
    assert_eq!(told.len(), 4);
    let mut problems = Vec::new();
    for preset in Preset::first_of_each_kind() {
        let Some(kind) = preset.kind() else { continue };
        let empty = preset.empty_panels();
        for (dashboard, cells) in &told {
            let titles = |name: &String| Some(name.split_once(": ")?.1.to_owned());
            let is_here = |name: &&String| name.starts_with(&dashboard.to_lowercase());
            let empty: BTreeSet<_> = empty.iter().filter(is_here).filter_map(titles).collect();
            let said: BTreeSet<_> = cells[0].split("; ").map(str::to_owned).collect();
            let is_for_others = dashboard == "WebSocket" && KINDS[kind] != dashboard;
            let all = drawn().filter(|panel| panel.dashboard == dashboard.to_lowercase());
            let said = if is_for_others {
                all.map(|panel| panel.title).collect()
            } else {
                said
            };
            if empty != said {
                problems.push(format!("{dashboard}, {}: {empty:?}", preset.name));
            }
            let mut filling = cells[1].split(", ").map(|it| it.trim_matches('`'));
            assert!(filling.all(|variable| !preset.has(variable)), "{cells:?}");
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// A panel that is empty for a format names a variable that the format lacks, and a panel that is
/// not empty names none or one that the format has.
#[test]
fn an_empty_panel_names_a_variable_that_the_format_lacks() {
    let needs = Regex::new(r"(?:log format needs|Without) ([^.]*(?:\.[a-zA-Z][^.]*)*)\.?")
        .expect("a pattern");
    let word = Regex::new(r"\b[a-z]+(?:[A-Z.][A-Za-z]+)+\b|\bstage\b|\bpath\b").expect("a pattern");
    for preset in Preset::first_of_each_kind() {
        let empty = preset.empty_panels();
        for panel in drawn().filter(|panel| panel.dashboard != "pipeline") {
            let name = format!("{}: {}", panel.dashboard, panel.title);
            let description = panel.config["description"].as_str().unwrap_or_default();
            let needs = needs.captures(description).map(|found| found[1].to_owned());
            let needs = needs.unwrap_or_default();
            let named: Vec<_> = word.find_iter(&needs).map(|it| it.as_str()).collect();
            let missing = named.iter().filter(|it| !preset.has(it)).count();
            if empty.contains(&name) && preset.name != POOR.0 {
                assert!(missing > 0, "{}: {name} is empty: {named:?}", preset.name);
            }
            let is_told =
                needs.is_empty() || missing < named.len() || description.contains("Without");
            assert!(
                empty.contains(&name) || is_told,
                "{}: {name} is not empty: {named:?}",
                preset.name
            );
        }
    }
}

/// `log-format --explain` says which panels stay empty and which rules never fire. The dashboards and
/// rules do just that.
#[test]
fn explain_says_what_the_dashboards_and_rules_do() {
    for preset in Preset::first_of_each_kind() {
        let (missing, empty, firing) = (preset.missing(), preset.empty_panels(), preset.firing());
        let name = &preset.name;
        for (variable, panels, rules) in [
            (
                "responseLatency",
                &[
                    "overview: Latency, p95",
                    "overview: Latency",
                    "overview: Requests by latency",
                    "overview: Where the time goes, on average",
                    "overview: Slowest routes",
                ][..],
                &["slow-responses"][..],
            ),
            (
                "status",
                &[
                    "errors: Errors by status",
                    "overview: Availability",
                    "errors: Latest failed requests",
                ],
                &["server-errors", "throttling", "authorizer-failures"],
            ),
            (
                "identity.sourceIp",
                &[
                    "clients: Addresses",
                    "clients: Where requests come from",
                    "clients: Networks by requests",
                ],
                &["scanning-client"],
            ),
            ("resourcePath", &["overview: Busiest routes"], &[]),
            (
                "error.responseType",
                &["errors: Error response types", "errors: Integration errors"],
                &[],
            ),
            (
                "identity.userAgent",
                &["clients: User agents", "clients: User agents by requests"],
                &[],
            ),
        ] {
            let is_missing = missing.contains(variable);
            for panel in panels {
                assert_eq!(empty.contains(*panel), is_missing, "{name}: {panel}");
            }
            for rule in rules {
                assert_eq!(!firing.contains(rule), is_missing, "{name}: {rule}");
            }
        }
        assert!(
            missing.contains("apiId"),
            "{name}: APIs cannot be told apart"
        );
    }
}
