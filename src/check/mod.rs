//! The questions to ask a server before and after a deployment, and to ask AWS about a deployment.
//!
//! Each question gives a [`Finding`]. If the credentials may not ask a question, its answer is
//! unknown, which is no fault: the function's own key, for instance, may not read templates.

mod answer;
mod stack;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use self::answer::{DataStreams, Privileges, Version};
pub use self::stack::StackCheck;
use crate::bulk::{self, Action, ActionKind, ItemResult, Rejection, Sent, Stored, Verdict};
use crate::data_stream::DataStreamName;
use crate::printable::printable;
use crate::server::{Inspect, Reply, ServerInfo, Target, Templates, Transport, TransportError};
use crate::setup::{self, Setup, SetupError, Step};

/// The questions.
#[derive(Debug)]
pub struct Check {
    /// The templates that should exist, for the data streams of the settings.
    pub setup: Setup,
    /// `ELASTICSEARCH_PIPELINE`
    pub ingest_pipeline: Option<String>,
    /// `LOOK_UP_REPEATED`
    pub look_up_repeated: bool,
    /// True if the settings hold credentials of any kind.
    pub has_credentials: bool,
    /// The longest wait for an answer.
    pub timeout: Duration,
}

/// The protection of the connection to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS, with a certificate that the settings trust.
    Tls,
    /// None.
    ClearText,
    /// A secret holds the URL, so it is not known.
    Unknown,
}

/// The result of one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The fixed name of the question.
    pub check: &'static str,
    /// The verdict.
    pub result: CheckResult,
    /// A sentence for people.
    pub message: String,
    /// The remedy, if there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// In order.
    Passed,
    /// It works but should be otherwise.
    Warning,
    /// Not in order.
    Failed,
    /// These credentials cannot ask.
    Unknown,
}

impl Finding {
    /// A question whose answer is in order.
    pub fn passed(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            result: CheckResult::Passed,
            message: message.into(),
            remedy: None,
        }
    }

    /// Something that works but should be otherwise.
    pub fn warning(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            result: CheckResult::Warning,
            message: message.into(),
            remedy: None,
        }
    }

    /// A question whose answer is not in order.
    pub fn failed(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            check,
            result: CheckResult::Failed,
            message: message.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// A question whose answer is not in order, in a sentence that names the remedy.
    fn failed_so(check: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            result: CheckResult::Failed,
            ..Self::passed(check, sentence)
        }
    }

    /// A question that cannot be asked.
    pub fn unknown(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            result: CheckResult::Unknown,
            message: message.into(),
            remedy: None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.result {
            CheckResult::Passed => '✓',
            CheckResult::Warning => '!',
            CheckResult::Failed => '✗',
            CheckResult::Unknown => '?',
        };
        write!(formatter, "{mark} {}: {}", self.check, self.message)?;
        match &self.remedy {
            Some(remedy) => write!(formatter, ": {remedy}"),
            None => Ok(()),
        }
    }
}

/// The oldest versions that the program supports.
const OLDEST_ELASTICSEARCH: Version = Version(8, 14);
const OLDEST_OPENSEARCH: Version = Version(2, 0);

/// The privileges of the function's key, as listed in docs/configure.md.
const PRIVILEGES: &[&str] = &["auto_configure", "create_doc"];

/// The privilege on `DATA_STREAM` that `LOOK_UP_REPEATED` needs besides.
const LOOK_UP_PRIVILEGES: &[&str] = &["read"];

const KEYS: &str = "make a key with the body of \"Keys and privileges\" in docs/configure.md";
const RUN_SETUP: &str = "run `apigw-logs setup`";
const LATER: &str = "it is busy or not available now, so check again later";

