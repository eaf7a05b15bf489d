//! `apigw-logs setup` against real servers: what it puts, what it leaves alone, and what it prints.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::sync::{Arc, Mutex};

use crate::support::command_line::{Outcome, run};
use crate::support::json::Json;
use crate::support::raw_tcp::{RawTcp, read_head_and_body, send};
use crate::support::search_server::{self, Flavour, SearchServer, shared};
use crate::support::templates::setup;

const MAPPINGS: &str = "/_component_template/logs-aws.api_gateway_logs@mappings";
const CUSTOM: &str = "/_component_template/logs-aws.api_gateway_logs@custom";

fn lines(run: &Outcome) -> Vec<&str> {
    assert_eq!((run.status, &*run.stderr), (0, ""), "{}", run.stdout);
    run.stdout.lines().collect()
}

fn put(server: &SearchServer, path: &str, body: &str) {
    let (status, answer) = server.admin_request("PUT", path, Some(body));
    assert_eq!(status, 200, "{answer}");
}

fn index_template(server: &SearchServer, name: &str) -> Option<Json> {
    let (status, answer) = server.admin_request("GET", &format!("/_index_template/{name}"), None);
    let answer = (status == 200).then(|| Json::read(&answer))?;
    answer
        .list("index_templates")?
        .first()?
        .get("index_template")
        .cloned()
}

