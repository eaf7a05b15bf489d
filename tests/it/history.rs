//! `backfill` and `audit` against a CloudWatch Logs that fails: nothing is lost, nothing is
//! doubled, and a sentence says how to go on.

use std::collections::BTreeMap;
use std::process::Child;
use std::time::Duration;

use crate::support::cloudwatch::{CloudWatch, Fault, events};
use crate::support::command_line::{Outcome, at_terminal, command, run, shown};
use crate::support::fake_elasticsearch::{FakeElasticsearch, Fault as ServerFault};
use crate::support::history::{LogEvent, OWNER, delivery, history_events};
use crate::support::invocation::{DEAD_LETTERS, LOGS, Report, invoke, line, lines};
use crate::support::json::Json;
use crate::support::signature::ROLE;

/// 2026-03-01T00:00:00Z
const START: i64 = 1_772_323_200_000;

fn settings<'s>(logs: &'s CloudWatch, server: &'s FakeElasticsearch) -> Vec<(&'s str, &'s str)> {
    let mut settings = ROLE.to_vec();
    settings.extend([
        ("ELASTICSEARCH_URL", &*server.url),
        ("AWS_ENDPOINT_URL", logs.url()),
        ("RETRY_INITIAL_MS", "1"),
        ("RETRY_MAX_MS", "5"),
        ("RETRY_BUDGET_MS", "60000"),
    ]);
    settings
}

const TIMES: [&str; 4] = ["--since", "2026-03-01", "--until", "2026-03-02"];

fn backfill(logs: &CloudWatch, server: &FakeElasticsearch, arguments: &[&str]) -> Outcome {
    let arguments = [&["backfill"], &TIMES[..], arguments].concat();
    run(&arguments, &settings(logs, server), b"")
}

/// Audits. Returns the last line.
fn audit(logs: &CloudWatch, server: &FakeElasticsearch, arguments: &[&str]) -> (Json, Outcome) {
    let arguments = [&["audit"], &TIMES[..], arguments].concat();
    let run = run(&arguments, &settings(logs, server), b"");
    let last = run.stdout.lines().last();
    let last = last.unwrap_or_else(|| panic!("{}", run.stderr));
    (Json::read(last), run)
}

/// Returns what an audit counts: in CloudWatch, indexed, missing, doubled.
fn counts(total: &Json) -> [u64; 4] {
    ["cloudwatch", "indexed", "missing", "doubled"].map(|name| {
        let count = total.number(name).expect("it is counted");
        u64::try_from(count).expect("it is no debt")
    })
}

fn report(run: &Outcome) -> Report {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr))
}

/// Checks that a backfill and an audit fail with a sentence, and that no report says otherwise.
/// Returns how many requests for log events they needed.
fn check_failure(logs: &CloudWatch, sentence: &str, note: &str) -> usize {
    let server = FakeElasticsearch::start();
    let first = backfill(logs, &server, &["--log-group", "api"]);
    assert_eq!(first.status, 1, "{note}: {}", first.stdout);
    assert!(first.stderr.contains(sentence), "{note}: {}", first.stderr);
    if !first.stdout.is_empty() {
        let report = Json::read(&first.stdout);
        let message = report.text("error.message").unwrap_or_default();
        assert!(message.contains(sentence), "{note}: {}", first.stdout);
        let kind = report.text("error.type");
        assert_eq!(kind, Some("Delivery.Incomplete"), "{note}");
    }
    let arguments = [&["audit"], &TIMES[..], &["--log-group", "api"]].concat();
    let second = run(&arguments, &settings(logs, &server), b"");
    assert_eq!(second.status, 1, "{note}: {}", second.stdout);
    assert!(
        second.stderr.contains(sentence),
        "{note}: {}",
        second.stderr
    );
    logs.requests()
}

/// No reader of an answer may look through the rest of it for each sign.
#[test]
fn an_answer_of_very_many_signs_is_read() {
    for sign in ["<", "<Code>", "<Code", "</", "{", "[", "\"", "&"] {
        let (groups, _) = one_group(1);
        let logs = CloudWatch::start(groups, 1, move |_| Fault::Signs(sign));
        check_failure(&logs, "the answer is not from CloudWatch Logs", sign);
    }
}

#[test]
fn a_list_that_never_ends_is_an_error() {
    for length in [1, 2, 3, 7, 50] {
        for fault in [Fault::Circle(length), Fault::EmptyCircle(length)] {
            let (groups, _) = one_group(3);
            let logs = CloudWatch::start(groups, 5, move |_| fault);
            let sentence = "CloudWatch Logs does not end the list of log events of api (a nextToken came for the second \
                            time): check AWS_ENDPOINT_URL_CLOUDWATCH_LOGS";
            let note = format!("{fault:?}");
            let requests = check_failure(&logs, sentence, &note);
            assert!(requests < 8 * (length + 1), "{note}: {requests}");
        }
    }
    for list in [
        r#"{"logGroups":[],"nextToken":"t"}"#,
        r#"{"logGroups":[{"logGroupName":"api","arn":"a:b:c:d:e"}],"nextToken":"t"}"#,
    ] {
        let logs = CloudWatch::start_with_list(list);
        let sentence =
            "CloudWatch Logs does not end the list of log groups whose names begin with \"api\"";
        check_failure(&logs, sentence, list);
    }
}