impl Check {
    /// Asks whether the server answers, and which server it is. `None` if no further question makes
    /// sense.
    pub async fn server<S: Inspect>(
        &self,
        server: &S,
        protection: Protection,
        findings: &mut Vec<Finding>,
    ) -> Option<()> {
        let reply = match server.get(&[], self.timeout).await {
            Ok(reply) => reply,
            Err(TransportError::NoCredentials(_)) if !self.has_credentials => {
                findings.extend([connection(protection), self.unauthorized()]);
                return None;
            }
            Err(error) => {
                findings.push(unanswered("connection", &error));
                return None;
            }
        };
        findings.push(connection(protection));
        if let Some(busy) = busy("version", &reply) {
            findings.push(busy);
            return None;
        }
        match reply.status {
            200 => findings.push(version(&reply)?),
            401 => {
                findings.push(self.unauthorized());
                return None;
            }
            // A server need not reveal its version, as long as it answers the other questions.
            400 | 404 | 405 => findings.push(Finding::unknown(
                "version",
                format!("the server answers {} and does not reveal it", reply.status),
            )),
            403 => findings.push(Finding::unknown(
                "version",
                "the credentials may not ask for it (cluster privilege `monitor`), and do not need to",
            )),
            status => {
                let message = format!("something answers {status}, but not as Elasticsearch does");
                let remedy =
                    "check the address in ELASTICSEARCH_URL, and what is in front of the server";
                findings.push(Finding::failed("version", message, remedy));
                return None;
            }
        }
        Some(())
    }

    /// Asks everything that can be asked without writing.
    pub async fn everything<S: Inspect + Templates>(
        &self,
        server: &S,
        findings: &mut Vec<Finding>,
    ) {
        findings.push(self.privileges(server).await);
        self.templates(server, findings).await;
        for name in self.data_streams() {
            self.data_stream(server, &name.name, findings).await;
        }
        if let Some(pipeline) = &self.ingest_pipeline {
            findings.push(self.pipeline(server, pipeline).await);
        }
    }

    /// The finding about a server that answers 401.
    fn unauthorized(&self) -> Finding {
        let message = if self.has_credentials {
            "the server answers 401: it does not accept the credentials"
        } else {
            "the server answers 401: it requires credentials, and none are set"
        };
        let remedy = "set ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD, to \
                      credentials that this server knows";
        Finding::failed("credentials", message, remedy)
    }

    fn data_streams(&self) -> impl Iterator<Item = &DataStreamName> {
        [&self.setup.data_stream]
            .into_iter()
            .chain(&self.setup.dead_letters)
    }

    async fn privileges<S: Inspect>(&self, server: &S) -> Finding {
        const CHECK: &str = "privileges";
        let names: Vec<_> = self.data_streams().map(|name| name.name.as_str()).collect();
        let mut index = vec![IndexPrivileges {
            names: &names,
            privileges: PRIVILEGES,
        }];
        let data_stream = [self.setup.data_stream.name.as_str()];
        if self.look_up_repeated {
            index.push(IndexPrivileges {
                names: &data_stream,
                privileges: LOOK_UP_PRIVILEGES,
            });
        }
        let question = PrivilegesQuestion { index };
        let body = serde_json::to_vec(&question).unwrap_or_default();
        let path = ["_security", "user", "_has_privileges"];
        let reply = match server.post(&path, body, self.timeout).await {
            Ok(reply) => reply,
            Err(error) => return unanswered(CHECK, &error),
        };
        if let Some(busy) = busy(CHECK, &reply) {
            return busy;
        }
        match (
            reply.status,
            serde_json::from_slice::<Privileges>(&reply.body),
        ) {
            (200, Ok(answer)) if answer.has_all_requested => Finding::passed(
                CHECK,
                format!(
                    "the credentials may write to {}{}",
                    names.join(" and "),
                    if self.look_up_repeated {
                        ", and look documents up"
                    } else {
                        ""
                    }
                ),
            ),
            (200, Ok(answer)) => Finding::failed(
                CHECK,
                format!("the credentials lack {}", answer.missing().join(", ")),
                KEYS,
            ),
            (401 | 403, _) => Finding::failed(
                CHECK,
                format!("the server answers {}: {}", reply.status, reason(&reply)),
                KEYS,
            ),
            _ => Finding::unknown(
                CHECK,
                "this server does not reveal what the credentials may do; `check --write` tries it",
            ),
        }
    }

