//! Decides whether a line is an access log's or another program's.
//!
//! Other programs write `requestId`, `status` and `path`, too, and a function that prints its event
//! prints nearly all variables. So each key and each value is evidence with a weight, for an access
//! log or against it, and the sum decides. The weights, from the strongest:
//!
//! - Keys that an access log never has ([`NEVER`]): headers, bodies, and the members of AWS's
//!   events and of the loggers of programming languages. Each outweighs a whole format.
//! - Values in a form that only API Gateway writes: `14/May/2026:10:15:30 +0000`, `$connect`, `GET
//!   /pets/{id}`, `THROTTLED`, and `-` for a variable without a value.
//! - Values in a form that the variable never has: ISO 8601 in a time, `Success` in a status, `TCP`
//!   in a protocol.
//! - Keys that only API Gateway's variables have (`integrationLatency`, `resourcePath`).
//! - Keys that every server has (`status`, `path`, `ip`), and keys that every logger has
//!   ([`RARE`]).
//! - A line without a request's id: API Gateway accepts no format without one ([`WITHOUT_ID`]).
//!   It counts less if all keys are variables, and not at all if one of these has AWS's own name
//!   ([`OF_AWS`]).
//! - Many more unknown keys than known ones.
//!
//! Without any evidence against it, a line with a request's id is an access log's.
//!
//! There are known errors. Another server's request with only `method`, `path` and `status` is
//! accepted. So is an event's `requestContext` that a function prints alone, reduced to the members
//! that access logs have. An access log of very few keys is rejected if it has a time from
//! elsewhere (ISO 8601) and a `level`.

use super::access_log::AccessLog;
use super::aliases::{EVERYBODYS, Variable};
use super::meaning::is_everybodys;
use super::{form, groups};
use crate::normalizer::convert::timestamp;

/// Keys, or names of groups, that an access log never has, in lower case and without separators.
const NEVER: &[&str] = &[
    "$fault",
    "$metadata",
    "@l",
    "@mt",
    "@t",
    "@version",
    "activityid",
    "activitytype",
    "asctime",
    "attributes",
    "auditid",
    "authorizationtoken",
    "base64encoded",
    "billeddurationms",
    "cloudwatchmetric",
    "coldstart",
    "commandname",
    "configurationitem",
    "containerid",
    "detailtype",
    "ecs",
    "ecscluster",
    "ecsversion",
    "elb",
    "elbstatuscode",
    "endofbatch",
    "eventname",
    "eventsource",
    "eventversion",
    "functionarn",
    "functionmemorysize",
    "functionrequestid",
    "graphqlapiid",
    "headers",
    "isauthorized",
    "isbase64encoded",
    "kubernetes",
    "levelname",
    "loggerfqcn",
    "loggername",
    "logicalresourceid",
    "loglevel",
    "messagetemplate",
    "methodarn",
    "multivalueheaders",
    "multivaluequerystringparameters",
    "objectref",
    "parentspanid",
    "pathparameters",
    "physicalresourceid",
    "pid",
    "policydocument",
    "pullrequest",
    "querystringparameters",
    "rawpath",
    "rawquerystring",
    "records",
    "requestparameters",
    "resolverarn",
    "resourceproperties",
    "responseelements",
    "responseflags",
    "responsemetadata",
    "responseurl",
    "retryable",
    "schematype",
    "schemaversion",
    "stack",
    "stackid",
    "stacktrace",
    "stagevariables",
    "statustext",
    "targetstatuscode",
    "terminatingruleid",
    "traceback",
    "traceflags",
    "triggersource",
    "useridentity",
];