#[test]
fn an_answer_without_its_list_is_not_an_empty_list() {
    let sentence = "the answer is not from CloudWatch Logs: check AWS_ENDPOINT_URL_CLOUDWATCH_LOGS, AWS_ENDPOINT_URL and";
    for answer in [
        "{}",
        r#"{"error":"x"}"#,
        r#"{"__type":"AccessDeniedException"}"#,
        r#"{"nextToken":"t","searchedLogStreams":[]}"#,
    ] {
        let (groups, _) = one_group(1);
        let logs = CloudWatch::start(groups, 1, move |_| Fault::Says(answer));
        check_failure(&logs, sentence, answer);
        let logs = CloudWatch::start_with_list(answer);
        check_failure(&logs, sentence, answer);
    }
}

#[test]
fn a_log_event_outside_the_requested_time_is_an_error() {
    for (answer, time) in [
        (
            r#"{"events":[{"logStreamName":"s","timestamp":1772236799999,"message":"{}","eventId":"7"}]}"#,
            "2026-02-27T23:59:59.999Z",
        ),
        (
            r#"{"events":[{"logStreamName":"s","timestamp":1772582400000,"message":"{}","eventId":"7"}]}"#,
            "2026-03-04T00:00:00.000Z",
        ),
    ] {
        let (groups, _) = one_group(1);
        let logs = CloudWatch::start(groups, 1, move |_| Fault::Says(answer));
        let sentence = format!(
            "CloudWatch Logs answered with a log event of {time}, which is not in the requested time, for api"
        );
        check_failure(&logs, &sentence, time);
    }
}

/// A backfill that fails after some pages says so in its report, too.
#[test]
fn a_report_has_an_error_exactly_if_the_exit_status_says_so() {
    for fault in [
        Fault::None,
        Fault::Expired,
        Fault::Throttled,
        Fault::CutJson,
    ] {
        let (groups, _) = one_group(100);
        let of_number = move |number| if number < 2 { Fault::None } else { fault };
        let logs = CloudWatch::start(groups, 20, of_number);
        let server = FakeElasticsearch::start();
        let mut settings = settings(&logs, &server);
        settings.push(("RETRY_BUDGET_MS", "200"));
        let arguments = [&["backfill", "--log-group", "api"], &TIMES[..]].concat();
        let failed = run(&arguments, &settings, b"");
        let expected = i32::from(fault != Fault::None);
        assert_eq!(failed.status, expected, "{fault:?}: {}", failed.stderr);
        let report = Json::read(&failed.stdout);
        let message = report.text("error.message");
        assert_eq!(message.is_some(), expected == 1, "{}", failed.stdout);
        let told = format!("error: {}", message.unwrap_or_default());
        assert!(
            expected == 0 || failed.stderr.contains(&told),
            "{}",
            failed.stderr
        );
    }
}

/// A line is sent whole, and what is already there of it is no repair.
#[test]
fn a_repair_counts_only_what_was_missing() {
    let two = |number: usize| format!("{}{}", line(number), line(number + 100));
    let events = events("s", START, &[two(0), two(1)]);
    let groups = BTreeMap::from([("api".to_owned(), events)]);
    let logs = CloudWatch::start(groups, 5, |_| Fault::None);
    let repair = ["--log-group", "api", "--repair"];
    let server = FakeElasticsearch::start();
    let (total, whole) = audit(&logs, &server, &repair);
    assert_eq!((whole.status, counts(&total)), (0, [4, 0, 4, 0]));
    assert_eq!(total.number("repaired"), Some(4));
    let requests = server.requests();
    let ids: Vec<_> = requests.iter().flat_map(|request| &request.ids).collect();
    let [a0, b0, a1, b1] = ids[..] else {
        panic!("{ids:?}")
    };
    for status in [200, 201] {
        let others = [(DEAD_LETTERS, [a0, a1]), (LOGS, [b0, b1])];
        for (data_stream, [first, second]) in others {
            let server = FakeElasticsearch::start();
            server.put(data_stream, first, serde_json::json!({}));
            server.put(data_stream, second, serde_json::json!({}));
            // The missing document of the second line gets lost.
            let needle = if data_stream == LOGS {
                "request-1\""
            } else {
                "request-101\""
            };
            server.refuse(LOGS, needle, status, "");
            let (total, run) = audit(&logs, &server, &[&repair[..], &["--force"]].concat());
            let missing = total.number("missing");
            assert_eq!(
                (run.status, missing),
                (1, Some(2)),
                "{status}: {}",
                run.stderr
            );
            assert_eq!(total.number("repaired"), Some(1), "{status} {data_stream}");
            let sentence = "error: 1 documents are missing: they were sent and are not there";
            assert!(run.stderr.contains(sentence), "{}", run.stderr);
        }
    }
}

#[test]
fn a_report_that_nobody_could_read_is_refused() {
    let (groups, _) = one_group(1);
    let logs = CloudWatch::start(groups, 1, |_| Fault::None);
    let server = FakeElasticsearch::start();
    let arguments = [
        "audit",
        "--log-group",
        "api",
        "--since",
        "0",
        "--until",
        "2026-03-02",
    ];
    let arguments = [&arguments[..], &["--interval", "1s"]].concat();
    let refused = run(&arguments, &settings(&logs, &server), b"");
    let sentence = "error: --interval should be longer, or --since later: the report would have 1,772,409,601 lines, and \
                    may have 10,000,000\n";
    assert_eq!((refused.status, &*refused.stderr), (2, sentence));
    assert_eq!(logs.requests(), 0);
}

