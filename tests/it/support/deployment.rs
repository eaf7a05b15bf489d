//! A fake AWS that holds a deployment, in order or with one fault. Requests that are signed wrongly
//! are rejected.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::raw_tcp::{RawTcp, read_head_and_body, send};
use super::signature::verify;

/// The reply to an action.
pub(crate) type Reply = (u16, String);

/// The server.
pub(crate) struct Deployment {
    server: RawTcp,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// The actions that were called, with their services as policies name them.
    actions: BTreeSet<String>,
    bodies: Vec<String>,
    wrong: Vec<String>,
}

pub(crate) const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:111122223333:function:shop";

/// The ARN of the nested stack that has the alarms of log groups.
pub(crate) const NESTED: &str =
    "arn:aws:cloudformation:eu-central-1:111122223333:stack/shop-LogGroupSubscriptionAlarms-1A/b2";

/// Resources of a stack as CloudFormation lists them.
pub(crate) fn resources(resources: &[(&str, &str, &str)]) -> Reply {
    let member = |(logical, physical, kind): &(&str, &str, &str)| {
        format!(
            "<member><LogicalResourceId>{logical}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>\
             <ResourceType>{kind}</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
        )
    };
    let members: String = resources.iter().map(member).collect();
    let reply = format!(
        "<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>{members}</StackResourceSummaries>\
         </ListStackResourcesResult></ListStackResourcesResponse>"
    );
    (200, reply)
}

/// The first page of a list.
fn and_more((status, reply): Reply) -> Reply {
    let token = "</StackResourceSummaries><NextToken>a+1</NextToken>";
    (status, reply.replace("</StackResourceSummaries>", token))
}

/// A stack as CloudFormation describes it.
pub(crate) fn stack(status: &str, parameters: &[(&str, &str)]) -> Reply {
    let member = |(name, value): &(&str, &str)| {
        format!(
            "<member><ParameterKey>{name}</ParameterKey><ParameterValue>{value}</ParameterValue></member>"
        )
    };
    let parameters: String = parameters.iter().map(member).collect();
    let reply = format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>shop</StackName>\
         <Parameters>{parameters}</Parameters><StackStatus>{status}</StackStatus><Outputs><member><OutputKey>a</OutputKey>\
         </member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    );
    (200, reply)
}

/// A function with these variables.
pub(crate) fn function(state: &str, variables: &[(&str, &str)]) -> Reply {
    let variables: Vec<_> = [("TAGS", "")]
        .iter()
        .chain(variables)
        .map(|(name, value)| format!(r#""{name}":"{value}""#))
        .collect();
    let reply = format!(
        r#"{{"FunctionArn":"{FUNCTION_ARN}","FunctionName":"shop","State":"{state}","LastUpdateStatus":"Successful",
        "Environment":{{"Variables":{{{}}}}}}}"#,
        variables.join(",")
    );
    (200, reply)
}

/// A policy that allows CloudWatch Logs to invoke the function, on behalf of an ARN.
pub(crate) fn policy(source_arn: &str) -> Reply {
    let statement = format!(
        r#"{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"logs.amazonaws.com\"}},\"Action\":\"lambda:InvokeFunction\",
        \"Resource\":\"{FUNCTION_ARN}\",\"Condition\":{{\"ArnLike\":{{\"AWS:SourceArn\":\"{source_arn}\"}}}}}}"#
    );
    let reply = format!(r#"{{"Policy":"{{\"Statement\":[{statement}]}}","RevisionId":"1"}}"#);
    (200, reply.replace('\n', ""))
}

pub(crate) fn subscription(destination: &str) -> Reply {
    let reply = format!(
        r#"{{"subscriptionFilters":[{{"filterName":"shop","filterPattern":"","destinationArn":"{destination}","creationTime":1}}]}}"#
    );
    (200, reply)
}

pub(crate) fn queue(visible: u32, tried: u32) -> Reply {
    let reply = format!(
        r#"{{"Attributes":{{"ApproximateNumberOfMessages":"{visible}","ApproximateNumberOfMessagesNotVisible":"{tried}",
        "ApproximateNumberOfMessagesDelayed":"0"}}}}"#
    );
    (200, reply)
}

/// Alarms in these states.
pub(crate) fn alarms(states: &[(&str, &str)]) -> Reply {
    let alarm = |(name, state): &(&str, &str)| {
        format!(
            r#"{{"AlarmName":"{name}","AlarmDescription":"See docs/operate.md#{name}.","StateValue":"{state}"}}"#
        )
    };
    let (composite, metric): (Vec<_>, Vec<_>) = states
        .iter()
        .partition(|(name, _)| name.ends_with("-outage"));
    let all =
        |alarms: Vec<&(&str, &str)>| alarms.into_iter().map(alarm).collect::<Vec<_>>().join(",");
    let reply = format!(
        r#"{{"MetricAlarms":[{}],"CompositeAlarms":[{}]}}"#,
        all(metric),
        all(composite)
    );
    (200, reply)
}