/// Returns the verbs of the lines, without those about index state management, which the servers
/// here do not have.
fn verbs(lines: &[&str]) -> Vec<String> {
    let lines = lines
        .iter()
        .filter(|line| !line.starts_with("left out policy"));
    lines
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn it_creates_and_then_leaves_everything() {
    // The server is new.
    let Some(server) = search_server::start_beside(&[]) else {
        return;
    };
    let dry = setup(&server, &["--dry-run"], &[]);
    let requests: Vec<_> = lines(&dry)
        .into_iter()
        .filter(|line| line.starts_with("PUT "))
        .collect();
    assert_eq!(requests.len(), 5, "{requests:?}");
    assert!(
        requests.contains(&"PUT /_index_template/logs-aws.api_gateway_logs"),
        "{requests:?}"
    );
    assert_eq!(
        index_template(&server, "logs-aws.api_gateway_logs").map(|_| ()),
        None,
        "nothing was sent"
    );

    let first = setup(&server, &[], &[]);
    assert_eq!(verbs(&lines(&first)), ["created"; 5], "{}", first.stdout);
    let template = index_template(&server, "logs-aws.api_gateway_logs").unwrap();
    assert_eq!(
        template.get("index_patterns").unwrap().compact(),
        r#"["logs-aws.api_gateway_logs-*"]"#
    );
    assert!(
        template.number("priority") > Some(200),
        "above the built-in and Fleet's"
    );

    let again = setup(&server, &[], &[]);
    assert_eq!(verbs(&lines(&again)), ["left"; 5], "{}", again.stdout);
    let dry = setup(&server, &["--dry-run"], &[]);
    assert!(
        lines(&dry).iter().all(|line| line.starts_with("# left ")),
        "{}",
        dry.stdout
    );

    // An asset of another version, or that somebody has changed, is put again. The user's own
    // component is left alone.
    put(
        &server,
        MAPPINGS,
        r#"{"_meta":{"managed_by":"apigw-logs"},"template":{"mappings":{"dynamic":true}}}"#,
    );
    let lifecycle = if server.flavour == Flavour::OpenSearch {
        ""
    } else {
        r#","lifecycle":{"data_retention":"90d"}"#
    };
    let ours =
        r#"{"_meta":{"mine":true},"template":{"settings":{"index":{"number_of_replicas":"0"}}"#;
    put(&server, CUSTOM, &format!("{ours}{lifecycle}}}}}"));
    let repaired = setup(&server, &[], &[]);
    let updated: Vec<_> = lines(&repaired)
        .into_iter()
        .filter(|line| line.starts_with("updated"))
        .collect();
    assert_eq!(
        updated,
        ["updated component template logs-aws.api_gateway_logs@mappings"],
        "{}",
        repaired.stdout
    );
    assert!(
        server
            .admin_request("GET", CUSTOM, None)
            .1
            .contains(r#""mine":true"#)
    );
    assert!(
        !server
            .admin_request("GET", MAPPINGS, None)
            .1
            .contains(r#""dynamic":true"#)
    );

    // The user's component comes last, so it can set how long data streams are kept.
    let path = "/_index_template/_simulate_index/logs-aws.api_gateway_logs-default";
    let (status, simulated) = server.admin_request("POST", path, None);
    assert_eq!(status, 200, "{simulated}");
    assert!(
        simulated.contains(r#""number_of_replicas":"0""#),
        "{simulated}"
    );
    assert_eq!(
        simulated.contains(r#""data_retention":"90d""#),
        !lifecycle.is_empty(),
        "{simulated}"
    );
}

/// Data streams that belong to one test in one run.
struct Own {
    server: &'static SearchServer,
    template: String,
    data_stream: String,
    dead_letters: String,
}

impl Own {
    fn new(name: &str) -> Self {
        let template = format!("logs-setup.{name}{}", std::process::id());
        let (data_stream, dead_letters) = (
            format!("{template}-default"),
            format!("{template}_dead-default"),
        );
        Self {
            server: shared(),
            template,
            data_stream,
            dead_letters,
        }
    }

    fn setup(&self, arguments: &[&str]) -> Outcome {
        let settings = [
            ("DATA_STREAM", &*self.data_stream),
            ("DEAD_LETTER_DATA_STREAM", &self.dead_letters),
        ];
        setup(self.server, arguments, &settings)
    }

    /// Puts an index template of somebody else.
    fn put(&self, priority: u64, more: &str) {
        let body = format!(
            r#"{{"index_patterns":["{}-*"],"data_stream":{{}},"priority":{priority}{more}}}"#,
            self.template
        );
        put(
            self.server,
            &format!("/_index_template/{}", self.template),
            &body,
        );
    }

    fn priority(&self) -> Option<i64> {
        index_template(self.server, &self.template)?.number("priority")
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        for name in ["", "_dead", "_other"] {
            self.server.admin_request(
                "DELETE",
                &format!("/_index_template/{}{name}", self.template),
                None,
            );
        }
    }
}

#[test]
fn assets_that_somebody_else_made_are_kept() {
    let own = Own::new("foreign");
    own.put(500, r#","_meta":{"description":"mine"}"#);
    let refused = own.setup(&[]);
    assert_eq!(
        (refused.status, &*refused.stdout),
        (1, ""),
        "{}",
        refused.stderr
    );
    let sentence = format!("index template {} is there already", own.template);
    assert!(
        refused.stderr.contains(&sentence) && refused.stderr.contains("--force"),
        "{}",
        refused.stderr
    );
    assert_eq!(own.priority(), Some(500));
    assert!(
        index_template(own.server, &format!("{}_dead", own.template)).is_none(),
        "nothing was changed"
    );

    let forced = own.setup(&["--force"]);
    assert!(
        lines(&forced).contains(&&*format!("updated index template {}", own.template)),
        "{}",
        forced.stdout
    );
    assert_eq!(own.priority(), Some(250));
}

#[test]
fn assets_that_fleet_manages_are_left_to_it() {
    let own = Own::new("fleet");
    for fleets in [
        r#"{"managed_by":"fleet","managed":true}"#,
        r#"{"package":{"name":"aws"}}"#,
    ] {
        own.put(200, &format!(r#","_meta":{fleets}"#));
        let left = own.setup(&["--force"]);
        let left = lines(&left);
        assert!(
            left[0].starts_with(&format!("left index template {}, ", own.template)),
            "{left:?}"
        );
        assert!(
            left[0].ends_with("Fleet manages it") && !left.join("").contains("@mappings"),
            "{left:?}"
        );
        assert_eq!(own.priority(), Some(200));
    }
}

#[test]
fn another_dataset_has_templates_of_its_own() {
    let own = Own::new("other");
    let created = own.setup(&[]);
    for template in [&own.template, &format!("{}_dead", own.template)] {
        let sentence = format!("created index template {template}");
        assert!(lines(&created).contains(&&*sentence), "{}", created.stdout);
        let patterns = index_template(own.server, template)
            .unwrap()
            .get("index_patterns")
            .unwrap()
            .compact();
        assert_eq!(patterns, format!(r#"["{template}-*"]"#));
    }
}

/// The server explains a conflict between templates.
#[test]
fn the_reason_of_a_rejection_is_shown() {
    let own = Own::new("refusal");
    let other = format!("{}_other", own.template);
    let body = format!(
        r#"{{"index_patterns":["{}-*"],"priority":250,"data_stream":{{}}}}"#,
        own.template
    );
    put(own.server, &format!("/_index_template/{other}"), &body);
    let refused = own.setup(&[]);
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    let sentence = format!("index template {} was rejected (400): ", own.template);
    assert!(
        refused.stderr.contains(&sentence) && refused.stderr.contains(&other),
        "{}",
        refused.stderr
    );
}

#[test]
fn two_data_streams_need_two_datasets() {
    let settings = [("DEAD_LETTER_DATA_STREAM", "logs-aws.api_gateway_logs-dead")];
    let run = run(&["setup", "--dry-run"], &settings, b"");
    assert_eq!(run.status, 2, "{}", run.stdout);
    assert!(
        run.stderr.contains("a dataset of their own"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_dry_run_needs_no_server_and_setup_does() {
    let dry = run(&["setup", "--dry-run"], &[], b"");
    let puts = lines(&dry)
        .into_iter()
        .filter(|line| line.starts_with("PUT "))
        .count();
    assert_eq!(puts, 5);
    let bodies: Vec<_> = dry
        .stdout
        .split("PUT ")
        .skip(1)
        .map(|part| part.split_once('\n').unwrap().1)
        .collect();
    assert!(
        bodies
            .iter()
            .all(|body| Json::read(body).text("_meta.managed_by") == Some("apigw-logs"))
    );
    let real = run(&["setup"], &[], b"");
    assert_eq!(real.status, 2);
    assert!(real.stderr.contains("ELASTICSEARCH_URL"), "{}", real.stderr);
}

#[test]
fn a_key_without_privileges_and_a_wrong_key_are_reported() {
    let server = shared();
    if !server.can_create_api_keys() {
        return;
    }
    let key = server.function_api_key().unwrap();
    for (key, sentence) in [(&*key, "`manage_index_templates`"), ("d3Jvbmc6a2V5", "401")] {
        let run = run(
            &["setup"],
            &[
                ("ELASTICSEARCH_URL", &server.url),
                ("ELASTICSEARCH_API_KEY", key),
            ],
            b"",
        );
        assert_eq!((run.status, &*run.stdout), (1, ""));
        assert!(run.stderr.contains(sentence), "{}", run.stderr);
        assert_eq!(
            run.stderr.lines().count(),
            1,
            "the same is not said of every template: {}",
            run.stderr
        );
    }
}

#[test]
fn a_missing_server_and_a_foreign_server_are_reported() {
    let run_with = |url: &str| run(&["setup"], &[("ELASTICSEARCH_URL", url)], b"");
    let nobody = run_with("http://127.0.0.1:9");
    assert_eq!(nobody.status, 1);
    assert!(
        nobody.stderr.contains("no connection could be made"),
        "{}",
        nobody.stderr
    );
    let website = RawTcp::start(|_, stream| {
        while read_head_and_body(stream).is_some() {
            send(
                stream,
                "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nwhat?",
            );
        }
    });
    let other = run_with(&website.url);
    assert_eq!(other.status, 1);
    assert!(
        other.stderr.contains("check that ELASTICSEARCH_URL"),
        "{}",
        other.stderr
    );
}

/// A server that holds nothing, and answers all requests after the first ones in the same way. The
/// first six ask for the root and the templates.
fn answering_after(missing: usize, answer: String) -> RawTcp {
    RawTcp::start(move |_, stream| {
        let body = r#"{"error":{"type":"resource_not_found_exception"},"status":404}"#;
        let length = body.len();
        let first = format!("HTTP/1.1 404 -\r\ncontent-length: {length}\r\n\r\n{body}");
        for number in 0.. {
            if read_head_and_body(stream).is_none() {
                break;
            }
            send(stream, if number < missing { &first } else { &answer });
        }
    })
}

/// A reply to a PUT proves that the asset is there, or the command fails.
#[test]
fn an_asset_that_nobody_confirms_is_not_created() {
    for (status, body) in [
        (200, r#"{"acknowledged":false}"#),
        (200, r#"{"acknowledged":true,"error":"late"}"#),
        (200, "{}"),
        (200, "<html>"),
        (201, ""),
        (202, r#"{"acknowledged":true}"#),
        (204, ""),
    ] {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\n\r\n{body}");
        let server = answering_after(6, answer);
        let run = run(&["setup"], &[("ELASTICSEARCH_URL", &server.url)], b"");
        assert_eq!((run.status, &*run.stdout), (1, ""), "{status} {body}");
        let sentence = format!("the server answered {status}, but did not confirm ");
        assert!(run.stderr.contains(&sentence), "{body}: {}", run.stderr);
    }
}

/// A busy server, or one that a proxy does not reach, does not count as a wrong address.
#[test]
fn a_busy_server_does_not_count_as_a_wrong_address() {
    let busy = r#"{"error":{"type":"es_rejected_execution_exception","reason":"too\u001b[2J busy"},"status":429}"#;
    for (status, body, words) in [
        (429, busy, "answered 429 (too [2J busy): it is busy"),
        (503, busy, "answered 503 (too [2J busy): it is busy"),
        (
            503,
            "<html>",
            "answered 503 (it gave no reason): it is busy",
        ),
        (502, "", "try again later"),
        (301, "", "the server answered 301, a redirect"),
        (418, "", "check that ELASTICSEARCH_URL"),
    ] {
        let answer = format!(
            "HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        // The first reply is like this, or the last, after the questions about the root and the
        // templates.
        for answers_before in [0, 6] {
            let server = answering_after(answers_before, answer.clone());
            let run = run(&["setup"], &[("ELASTICSEARCH_URL", &server.url)], b"");
            assert_eq!((run.status, &*run.stdout), (1, ""), "{status}");
            let words = match status {
                418 if answers_before > 0 => "was rejected (418)",
                _ => words,
            };
            assert!(
                run.stderr.contains(words),
                "{answers_before}: {}",
                run.stderr
            );
            assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        }
    }
}

/// The path and the body of each asset that was put.
type Puts = Arc<Mutex<Vec<(String, String)>>>;

/// OpenSearch with index state management, which the server of the tests lacks. It holds the
/// policies that the test gives it.
fn with_policies(policies: &'static str) -> (RawTcp, Puts) {
    let puts = Puts::default();
    let seen = Arc::clone(&puts);
    let server = RawTcp::start(move |_, stream| {
        while let Some((head, body)) = read_head_and_body(stream) {
            let mut words = head.split(' ');
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            let (status, answer) = match (method, path) {
                ("PUT", path) => {
                    seen.lock()
                        .unwrap()
                        .push((path.to_owned(), String::from_utf8(body).unwrap()));
                    (200, r#"{"acknowledged":true}"#)
                }
                (_, "/") => (
                    200,
                    r#"{"version":{"distribution":"opensearch","number":"2.19.0"}}"#,
                ),
                (_, path)
                    if path.starts_with("/_plugins/_ism/policies/logs-aws.api_gateway_logs")
                        && !policies.is_empty() =>
                {
                    (200, policies)
                }
                _ => (
                    404,
                    r#"{"error":{"type":"status_exception","reason":"not found"},"status":404}"#,
                ),
            };
            let head = format!(
                "HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            send(stream, head + answer);
        }
    });
    (server, puts)
}

#[test]
fn policies_roll_over_in_opensearch() {
    let (server, puts) = with_policies("");
    let settings = [
        ("ELASTICSEARCH_URL", server.url.as_str()),
        ("DEAD_LETTER_DATA_STREAM", "none"),
    ];
    let created = run(&["setup"], &settings, b"");
    assert!(
        lines(&created).contains(&"created policy logs-aws.api_gateway_logs"),
        "{}",
        created.stdout
    );
    let puts = puts.lock().unwrap();
    let (_, body) = puts
        .iter()
        .find(|(path, _)| path == "/_plugins/_ism/policies/logs-aws.api_gateway_logs")
        .unwrap();
    let policy = Json::read(body);
    let [template] = policy.list("policy.ism_template").unwrap() else {
        panic!("one template")
    };
    assert_eq!(
        template.get("index_patterns").unwrap().compact(),
        r#"["logs-aws.api_gateway_logs-*"]"#
    );
    // Content that OpenSearch does not know is not sent.
    for (path, body) in puts.iter() {
        for unknown in [
            "flattened",
            "constant_keyword",
            "lifecycle",
            "ignore_missing_component_templates",
        ] {
            assert!(!body.contains(unknown), "{path}: {unknown}");
        }
    }
}

#[test]
fn a_policy_of_ours_is_updated_and_another_s_is_kept() {
    let (server, puts) = with_policies(
        r#"{"_id":"x","_version":3,"_seq_no":7,"_primary_term":2,"policy":{"description":"managed by apigw-logs: older","states":[]}}"#,
    );
    let settings = [
        ("ELASTICSEARCH_URL", server.url.as_str()),
        ("DEAD_LETTER_DATA_STREAM", "none"),
    ];
    let updated = run(&["setup"], &settings, b"");
    assert!(
        lines(&updated).contains(&"updated policy logs-aws.api_gateway_logs"),
        "{}",
        updated.stdout
    );
    let query = "/_plugins/_ism/policies/logs-aws.api_gateway_logs?if_seq_no=7&if_primary_term=2";
    assert!(puts.lock().unwrap().iter().any(|(path, _)| path == query));

    let (server, puts) = with_policies(
        r#"{"_seq_no":7,"_primary_term":2,"policy":{"description":"mine","states":[]}}"#,
    );
    let kept = run(
        &["setup"],
        &[("ELASTICSEARCH_URL", server.url.as_str())],
        b"",
    );
    assert_eq!(
        (kept.status, puts.lock().unwrap().len()),
        (1, 0),
        "{}",
        kept.stdout
    );
    assert!(
        kept.stderr
            .contains("policy logs-aws.api_gateway_logs is there already"),
        "{}",
        kept.stderr
    );
}

/// Returns a policy as OpenSearch shows it, with its additions.
#[test]
fn an_existing_policy_is_left_alone() {
    let (server, puts) = with_policies(
        r#"{"_id":"x","_version":1,"_seq_no":0,"_primary_term":1,"policy":{"policy_id":"x","description":"managed by apigw-logs: rolls over, and removes nothing","last_updated_time":1,"schema_version":21,"error_notification":null,"default_state":"written","states":[{"name":"written","actions":[{"retry":{"count":3,"backoff":"exponential","delay":"1m"},"rollover":{"min_index_age":"30d","min_primary_shard_size":"50gb","copy_alias":false}}],"transitions":[]}],"ism_template":[{"index_patterns":["logs-aws.api_gateway_logs-*"],"priority":250,"last_updated_time":1}]}}"#,
    );
    let settings = [
        ("ELASTICSEARCH_URL", server.url.as_str()),
        ("DEAD_LETTER_DATA_STREAM", "none"),
    ];
    let left = run(&["setup"], &settings, b"");
    assert!(
        lines(&left).contains(&"left policy logs-aws.api_gateway_logs: it is up to date"),
        "{}",
        left.stdout
    );
    assert!(
        puts.lock()
            .unwrap()
            .iter()
            .all(|(path, _)| !path.contains("_ism"))
    );
}

#[test]
fn the_flavours_of_the_tests_are_told_apart() {
    let run = setup(
        shared(),
        &["--dry-run"],
        &[("DATA_STREAM", "logs-told.apart-default")],
    );
    let has_flat_object =
        lines(&run).join("").contains("flat_object") || run.stdout.contains("left out policy");
    assert_eq!(has_flat_object, shared().flavour == Flavour::OpenSearch);
}
