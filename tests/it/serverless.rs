//! The commands and the docs' recipes on Elasticsearch Serverless, as far as it refuses what other
//! servers take.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use regex::Regex;

use crate::support::command_line::{Outcome, run};
use crate::support::golden::repository;
use crate::support::history::{Streams, delivery, log_events, log_group, now, put};
use crate::support::http;
use crate::support::invocation::{Report, direct, invoke, lines, payload};
use crate::support::json::Json;
use crate::support::raw_tcp::RawTcp;
use crate::support::search_server::{SearchServer, shared};
use crate::support::serverless::{self, refusal};
use crate::support::templates::{Job, key};

/// The way to Serverless over the internet.
const DELAY: Duration = Duration::from_millis(200);

/// A project, and what one test keeps there.
struct Project {
    server: &'static SearchServer,
    serverless: RawTcp,
    data_stream: String,
    dead_letters: String,
}

impl Project {
    /// `None` if the server has no API keys.
    fn new(namespace: &str) -> Option<Self> {
        let (server, unique) = (shared(), std::process::id());
        server.can_create_api_keys().then(|| Self {
            server,
            serverless: serverless::start(&server.url, DELAY),
            data_stream: format!("logs-aws.api_gateway_logs-{namespace}{unique}"),
            dead_letters: format!("logs-aws.api_gateway_dead_letters-{namespace}{unique}"),
        })
    }

    fn settings<'s>(&'s self, key: &'s str) -> [(&'s str, &'s str); 5] {
        [
            ("ELASTICSEARCH_URL", &self.serverless.url),
            ("ELASTICSEARCH_API_KEY", key),
            ("DATA_STREAM", &self.data_stream),
            ("DEAD_LETTER_DATA_STREAM", &self.dead_letters),
            // A real server takes its time for the first document of a data stream.
            ("RETRY_BUDGET_MS", "60000"),
        ]
    }

    fn run(&self, arguments: &[&str], key: &str) -> Outcome {
        run(arguments, &self.settings(key), b"")
    }

    /// Sends a request as somebody who may do everything, with a key.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let key = self.server.create_api_key(ADMINISTRATOR).unwrap();
        let authorization = format!("ApiKey {key}");
        let url = format!("{}{path}", self.serverless.url);
        let body = (!body.is_empty()).then(|| body.as_bytes().to_vec());
        http::request(method, &url, Some(&authorization), body).unwrap()
    }

    fn count(&self, data_stream: &str) -> u64 {
        self.server.refresh(data_stream);
        self.server.count(data_stream)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        for (api, name) in [
            ("_data_stream", &self.data_stream),
            ("_data_stream", &self.dead_letters),
            ("_index_template", &self.data_stream),
        ] {
            self.server
                .admin_request("DELETE", &format!("/{api}/{name}"), None);
        }
    }
}

const ADMINISTRATOR: &str = r#"{"name":"administrator","role_descriptors":{}}"#;

#[test]
fn each_command_does_its_job_on_serverless() {
    let Some(project) = Project::new("serverless") else {
        return;
    };
    let setup_key = key(project.server, Job::Setup).unwrap();
    let own_templates = [
        ("ELASTICSEARCH_URL", &*project.serverless.url),
        ("ELASTICSEARCH_API_KEY", &*setup_key),
    ];
    for _ in 0..2 {
        let setup = run(&["setup"], &own_templates, b"");
        assert_eq!((setup.status, &*setup.stderr), (0, ""), "{setup:?}");
    }

    // The user's own template rejects documents until it is corrected.
    let template = |properties: &str| {
        format!(
            r#"{{"index_patterns":["{}"],"priority":900,"data_stream":{{}},"template":{{"mappings":{{"properties":{properties}}}}}}}"#,
            project.data_stream
        )
    };
    let path = format!("/_index_template/{}", project.data_stream);
    let wrong = template(
        r#"{"http":{"properties":{"response":{"properties":{"status_code":{"type":"ip"}}}}}}"#,
    );
    assert_eq!(project.ask("PUT", &path, &wrong).0, 200);
    let function_key = key(project.server, Job::Function).unwrap();
    let event = direct(&payload("serverless", "api", &lines(25)));
    let rejected = invoke(&event, &project.settings(&function_key));
    assert_eq!(
        (rejected.status, rejected.report.counts()),
        (0, [0, 0, 25, 0, 0]),
        "{rejected:?}"
    );

    assert_eq!(project.ask("PUT", &path, &template("{}")).0, 200);
    let rollover = format!("/{}/_rollover", project.data_stream);
    assert_eq!(project.ask("POST", &rollover, "").0, 200);
    let redrive_key = key(project.server, Job::Redrive).unwrap();
    let redrive = project.run(&["redrive"], &redrive_key);
    assert_eq!(redrive.status, 0, "{redrive:?}");
    assert_eq!(
        Json::read(redrive.stdout.lines().next().unwrap()).number("removed"),
        Some(25)
    );
    assert_eq!(
        (
            project.count(&project.dead_letters),
            project.count(&project.data_stream)
        ),
        (0, 25)
    );
    let again = invoke(&event, &project.settings(&function_key));
    assert_eq!(
        (again.status, again.report.counts()),
        (0, [0, 25, 0, 0, 0]),
        "{again:?}"
    );

    let check = run(&["check"], &own_templates, b"");
    assert!(
        check
            .stdout
            .contains("✓ version: Elasticsearch Serverless\n"),
        "{check:?}"
    );
    let check = project.run(&["check", "--write"], &function_key);
    assert_eq!(
        (check.status, check.stdout.contains('✗')),
        (0, false),
        "{check:?}"
    );
}

