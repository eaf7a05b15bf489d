//! `apigw-logs check`: the questions to ask before and after a deployment.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::output::Output;
use super::terminal::watched;
use super::{CliFailure, check_stack, log_to_stderr, print};
use crate::check::{Check, CheckResult, Finding, Protection};
use crate::config::{Config, Problem, misspelt};
use crate::elasticsearch::{Auth, Elasticsearch, ElasticsearchSettings};
use crate::printable::printable;
use crate::setup::{Foreign, Setup};

/// Ask settings, network and server everything that can be asked
///
/// Checks the settings; the name, connection, TLS and version of each server; the privileges of the
/// credentials; and templates, data streams and the ingest pipeline. With --stack, also asks AWS
/// about the deployment: the function and its settings, subscriptions, permissions, queues, alarms
/// and the metrics of the last hour. Prints a line for each: ✓ it is in order, ✗ it is not, with
/// the remedy, ! it should be otherwise, or ? these credentials cannot ask. The exit status is 1 if
/// a check fails.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Also write a document to each data stream, and remove it again
    #[arg(long)]
    write: bool,
    /// Also check this stack in AWS: its name, or its ARN
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    stack: Option<String>,
    /// Print a JSON line for each check
    #[arg(long)]
    json: bool,
}

/// The longest wait for one answer: a person waits for all of them.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(
    arguments: &Arguments,
    lookup: impl Fn(&str) -> Option<String>,
    names: Vec<String>,
    output: &mut Output,
) -> Result<(), CliFailure> {
    let asked = async {
        let mut found = findings(arguments, &lookup, names).await;
        if let Some(stack) = &arguments.stack {
            let asked = check_stack::ask(stack, &lookup, PATIENCE, &mut found).await;
            found.extend(asked.err().iter().flatten().map(setting));
        }
        found
    };
    let findings = watched("check", asked).await;
    let printed = findings.iter().try_for_each(|finding| {
        let line = if arguments.json {
            serde_json::to_string(finding).unwrap_or_default()
        } else {
            printable(&finding.to_string(), 2_000).to_string()
        };
        print(output, &line)
    });
    let is_failed = |finding: &Finding| finding.result == CheckResult::Failed;
    if findings.iter().any(is_failed) {
        return Err(CliFailure::Unfinished);
    }
    printed
}

async fn findings(
    arguments: &Arguments,
    lookup: impl Fn(&str) -> Option<String>,
    names: Vec<String>,
) -> Vec<Finding> {
    let warning = |sentence| Finding::warning("settings", sentence);
    let mut findings: Vec<_> = misspelt(names).into_iter().map(warning).collect();
    let Some((config, settings)) = settings(lookup, &mut findings) else {
        return findings;
    };
    let urls = settings.urls.clone();
    for url in &urls {
        network(url, &mut findings).await;
    }
    let check = Check {
        has_credentials: !matches!(settings.auth, Auth::None),
        timeout: config.retry_policy.request_timeout.min(PATIENCE),
        ingest_pipeline: config.ingest_pipeline,
        look_up_repeated: config.look_up_repeated,
        setup: Setup {
            data_stream: config.data_stream,
            dead_letters: config.dead_letters,
            foreign: Foreign::Kept,
            timeout: config.retry_policy.request_timeout.min(PATIENCE),
        },
    };
    // Each server is asked who it is. The first one that answers is asked everything else.
    let mut is_asked = false;
    for settings in one_by_one(settings, urls) {
        let protection = protection(settings.urls.first());
        let server = match Elasticsearch::new(settings) {
            Ok(server) => server,
            Err(error) => {
                findings.push(setting(&Problem::from(error)));
                continue;
            }
        };
        let answered = check.server(&server, protection, &mut findings).await;
        if answered.is_some() && !is_asked {
            is_asked = true;
            check.everything(&server, &mut findings).await;
            if arguments.write {
                let now = jiff::Timestamp::now();
                let id = format!("apigw-logs-check-{}", now.as_microsecond());
                let time = format!("{now:.3}");
                check.write(&server, (&id, &time), &mut findings).await;
            }
        }
    }
    findings
}

/// Reads the settings. `None` if they name no server.
fn settings(
    lookup: impl Fn(&str) -> Option<String>,
    findings: &mut Vec<Finding>,
) -> Option<(Config, ElasticsearchSettings)> {
    let mut config = match Config::from_vars(&lookup) {
        Ok(config) => config,
        Err(problems) => {
            findings.extend(problems.iter().map(setting));
            return None;
        }
    };
    log_to_stderr(&mut config);
    let warning = |problem: &Problem| Finding::warning("settings", problem.to_string());
    findings.extend(config.warnings.iter().map(warning));
    let Some(settings) = config.elasticsearch.take() else {
        findings.push(setting(&Problem::missing_url()));
        findings.extend(config.check_unaddressed().err().iter().map(setting));
        return None;
    };
    // The files that the settings name are read here. The path itself is not needed.
    match Config::from_vars(&lookup).and_then(|config| config.pipeline(())) {
        Ok(_) => findings.push(Finding::passed("settings", "all are valid")),
        Err(problems) => findings.extend(problems.iter().map(setting)),
    }
    Some((config, settings))
}

fn setting(problem: &Problem) -> Finding {
    let name = match &problem.value {
        Some(value) => format!("{}={value}", problem.variable),
        None => problem.variable.to_owned(),
    };
    Finding::failed("settings", name, problem.remedy.clone())
}

/// Returns the settings for each URL by itself; a single entry if a secret holds the URL.
fn one_by_one(settings: ElasticsearchSettings, urls: Vec<Url>) -> Vec<ElasticsearchSettings> {
    if urls.is_empty() {
        return vec![settings];
    }
    let alone = |url| ElasticsearchSettings {
        urls: vec![url],
        ..settings.clone()
    };
    urls.into_iter().map(alone).collect()
}

fn protection(url: Option<&Url>) -> Protection {
    match url.map(Url::scheme) {
        Some("https") => Protection::Tls,
        Some(_) => Protection::ClearText,
        None => Protection::Unknown,
    }
}

/// Resolves the name of a server and connects to its port.
async fn network(url: &Url, findings: &mut Vec<Finding>) {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = match timeout(PATIENCE, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    if addresses.is_empty() {
        return findings.push(Finding::failed(
            "name",
            format!("the name {host} is not known here"),
            "correct ELASTICSEARCH_URL, or ask whoever runs the name servers; in a VPC, check its DNS settings",
        ));
    }
    if host.parse::<IpAddr>().is_err() {
        let found: Vec<_> = addresses
            .iter()
            .map(|address| address.ip().to_string())
            .collect();
        findings.push(Finding::passed(
            "name",
            format!("{host} is {}", found.join(", ")),
        ));
    }
    match timeout(PATIENCE, TcpStream::connect(&*addresses)).await {
        Ok(Ok(_)) => findings.push(Finding::passed(
            "port",
            format!("{host}:{port} accepts connections"),
        )),
        Ok(Err(error)) => findings.push(Finding::failed(
            "port",
            format!("{host}:{port} accepts no connections ({})", error.kind()),
            "check the port in ELASTICSEARCH_URL, and whether the server runs and listens there",
        )),
        Err(_) => findings.push(Finding::failed(
            "port",
            format!("{host}:{port} does not answer"),
            "look for a firewall, a security group or a missing route",
        )),
    }
}