    async fn templates<S: Templates>(&self, server: &S, findings: &mut Vec<Finding>) {
        const CHECK: &str = "templates";
        match self.setup.plan(server).await {
            Ok(steps) => findings.extend(steps.iter().map(template)),
            Err(errors) => findings.extend(errors.iter().map(|error| match error {
                SetupError::Forbidden(_) | SetupError::Unauthorized => Finding::unknown(
                    CHECK,
                    "the credentials may not read templates: check again with those of setup",
                ),
                SetupError::Foreign(_) => Finding::failed(
                    CHECK,
                    error.to_string(),
                    "look at what it does to fields, or let `apigw-logs setup --force` replace it",
                ),
                SetupError::Transport(error) => unanswered(CHECK, error),
                SetupError::Unavailable(status, reason) => unavailable(CHECK, *status, reason),
                SetupError::Redirect(status) => redirect(CHECK, *status),
                _ => Finding::failed_so(CHECK, error.to_string()),
            })),
        }
    }

    async fn data_stream<S: Templates>(&self, server: &S, name: &str, findings: &mut Vec<Finding>) {
        const CHECK: &str = "data stream";
        let reply = match server.get(&["_data_stream", name], self.timeout).await {
            Ok(reply) => reply,
            Err(error) => return findings.push(unanswered(CHECK, &error)),
        };
        if let Some(busy) = busy(CHECK, &reply) {
            return findings.push(busy);
        }
        match (
            reply.status,
            serde_json::from_slice::<DataStreams>(&reply.body),
        ) {
            (200, Ok(answer)) => {
                let Some(stream) = answer.data_streams.into_iter().next() else {
                    return findings.push(Finding::unknown(CHECK, format!("{name}: no answer")));
                };
                findings.push(stream.finding(CHECK));
            }
            (404, _) => findings.push(self.no_data_stream(server, name).await),
            (401 | 403, _) => findings.push(Finding::unknown(
                CHECK,
                format!("the credentials may not look at {name} (`view_index_metadata`)"),
            )),
            (status, _) => findings.push(Finding::unknown(
                CHECK,
                format!("{name}: the server answers {status}"),
            )),
        }
    }

    /// If a data stream is missing, its first document creates it, unless an index has its name.
    async fn no_data_stream<S: Templates>(&self, server: &S, name: &str) -> Finding {
        const CHECK: &str = "data stream";
        match server.get(&[name], self.timeout).await {
            Ok(reply) if reply.status == 200 => Finding::failed(
                CHECK,
                format!("{name} is an ordinary index, made before there was a template for it"),
                format!("{RUN_SETUP}, delete the index, and send its documents again"),
            ),
            Ok(reply) if let Some(busy) = busy(CHECK, &reply) => busy,
            Err(error) => unanswered(CHECK, &error),
            Ok(_) => Finding::passed(
                CHECK,
                format!("{name} is not there yet: its first document makes it"),
            ),
        }
    }

    async fn pipeline<S: Templates>(&self, server: &S, pipeline: &str) -> Finding {
        const CHECK: &str = "ingest pipeline";
        match server
            .get(&["_ingest", "pipeline", pipeline], self.timeout)
            .await
        {
            Err(error) => unanswered(CHECK, &error),
            Ok(reply) if let Some(busy) = busy(CHECK, &reply) => busy,
            Ok(reply) => match reply.status {
                200 => Finding::passed(CHECK, format!("{pipeline} is there")),
                404 => Finding::failed(
                    CHECK,
                    format!("there is no ingest pipeline {pipeline}"),
                    "create it, or correct ELASTICSEARCH_PIPELINE",
                ),
                status => Finding::unknown(
                    CHECK,
                    format!("{pipeline}: the credentials may not look at it ({status})"),
                ),
            },
        }
    }

    /// Writes a document to each data stream, and removes it again. `id` is its `_id`, and `time`
    /// is an RFC 3339 time.
    pub async fn write<S: Inspect + Transport>(
        &self,
        server: &S,
        (id, time): (&str, &str),
        findings: &mut Vec<Finding>,
    ) {
        for name in self.data_streams() {
            let written = self.create(server, name, (id, time)).await;
            let is_there = written.result == CheckResult::Passed;
            findings.push(written);
            if is_there {
                findings.push(self.remove(server, &name.name, id).await);
            }
        }
    }