#[test]
fn history_is_delivered_and_audited_on_serverless() {
    const A_DAY: i64 = 24 * 60 * 60 * 1_000;
    let streams = Streams::new("serverlesshistory");
    if !streams.server.can_create_api_keys() {
        return;
    }
    let serverless = serverless::start(&streams.server.url, DELAY);
    let url = [("ELASTICSEARCH_URL", &*serverless.url)];
    let group = log_group("serverless", &["a"]);
    put(&group, "a", now() - A_DAY, &lines(30));
    let window = ["--log-group", &group, "--since", "2d"];

    for expected in [[30, 0, 0, 0, 0], [0, 30, 0, 0, 0]] {
        let arguments = [&["backfill", "--force"], &window[..]].concat();
        let run = streams.run(Job::Backfill, &arguments, &url, "");
        let report: Report = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((run.status, report.counts()), (0, expected), "{run:?}");
    }
    let audit = streams.run(Job::Audit, &[&["audit"], &window[..]].concat(), &url, "");
    let counts = Json::read(audit.stdout.lines().last().unwrap());
    assert_eq!(
        (audit.status, counts.number("indexed")),
        (0, Some(30)),
        "{audit:?}"
    );
    let looking_up = [url[0], ("LOOK_UP_REPEATED", "true")];
    let event = delivery(&group, &log_events(&group));
    let run = streams.run(
        Job::FunctionLookingUp,
        &["invoke", "-"],
        &looking_up,
        &event,
    );
    let report: Report = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (run.status, report.counts()),
        (0, [0, 30, 0, 0, 0]),
        "{run:?}"
    );
}

#[test]
fn a_password_is_no_credential_on_serverless() {
    let Some(project) = Project::new("password") else {
        return;
    };
    let settings = [
        ("ELASTICSEARCH_URL", &*project.serverless.url),
        ("ELASTICSEARCH_USERNAME", "admin"),
        ("ELASTICSEARCH_PASSWORD", "changeme"),
    ];
    for command in ["setup", "check"] {
        let refused = run(&[command], &settings, b"");
        assert_eq!(refused.status, 1, "{refused:?}");
        let said = refused.stdout + &refused.stderr;
        assert!(said.contains("credentials"), "{said}");
    }
}

/// The stand-in refuses what Serverless refuses, in its words.
#[test]
fn serverless_refuses_settings_and_requests() {
    let Some(project) = Project::new("refusals") else {
        return;
    };
    let component = "/_component_template/logs-serverless-refusals@custom";
    for (method, path, body, status, reason) in [
        (
            "PUT",
            component,
            r#"{"template":{"settings":{"number_of_shards":2,"index":{"lifecycle":{"name":"logs"}}}}}"#,
            400,
            "Settings [index.number_of_shards,index.lifecycle.name] are not available",
        ),
        (
            "PUT",
            component,
            r#"{"template":{"settings":{"index.lifecycle.prefer_ilm":false}}}"#,
            400,
            "Settings [index.lifecycle.prefer_ilm] are not available",
        ),
        (
            "PUT",
            "/logs-serverless-refusals/_settings",
            r#"{"index":{"number_of_replicas":0}}"#,
            400,
            "Settings [index.number_of_replicas] are not available",
        ),
        ("GET", "/_cluster/health", "", 410, "[/_cluster/health]"),
        ("GET", "/_nodes/stats", "", 410, "is not available"),
        ("PUT", "/_ilm/policy/logs", "{}", 410, "is not available"),
        ("GET", "/_cat/thread_pool/write?v", "", 410, "[GET]"),
    ] {
        let (found, answer) = project.ask(method, path, body);
        assert_eq!(found, status, "{method} {path}: {answer}");
        assert!(answer.contains(reason), "{method} {path}: {answer}");
    }
    let fine = r#"{"template":{"settings":{"index":{"mode":"logsdb","sort":{"field":"@timestamp"}},"index.similarity.mine.type":"boolean"}}}"#;
    assert_eq!(refusal("PUT", component, fine), None);
}

