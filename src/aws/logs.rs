//! The two calls to CloudWatch Logs that read history: `DescribeLogGroups` and `FilterLogEvents`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AwsClient, AwsSettings, CallError, JSON_1_1, Place, Service};
use crate::http::ClientError;

pub(super) const LOGS: Service = Service {
    name: "logs",
    target: "Logs_20140328",
    json: JSON_1_1,
};

/// The client of CloudWatch Logs.
#[derive(Debug)]
pub struct Logs(AwsClient);

/// A request for log events.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterLogEvents<'a> {
    /// The log group's name, if the credentials' own account owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_group_name: Option<&'a str>,
    /// The log group's ARN, if another account owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_group_identifier: Option<&'a str>,
    /// The earliest time, in milliseconds since 1970.
    pub start_time: i64,
    /// The latest time, in milliseconds since 1970.
    pub end_time: i64,
    /// A filter for lines, in CloudWatch's syntax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_pattern: Option<&'a str>,
    /// The end of the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<&'a str>,
    /// True to ask for the events of all log streams in the order of time. AWS has ignored this
    /// member since 2019 and behaves as if it were true; emulators of AWS do not.
    pub interleaved: bool,
}

/// A log group as CloudWatch describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribedLogGroup {
    /// Its name.
    pub log_group_name: String,
    /// Its ARN, which ends with `:*`.
    pub arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescribeLogGroups<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_group_name_prefix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
}

/// Some of the log groups, and the position of the next page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogGroupsPage {
    /// The log groups. AWS sends the member even if there are none, so a reply without it is not
    /// AWS's.
    pub log_groups: Vec<DescribedLogGroup>,
    /// The position of the next page; `None` if there is none.
    pub next_token: Option<String>,
}

impl Logs {
    /// Makes the client without connecting.
    ///
    /// # Errors
    /// [`ClientError`] if the settings do not allow one.
    pub fn new(settings: AwsSettings) -> Result<Self, ClientError> {
        AwsClient::new(LOGS, settings).map(Self)
    }

    /// Asks for log groups whose names begin with a text.
    ///
    /// # Errors
    /// [`CallError`] if there is no reply.
    pub async fn log_groups(
        &self,
        place: &Place,
        prefix: &str,
        next_token: Option<&str>,
        timeout: Duration,
    ) -> Result<LogGroupsPage, CallError> {
        let parameters = DescribeLogGroups {
            log_group_name_prefix: Some(prefix).filter(|prefix| !prefix.is_empty()),
            next_token,
        };
        let call = self
            .0
            .call(place, "DescribeLogGroups", &parameters, timeout);
        serde_json::from_slice(&call.await?).map_err(|_| CallError::NotAws)
    }

    /// Asks for log events. Returns the reply's JSON.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer.
    pub async fn log_events(
        &self,
        place: &Place,
        parameters: &FilterLogEvents<'_>,
        timeout: Duration,
    ) -> Result<Vec<u8>, CallError> {
        self.0
            .call(place, "FilterLogEvents", parameters, timeout)
            .await
    }
}