/// Keys of loggers and of other servers. People also write some of them into access-log formats.
const RARE: &[(&str, i32)] = &[
    ("action", 1),
    ("apiversion", 5),
    ("awscloudwatchmetrics", 3),
    ("awsregion", 5),
    ("body", 10),
    ("callercontext", 8),
    ("clientname", 5),
    ("code", 1),
    ("component", 1),
    ("containername", 5),
    ("controller", 3),
    ("correlationids", 5),
    ("data", 2),
    ("db", 1),
    ("detail", 6),
    ("details", 2),
    ("dyno", 3),
    ("environment", 0),
    ("event", 2),
    ("exception", 5),
    ("fields", 2),
    ("file", 2),
    ("filename", 3),
    ("format", 1),
    ("func", 3),
    ("functionname", 5),
    ("functionversion", 5),
    ("fwd", 2),
    ("hostname", 3),
    ("httpreferer", 6),
    ("httpreferrer", 6),
    ("kind", 2),
    ("level", 2),
    ("lineno", 3),
    ("location", 1),
    ("logger", 3),
    ("logstream", 5),
    ("lvl", 2),
    ("metric", 3),
    ("modelid", 5),
    ("module", 2),
    ("msg", 2),
    ("name", 1),
    ("object", 2),
    ("operation", 1),
    ("operationname", 4),
    ("parentid", 5),
    ("process", 2),
    ("query", 2),
    ("record", 3),
    ("referer", 6),
    ("referrer", 6),
    ("region", 0),
    ("remoteuser", 3),
    ("rulename", 5),
    ("servicename", 5),
    ("severity", 2),
    ("spanid", 5),
    ("success", 2),
    ("tags", 1),
    ("thread", 5),
    ("threadname", 5),
    ("type", 2),
    ("unit", 2),
    ("upstreamaddr", 3),
    ("upstreamresponsetime", 3),
    ("userpoolid", 5),
    ("v", 2),
    ("value", 1),
    ("variables", 3),
    ("version", 2),
];

const NEVER_WEIGHT: i32 = 100;

/// The weight against a line without a request's id. API Gateway accepts no format without
/// `$context.requestId` or `$context.extendedRequestId`, but formats that are older than that rule
/// are still in use.
const WITHOUT_ID: i32 = 2;

/// The same against a line in JSON that has variables alone.
const WITHOUT_ID_AND_PURE: i32 = 1;

/// Names in AWS's lists of variables, in lower case and without separators. Hardly another program
/// uses one of them without writing a key that no access log has.
const OF_AWS: &[&str] = &[
    "accountid",
    "apiid",
    "authorizerprincipalid",
    "connectionid",
    "customdomainbasepathmatched",
    "domainname",
    "domainprefix",
    "errorresponsetype",
    "httpmethod",
    "identityaccountid",
    "identitysourceip",
    "identityuseragent",
    "integrationlatency",
    "integrationstatus",
    "principalid",
    "requesttime",
    "requesttimeepoch",
    "resourceid",
    "resourcepath",
    "responselatency",
    "responselength",
    "routekey",
    "sourceip",
    "xraytraceid",
];

/// Returns whether a line is an access log's, and not another program's.
pub(crate) fn is_access_log(log: &AccessLog<'_>) -> bool {
    // Perf: not weighing the evidence of a plain line saves 57,000 instructions for a REST line. A
    // line of the documented formats has many variables and nothing else, so nothing speaks against
    // it. Each of its keys means another variable, so if it has more keys than
    // there are generic names, one of them must be specific.
    if log.is_certain {
        return true;
    }
    let is_plain = log.is_plain();
    if is_plain && log.known_keys() > EVERYBODYS.len() {
        return true;
    }
    log.has_own_name() && (is_plain && log.known_keys() > 12 || speaks_for_access_log(log))
}

