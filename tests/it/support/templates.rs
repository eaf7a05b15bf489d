//! Templates and keys as users get them: from `setup`, and from the documentation.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fs;

use super::command_line::{Outcome, run};
use super::golden::repository;
use super::json::Json;
use super::search_server::SearchServer;

/// The jobs that have their own key in `docs/configure.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Function,
    FunctionLookingUp,
    Setup,
    Redrive,
    Backfill,
    Audit,
    AuditRepair,
}

/// Returns the body of a request for the key of a job.
pub(crate) fn key_body(job: Job) -> String {
    let page = fs::read_to_string(repository("docs/configure.md")).unwrap();
    let bodies = page
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let name = match job {
        Job::Function => "apigw-logs",
        Job::FunctionLookingUp => "apigw-logs-looking-up",
        Job::Setup => "apigw-logs-setup",
        Job::Redrive => "apigw-logs-redrive",
        Job::Backfill => "apigw-logs-backfill",
        Job::Audit => "apigw-logs-audit",
        Job::AuditRepair => "apigw-logs-audit-repair",
    };
    let body = bodies
        .map(Json::read)
        .find(|body| body.text("name") == Some(name))
        .unwrap();
    body.compact()
}

/// Returns the key of a job; `None` if the server has no security.
pub(crate) fn key(server: &SearchServer, job: Job) -> Option<String> {
    match server.given_api_key() {
        Some(key) => Some(key.to_owned()),
        None => server.create_api_key(&key_body(job)),
    }
}

/// Runs `setup` with the key that the documentation gives it.
pub(crate) fn setup(
    server: &SearchServer,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> Outcome {
    let key = key(server, Job::Setup);
    let mut variables = vec![("ELASTICSEARCH_URL", server.url.as_str())];
    variables.extend(key.as_deref().map(|key| ("ELASTICSEARCH_API_KEY", key)));
    variables.extend(settings);
    run(&[&["setup"], arguments].concat(), &variables, b"")
}

/// Puts the templates.
pub(crate) fn put_templates(server: &SearchServer) {
    let run = setup(server, &[], &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
}