/// Names of log groups come from AWS, or from whoever answers in its place.
#[test]
fn a_name_does_nothing_to_a_terminal() {
    let name = "api\u{1b}]0;x\u{7}\u{9b}1m\u{7f}\u{202e}z";
    let groups = BTreeMap::from([(name.to_owned(), events("s", START, &lines(2)))]);
    let logs = CloudWatch::start(groups.clone(), 5, |_| Fault::None);
    let server = FakeElasticsearch::start();
    let (_, json) = audit(&logs, &server, &["--log-group", "api*"]);
    let first = json.stdout.lines().next().expect("there is an interval");
    assert_eq!(Json::read(first).text("log_group"), Some(name));
    let arguments = format!("audit --log-group 'api*' {}", TIMES.join(" "));
    let table = at_terminal(&arguments, &settings(&logs, &server));
    let table = table.map_or_else(String::new, |(_, text)| text);
    let of_terminal = |text: &str| {
        let text = text.replace("\u{1b}[", "");
        let misleads =
            |sign: char| (sign.is_control() && !matches!(sign, '\n' | '\r')) || sign == '\u{202e}';
        text.contains(misleads)
    };
    // The report of a dry run goes to standard error.
    let logs = CloudWatch::start(groups, 1, |_| Fault::Circle(1));
    let failed = backfill(&logs, &server, &["--log-group", "api*", "--dry-run"]);
    assert!(failed.stderr.contains(r"log events of api\u001b]0;x"));
    assert!(!of_terminal(&failed.stderr), "{}", failed.stderr);
    for text in [&json.stderr, &table] {
        assert!(!of_terminal(text), "{text:?}");
    }
    let escaped = r"api\u001b]0;x\u0007\u009b1m\u007f\u202ez";
    assert!(table.is_empty() || table.contains(escaped), "{table}");
}

/// Each setting has its own remedy.
#[test]
fn a_wrong_endpoint_is_told_with_the_remedy_for_aws() {
    let server = FakeElasticsearch::start();
    for (value, remedy) in [
        (
            "http://user:hunter2@127.0.0.1:1/",
            "leave user and password out of the URL: requests are signed with AWS_ACCESS_KEY_ID",
        ),
        (
            "127.0.0.1:1",
            "put https:// (or http://) before it, such as https://vpce-",
        ),
        (
            "http://a,http://b",
            "it should be one URL such as https://vpce-",
        ),
        (
            "http://a:b",
            "its port should be a number up to 65535, such as https://vpce-",
        ),
    ] {
        for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] {
            let settings = [
                &ROLE[..],
                &[("ELASTICSEARCH_URL", &server.url), (variable, value)],
            ];
            let arguments = [&["backfill", "--log-group", "api"], &TIMES[..]].concat();
            let wrong = run(&arguments, &settings.concat(), b"");
            let sentence = format!("error: {variable}: {remedy}");
            assert!(wrong.stderr.starts_with(&sentence), "{}", wrong.stderr);
            assert_eq!(wrong.status, 2);
            assert!(!wrong.stderr.contains("ELASTICSEARCH") && !wrong.stderr.contains("hunter2"));
        }
    }
}

fn one_group(count: usize) -> (BTreeMap<String, Vec<LogEvent>>, Vec<LogEvent>) {
    let events = events("s", START, &lines(count));
    ([("api".to_owned(), events.clone())].into(), events)
}

#[test]
fn throttling_empty_pages_and_cut_pages_do_no_harm() {
    let (groups, _) = one_group(500);
    let logs = CloudWatch::start(groups, 40, |number| match number % 9 {
        2 | 5 | 8 => Fault::Throttled,
        1 => Fault::Empty,
        4 => Fault::Cut,
        7 => Fault::CutJson,
        _ => Fault::None,
    });
    let server = FakeElasticsearch::start();
    let first = backfill(&logs, &server, &["--log-group", "api"]);
    assert_eq!(
        (first.status, report(&first).counts()),
        (0, [500, 0, 0, 0, 0]),
        "{}",
        first.stderr
    );
    assert_eq!(server.count(LOGS), 500);
    let second = backfill(&logs, &server, &["--log-group", "api"]);
    assert_eq!(
        (second.status, report(&second).counts()),
        (0, [0, 500, 0, 0, 0]),
        "{}",
        second.stderr
    );
    assert_eq!(
        logs.actions().into_iter().collect::<Vec<_>>(),
        ["logs:DescribeLogGroups", "logs:FilterLogEvents"],
    );
}