/// Returns whether the content of a line speaks for an access log.
fn speaks_for_access_log(log: &AccessLog<'_>) -> bool {
    let mut known = 0;
    let mut hidden = 0;
    let mut evidence_for = 0;
    let mut evidence_against = 0;
    for (variable, key) in log.variables() {
        known += 1;
        let weight = of_variable(log, variable, key);
        // In an unknown group, a name counts half as much.
        let is_hidden = groups::is_unknown_group(key);
        hidden += usize::from(is_hidden);
        match weight {
            1.. if is_hidden => evidence_for += weight / 2,
            1.. => evidence_for += weight,
            _ => evidence_against -= weight,
        }
    }
    let (strange, unknown) = of_unknown_keys(log);
    evidence_against += strange + of_proportion(known, unknown) + i32::from(hidden == known);
    if unknown > 0 || evidence_against > 0 {
        evidence_against += of_style(log);
    }
    let is_pure = unknown == 0 && evidence_against == 0 && log.format() == "json";
    let without_id = if is_pure {
        WITHOUT_ID_AND_PURE
    } else {
        WITHOUT_ID
    };
    // Perf: most lines have so much evidence that their ids need not be looked at.
    if evidence_for <= evidence_against + without_id
        && !may_have_id(log)
        && !(is_pure && has_name_of_aws(log))
    {
        evidence_against += without_id;
    }
    evidence_against == 0 || evidence_for > evidence_against
}

/// Returns whether a key is one of AWS's names. People who write a short format write these.
fn has_name_of_aws(log: &AccessLog<'_>) -> bool {
    log.variables()
        .any(|(_, key)| OF_AWS.contains(&&*squeezed(key)))
}

/// Returns whether a line has a request's id, under whatever key, or was cut off and may have lost
/// it.
fn may_have_id(log: &AccessLog<'_>) -> bool {
    let has = |variable| log.raw_text(variable).is_some_and(|id| !id.is_empty());
    log.stop.is_some()
        || has(Variable::RequestId)
        || has(Variable::ExtendedRequestId)
        || log
            .unknown_texts()
            .any(|(_, text)| form::is_request_id(text))
}

/// Returns the evidence of a variable: above zero for an access log, below zero against it.
fn of_variable(log: &AccessLog<'_>, variable: Variable, key: &str) -> i32 {
    let Some(text) = log.raw_text(variable) else {
        return 0;
    };
    if text == "-" {
        return 2;
    }
    if text.is_empty() {
        return 0;
    }
    if text.starts_with(['[', '{']) && log.is_json_value(variable) {
        return -2;
    }
    // API Gateway's formats have numbers in quotes. Without JSON there are no quotes to see.
    let is_quoted = !log.is_number(variable) && log.format() == "json";
    of_text(variable, key, text, is_quoted)
}

/// The table of the evidence that a text is in its variable.
fn of_text(variable: Variable, key: &str, text: &str, is_quoted: bool) -> i32 {
    use Variable as V;
    match variable {
        V::RequestTime if timestamp::clf(text).is_some() => 5,
        V::RequestTime if matches!(text.len(), 10 | 13) && digits(text) => i32::from(is_quoted),
        V::RequestTime if is_named(key, "requestTime") => 0,
        V::RequestTime if text.starts_with(|c: char| c.is_ascii_digit()) => -5,
        V::RequestTime => 0,
        V::RequestTimeEpoch if text.len() == 13 && digits(text) => 3,
        V::RequestTimeEpoch => 0,
        V::Status if form::is_status(text) => 1 + i32::from(is_quoted),
        V::Status if is_word(text) => -3,
        V::Status => 0,
        V::Protocol if form::is_protocol(text) => 2,
        V::Protocol if is_word(text) => -3,
        V::Protocol => 0,
        V::HttpMethod if form::is_method(text) => 1,
        V::HttpMethod => -2,
        V::EventType if form::is_websocket_event(text) => 3,
        V::EventType => -3,
        V::RouteKey if form::is_route(text) => 4,
        V::RouteKey => 2,
        V::RequestId if form::is_extended_id(text) => 3,
        V::RequestId => 1,
        V::ExtendedRequestId => 3,
        V::ErrorResponseType if form::is_response_type(text) => 4,
        // Programs have classes of errors: `TypeError`.
        V::ErrorResponseType
            if !text.contains(' ') && text.contains(|c: char| c.is_ascii_lowercase()) =>
        {
            -2
        }
        V::ErrorResponseType if is_everybodys(key) => 0,
        V::ErrorResponseType => 1,
        // A logger's text, and not an error's.
        V::ErrorMessageString
            if is_named(key, "message") && !form::is_gateway_message(text.trim_matches('"')) =>
        {
            -1
        }
        V::ErrorMessage | V::ErrorMessageString | V::XrayTraceId => 0,
        V::SourceIp if form::is_ip(text) => 1,
        V::SourceIp => -1,
        V::Path if text.starts_with('/') => 1,
        V::Path => 0,
        V::Caller if text.contains(':') && !text.contains("AROA") => -3,
        V::AccountId | V::CallerAccountId if text.len() == 12 && digits(text) => 1,
        V::AccountId | V::CallerAccountId => -1,
        V::ResponseLatency | V::ResponseLength if !form::is_number(text) => 0,
        V::ResponseLatency if text.len() > 7 => -2,
        V::ResponseLatency if is_named(key, "responseLatency") => 2,
        V::ResponseLength if is_named(key, "responseLength") => 2,
        V::ResponseLatency | V::ResponseLength => i32::from(is_quoted),
        V::ConnectionId if form::is_extended_id(text) => 3,
        V::ConnectionId => -1,
        V::DomainName if form::is_gateway_host(text) => 3,
        V::DomainName => i32::from(is_named(key, "domainName")),
        V::ResourcePath if text.starts_with('/') && !is_everybodys(key) => 3,
        V::ResourcePath => 0,
        V::User
        | V::ApiName
        | V::AuthorizerPrincipalId
        | V::CipherSuite
        | V::TlsVersion
        | V::VpcId
        | V::MessageId => 0,
        V::UserAgent | V::UserArn | V::Caller | V::Stage | V::ResourceId | V::DeploymentId => 1,
        V::ApiId => 2,
        _ if is_everybodys(key) => 0,
        // The others have names of several words, which no other program uses.
        _ => 3,
    }
}