/// A request to Elasticsearch in the documentation.
#[derive(Debug)]
struct Recipe {
    method: String,
    path: String,
    body: String,
}

fn recipes(text: &str) -> Vec<Recipe> {
    let console =
        Regex::new(r"\b(GET|PUT|POST|DELETE)\s+/?((?:_[a-z]|logs-)[^\s`]*)(?:\n(\{.*\}))?")
            .unwrap();
    let curl = Regex::new(r#"\$ELASTICSEARCH_URL/([^"]*)""#).unwrap();
    let method = Regex::new(r"-X (GET|PUT|POST|DELETE) ").unwrap();
    let data = Regex::new(r"--data '(\{.*\})'").unwrap();
    let found = |regex: &Regex, text: &str| {
        regex
            .captures(text)
            .map(|found| found[1].to_owned())
            .unwrap_or_default()
    };
    let mut recipes: Vec<_> = console
        .captures_iter(text)
        .map(|found| Recipe {
            method: found[1].to_owned(),
            path: format!("/{}", &found[2]),
            body: found.get(3).map_or("", |body| body.as_str()).to_owned(),
        })
        .collect();
    for command in text.replace("\\\n", "").split("\n$ ") {
        let command = command.split("```").next().unwrap();
        if let Some(path) = curl.captures(command) {
            recipes.push(Recipe {
                method: match found(&method, command) {
                    method if method.is_empty() => "GET".to_owned(),
                    method => method,
                },
                path: format!("/{}", &path[1]),
                body: found(&data, command),
            });
        }
    }
    recipes
}

/// The chapter names each request in these pages that Serverless refuses, and no other.
#[test]
fn docs_say_which_recipes_do_not_work_on_serverless() {
    let read = |page: &str| fs::read_to_string(repository(page)).unwrap();
    let deploy = read("docs/deploy.md");
    let (before, rest) = deploy.split_once("\n## Elastic Cloud\n").unwrap();
    let (chapter, after) = rest.split_once("\n## ").unwrap();
    let mut pages = vec![before.to_owned(), after.to_owned(), read("README.md")];
    for entry in fs::read_dir(repository("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name != "deploy.md") {
            pages.push(fs::read_to_string(path).unwrap());
        }
    }
    let recipes: Vec<_> = pages.iter().flat_map(|page| recipes(page)).collect();
    for known in [
        "/_security/api_key",
        "/_component_template/logs-aws.api_gateway_logs@custom",
        "/_data_stream/logs-aws.api_gateway_logs-default/_lifecycle",
        "/logs-aws.api_gateway_logs-default/_rollover",
    ] {
        assert!(
            recipes.iter().any(|recipe| recipe.path.starts_with(known)),
            "{known}: {recipes:?}"
        );
    }
    let refused: BTreeSet<_> = recipes
        .iter()
        .filter(|recipe| refusal(&recipe.method, &recipe.path, &recipe.body).is_some())
        .map(|recipe| match &*recipe.body {
            "" => format!("{} {}", recipe.method, recipe.path.trim_start_matches('/')),
            body => body.to_owned(),
        })
        .collect();
    let chapter = chapter.replace('\n', " ");
    let named: BTreeSet<_> = Regex::new(r"`((?:GET|PUT|POST|DELETE) _[^`]*)`")
        .unwrap()
        .captures_iter(&chapter)
        .map(|found| found[1].to_owned())
        .filter(|name| !name.contains("_security"))
        .collect();
    let setting = "index.lifecycle.prefer_ilm";
    let (settings, requests): (BTreeSet<_>, BTreeSet<_>) =
        refused.into_iter().partition(|name| name.starts_with('{'));
    assert_eq!(named, requests);
    assert!(
        chapter.contains(setting) && settings.iter().all(|body| body.contains(setting)),
        "{settings:?}"
    );
    assert_eq!(settings.len(), 1, "{settings:?}");
}
