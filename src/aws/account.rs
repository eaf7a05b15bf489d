//! The calls that ask AWS about a deployment: its stack, function, subscriptions, queues, alarms
//! and metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize};

use super::logs::LOGS;
use super::{AwsClient, AwsSettings, CallError, Place, Service, xml};
use crate::http::ClientError;

const CLOUD_FORMATION: Service = Service {
    name: "cloudformation",
    target: "",
    json: "",
};

const LAMBDA: Service = Service {
    name: "lambda",
    target: "",
    json: "",
};

const SQS: Service = Service {
    name: "sqs",
    target: "AmazonSQS",
    json: "application/x-amz-json-1.0",
};

const CLOUD_WATCH: Service = Service {
    name: "monitoring",
    target: "GraniteServiceVersion20100801",
    json: "application/x-amz-json-1.0",
};

/// Upper bound on pages of a list, against a service that never ends one.
const MOST_PAGES: usize = 100;

/// Upper bound on the alarms of a request, which AWS sets.
const MOST_ALARMS: usize = 100;

/// The settings for the services.
#[derive(Debug)]
pub struct AccountSettings {
    /// For CloudFormation.
    pub cloud_formation: AwsSettings,
    /// For Lambda.
    pub lambda: AwsSettings,
    /// For CloudWatch Logs.
    pub logs: AwsSettings,
    /// For SQS.
    pub sqs: AwsSettings,
    /// For CloudWatch.
    pub cloud_watch: AwsSettings,
}

/// An account, in one of its regions.
#[derive(Debug)]
pub struct Account {
    cloud_formation: AwsClient,
    lambda: AwsClient,
    logs: AwsClient,
    sqs: AwsClient,
    cloud_watch: AwsClient,
    place: Place,
    timeout: Duration,
}

/// A stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its status.
    pub status: String,
    /// The values of its parameters; hidden ones consist of asterisks.
    pub parameters: BTreeMap<String, String>,
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackResource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name, address or ARN in its service.
    pub physical_id: String,
    /// Its type, such as `AWS::Lambda::Function`.
    pub kind: String,
}

/// A function.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FunctionConfiguration {
    /// Its ARN.
    pub function_arn: String,
    /// Its state, which says whether it can be invoked: `Active`, `Pending`, `Inactive` or
    /// `Failed`.
    pub state: String,
    /// The result of its last update: `Successful`, `InProgress` or `Failed`.
    pub last_update_status: String,
    /// Its environment.
    #[serde(deserialize_with = "or_default")]
    pub environment: Environment,
}

/// The environment of a function.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Environment {
    /// Its variables.
    #[serde(deserialize_with = "or_default")]
    pub variables: BTreeMap<String, String>,
    /// The reason why the variables cannot be read.
    pub error: Option<EnvironmentError>,
}

/// The reason why the variables of a function cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EnvironmentError {
    /// AWS's name of the error.
    pub error_code: String,
}

/// A subscription of a log group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct Subscription {
    /// The name of its filter.
    pub filter_name: String,
    /// The ARN of the function or stream.
    pub destination_arn: String,
    /// The pattern of its filter.
    pub filter_pattern: String,
}

/// An alarm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Alarm {
    /// Its name.
    pub alarm_name: String,
    /// Its text.
    #[serde(deserialize_with = "or_default")]
    pub alarm_description: String,
    /// Its state: `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state_value: String,
}