/// The sums of metrics in the order in which they are requested.
pub(crate) fn metrics(sums: &[u32]) -> Reply {
    let results: Vec<_> = sums
        .iter()
        .enumerate()
        .map(|(number, sum)| format!(r#"{{"Id":"m{number}","Label":"x","Values":[{sum}.0,0.0]}}"#))
        .collect();
    (
        200,
        format!(r#"{{"MetricDataResults":[{}]}}"#, results.join(",")),
    )
}

/// An error as AWS answers it, in the form of each protocol.
pub(crate) fn refusal(action: &str, status: u16, kind: &str) -> Reply {
    let reply = if action.starts_with("cloudformation:") {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{kind}</Code></Error></ErrorResponse>"
        )
    } else {
        format!(r#"{{"__type":"com.amazon#{kind}","message":"no"}}"#)
    };
    (status, reply)
}

const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/111122223333/shop-FailedInvocations-1";

/// The replies of a deployment in order.
fn in_order() -> BTreeMap<String, Reply> {
    let group = "arn:aws:logs:eu-central-1:111122223333:log-group:api:*";
    [
        (
            "cloudformation:DescribeStacks",
            stack(
                "UPDATE_COMPLETE",
                &[("LogGroups", "api"), ("KinesisStreamArn", "")],
            ),
        ),
        (
            "cloudformation:ListStackResources",
            and_more(resources(&[
                ("Function", "shop", "AWS::Lambda::Function"),
                ("FailedInvocations", QUEUE, "AWS::SQS::Queue"),
            ])),
        ),
        (
            "more",
            resources(&[
                ("ErrorsAlarm", "shop-errors", "AWS::CloudWatch::Alarm"),
                (
                    "OutageAlarm",
                    "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:shop-outage",
                    "AWS::CloudWatch::CompositeAlarm",
                ),
                (
                    "LogGroupSubscriptionAlarms",
                    NESTED,
                    "AWS::CloudFormation::Stack",
                ),
            ]),
        ),
        (
            "nested",
            resources(&[(
                "ErrorsAlarmapi",
                "shop-subscription-errors-api",
                "AWS::CloudWatch::Alarm",
            )]),
        ),
        ("lambda:GetFunctionConfiguration", function("Active", &[])),
        ("lambda:GetPolicy", policy(group)),
        (
            "logs:DescribeSubscriptionFilters",
            subscription(FUNCTION_ARN),
        ),
        ("sqs:GetQueueAttributes", queue(0, 0)),
        (
            "cloudwatch:DescribeAlarms",
            alarms(&[
                ("shop-errors", "OK"),
                ("shop-outage", "OK"),
                ("shop-subscription-errors-api", "INSUFFICIENT_DATA"),
            ]),
        ),
        (
            "cloudwatch:GetMetricData",
            metrics(&[12, 0, 0, 1_200, 1_200, 0, 0]),
        ),
    ]
    .map(|(action, reply)| (action.to_owned(), reply))
    .into()
}

impl Deployment {
    /// Starts a deployment that is in order but for these replies. Its function sends to `url`.
    pub(crate) fn with(url: &str, changes: &[(&str, Reply)]) -> Self {
        let mut replies = in_order();
        for (action, reply) in changes {
            assert!(
                replies
                    .insert((*action).to_owned(), reply.clone())
                    .is_some(),
                "{action}"
            );
        }
        for (_, reply) in replies.values_mut() {
            let variables = format!(r#""Variables":{{"ELASTICSEARCH_URL":"{url}","TAGS":"""#);
            *reply = reply.replace(r#""Variables":{"TAGS":"""#, &variables);
        }
        let seen = Arc::<Mutex<Seen>>::default();
        let noted = Arc::clone(&seen);
        let server = RawTcp::start(move |_, stream| {
            while let Some((head, body)) = read_head_and_body(stream) {
                let text = String::from_utf8(body.clone()).unwrap();
                let action = action(&head, &text);
                let (service, _) = action.split_once(':').unwrap();
                let service = service.replace("cloudwatch", "monitoring");
                let mut seen = noted.lock().unwrap();
                if let Err(problem) = verify(&head, &body, &service) {
                    seen.wrong.push(format!("{action}: {problem}"));
                }
                let is_nested = text.contains("LogGroupSubscriptionAlarms");
                let key = match text.contains("&NextToken=a%2B1") {
                    true => "more",
                    false if is_nested => "nested",
                    false => &action,
                };
                let (status, reply) = replies.get(key).unwrap_or_else(|| panic!("{action}"));
                seen.actions.insert(action.clone());
                seen.bodies.push(text);
                drop(seen);
                let length = reply.len();
                send(
                    stream,
                    format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\n\r\n{reply}"),
                );
            }
        });
        Self { server, seen }
    }

    pub(crate) fn url(&self) -> &str {
        &self.server.url
    }

    pub(crate) fn actions(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().actions.clone()
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.seen.lock().unwrap().bodies.clone()
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let wrong = &self.seen.lock().unwrap().wrong;
            assert!(wrong.is_empty(), "{wrong:?}");
        }
    }
}

/// Returns the action of a request, as policies name it.
fn action(head: &str, body: &str) -> String {
    let first = head.lines().next().unwrap();
    if let Some(path) = first.strip_prefix("GET /2015-03-31/functions/shop/") {
        return match path.split(' ').next() {
            Some("configuration") => "lambda:GetFunctionConfiguration".to_owned(),
            Some("policy") => "lambda:GetPolicy".to_owned(),
            _ => panic!("{first}"),
        };
    }
    if let Some((_, rest)) = body.split_once("&Action=") {
        return format!("cloudformation:{}", rest.split('&').next().unwrap());
    }
    let target = head
        .lines()
        .find_map(|line| line.strip_prefix("x-amz-target: "));
    let (prefix, action) = target
        .unwrap_or_else(|| panic!("{head}"))
        .split_once('.')
        .unwrap();
    let service = match prefix {
        "Logs_20140328" => "logs",
        "AmazonSQS" => "sqs",
        "GraniteServiceVersion20100801" => "cloudwatch",
        _ => panic!("{head}"),
    };
    format!("{service}:{action}")
}
