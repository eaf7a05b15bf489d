//! `apigw-logs check --stack`: the questions about a deployment in AWS.

use std::time::Duration;

use super::config::shown;
use crate::aws::{Account, FunctionConfiguration};
use crate::check::{CheckResult, Finding, StackCheck};
use crate::config::{self, Problem, SETTINGS, Setting, misspelt};

const CHECK: &str = "function settings";

/// Settings by which a server knows somebody. People check with other ones than the function has.
const CREDENTIALS: &[&str] = &[
    "ELASTICSEARCH_API_KEY",
    "ELASTICSEARCH_USERNAME",
    "ELASTICSEARCH_PASSWORD",
    "ELASTICSEARCH_SECRET_ARN",
];

/// Settings that name files. The function's files come with its package or with a layer, and have
/// other paths here, if they are here at all.
const FILES: &[&str] = &[
    "ACCESS_LOG_FORMATS_FILE",
    "GEOIP_CITY_DATABASE",
    "GEOIP_ASN_DATABASE",
    "USER_AGENT_REGEXES",
];

/// Settings that name a certificate authority, which the one does by a file and the other by its
/// fingerprint.
const AUTHORITIES: &[&str] = &["ELASTICSEARCH_CA_FILE", "ELASTICSEARCH_CA_FINGERPRINT"];

/// Asks AWS everything about a stack, and compares the function's settings with those here.
///
/// # Errors
/// The problems of the settings that are needed to ask AWS.
pub(super) async fn ask(
    stack: &str,
    lookup: &impl Fn(&str) -> Option<String>,
    timeout: Duration,
    findings: &mut Vec<Finding>,
) -> Result<(), Vec<Problem>> {
    let (settings, place) = config::account(lookup)?;
    let account =
        Account::new(settings, place, timeout).map_err(|error| vec![Problem::from(error)])?;
    let check = StackCheck {
        account: &account,
        stack,
        now: jiff::Timestamp::now().as_second(),
    };
    if let Some(function) = check.everything(findings).await {
        compare(&function, lookup, findings);
    }
    Ok(())
}

/// Compares the function's settings with those here.
fn compare(
    function: &FunctionConfiguration,
    lookup: &impl Fn(&str) -> Option<String>,
    findings: &mut Vec<Finding>,
) {
    let environment = &function.environment;
    if environment.error.is_some() {
        return findings.push(Finding::unknown(
            CHECK,
            "AWS does not show the function's variables: the credentials need `kms:Decrypt` on the function's key",
        ));
    }
    let names = environment.variables.keys().cloned();
    let warning = |sentence| Finding::warning(CHECK, format!("in the function: {sentence}"));
    findings.extend(misspelt(names).into_iter().map(warning));
    let there = |name: &str| environment.variables.get(name).cloned();
    let in_secret = url_is_in_secret(&there) || url_is_in_secret(lookup);
    let mut other_credentials = Vec::new();
    let before = findings.len();
    for setting in SETTINGS {
        let there = effective(setting, there(setting.name));
        let here = effective(setting, lookup(setting.name));
        if is_same(setting, there.as_deref(), here.as_deref()) {
            continue;
        }
        if CREDENTIALS.contains(&setting.name) {
            other_credentials.push(setting.name);
        } else if setting.name == "ELASTICSEARCH_URL" && in_secret {
            let message = "a secret holds ELASTICSEARCH_URL, so it is not compared";
            findings.push(Finding::unknown(CHECK, message));
        } else {
            let difference = difference(setting, there.as_deref(), here.as_deref());
            findings.push(judged(setting.name, difference));
        }
    }
    let has_any = |result| {
        let mut compared = findings.iter().skip(before);
        compared.any(|finding| finding.result == result)
    };
    if !has_any(CheckResult::Failed) {
        let subject = match has_any(CheckResult::Warning) {
            true => "all others",
            false => "they",
        };
        let message = format!("{subject} are those that are set here");
        findings.push(Finding::passed(CHECK, message));
    }
    if !other_credentials.is_empty() {
        findings.push(Finding::warning(
            CHECK,
            format!(
                "the function has other credentials than those here ({})",
                other_credentials.join(", ")
            ),
        ));
    }
}

/// Returns whether nothing but a secret can hold the address of the server.
fn url_is_in_secret(lookup: &impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| lookup(name).is_some_and(|value| !value.trim().is_empty());
    is_set("ELASTICSEARCH_SECRET_ARN")
        && !is_set("ELASTICSEARCH_URL")
        && !is_set("ELASTIC_CLOUD_ID")
}

/// Returns the value that is in force.
fn effective(setting: &Setting, value: Option<String>) -> Option<String> {
    let value = value.map(|value| value.trim().to_owned());
    let value = value.filter(|value| !value.is_empty());
    value.or_else(|| setting.default.map(str::to_owned))
}

/// Numbers, words and lower-case names have defaults, and no capitals that mean anything.
fn is_same(setting: &Setting, there: Option<&str>, here: Option<&str>) -> bool {
    match (there, here) {
        (Some(there), Some(here)) if setting.default.is_some() => there.eq_ignore_ascii_case(here),
        _ => there == here,
    }
}

/// Returns the finding about a setting that is not the same in the function and here.
fn judged(name: &str, difference: String) -> Finding {
    let so = |end| Finding::warning(CHECK, format!("{difference}, {end}"));
    if FILES.contains(&name) {
        return so(
            "which is in order if the function's file is the wanted one: it need not be here",
        );
    }
    if AUTHORITIES.contains(&name) {
        return so("which is in order if both name the same certificate authority");
    }
    Finding::failed(
        CHECK,
        difference,
        "set it here as in the function, or deploy with the parameter of the template",
    )
}

/// Says how a setting differs.
fn difference(setting: &Setting, there: Option<&str>, here: Option<&str>) -> String {
    let name = setting.name;
    let value =
        |value: Option<&str>| value.map_or("not set".to_owned(), |value| shown(setting, value));
    let there = value(there);
    let here = value(here);
    if there == here {
        format!("{name} has another value in the function than here ({here})")
    } else {
        format!("{name} is {there} in the function and {here} here")
    }
}