/// Returns the evidence of keys that are not variables: the weight against an access log, and their
/// number.
fn of_unknown_keys(log: &AccessLog<'_>) -> (i32, usize) {
    let mut weight = 0;
    let mut count = 0;
    for key in log.unknown_keys() {
        count += 1;
        weight += of_unknown_key(key);
    }
    weight += 2 * i32::from(log.unknown_texts().any(is_numbered_level));
    for (variable, key) in log.variables() {
        // A variable may be in a group that no access log has: `headers.host`.
        let group = key.rsplit_once('.').map_or("", |(group, _)| group);
        let is_event = key
            .get(..15)
            .is_some_and(|start| start.eq_ignore_ascii_case("requestContext."));
        weight += group.split('.').map(of_group).max().unwrap_or(0);
        weight += if is_event && variable == Variable::RequestId {
            2
        } else {
            0
        };
    }
    (weight, count)
}

/// Returns whether a key and its value are a level as loggers for Node write it.
fn is_numbered_level((key, text): (&str, &str)) -> bool {
    key == "level" && matches!(text, "10" | "20" | "30" | "40" | "50" | "60")
}

fn of_group(name: &str) -> i32 {
    let name = squeezed(name);
    if NEVER.contains(&&*name) {
        NEVER_WEIGHT
    } else {
        0
    }
}

fn of_unknown_key(key: &str) -> i32 {
    let whole = squeezed(key);
    if NEVER.contains(&&*whole) || key == "log.level" {
        return NEVER_WEIGHT;
    }
    if let Some((_, weight)) = RARE.iter().find(|(name, _)| *name == whole) {
        return *weight;
    }
    key.split('.').map(of_group).max().unwrap_or(0)
}

fn squeezed(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '.' | '_' | '-' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Returns the evidence of the number of unknown keys.
fn of_proportion(known: usize, unknown: usize) -> i32 {
    let more = unknown.saturating_sub(2 * known + 4).min(3);
    i32::try_from(more).unwrap_or(0)
}

/// Returns the evidence of the quotes: objects that Python and Node print have no double quotes
/// around keys.
fn of_style(log: &AccessLog<'_>) -> i32 {
    if log.is_inspected() { 4 } else { 0 }
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn digits(text: &str) -> bool {
    text.bytes().all(|digit| digit.is_ascii_digit())
}

fn is_named(key: &str, name: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    squeezed(last).eq_ignore_ascii_case(name)
}
