//! History: what CloudWatch Logs keeps, read again and sent through the path, or compared with what
//! Elasticsearch has.
//!
//! `FilterLogEvents` returns each log event under the id that the subscription delivered, and the
//! `_id` of a document depends on nothing else. So a backfill recognises existing documents, and an
//! audit names missing ones.

mod audit;
mod backfill;
mod groups;
mod guard;
mod page;
mod reader;
mod tokens;

use thiserror::Error;

pub use self::audit::{
    Audit, AuditCounts, AuditFinding, AuditReport, Doubles, Ledger, Missing, Row,
};
pub use self::backfill::{Backfill, BackfillReport, Ids, Sight};
pub use self::groups::find_log_groups;
pub use self::guard::{Guard, check_ids};
pub use self::tokens::Endless;
use crate::aws::{CallError, Place, Remedy};
use crate::bulk::{Failure, RetryPolicy, Session};
use crate::ecs::Timestamp;

/// A log group, and how to ask for its log events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LogGroup {
    /// Its name.
    pub name: String,
    /// The account that owns it.
    pub owner: String,
    /// Its region.
    pub place: Option<Place>,
    /// Its ARN, if another account than the credentials' own owns it.
    pub foreign_arn: Option<String>,
}

/// The log events to read.
#[derive(Debug, Clone, Copy)]
pub struct HistoryQuery<'q> {
    /// The log groups.
    pub groups: &'q [LogGroup],
    /// The earliest time, in milliseconds since 1970.
    pub since: i64,
    /// The latest time, in milliseconds since 1970.
    pub until: i64,
    /// A filter for lines, in CloudWatch's syntax.
    pub pattern: Option<&'q str>,
}

/// How to ask CloudWatch Logs.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Decides when to ask again.
    pub retry_policy: RetryPolicy,
    /// A source of randomness, for the jitter.
    pub random: fn() -> u64,
    /// Upper bound on requests in a second.
    pub requests_per_second: Option<u32>,
    /// Is told of the first failure after which there is another try, so that nobody waits in
    /// silence.
    pub notice: Option<fn(&str)>,
}

impl Pace {
    /// Starts a session with Elasticsearch.
    fn session(&self) -> Session {
        Session::new(self.retry_policy, None, self.random).with_notice(self.notice)
    }
}

/// The reason why history cannot be read or sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// CloudWatch Logs does not answer, or denies the call.
    #[error("{}", call_problem(.action, .log_group, .error))]
    Call {
        /// The action.
        action: &'static str,
        /// The log group, or the beginning of the requested names.
        log_group: String,
        /// The reason.
        error: CallError,
    },
    /// A log event has no id.
    #[error(
        "the log events of {0} have no ids (eventId): they are not from CloudWatch Logs, and nothing could be recognised"
    )]
    NoIds(String),
    /// CloudWatch Logs no longer accepts the position of the next page.
    #[error(
        "CloudWatch Logs no longer knows the place in {0} that was reached: it forgets it after 24 hours"
    )]
    Forgotten(String),
    /// A list of CloudWatch Logs would not end.
    #[error("{}", endless(.list, *.cause))]
    Endless {
        /// The content of the list, for the sentence.
        list: String,
        /// The sign that it would not end.
        cause: Endless,
    },
    /// A log event is not of the requested time.
    #[error(
        "CloudWatch Logs answered with a log event of {}, which is not in the requested time, for {log_group}: {ELSEWHERE}",
        Timestamp(*.time)
    )]
    Stray {
        /// The log group.
        log_group: String,
        /// The time of the log event.
        time: i64,
    },
    /// The region of a log group is not known.
    #[error("the region is not known: set AWS_REGION, or give the ARN of the log group")]
    NoRegion,
    /// There is no such log group.
    #[error("there is no log group {0} in this account and region")]
    NoLogGroup(String),
    /// An id does not hold the time of its log event.
    #[error(
        "the ids of {log_group} are not those of CloudWatch Logs: {id} does not hold the time {} of its log event, so what \
         was delivered might not be recognised; if you know that the ids of live delivery are the same, add --force",
        Timestamp(*.time)
    )]
    StrangeId {
        /// The log group.
        log_group: String,
        /// The id.
        id: String,
        /// The time of the log event.
        time: i64,
    },
    /// The data stream has documents of the log group under other ids.
    #[error(
        "the ids do not agree: {data_stream} has documents of {log_group}, and CloudWatch Logs has other ids for their log events, \
         so what is there would not be recognised, and be stored again; if you want that, add --force"
    )]
    OtherIds {
        /// The log group.
        log_group: String,
        /// The data stream.
        data_stream: String,
    },
    /// Missing log events could not be sent, or copies not removed.
    #[error("{0}")]
    Cure(String),
    /// Elasticsearch cannot be searched.
    #[error("{}", search_problem(.0))]
    Search(Failure),
}

/// The remedy if something other than CloudWatch Logs seems to have answered.
const ELSEWHERE: &str =
    "check AWS_ENDPOINT_URL_CLOUDWATCH_LOGS, AWS_ENDPOINT_URL and what is in between";

fn endless(list: &str, cause: Endless) -> String {
    let cause = match cause {
        Endless::Circle => "a nextToken came for the second time",
        Endless::Emptiness => "one page after the other is empty",
    };
    format!("CloudWatch Logs does not end the list of {list} ({cause}): {ELSEWHERE}")
}

fn call_problem(action: &str, log_group: &str, error: &CallError) -> String {
    let kind = match error {
        CallError::Refused { kind, .. } => kind.as_str(),
        _ => "",
    };
    match (error.remedy(), error) {
        (Remedy::Credentials, _) => {
            "CloudWatch Logs does not accept the AWS credentials: they are wrong or have expired, so get new ones"
                .to_owned()
        }
        (Remedy::Permission, _) => format!(
            "CloudWatch Logs does not allow logs:{action} on {log_group}: add it to the policy (docs/history.md has one)"
        ),
        (_, CallError::Unreachable(cause)) => format!(
            "CloudWatch Logs cannot be reached ({cause}): check AWS_REGION, AWS_ENDPOINT_URL_CLOUDWATCH_LOGS and the \
             network"
        ),
        (Remedy::Wait, _) => "CloudWatch Logs did not answer within RETRY_BUDGET_MS (throttled, or failing): run it again \
                              later, or with a lower --rps"
            .to_owned(),
        (_, CallError::NoHost) => "the region makes no host name: check AWS_REGION".to_owned(),
        (_, CallError::NotAws) => {
            format!("the answer is not from CloudWatch Logs: {ELSEWHERE}")
        }
        _ if kind == "ResourceNotFoundException" => {
            HistoryError::NoLogGroup(log_group.to_owned()).to_string()
        }
        _ if kind.is_empty() => call_problem(action, log_group, &CallError::NotAws),
        _ => format!(
            "CloudWatch Logs rejects the request for {log_group} ({kind}): check --log-group and --pattern"
        ),
    }
}

fn search_problem(failure: &Failure) -> String {
    match failure {
        Failure::Status(status @ (401 | 403)) => format!(
            "documents cannot be looked up: Elasticsearch answered {status}: check the credentials and that they have `read` \
             on the data stream and on the dead letters"
        ),
        failure => format!("documents cannot be looked up: {failure}"),
    }
}