/// A metric of a function.
#[derive(Debug, Clone, Copy)]
pub struct FunctionMetric<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// A statement of a function's policy that allows CloudWatch Logs to invoke it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsPermission {
    /// The permitted ARNs of log groups, with `*` and `?`; none if all are permitted.
    pub source_arns: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescribeSubscriptionFilters<'a> {
    log_group_name: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionFilters {
    #[serde(default)]
    subscription_filters: Vec<Subscription>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueAttributes<'a> {
    queue_url: &'a str,
    attribute_names: [&'static str; 3],
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueAttributes {
    attributes: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAlarms<'a> {
    alarm_names: &'a [&'a str],
    alarm_types: [&'static str; 2],
    max_records: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Alarms {
    metric_alarms: Vec<Alarm>,
    composite_alarms: Vec<Alarm>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetMetricData<'a> {
    start_time: i64,
    end_time: i64,
    metric_data_queries: Vec<MetricDataQuery<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDataQuery<'a> {
    id: String,
    metric_stat: MetricStat<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricStat<'a> {
    metric: Metric<'a>,
    period: u32,
    stat: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric<'a> {
    namespace: &'a str,
    metric_name: &'a str,
    dimensions: [Dimension<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension<'a> {
    name: &'static str,
    value: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricData {
    metric_data_results: Vec<MetricDataResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDataResult {
    id: String,
    #[serde(default)]
    values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyReply {
    policy: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    statement: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: String,
    principal: Principal,
    action: StringOrList,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, StringOrList>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Principal {
    Everybody(String),
    Named(BTreeMap<String, StringOrList>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StringOrList {
    One(String),
    Many(Vec<String>),
}

impl FunctionConfiguration {
    /// Returns the function's name, the last part of its ARN.
    #[must_use]
    pub fn name(&self) -> &str {
        self.function_arn.rsplit(':').next().unwrap_or_default()
    }
}

impl StringOrList {
    fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

/// A value that AWS may also write as `null`.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(|_| CallError::NotAws)
}

impl Account {
    /// Makes the clients without connecting. `timeout` is the longest wait for an answer.
    ///
    /// # Errors
    /// [`ClientError`] if the settings do not allow one.
    pub fn new(
        settings: AccountSettings,
        place: Place,
        timeout: Duration,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            cloud_formation: AwsClient::new(CLOUD_FORMATION, settings.cloud_formation)?,
            lambda: AwsClient::new(LAMBDA, settings.lambda)?,
            logs: AwsClient::new(LOGS, settings.logs)?,
            sqs: AwsClient::new(SQS, settings.sqs)?,
            cloud_watch: AwsClient::new(CLOUD_WATCH, settings.cloud_watch)?,
            place,
            timeout,
        })
    }

    /// Returns the region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.place.region()
    }

    /// Asks for a stack, by its name or ARN.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer.
    pub async fn stack(&self, name: &str) -> Result<Stack, CallError> {
        let reply = self
            .cloud_formation_query(&[("Action", "DescribeStacks"), ("StackName", name)])
            .await?;
        let stacks = xml::elements(&reply, "Stacks").first().copied();
        let stack = stacks.and_then(|stacks| xml::elements(stacks, "member").first().copied());
        let stack = stack.ok_or(CallError::NotAws)?;
        let parameters = xml::elements(stack, "Parameters").first().copied();
        let parameters = xml::elements(parameters.unwrap_or_default(), "member").into_iter();
        Ok(Stack {
            status: xml::text(stack, "StackStatus"),
            parameters: parameters
                .map(|member| {
                    (
                        xml::text(member, "ParameterKey"),
                        xml::text(member, "ParameterValue"),
                    )
                })
                .collect(),
        })
    }

    /// Asks for the resources of a stack, by its name or ARN.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer.
    pub async fn resources(&self, stack: &str) -> Result<Vec<StackResource>, CallError> {
        let mut resources = Vec::new();
        let mut token = String::new();
        for _ in 0..MOST_PAGES {
            let mut parameters = vec![("Action", "ListStackResources"), ("StackName", stack)];
            if !token.is_empty() {
                parameters.push(("NextToken", &token));
            }
            let reply = self.cloud_formation_query(&parameters).await?;
            let list = xml::elements(&reply, "StackResourceSummaries")
                .first()
                .copied()
                .ok_or(CallError::NotAws)?;
            for member in xml::elements(list, "member") {
                let status = xml::text(member, "ResourceStatus");
                if status != "DELETE_COMPLETE" {
                    resources.push(StackResource {
                        logical_id: xml::text(member, "LogicalResourceId"),
                        physical_id: xml::text(member, "PhysicalResourceId"),
                        kind: xml::text(member, "ResourceType"),
                    });
                }
            }
            token = xml::text(&reply, "NextToken");
            if token.is_empty() {
                return Ok(resources);
            }
        }
        // A part of the list must not pass for all of it.
        Err(CallError::NotAws)
    }

    async fn cloud_formation_query(
        &self,
        parameters: &[(&str, &str)],
    ) -> Result<String, CallError> {
        let mut form = "Version=2010-05-15".to_owned();
        for (name, value) in parameters {
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            form.push_str(&format!("&{name}={value}"));
        }
        let body = self
            .cloud_formation
            .query(&self.place, form, self.timeout)
            .await?;
        String::from_utf8(body).map_err(|_| CallError::NotAws)
    }

    /// Asks for a function.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer.
    pub async fn function(&self, name: &str) -> Result<FunctionConfiguration, CallError> {
        let path = ["2015-03-31", "functions", name, "configuration"];
        read(&self.lambda.get(&self.place, &path, self.timeout).await?)
    }

    /// Asks which log groups may invoke a function.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer.
    pub async fn logs_permissions(&self, function: &str) -> Result<Vec<LogsPermission>, CallError> {
        let path = ["2015-03-31", "functions", function, "policy"];
        let body = match self.lambda.get(&self.place, &path, self.timeout).await {
            // A function has no policy until something is allowed.
            Err(CallError::Refused { status: 404, .. }) => return Ok(Vec::new()),
            reply => reply?,
        };
        permissions(&read::<PolicyReply>(&body)?.policy)
    }

    /// Asks for the subscriptions of a log group.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer.
    pub async fn subscriptions(&self, log_group: &str) -> Result<Vec<Subscription>, CallError> {
        const ACTION: &str = "DescribeSubscriptionFilters";
        let parameters = DescribeSubscriptionFilters {
            log_group_name: log_group,
        };
        let call = self
            .logs
            .call(&self.place, ACTION, &parameters, self.timeout);
        Ok(read::<SubscriptionFilters>(&call.await?)?.subscription_filters)
    }

    /// Asks how many messages a queue holds, whether they wait or are in process.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer.
    pub async fn queue_length(&self, url: &str) -> Result<u64, CallError> {
        let parameters = GetQueueAttributes {
            queue_url: url,
            attribute_names: [
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        };
        const ACTION: &str = "GetQueueAttributes";
        let call = self
            .sqs
            .call(&self.place, ACTION, &parameters, self.timeout);
        let attributes = read::<QueueAttributes>(&call.await?)?.attributes;
        let mut length = 0;
        for name in parameters.attribute_names {
            let number = attributes.get(name).and_then(|text| text.parse().ok());
            length += number.unwrap_or(0_u64);
        }
        if attributes.is_empty() {
            return Err(CallError::NotAws);
        }
        Ok(length)
    }

    /// Asks for alarms by their names. Alarms that do not exist are missing from the result.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer.
    pub async fn alarms(&self, names: &[&str]) -> Result<Vec<Alarm>, CallError> {
        let mut found = Vec::new();
        for names in names.chunks(MOST_ALARMS) {
            let parameters = DescribeAlarms {
                alarm_names: names,
                alarm_types: ["MetricAlarm", "CompositeAlarm"],
                max_records: MOST_ALARMS,
            };
            let call =
                self.cloud_watch
                    .call(&self.place, "DescribeAlarms", &parameters, self.timeout);
            let alarms: Alarms = read(&call.await?)?;
            found.extend(alarms.metric_alarms);
            found.extend(alarms.composite_alarms);
        }
        Ok(found)
    }

    /// Asks for the sum of each metric of a function, between two times in seconds since 1970.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer.
    pub async fn sums(
        &self,
        function: &str,
        metrics: &[FunctionMetric<'_>],
        (start, end): (i64, i64),
    ) -> Result<Vec<f64>, CallError> {
        let parameters = GetMetricData {
            start_time: start,
            end_time: end,
            metric_data_queries: (metrics.iter().enumerate())
                .map(|(number, metric)| MetricDataQuery::sum(number, *metric, function))
                .collect(),
        };
        let call = self
            .cloud_watch
            .call(&self.place, "GetMetricData", &parameters, self.timeout);
        let results = read::<MetricData>(&call.await?)?.metric_data_results;
        let sum = |number: usize| {
            let id = format!("m{number}");
            let results = results.iter().filter(|result| result.id == id);
            // The sum of no numbers would be a negative zero.
            results
                .flat_map(|result| &result.values)
                .fold(0.0, |sum, value| sum + value)
        };
        Ok((0..metrics.len()).map(sum).collect())
    }
}

impl<'a> MetricDataQuery<'a> {
    fn sum(number: usize, metric: FunctionMetric<'a>, function: &'a str) -> Self {
        let dimension = Dimension {
            name: "FunctionName",
            value: function,
        };
        Self {
            id: format!("m{number}"),
            metric_stat: MetricStat {
                metric: Metric {
                    namespace: metric.namespace,
                    metric_name: metric.name,
                    dimensions: [dimension],
                },
                period: 60,
                stat: "Sum",
            },
        }
    }
}

/// Reads the statements of a policy that allow CloudWatch Logs to invoke the function.
fn permissions(policy: &str) -> Result<Vec<LogsPermission>, CallError> {
    let policy: Policy = read(policy.as_bytes())?;
    let permission = |statement: &Statement| {
        let is_logs = match &statement.principal {
            Principal::Everybody(name) => name == "*",
            Principal::Named(names) => names.get("Service").is_some_and(|services| {
                let mut services = services.all().iter();
                services.any(|name| name.starts_with("logs.") && name.contains(".amazonaws.com"))
            }),
        };
        let mut actions = statement.action.all().iter();
        let is_invocation =
            actions.any(|action| ["lambda:InvokeFunction", "lambda:*", "*"].contains(&&**action));
        let conditions = statement.condition.values().flatten();
        let arns = conditions.filter(|(name, _)| name.eq_ignore_ascii_case("aws:SourceArn"));
        let arns = arns.flat_map(|(_, arns)| arns.all().iter().cloned());
        (statement.effect == "Allow" && is_logs && is_invocation).then(|| LogsPermission {
            source_arns: arns.collect(),
        })
    };
    Ok(policy.statement.iter().filter_map(permission).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_for_cloudwatch_logs_count() {
        let statement = |effect: &str, principal: &str, action: &str| {
            format!(
                r#"{{"Statement":[{{"Sid":"a","Effect":"{effect}","Principal":{principal},"Action":{action},"Resource":"f",
                "Condition":{{"ArnLike":{{"AWS:SourceArn":"arn:*:api"}},"StringEquals":{{"AWS:SourceAccount":"1"}}}}}}]}}"#
            )
        };
        const LOGS: &str = r#"{"Service":"logs.amazonaws.com"}"#;
        const INVOKE: &str = r#""lambda:InvokeFunction""#;
        let found = [LogsPermission {
            source_arns: vec!["arn:*:api".to_owned()],
        }];
        for (policy, is_found) in [
            (statement("Allow", LOGS, INVOKE), true),
            (
                statement(
                    "Allow",
                    r#"{"Service":["a","logs.eu-central-1.amazonaws.com"]}"#,
                    r#"["lambda:*"]"#,
                ),
                true,
            ),
            (statement("Allow", r#""*""#, INVOKE), true),
            (statement("Deny", LOGS, INVOKE), false),
            (
                statement("Allow", r#"{"Service":"sns.amazonaws.com"}"#, INVOKE),
                false,
            ),
            (
                statement("Allow", r#"{"AWS":"111122223333"}"#, INVOKE),
                false,
            ),
            (statement("Allow", LOGS, r#""lambda:GetFunction""#), false),
        ] {
            let expected: &[LogsPermission] = if is_found { &found } else { &[] };
            assert_eq!(permissions(&policy).as_deref(), Ok(expected), "{policy}");
        }
        assert_eq!(permissions("{}"), Err(CallError::NotAws));
    }

    #[test]
    fn what_aws_writes_as_null_is_read() {
        let function = read::<FunctionConfiguration>(br#"{"State":"Active","Environment":null}"#);
        assert_eq!(
            function.map(|function| function.state).as_deref(),
            Ok("Active")
        );
        let alarm =
            read::<Alarm>(br#"{"AlarmName":"a","AlarmDescription":null,"StateValue":"OK"}"#);
        assert_eq!(
            alarm.map(|alarm| alarm.alarm_description).as_deref(),
            Ok("")
        );
    }
}
