//! Checks that the statements in `docs/` are true: settings, examples, parameters, links.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use apigw_logs::config::{Config, SETTINGS};
use apigw_logs::report::Report;
use regex::Regex;

use crate::support::cloudformation::Template;
use crate::support::golden::repository;
use crate::support::json::Json;

/// Settings whose examples name files that do not exist here.
const NEEDS_MORE: &[&str] = &[
    "ELASTICSEARCH_CA_FILE",
    "GEOIP_CITY_DATABASE",
    "GEOIP_ASN_DATABASE",
    "ACCESS_LOG_FORMATS_FILE",
];

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the parts of a document that stand below headings in backticks.
fn chapters(text: &str) -> Vec<(&str, &str)> {
    let parts = text.split("\n### `").skip(1);
    let named = parts.map(|part| part.split_once("`\n").unwrap());
    named
        .map(|(name, text)| (name, text.split("\n## ").next().unwrap()))
        .collect()
}

fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[test]
fn every_setting_is_documented_with_its_default() {
    let text = read("docs/configure.md");
    let chapters: Vec<_> = chapters(&text).into_iter().collect();
    let names: Vec<_> = chapters.iter().map(|(name, _)| *name).collect();
    let (mut sorted, mut expected) = (
        names.clone(),
        SETTINGS
            .iter()
            .map(|setting| setting.name)
            .collect::<Vec<_>>(),
    );
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    for (name, text) in chapters {
        let default = SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .and_then(|setting| setting.default);
        let default = default.map_or("Not set by default.".to_owned(), |default| {
            format!("Default: `{default}`.")
        });
        assert!(
            text.replace('\n', " ").contains(&default),
            "{name}: {default}"
        );
    }
}

/// Each member of the report has a row that says what it means.
#[test]
fn every_member_of_the_report_is_explained() {
    let report = Report {
        elsewhere: 1,
        fits_no_format: 1,
        renamed: 1,
        not_looked_up: 1,
        ..Report::default()
    };
    let report = serde_json::to_value(report).expect("a report is JSON");
    let text = read("docs/operate.md");
    let (_, chapter) = text
        .split_once("\n## What an invocation reports\n")
        .expect("the chapter is there");
    let chapter = chapter.split("\n## ").next().unwrap_or_default();
    let explained: Vec<_> = chapter
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once(" | "))
        .flat_map(|(names, _)| names.split(", "))
        .map(|name| name.trim_matches('`'))
        .collect();
    let mut members: Vec<_> = report.as_object().expect("an object").keys().collect();
    let mut sorted = explained.clone();
    members.sort();
    sorted.sort();
    assert_eq!(sorted, members);
}

/// The program reads only the variables of the list and those that AWS sets, and each of them is
/// documented.
#[test]
fn every_variable_that_is_read_is_documented() {
    const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:a-AbCdEf";
    let environments: [&[(&str, &str)]; 3] = [
        &[],
        &[("ELASTICSEARCH_SECRET_ARN", SECRET)],
        &[("ELASTICSEARCH_AUTH", "sigv4"), ("AWS_ACCESS_KEY_ID", "A")],
    ];
    let read_variables = RefCell::new(BTreeSet::new());
    for environment in environments {
        drop(Config::from_vars(|name| {
            read_variables.borrow_mut().insert(name.to_owned());
            let set = environment.iter().find(|(variable, _)| *variable == name);
            set.map(|(_, value)| (*value).to_owned())
        }));
    }
    let text = read("docs/configure.md");
    let is_setting = |name: &String| SETTINGS.iter().any(|setting| setting.name == name);
    let (settings, others): (BTreeSet<_>, BTreeSet<_>) = read_variables
        .into_inner()
        .into_iter()
        .partition(is_setting);
    assert_eq!(
        settings,
        SETTINGS
            .iter()
            .map(|setting| setting.name.to_owned())
            .collect()
    );
    for name in others {
        let is_there = ["`", "="]
            .iter()
            .any(|end| text.contains(&format!("`{name}{end}")));
        assert!(name.starts_with("AWS_") && is_there, "{name}");
    }
}

/// Each example is an environment that the program accepts.
#[test]
fn every_setting_s_example_is_valid() {
    for (name, text) in chapters(&read("docs/configure.md")) {
        let [example] = blocks(text, "sh")[..] else {
            panic!("{name} has no example")
        };
        let lines: Vec<_> = example
            .lines()
            .map(|line| line.split_once('=').unwrap())
            .collect();
        assert!(
            lines.iter().any(|(variable, _)| *variable == name),
            "{name}: {example}"
        );
        let lookup = |name: &str| {
            let line = lines.iter().find(|(variable, _)| *variable == name);
            line.map(|(_, value)| (*value).to_owned())
        };
        let problems = Config::from_vars(lookup).err().unwrap_or_default();
        let problems: Vec<_> = problems
            .iter()
            .filter(|problem| !NEEDS_MORE.contains(&problem.variable))
            .collect();
        assert!(problems.is_empty(), "{name}: {problems:?}");
        let default = SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .and_then(|setting| setting.default);
        assert_ne!(
            lookup(name).as_deref(),
            default,
            "{name}: an example says more than the default"
        );
    }
}