/// The documented policy allows just the actions that are called.
#[test]
fn the_policy_has_the_actions_that_are_called() {
    let page = std::fs::read_to_string(crate::support::golden::repository("docs/history.md"));
    let page = page.expect("the page can be read");
    let policy = page
        .split("```json\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let policy = Json::read(policy.expect("the page has a policy"));
    let statements = policy.list("Statement").expect("a policy has statements");
    let allowed: Vec<_> = statements
        .iter()
        .filter_map(|statement| statement.text("Action"))
        .collect();
    assert_eq!(allowed, ["logs:DescribeLogGroups", "logs:FilterLogEvents"]);
}

#[test]
fn credentials_that_expire_end_with_the_place_to_go_on_from() {
    let (groups, _) = one_group(500);
    let logs = CloudWatch::start(groups, 50, |number| {
        if number == 4 {
            Fault::Expired
        } else {
            Fault::None
        }
    });
    let server = FakeElasticsearch::start();
    let first = backfill(&logs, &server, &["--log-group", "api"]);
    assert_eq!(first.status, 1);
    let error = "error: CloudWatch Logs does not accept the AWS credentials: they are wrong or have expired, so get \
                 new ones; go on with --since ";
    let since = first
        .stderr
        .strip_prefix(error)
        .unwrap_or_else(|| panic!("{}", first.stderr))
        .trim();
    // Four pages of fifty log events, a millisecond apart.
    assert_eq!(since, "2026-03-01T00:00:00.199Z");
    assert_eq!(report(&first).counts(), [200, 0, 0, 0, 0]);
    let arguments = [
        "backfill",
        "--since",
        since,
        "--until",
        "2026-03-02",
        "--log-group",
        "api",
    ];
    let second = run(&arguments, &settings(&logs, &server), b"");
    assert_eq!(
        (second.status, report(&second).counts()),
        (0, [300, 1, 0, 0, 0]),
        "{}",
        second.stderr
    );
    assert_eq!(server.count(LOGS), 500);
    for secret in [ROLE[1].1, ROLE[2].1] {
        assert!(!first.stderr.contains(secret));
    }
}

/// A token lives for 24 hours, and a laptop may sleep for longer.
#[test]
fn a_page_token_that_expires_ends_with_the_place_to_go_on_from() {
    let forgetful = |number| {
        if number == 6 {
            Fault::Forgotten
        } else {
            Fault::None
        }
    };
    let (groups, _) = one_group(500);
    let logs = CloudWatch::start(groups, 50, forgetful);
    let server = FakeElasticsearch::start();
    let sentence = "error: CloudWatch Logs no longer knows the place in api that was reached: it forgets it after 24 hours; \
                    go on with --since 2026-03-01T00:00:00.299Z\n";
    let first = backfill(&logs, &server, &["--log-group", "api"]);
    assert_eq!((first.status, &*first.stderr), (1, sentence));
    assert_eq!(report(&first).counts(), [300, 0, 0, 0, 0]);
    let since = [
        "--since",
        "2026-03-01T00:00:00.299Z",
        "--until",
        "2026-03-02",
    ];
    let arguments = [&["backfill", "--log-group", "api"], &since[..]].concat();
    let rest = run(&arguments, &settings(&logs, &server), b"");
    assert_eq!(
        (rest.status, report(&rest).counts()),
        (0, [200, 1, 0, 0, 0]),
        "{}",
        rest.stderr
    );
    assert_eq!(server.count(LOGS), 500);

    let (groups, _) = one_group(500);
    let logs = CloudWatch::start(groups, 50, forgetful);
    let (total, audit) = audit(&logs, &server, &["--log-group", "api"]);
    let sentence = sentence.replace("299Z", "000Z");
    assert_eq!(
        (audit.status, audit.stderr),
        (1, sentence),
        "whole intervals only"
    );
    assert_eq!(counts(&total), [0; 4]);
    assert_eq!(total.text("to"), Some("2026-03-01T00:00:00.000Z"));

    // Without a token, CloudWatch rejects something else.
    let (groups, _) = one_group(1);
    let logs = CloudWatch::start(groups, 1, |_| Fault::Forgotten);
    let wrong = backfill(&logs, &server, &["--log-group", "api", "--pattern", "{"]);
    assert!(
        wrong.stderr.contains("check --log-group and --pattern"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn pages_out_of_order_are_read_whole_and_the_place_to_go_on_from_is_the_start() {
    let (_, events) = one_group(500);
    // Each page is later than the next one.
    let backwards: Vec<_> = events.chunks(50).rev().flatten().cloned().collect();
    let groups = BTreeMap::from([("api".to_owned(), backwards)]);
    let logs = CloudWatch::start(groups.clone(), 50, |number| {
        if number == 4 {
            Fault::Expired
        } else {
            Fault::None
        }
    });
    let server = FakeElasticsearch::start();
    let first = backfill(&logs, &server, &["--log-group", "api"]);
    assert_eq!(report(&first).counts(), [200, 0, 0, 0, 0]);
    let go_on = "; go on with --since 2026-03-01T00:00:00.000Z\n";
    assert!(first.stderr.ends_with(go_on), "{}", first.stderr);

    let logs = CloudWatch::start(groups, 50, |_| Fault::None);
    let (total, run) = audit(&logs, &server, &["--log-group", "api"]);
    assert_eq!((run.status, counts(&total)), (1, [500, 200, 300, 0]));
    let second = backfill(&logs, &server, &["--log-group", "api"]);
    assert_eq!(
        (second.status, report(&second).counts()),
        (0, [300, 200, 0, 0, 0]),
        "{}",
        second.stderr
    );
    assert_eq!(server.count(LOGS), 500);
}

#[test]
fn log_events_that_appear_on_two_pages_count_once() {
    let (_, events) = one_group(100);
    // Each page begins with the last five log events of the page before.
    let starts = (0..events.len()).step_by(45);
    let pages: Vec<_> = starts
        .flat_map(|start| events.iter().skip(start).take(50).cloned())
        .collect();
    assert_eq!(pages.len(), 110);
    let groups = BTreeMap::from([("api".to_owned(), pages)]);
    let logs = CloudWatch::start(groups, 50, |_| Fault::None);
    let server = FakeElasticsearch::start();
    let (total, run) = audit(&logs, &server, &["--log-group", "api", "--repair"]);
    assert_eq!(
        (run.status, counts(&total), server.count(LOGS)),
        (0, [100, 0, 100, 0], 100),
        "{}",
        run.stderr
    );
    assert_eq!(total.number("repaired"), Some(100));
    let again = backfill(&logs, &server, &["--log-group", "api"]);
    assert_eq!(
        (again.status, report(&again).counts()),
        (0, [0, 100, 0, 0, 0]),
        "{}",
        again.stderr
    );
}

#[test]
fn log_groups_of_two_regions_are_read_in_one_run() {
    let groups = ["here", "there"].map(|name| (name.to_owned(), events(name, START, &lines(10))));
    let logs = CloudWatch::start(groups.into(), 3, |_| Fault::None);
    let server = FakeElasticsearch::start();
    let arn = |region: &str, name: &str| format!("arn:aws:logs:{region}:{OWNER}:log-group:{name}");
    let arns = [arn("eu-central-1", "here"), arn("us-west-2", "there")];
    let arguments = ["--log-group", &arns[0], "--log-group", &arns[1]];
    let first = backfill(&logs, &server, &arguments);
    assert_eq!(
        (first.status, report(&first).counts()),
        (0, [20, 0, 0, 0, 0]),
        "{}",
        first.stderr
    );
    assert_eq!(
        logs.regions().into_iter().collect::<Vec<_>>(),
        ["eu-central-1", "us-west-2"],
        "each request is signed for the region of its log group"
    );
    for (region, group) in [("eu-central-1", "here"), ("us-west-2", "there")] {
        let documents = server.documents(LOGS).into_iter();
        let documents = documents.filter(|document| {
            let document = Json::read(document);
            document.text("cloud.region") == Some(region)
                && document.text("aws.cloudwatch.log_group") == Some(group)
        });
        assert_eq!(documents.count(), 10, "{region}");
    }
    let (total, run) = audit(&logs, &server, &arguments);
    assert_eq!((run.status, counts(&total)), (0, [20, 20, 0, 0]));
}

#[test]
fn a_look_up_that_fails_is_never_read_as_absence() {
    let (groups, events) = one_group(100);
    let logs = CloudWatch::start(groups, 100, |_| Fault::None);
    let server = FakeElasticsearch::start();
    let live = invoke(&delivery("api", &events), &settings(&logs, &server));
    assert_eq!(live.report.counts(), [100, 0, 0, 0, 0]);
    // The guard, two refreshes and the look-ups.
    server.fail(
        (0..12)
            .map(|_| ServerFault::status(503))
            .collect::<Vec<_>>(),
    );
    let run = backfill(&logs, &server, &["--log-group", "api"]);
    assert_eq!(
        (run.status, report(&run).counts()),
        (0, [0, 100, 0, 0, 0]),
        "{}",
        run.stderr
    );
    assert_eq!(report(&run).requests, 0, "nothing is sent");
}

#[test]
fn ids_that_do_not_fit_are_refused_before_the_first_write() {
    let (groups, events) = one_group(20);
    let server = FakeElasticsearch::start();
    let mut live = events.clone();
    for (number, event) in live.iter_mut().enumerate() {
        event.id = format!("other-{number}");
    }
    let logs = CloudWatch::start(groups, 100, |_| Fault::None);
    invoke(&delivery("api", &live), &settings(&logs, &server));
    assert_eq!(server.count(LOGS), 20);
    let refused = backfill(&logs, &server, &["--log-group", "api"]);
    assert_eq!((refused.status, server.count(LOGS)), (1, 20));
    assert!(
        refused.stderr.starts_with("error: the ids do not agree: "),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    let forced = backfill(&logs, &server, &["--log-group", "api", "--force"]);
    assert_eq!(
        (forced.status, server.count(LOGS)),
        (0, 40),
        "{}",
        forced.stderr
    );

    // A delete is a write, too.
    for cure in ["--repair", "--remove-doubles"] {
        let arguments = ["audit", TIMES[0], TIMES[1], TIMES[2], TIMES[3]];
        let arguments = [&arguments[..], &["--log-group", "api", cure]].concat();
        let server = FakeElasticsearch::start();
        invoke(&delivery("api", &live), &settings(&logs, &server));
        let refused = run(&arguments, &settings(&logs, &server), b"");
        assert_eq!((refused.status, &*refused.stdout), (1, ""), "{cure}");
        assert!(
            refused.stderr.starts_with("error: the ids do not agree: "),
            "{cure}: {}",
            refused.stderr
        );
    }

    let strange = events.into_iter().take(3).map(|event| LogEvent {
        id: "7".to_owned(),
        ..event
    });
    let strange = strange.collect();
    let logs = CloudWatch::start([("api".to_owned(), strange)].into(), 100, |_| Fault::None);
    let server = FakeElasticsearch::start();
    let refused = backfill(&logs, &server, &["--log-group", "api"]);
    assert_eq!((refused.status, server.count(LOGS)), (1, 0));
    assert!(
        refused.stderr.contains("7 does not hold the time"),
        "{}",
        refused.stderr
    );
    // Going on from somewhere else would be no remedy.
    assert!(
        refused.stderr.ends_with("add --force\n"),
        "{}",
        refused.stderr
    );
    let shown = backfill(
        &logs,
        &server,
        &["--log-group", "api", "--force", "--dry-run"],
    );
    assert_eq!(
        (
            shown.status,
            shown.stdout.lines().count(),
            server.count(LOGS)
        ),
        (0, 3, 0)
    );
}

/// Documents that were found under strange ids are no reason to trust other strange ids.
#[test]
fn an_audit_that_writes_insists_on_the_time_in_every_id() {
    let (_, mut events) = one_group(20);
    for (number, event) in events.iter_mut().enumerate() {
        event.id = number.to_string();
    }
    let (delivered, _) = events.split_at(10);
    let server = FakeElasticsearch::start();
    let groups = BTreeMap::from([("api".to_owned(), events.clone())]);
    let logs = CloudWatch::start(groups, 5, |_| Fault::None);
    invoke(&delivery("api", delivered), &settings(&logs, &server));
    for cure in ["--repair", "--remove-doubles"] {
        let (total, run) = audit(&logs, &server, &["--log-group", "api", cure]);
        assert_eq!((run.status, server.count(LOGS)), (1, 10), "{cure}");
        assert_eq!(
            counts(&total),
            [0; 4],
            "{cure}: it stops before the first page"
        );
        let sentence = "0 does not hold the time 2026-03-01T00:00:00.000Z of its log event";
        assert!(run.stderr.contains(sentence), "{cure}: {}", run.stderr);
        assert!(run.stderr.contains("add --force"), "{cure}: {}", run.stderr);
    }
    let (total, run) = audit(&logs, &server, &["--log-group", "api"]);
    assert_eq!((run.status, counts(&total)), (1, [20, 10, 10, 0]));
    let (total, run) = audit(
        &logs,
        &server,
        &["--log-group", "api", "--repair", "--force"],
    );
    assert_eq!(
        (run.status, counts(&total), server.count(LOGS)),
        (0, [20, 10, 10, 0], 20),
        "{}",
        run.stderr
    );
}

/// A copy that was changed since it was looked up is not removed. One that is gone is.
#[test]
fn a_copy_that_stays_is_not_counted_as_removed() {
    let (groups, events) = one_group(1);
    let logs = CloudWatch::start(groups, 5, |_| Fault::None);
    for (reason, status, expected) in [
        ("current document has seqNo [9]", 1, "changed meanwhile"),
        ("but no document was found", 0, ""),
    ] {
        let server = FakeElasticsearch::start();
        invoke(&delivery("api", &events), &settings(&logs, &server));
        let id = server.requests()[0].ids[0].clone();
        let copy = |generation: u32| {
            format!(
                r#"{{"_index":".ds-{LOGS}-2026.03.01-00000{generation}","_id":"{id}","_seq_no":1,"_primary_term":1}}"#
            )
        };
        let copies = format!(
            r#"{{"_shards":{{"total":2,"successful":2}},"hits":{{"total":{{"value":2,"relation":"eq"}},"hits":[{},{}]}}}}"#,
            copy(1),
            copy(2)
        );
        let conflict = format!(
            r#"{{"items":[{{"delete":{{"_id":"{id}","status":409,"error":{{"type":"version_conflict_engine_exception","reason":"{reason}"}}}}}}]}}"#
        );
        server.fail([
            ServerFault::answer(200, &copies),
            ServerFault::answer(200, &conflict).after(0),
        ]);
        let arguments = ["--log-group", "api", "--remove-doubles", "--force"];
        let (_, run) = audit(&logs, &server, &arguments);
        assert_eq!(run.status, status, "{reason}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{reason}: {}", run.stderr);
    }
}

#[test]
fn log_groups_go_by_name_pattern_and_arn() {
    let group =
        |name: &str, stream: &str, count| (name.to_owned(), events(stream, START, &lines(count)));
    let groups = [
        group("/aws/apigw/a/prod", "a", 1),
        group("/aws/apigw/b/prod", "b", 2),
        group("/aws/apigw/c/test", "c", 4),
        group("other", "d", 8),
        group("foreign", "e", 16),
    ];
    let logs = CloudWatch::start(groups.into(), 100, |_| Fault::None);
    let count = |groups: &[&str]| {
        let server = FakeElasticsearch::start();
        let groups: Vec<_> = groups
            .iter()
            .flat_map(|group| ["--log-group", group])
            .collect();
        let run = backfill(&logs, &server, &groups);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let indexed = report(&run).indexed;
        (indexed, server)
    };
    for (groups, expected) in [
        (&["other"][..], 8),
        (&["/aws/apigw/*"], 7),
        (&["/aws/*/prod"], 3),
        (&["/aws/*/prod", "/aws/apigw/?/test", "other", "other"], 15),
        (
            &["arn:aws:logs:eu-central-1:123456789012:log-group:other:*"],
            8,
        ),
    ] {
        assert_eq!(count(groups).0, expected, "{groups:?}");
        assert_eq!(
            logs.named_by().into_iter().collect::<Vec<_>>(),
            ["logGroupName"]
        );
    }
    let foreign = "arn:aws:logs:eu-central-1:999988887777:log-group:foreign";
    let (indexed, server) = count(&[foreign]);
    assert_eq!(
        (indexed, logs.named_by().len()),
        (16, 2),
        "the last one by its ARN"
    );
    assert!(server.documents(LOGS)[0].contains("999988887777"));

    let server = FakeElasticsearch::start();
    let none = backfill(&logs, &server, &["--log-group", "nobody*"]);
    assert_eq!(
        (none.status, &*none.stderr),
        (
            2,
            "error: there is no log group nobody* in this account and region\n"
        )
    );
}

#[test]
fn wrong_usage_is_told() {
    let (groups, _) = one_group(1);
    let logs = CloudWatch::start(groups, 1, |_| Fault::None);
    let server = FakeElasticsearch::start();
    let with = |arguments: &[&str], leave_out: &str| {
        let mut settings = settings(&logs, &server);
        settings.retain(|(name, _)| *name != leave_out);
        let run = run(
            &[&["backfill", "--log-group", "api"], arguments].concat(),
            &settings,
            b"",
        );
        assert_eq!(run.status, 2, "{}", run.stderr);
        run.stderr
    };
    for (arguments, leave_out, sentence) in [
        (&["--since", "noon"][..], "", "it should be a time"),
        (
            &["--since", "1d", "--until", "2d"],
            "",
            "--until should not be before --since",
        ),
        (
            &["--since", "1d", "--until", "1m"],
            "",
            "--until should be at least five minutes ago",
        ),
        (
            &[
                "--since",
                "1d",
                "--log-group",
                "arn:aws:logs:eu-central-1:123456789012:group:api",
            ],
            "",
            "it should be the ARN of a log group",
        ),
        (
            &[
                "--since",
                "1d",
                "--log-group",
                "arn:aws:logs:eu-central-1:123456789012:log-group:api*",
            ],
            "",
            "give it without the ARN",
        ),
        (&["--since", "1d"], "AWS_REGION", "the region is not known"),
        (&["--since", "1d"], "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
        (&["--since", "1d"], "ELASTICSEARCH_URL", "ELASTICSEARCH_URL"),
    ] {
        let stderr = with(arguments, leave_out);
        assert!(
            stderr.contains(sentence),
            "{arguments:?} {leave_out}: {stderr}"
        );
    }
}

/// A run that is killed at some moment.
fn kill_after(mut child: Child, wait: Duration) {
    std::thread::scope(|scope| {
        // The moment is where the run happens to be; what holds afterwards does not depend on it.
        #[expect(clippy::disallowed_methods, reason = "a moment at random")]
        scope.spawn(|| std::thread::sleep(wait));
    });
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}

#[test]
fn killed_at_any_moment_and_repeated_each_is_there_once() {
    const GROUPS: usize = 8;
    let each = history_events() / GROUPS;
    let group = |number: usize| {
        let lines: Vec<_> = (0..each).map(|place| line(number * each + place)).collect();
        let start = START + number as i64 * 100;
        (
            format!("api-{number}"),
            events(&format!("s{number}"), start, &lines),
        )
    };
    let groups: BTreeMap<_, _> = (0..GROUPS).map(group).collect();
    let logs = CloudWatch::start(groups, each.div_ceil(20), |_| Fault::None);
    let server = FakeElasticsearch::start();
    let arguments = [&["backfill", "--log-group", "api-*"], &TIMES[..]].concat();
    let settings = settings(&logs, &server);
    // A sequence of made-up moments, the same in each run.
    let mut seed = 20_260_301_u64;
    for _ in 0..20 {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let child = command(&arguments, &settings).spawn().expect("it starts");
        let longest = (each * GROUPS / 10) as u64;
        kill_after(child, Duration::from_millis(20 + (seed >> 33) % longest));
    }
    let last = run(&arguments, &settings, b"");
    let counts = report(&last).counts();
    assert_eq!(last.status, 0, "{}", last.stderr);
    assert_eq!(counts[0] + counts[1], (GROUPS * each) as u64, "{counts:?}");
    assert_eq!(server.count(LOGS), GROUPS * each);
}

#[test]
fn a_terminal_shows_sentences_and_a_table() {
    let (groups, events) = one_group(20);
    let logs = CloudWatch::start(groups, 100, |_| Fault::None);
    let server = FakeElasticsearch::start();
    let settings = settings(&logs, &server);
    let terminal = |arguments: &str, settings: &[(&str, &str)]| {
        let times = TIMES.join(" ");
        let run = at_terminal(&format!("{arguments} --log-group api {times}"), settings);
        run.map(|(status, text)| (status, shown(&text)))
    };
    let Some((status, report)) = terminal("backfill", &settings) else {
        return;
    };
    assert_eq!(status, 0, "{report}");
    assert!(report.starts_with("20 events: 20 indexed, in "), "{report}");
    let (status, report) = terminal("backfill --dry-run", &settings).expect("there is script");
    assert_eq!(status, 0, "{report}");
    let start = "dry run: 20 events: 20 there already, in ";
    assert!(report.starts_with(start), "{report}");
    assert!(report.ends_with("; nothing was sent"), "{report}");
    let (_, report) = terminal("backfill --json", &settings).expect("there is script");
    assert_eq!(Json::read(&report).number("duplicates"), Some(20));
    let (status, table) = terminal("audit", &settings).expect("there is script");
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.split_whitespace().next())
        .collect();
    let first = [Some("from"), Some("2026-03-01T00:00:00Z"), Some("total")];
    assert_eq!((status, &*lines), (0, &first[..]), "{table}");

    // A refusal is one sentence, without a report of nothing.
    let strange = LogEvent {
        id: "7".to_owned(),
        ..events.into_iter().next().expect("there is a log event")
    };
    let logs = CloudWatch::start([("api".to_owned(), vec![strange])].into(), 100, |_| {
        Fault::None
    });
    let server = FakeElasticsearch::start();
    let settings = self::settings(&logs, &server);
    for command in ["backfill", "audit --repair"] {
        let (status, error) = terminal(command, &settings).expect("there is script");
        assert_eq!(status, 1, "{error}");
        let start = "error: the ids of api are not those";
        assert!(error.starts_with(start), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

/// Nobody waits in silence, neither for Elasticsearch nor for CloudWatch Logs.
#[test]
fn the_first_failure_that_is_waited_out_is_told() {
    let told = |run: &Outcome, sentence: &str| {
        let lines = run.stderr.lines();
        lines.filter(|line| line.starts_with(sentence)).count()
    };
    const SERVER: &str = "warning: Elasticsearch answered 503; trying again for up to ";
    const LOGS: &str =
        "warning: CloudWatch Logs answered 400 ThrottlingException; trying again for up to 60 s";
    for arguments in [
        &["backfill"][..],
        &["backfill", "--force"],
        &["backfill", "--dry-run"],
        &["audit"],
        &["audit", "--repair"],
        &["audit", "--repair", "--force"],
    ] {
        let (groups, _) = one_group(100);
        let logs = CloudWatch::start(groups, 40, |number| match number {
            0 | 1 => Fault::Throttled,
            _ => Fault::None,
        });
        let server = FakeElasticsearch::start();
        // The guard, or two refreshes, whose failures do no harm, and a look-up.
        server.fail([503, 503, 503].map(ServerFault::status));
        let arguments = [arguments, &TIMES[..], &["--log-group", "api"]].concat();
        let run = run(&arguments, &settings(&logs, &server), b"");
        assert_eq!(
            (told(&run, SERVER), told(&run, LOGS)),
            (1, 1),
            "{arguments:?}: {}",
            run.stderr
        );
    }
}

#[test]
fn requests_keep_the_pace_that_is_asked_for() {
    let (groups, _) = one_group(10);
    let logs = CloudWatch::start(groups, 1, |_| Fault::None);
    let server = FakeElasticsearch::start();
    let start = tokio::time::Instant::now();
    let run = backfill(&logs, &server, &["--log-group", "api", "--rps", "20"]);
    assert_eq!((run.status, logs.requests()), (0, 10), "{}", run.stderr);
    // Nine waits of 50 ms.
    assert!(start.elapsed() >= Duration::from_millis(450));
}

#[test]
fn an_interrupt_ends_with_the_place_to_go_on_from() {
    let (groups, _) = one_group(200);
    // The fifth page never comes.
    let logs = CloudWatch::start(groups.clone(), 20, |number| {
        if number < 4 {
            Fault::None
        } else {
            Fault::Throttled
        }
    });
    let server = FakeElasticsearch::start();
    let arguments = [&["backfill", "--log-group", "api"], &TIMES[..]].concat();
    let child = command(&arguments, &settings(&logs, &server))
        .spawn()
        .expect("it starts");
    while server.count(LOGS) < 80 || logs.requests() < 8 {
        std::thread::yield_now();
    }
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.expect("there is kill").success());
    let output = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let is_stopped =
        |line: &str| line.starts_with("stopped: ") && line.contains(" log events are confirmed; ");
    assert!(stderr.lines().any(is_stopped), "{stderr}");
    let (_, since) = stderr
        .split_once("go on with --since ")
        .unwrap_or_else(|| panic!("{stderr}"));

    let logs = CloudWatch::start(groups, 20, |_| Fault::None);
    let arguments = ["backfill", "--log-group", "api", "--since", since.trim()];
    let arguments = [&arguments[..], &TIMES[2..]].concat();
    let rest = run(&arguments, &settings(&logs, &server), b"");
    assert_eq!(
        (rest.status, server.count(LOGS)),
        (0, 200),
        "{}",
        rest.stderr
    );
    assert_eq!(report(&rest).indexed, 120, "the rest");
}

#[test]
fn a_cloudwatch_that_cannot_be_reached_is_named_with_the_cause() {
    let server = FakeElasticsearch::start();
    let mut settings = ROLE.to_vec();
    settings.extend([
        ("ELASTICSEARCH_URL", &*server.url),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("RETRY_BUDGET_MS", "0"),
    ]);
    let arguments = [&["backfill", "--log-group", "api"], &TIMES[..]].concat();
    let outcome = run(&arguments, &settings, b"");
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    let sentence = "CloudWatch Logs cannot be reached (no connection could be made to 127.0.0.1:9: nothing listens there)";
    assert!(outcome.stderr.contains(sentence), "{}", outcome.stderr);
}