    async fn create<S: Transport>(
        &self,
        server: &S,
        name: &DataStreamName,
        (id, time): (&str, &str),
    ) -> Finding {
        const CHECK: &str = "write";
        let stream = &name.name;
        let document = serde_json::to_string(&Trial::new(name, time)).unwrap_or_default();
        let body = format!("{{\"create\":{{\"_id\":\"{id}\"}}}}\n{document}\n").into_bytes();
        let target = Target {
            data_stream: stream,
            ingest_pipeline: None,
        };
        let body = server.encode(body.into());
        let reply = match server.bulk(target, body, self.timeout).await.result {
            Ok(reply) => reply,
            Err(error) => return unanswered(CHECK, &error),
        };
        if let Some(busy) = busy(CHECK, &reply) {
            return busy;
        }
        if reply.status != 200 {
            let message = format!(
                "{stream}: the server answers {}: {}",
                reply.status,
                reason(&reply)
            );
            return Finding::failed(CHECK, message, KEYS);
        }
        let action = Action {
            kind: ActionKind::Create,
            id,
        };
        let sent = Sent {
            data_stream: stream,
            actions: &[action],
        };
        // The function believes no other reply either.
        match bulk::verdict(&reply, sent) {
            Verdict::Items(results) => results
                .iter()
                .map(|result| written(CHECK, stream, result))
                .next(),
            _ => None,
        }
        .unwrap_or_else(|| {
            Finding::failed(
                CHECK,
                format!("{stream}: the reply does not say that the document is stored"),
                "check what is between here and the server",
            )
        })
    }

    /// The function's key may not delete. Then the document stays, and its text says what it is.
    async fn remove<S: Inspect>(&self, server: &S, stream: &str, id: &str) -> Finding {
        const CHECK: &str = "removal";
        // Without the privilege, the deletion does not see the document and so does not remove it.
        drop(
            server
                .post(&[stream, "_refresh"], Vec::new(), self.timeout)
                .await,
        );
        let query = format!(r#"{{"query":{{"ids":{{"values":["{id}"]}}}}}}"#).into_bytes();
        let path = [stream, "_delete_by_query"];
        let reply = server.post(&path, query, self.timeout).await;
        let deleted = reply
            .ok()
            .filter(|reply| reply.status == 200)
            .and_then(|reply| answer::deleted(&reply));
        match deleted {
            Some(1..) => Finding::passed(CHECK, format!("the document is out of {stream} again")),
            _ => Finding::unknown(
                CHECK,
                format!(
                    "the credentials may not remove the document, so it stays in {stream} under \
                     _id {id}, with the tag {TAG}"
                ),
            ),
        }
    }
}

const TAG: &str = "apigw-logs-check";

/// The document that proves whether writing works.
#[derive(Serialize)]
struct Trial<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: &'a str,
    message: &'static str,
    tags: [&'static str; 1],
    data_stream: TrialDataStream<'a>,
}

#[derive(Serialize)]
struct TrialDataStream<'a> {
    r#type: &'a str,
    dataset: &'a str,
    namespace: &'a str,
}

impl<'a> Trial<'a> {
    fn new(name: &'a DataStreamName, timestamp: &'a str) -> Self {
        Self {
            timestamp,
            message: "apigw-logs check --write: can be deleted",
            tags: [TAG],
            data_stream: TrialDataStream {
                r#type: &name.r#type,
                dataset: &name.dataset,
                namespace: &name.namespace,
            },
        }
    }
}

#[derive(Serialize)]
struct PrivilegesQuestion<'a> {
    index: Vec<IndexPrivileges<'a>>,
}

#[derive(Serialize)]
struct IndexPrivileges<'a> {
    names: &'a [&'a str],
    privileges: &'static [&'static str],
}

fn template(step: &Step) -> Finding {
    const CHECK: &str = "templates";
    match step {
        Step::Create(subject, _) => {
            Finding::failed(CHECK, format!("{subject} is missing"), RUN_SETUP)
        }
        Step::Update(subject, _) => Finding::failed(
            CHECK,
            format!("{subject} is of another version of apigw-logs, or was changed"),
            RUN_SETUP,
        ),
        Step::Unchanged(subject) => Finding::passed(CHECK, format!("{subject} is up to date")),
        Step::Users(subject) => Finding::passed(CHECK, format!("{subject} is yours to change")),
        Step::Fleet(subject) => {
            Finding::passed(CHECK, format!("{subject} is there, and Fleet manages it"))
        }
        Step::NoPlugin(subject) => Finding::unknown(
            CHECK,
            format!("{subject}: the server has no index state management"),
        ),
    }
}