#[test]
fn keys_have_only_the_privileges_that_their_job_needs() {
    let text = read("docs/configure.md");
    let keys: Vec<_> = blocks(&text, "json").into_iter().map(Json::read).collect();
    let [function, looking_up, others @ ..] = &keys[..] else {
        panic!("a key for each job")
    };
    let role = function.get("role_descriptors.apigw-logs").unwrap();
    assert_eq!(role.get("cluster"), None);
    let [index] = role.list("indices").unwrap() else {
        panic!("one set of indices")
    };
    assert_eq!(
        index.get("privileges").unwrap().compact(),
        r#"["auto_configure","create_doc"]"#
    );
    let names = index.get("names").unwrap().compact();
    assert_eq!(
        names,
        r#"["logs-aws.api_gateway_logs-*","logs-aws.api_gateway_dead_letters-*"]"#
    );
    // The function's keys do not expire. With LOOK_UP_REPEATED it may read its documents, too.
    assert_eq!(looking_up.text("expiration"), None);
    let role = looking_up
        .get("role_descriptors.apigw-logs-looking-up")
        .unwrap();
    let privileges: Vec<_> = role
        .list("indices")
        .unwrap()
        .iter()
        .map(|index| index.get("privileges").unwrap().compact())
        .collect();
    assert_eq!(
        privileges,
        [
            r#"["auto_configure","create_doc","read","maintenance"]"#,
            r#"["auto_configure","create_doc"]"#
        ]
    );
    // Any other key that may read, change or remove anything expires.
    assert_eq!(others.len(), 5);
    for key in others {
        assert_eq!(key.text("expiration"), Some("1d"), "{}", key.compact());
    }
}

/// Returns the anchor that GitHub makes from a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "docs/decisions.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "acceptance/README.md",
        "deploy/cdk/README.md",
        "deploy/terraform/README.md",
        "docs/configure.md",
        "docs/deploy.md",
        "docs/fields.md",
        "docs/history.md",
        "docs/kibana.md",
        "docs/operate.md",
        "docs/performance.md",
    ] {
        let text = read(document);
        for (_, [target]) in link.captures_iter(&text).map(|captures| captures.extract()) {
            if target.starts_with("http") {
                continue;
            }
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let path = Path::new(document).parent().unwrap().join(file);
            let path = if file.is_empty() {
                document.to_owned()
            } else {
                path.to_string_lossy().into_owned()
            };
            let linked = read(&path);
            let headings = linked.lines().filter(|line| line.starts_with('#'));
            let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#').trim()));
            let is_there = section.is_empty() || anchors.any(|anchor| anchor == section);
            assert!(
                is_there || linked.contains(&format!("id=\"{section}\"")),
                "{document}: {target}"
            );
        }
    }
}

/// The recipes and files that contributors are told of exist.
#[test]
fn recipes_and_files_for_contributors_exist() {
    let contributing = read("CONTRIBUTING.md");
    let justfile = read("justfile");
    let recipe = Regex::new(r"`just ([a-z-]+)`").unwrap();
    for [name] in recipe
        .captures_iter(&contributing)
        .map(|found| found.extract().1)
    {
        let heads = [format!("\n{name}:"), format!("\n{name} ")];
        assert!(
            heads.iter().any(|head| justfile.contains(head)),
            "there is no recipe {name}"
        );
    }
    let path = Regex::new(r"`((?:src|tests|docs|deploy)/[\w./-]+)`").unwrap();
    for [path] in path
        .captures_iter(&contributing)
        .map(|found| found.extract().1)
        .filter(|[path]| !path.contains("NAME"))
    {
        assert!(repository(path).exists(), "there is no {path}");
    }
}

/// Names in backticks that look like names of the template are names of the template.
#[test]
fn names_of_the_template_are_right() {
    let template = Template::read("template.yaml");
    let sections = ["Parameters", "Outputs", "Resources"].map(|name| template.section(name).keys());
    let known: BTreeSet<_> = sections.into_iter().flatten().map(String::as_str).collect();
    let text = ["template.yaml", "template/subscriptions.yaml"]
        .map(read)
        .concat();
    let name = Regex::new(r"`([A-Z][a-z]+[A-Z][A-Za-z]+)(?:=[^`]*)?`").unwrap();
    for document in ["docs/deploy.md", "docs/operate.md"] {
        let document_text = read(document);
        let names: BTreeSet<_> = name
            .captures_iter(&document_text)
            .map(|captures| captures.extract::<1>().1[0])
            .collect();
        for name in names.into_iter().filter(|name| *name != "FunctionName") {
            // The name of a property is enough.
            assert!(
                known.contains(name) || text.contains(&format!(" {name}: ")),
                "{document}: {name}"
            );
        }
        for rest in document_text.split("$(output ").skip(1) {
            let output: String = rest
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            assert!(
                template.section("Outputs").contains_key(&output),
                "{document}: {output}"
            );
        }
    }
}

/// The commands name the existing package, and the requests have what Kibana demands.
#[test]
fn the_documented_commands_upload_and_remove_the_package() {
    let text = read("docs/kibana.md");
    let commands = blocks(&text, "console").join("\n").replace("\\\n", "");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        commands
            .matches(&format!("target/apigw_logs-{version}.zip"))
            .count(),
        2,
        "{commands}"
    );
    assert_eq!(
        commands.matches("target/apigw_logs").count(),
        2,
        "{commands}"
    );
    let to_kibana: Vec<_> = commands
        .lines()
        .filter(|line| line.contains("$KIBANA_URL"))
        .collect();
    assert_eq!(to_kibana.len(), 2);
    assert!(
        to_kibana.iter().all(|line| line.contains("-H 'kbn-xsrf: ")),
        "{to_kibana:?}"
    );
    assert!(commands.contains(&format!(
        "-X DELETE \"$KIBANA_URL/api/fleet/epm/packages/apigw_logs/{version}\""
    )));
    let justfile = read("justfile");
    let (_, recipe) = justfile.split_once("\nintegration:\n").unwrap();
    assert_eq!(
        recipe.lines().next().map(str::trim),
        Some(".ci/integration-zip")
    );
}