fn connection(protection: Protection) -> Finding {
    let message = match protection {
        Protection::Tls => "the server answers over TLS, and its certificate is trusted",
        Protection::ClearText => "the server answers, without TLS",
        Protection::Unknown => "the server answers",
    };
    Finding::passed("connection", message)
}

fn version(reply: &Reply) -> Option<Finding> {
    const CHECK: &str = "version";
    let Ok(ServerInfo { version }) = serde_json::from_slice(&reply.body) else {
        return Some(Finding::failed(
            CHECK,
            "something answers, but not as Elasticsearch does",
            "check the address in ELASTICSEARCH_URL",
        ));
    };
    if version.build_flavor == "serverless" {
        return Some(Finding::passed(CHECK, "Elasticsearch Serverless"));
    }
    let (product, oldest) = if version.distribution == "opensearch" {
        ("OpenSearch", OLDEST_OPENSEARCH)
    } else {
        ("Elasticsearch", OLDEST_ELASTICSEARCH)
    };
    let found = format!("{product} {}", version.number);
    Some(match Version::parse(&version.number) {
        Some(number) if number < oldest => Finding::failed(
            CHECK,
            format!("{found} is older than {product} {oldest}"),
            "upgrade the server",
        ),
        Some(_) => Finding::passed(CHECK, found),
        None => Finding::unknown(
            CHECK,
            format!("{product}, which does not reveal its version"),
        ),
    })
}

/// Returns the finding about a document that was sent.
fn written(check: &'static str, stream: &str, result: &ItemResult) -> Finding {
    let rejected = |rejection: &Rejection, remedy| {
        let reason = format!("{}: {}", rejection.kind, rejection.reason);
        let reason = printable(&reason, answer::LONGEST_REASON);
        let message = format!(
            "{stream} rejects a document ({}): {reason}",
            rejection.status
        );
        Finding::failed(check, message, remedy)
    };
    match result {
        ItemResult::Indexed(Stored {
            failure_store: true,
            ..
        }) => Finding::failed(
            check,
            format!("{stream} puts a document into its failure store, where no search sees it"),
            RUN_SETUP,
        ),
        ItemResult::Indexed(Stored {
            elsewhere: false,
            renamed: false,
            ..
        }) => Finding::passed(check, format!("{stream} took a document")),
        ItemResult::Indexed(_) => Finding::unknown(
            check,
            format!(
                "an ingest pipeline of {stream} gives a document another index or _id, so it stays \
                 there, with the tag {TAG}"
            ),
        ),
        ItemResult::Duplicate => Finding::failed(
            check,
            format!("{stream} has a document already whose _id is new"),
            "check what is between here and the server",
        ),
        ItemResult::Dropped => Finding::unknown(
            check,
            format!("an ingest pipeline of {stream} drops the document, which is not stored"),
        ),
        ItemResult::Again(rejection) => rejected(rejection, LATER),
        ItemResult::Blocked(rejection) if rejection.status == 403 => rejected(rejection, KEYS),
        ItemResult::Blocked(rejection) | ItemResult::Rejected(rejection) => {
            rejected(rejection, RUN_SETUP)
        }
    }
}

fn unanswered(check: &'static str, error: &TransportError) -> Finding {
    let remedy = match error.remedy() {
        "" => "then check again",
        remedy => remedy,
    };
    Finding::failed(check, error.cause(), remedy)
}

/// Returns the finding if a reply answers no question now, whoever asks.
fn busy(check: &'static str, reply: &Reply) -> Option<Finding> {
    match setup::unanswered(reply) {
        SetupError::Unavailable(status, reason) => Some(unavailable(check, status, &reason)),
        SetupError::Redirect(status) => Some(redirect(check, status)),
        _ => None,
    }
}

fn unavailable(check: &'static str, status: u16, reason: &str) -> Finding {
    Finding::failed(
        check,
        format!("the server answers {status} ({reason})"),
        LATER,
    )
}

fn redirect(check: &'static str, status: u16) -> Finding {
    Finding::failed(
        check,
        format!("the server answers {status}, a redirect, which is not followed"),
        "set ELASTICSEARCH_URL to where it leads",
    )
}

fn reason(reply: &Reply) -> String {
    reply.error().map_or_else(
        || "no reason is given".to_owned(),
        |error| answer::sentence(&error),
    )
}
