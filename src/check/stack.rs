//! The questions to ask AWS about a deployment, by the name of its stack.

use super::{CheckResult, Finding};
use crate::aws::{
    Account, Alarm, CallError, FunctionConfiguration, FunctionMetric, LogsPermission, Remedy,
    Stack, StackResource, matches,
};
use crate::printable::printable;

/// The questions about a stack.
#[derive(Debug)]
pub struct StackCheck<'c> {
    /// The account of the stack.
    pub account: &'c Account,
    /// The stack's name, or its ARN.
    pub stack: &'c str,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// The parts of a stack that other questions are about.
#[derive(Debug, Default)]
struct StackParts {
    stack: Stack,
    resources: Vec<StackResource>,
}

/// The logical id of the function, in the template and in the CDK construct.
const FUNCTION: &str = "Function";

/// The queues, and the chapters of docs/operate.md about them.
const QUEUES: [(&str, &str, &str); 2] = [
    (
        "FailedInvocations",
        "failed invocations",
        "failed-invocations",
    ),
    (
        "AbandonedInvocations",
        "abandoned invocations",
        "abandoned-invocations",
    ),
];

/// Upper bound on the length of AWS's texts that are shown, in characters.
const LONGEST_TEXT: usize = 300;

/// AWS's metrics of the last hour, with their words.
const OF_LAMBDA: [(&str, &str); 3] = [
    ("Invocations", "invocations"),
    ("Errors", "errors"),
    ("Throttles", "throttles"),
];

/// The function's own metrics of the last hour, with their words.
const OF_THE_FUNCTION: [(&str, &str); 4] = [
    ("received", "received"),
    ("indexed", "indexed"),
    ("dead_lettered", "dead letters"),
    ("unresolved", "unresolved"),
];

const AN_HOUR: i64 = 60 * 60;

impl StackCheck<'_> {
    /// Asks everything. Returns the function, if there is one.
    pub async fn everything(&self, findings: &mut Vec<Finding>) -> Option<FunctionConfiguration> {
        let parts = self.parts(findings).await?;
        let function = self.function(&parts, findings).await;
        if let Some(function) = &function {
            self.log_groups(&parts, function, findings).await;
        }
        self.queues(&parts, findings).await;
        self.alarms(&parts, findings).await;
        if let Some(function) = &function {
            findings.push(self.last_hour(function).await);
        }
        function
    }

    /// Asks for the stack and its resources, those of nested stacks included. `None` if no further
    /// question makes sense.
    async fn parts(&self, findings: &mut Vec<Finding>) -> Option<StackParts> {
        const CHECK: &str = "stack";
        let name = self.stack;
        let region = self.account.region();
        let stack = match self.account.stack(name).await {
            Ok(stack) => stack,
            Err(CallError::Refused { kind, .. }) if kind == "ValidationError" => {
                findings.push(Finding::failed(
                    CHECK,
                    format!("there is no stack {} in {region}", shown(name)),
                    "correct --stack or AWS_REGION, or get credentials of the right account; `aws cloudformation \
                     list-stacks` names the stacks",
                ));
                return None;
            }
            Err(error) => {
                let finding = unanswered(CHECK, "cloudformation:DescribeStacks", &error);
                let goes_on = finding.result == CheckResult::Unknown;
                findings.push(finding);
                if !goes_on {
                    return None;
                }
                Stack::default()
            }
        };
        if !stack.status.is_empty() {
            findings.push(status(name, &stack.status));
        }
        let mut resources = match self.account.resources(name).await {
            Ok(resources) => resources,
            Err(error) => {
                let action = "cloudformation:ListStackResources";
                findings.push(unanswered(CHECK, action, &error));
                return None;
            }
        };
        let is_nested = |resource: &&StackResource| resource.kind == "AWS::CloudFormation::Stack";
        let nested: Vec<_> = resources.iter().filter(is_nested).cloned().collect();
        for nested in nested {
            match self.account.resources(&nested.physical_id).await {
                Ok(more) => resources.extend(more),
                Err(error) => {
                    let action = "cloudformation:ListStackResources";
                    findings.push(unanswered(CHECK, action, &error));
                }
            }
        }
        Some(StackParts { stack, resources })
    }

    async fn function(
        &self,
        parts: &StackParts,
        findings: &mut Vec<Finding>,
    ) -> Option<FunctionConfiguration> {
        const CHECK: &str = "function";
        let Some(name) = parts.physical_id(FUNCTION) else {
            findings.push(Finding::failed(
                CHECK,
                format!(
                    "the stack {} has no function: it is not one of template.yaml",
                    shown(self.stack)
                ),
                "correct --stack; `aws cloudformation list-stacks` names the stacks",
            ));
            return None;
        };
        let function = match self.account.function(name).await {
            Ok(function) => function,
            Err(CallError::Refused { status: 404, .. }) => {
                findings.push(Finding::failed(
                    CHECK,
                    format!("the function {} is gone, though the stack has it", shown(name)),
                    "somebody has deleted it: delete the stack and deploy it again (its queues and logs stay), then \
                     `apigw-logs audit --repair`",
                ));
                return None;
            }
            Err(error) => {
                findings.push(unanswered(CHECK, "lambda:GetFunctionConfiguration", &error));
                return None;
            }
        };
        findings.push(state(CHECK, name, &function));
        Some(function)
    }

    /// Asks whether each log group is subscribed, and may invoke the function.
    async fn log_groups(
        &self,
        parts: &StackParts,
        function: &FunctionConfiguration,
        findings: &mut Vec<Finding>,
    ) {
        let stream = parts.parameter("KinesisStreamArn");
        let permissions = match stream {
            Some(_) => Some(Vec::new()),
            None => self.permissions(function, findings).await,
        };
        let groups = parts.log_groups(permissions.as_deref().unwrap_or_default());
        if groups.is_empty() {
            findings.push(Finding::unknown(
                "subscription",
                "the stack names no log groups; `aws logs describe-subscription-filters` shows those of one",
            ));
        }
        let destination = stream.unwrap_or(&function.function_arn);
        for group in &groups {
            if let (None, Some(permissions)) = (stream, &permissions) {
                findings.push(permission(group, &function.function_arn, permissions));
            }
            findings.push(self.subscription(group, destination).await);
        }
    }

    async fn permissions(
        &self,
        function: &FunctionConfiguration,
        findings: &mut Vec<Finding>,
    ) -> Option<Vec<LogsPermission>> {
        let permissions = self.account.logs_permissions(function.name()).await;
        permissions
            .inspect_err(|error| findings.push(unanswered("permission", "lambda:GetPolicy", error)))
            .ok()
    }

    async fn subscription(&self, group: &str, destination: &str) -> Finding {
        const CHECK: &str = "subscription";
        const REMEDY: &str = "deploy with the log group in LogGroups, or subscribe it as in \"Subscribe log groups\" of \
                              docs/deploy.md; `apigw-logs audit --repair` sends what was missed";
        let shown_group = shown(group);
        match self.account.subscriptions(group).await {
            Ok(found) if found.iter().any(|one| one.destination_arn == destination) => {
                Finding::passed(CHECK, format!("{shown_group} sends its events here"))
            }
            Ok(found) if found.is_empty() => {
                Finding::failed(CHECK, format!("{shown_group} has no subscription"), REMEDY)
            }
            Ok(_) => Finding::failed(
                CHECK,
                format!("{shown_group} sends its events elsewhere, and not here"),
                REMEDY,
            ),
            Err(CallError::Refused { kind, .. }) if kind == "ResourceNotFoundException" => {
                Finding::failed(
                    CHECK,
                    format!("there is no log group {shown_group}"),
                    "correct LogGroups; `apigw-logs log-format` says how an API logs into a group",
                )
            }
            Err(error) => unanswered(CHECK, "logs:DescribeSubscriptionFilters", &error),
        }
    }

    async fn queues(&self, parts: &StackParts, findings: &mut Vec<Finding>) {
        const CHECK: &str = "queue";
        for (id, name, chapter) in QUEUES {
            let Some(url) = parts.physical_id(id) else {
                continue;
            };
            findings.push(match self.account.queue_length(url).await {
                Ok(0) => Finding::passed(CHECK, format!("the queue of {name} is empty")),
                Ok(length) => Finding::failed(
                    CHECK,
                    format!(
                        "the queue of {name} holds {length} message{}",
                        if length == 1 { "" } else { "s" }
                    ),
                    format!("docs/operate.md#{chapter} says how to send them again"),
                ),
                Err(CallError::Refused { kind, .. })
                    if kind.contains("QueueDoesNotExist") || kind.contains("NonExistentQueue") =>
                {
                    Finding::failed(
                        CHECK,
                        format!("the queue of {name} is gone, though the stack has it"),
                        "somebody has deleted it: delete the stack and deploy it again",
                    )
                }
                Err(error) => unanswered(CHECK, "sqs:GetQueueAttributes", &error),
            });
        }
    }

    async fn alarms(&self, parts: &StackParts, findings: &mut Vec<Finding>) {
        const CHECK: &str = "alarms";
        let names = parts.alarms();
        if names.is_empty() {
            return findings.push(Finding::unknown(CHECK, "the stack has no alarms"));
        }
        let alarms = match self.account.alarms(&names).await {
            Ok(alarms) => alarms,
            Err(error) => {
                return findings.push(unanswered(CHECK, "cloudwatch:DescribeAlarms", &error));
            }
        };
        let before = findings.len();
        for name in &names {
            let alarm = alarms.iter().find(|alarm| alarm.alarm_name == *name);
            findings.extend(match alarm {
                None => Some(Finding::failed(
                    CHECK,
                    format!("{} is gone, though the stack has it", shown(name)),
                    "somebody has deleted it: delete the stack and deploy it again",
                )),
                Some(alarm) if alarm.state_value == "ALARM" => Some(on(alarm)),
                Some(_) => None,
            });
        }
        if findings.len() == before {
            findings.push(Finding::passed(
                CHECK,
                format!("all {} are quiet", names.len()),
            ));
        }
    }

    async fn last_hour(&self, function: &FunctionConfiguration) -> Finding {
        const CHECK: &str = "last hour";
        let own = metrics_namespace(function);
        let of_lambda = OF_LAMBDA.map(|metric| ("AWS/Lambda", metric));
        let of_the_function = OF_THE_FUNCTION.map(|metric| (own, metric));
        let asked = of_lambda
            .into_iter()
            .chain(of_the_function)
            .filter(|(namespace, _)| *namespace != "none");
        let metrics: Vec<_> = asked
            .clone()
            .map(|(namespace, (name, _))| FunctionMetric { namespace, name })
            .collect();
        let hour = (self.now - AN_HOUR, self.now);
        match self.account.sums(function.name(), &metrics, hour).await {
            Ok(sums) => {
                let words = asked.map(|(_, (_, word))| word);
                judged(CHECK, &words.zip(sums).collect::<Vec<_>>())
            }
            Err(error) => unanswered(CHECK, "cloudwatch:GetMetricData", &error),
        }
    }
}

impl StackParts {
    fn physical_id(&self, logical_id: &str) -> Option<&str> {
        let resource = self
            .resources
            .iter()
            .find(|resource| resource.logical_id == logical_id);
        resource
            .map(|resource| &*resource.physical_id)
            .filter(|id| !id.is_empty())
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.stack
            .parameters
            .get(name)
            .map(|value| &**value)
            .filter(|value| !value.is_empty())
    }

    /// Returns the log groups that the stack names, or that may invoke the function. The CDK
    /// construct has no parameter for them.
    fn log_groups(&self, permissions: &[LogsPermission]) -> Vec<String> {
        let named = self.parameter("LogGroups").unwrap_or_default();
        let mut groups: Vec<_> = named
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        for arn in permissions
            .iter()
            .flat_map(|permission| &permission.source_arns)
        {
            let name = arn.splitn(7, ':').nth(6).unwrap_or_default();
            let name = name.strip_suffix(":*").unwrap_or(name);
            if !name.is_empty()
                && !name.contains(['*', '?'])
                && !groups.iter().any(|group| group == name)
            {
                groups.push(name.to_owned());
            }
        }
        groups
    }

    fn alarms(&self) -> Vec<&str> {
        let is_alarm = |resource: &&StackResource| {
            ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"].contains(&&*resource.kind)
        };
        // Of a composite alarm, CloudFormation gives the ARN.
        let name = |resource: &StackResource| -> usize {
            resource
                .physical_id
                .find(":alarm:")
                .map_or(0, |at| at + ":alarm:".len())
        };
        let alarms = self.resources.iter().filter(is_alarm);
        alarms
            .filter_map(|alarm| alarm.physical_id.get(name(alarm)..))
            .collect()
    }
}

fn status(name: &str, status: &str) -> Finding {
    const CHECK: &str = "stack";
    let message = format!("{} is in the state {}", shown(name), shown(status));
    if status.contains("FAILED") || status.starts_with("ROLLBACK") || status.starts_with("DELETE") {
        return Finding::failed(
            CHECK,
            message,
            "`aws cloudformation describe-stack-events` gives the reason; deploy again",
        );
    }
    if status.ends_with("IN_PROGRESS") || status.contains("ROLLBACK") {
        return Finding::warning(CHECK, message);
    }
    Finding::passed(CHECK, message)
}

fn permission(group: &str, function: &str, permissions: &[LogsPermission]) -> Finding {
    const CHECK: &str = "permission";
    // arn:aws:lambda:REGION:ACCOUNT:function:NAME
    let parts: Vec<_> = function.split(':').collect();
    let [_, partition, _, region, account, ..] = parts[..] else {
        return Finding::unknown(CHECK, "the function has no ARN");
    };
    let arn = format!("arn:{partition}:logs:{region}:{account}:log-group:{group}:*");
    let allows = |permission: &LogsPermission| {
        let arns = &permission.source_arns;
        arns.is_empty() || arns.iter().any(|pattern| matches(pattern, &arn))
    };
    if permissions.iter().any(allows) {
        Finding::passed(CHECK, format!("{} may invoke the function", shown(group)))
    } else {
        Finding::failed(
            CHECK,
            format!("{} may not invoke the function", shown(group)),
            "deploy with the log group in LogGroups or PermittedLogGroups; if it is there already, somebody has removed the \
             permission: take the log group out, deploy, and add it again",
        )
    }
}

fn on(alarm: &Alarm) -> Finding {
    let name = shown(&alarm.alarm_name);
    Finding::failed(
        "alarms",
        format!("{name} is on"),
        match &*alarm.alarm_description {
            "" => "docs/operate.md says what to do".to_owned(),
            text => shown(text),
        },
    )
}

fn shown(text: &str) -> String {
    printable(text, LONGEST_TEXT).to_string()
}

/// Says whether Lambda can run the function.
fn state(check: &'static str, name: &str, function: &FunctionConfiguration) -> Finding {
    let state = &*function.state;
    let update = &*function.last_update_status;
    let name = shown(name);
    let told = format!("{name} is {state} and its last update {update}");
    match (state, update) {
        ("Failed", _) | (_, "Failed") => Finding::failed(
            check,
            told,
            "`aws lambda get-function-configuration` gives the reason; deploy again",
        ),
        ("Active" | "", "Successful" | "") => Finding::passed(check, format!("{name} is active")),
        _ => Finding::warning(check, told),
    }
}

/// Returns the namespace of the function's own metrics; `none` if it writes none.
fn metrics_namespace(function: &FunctionConfiguration) -> &str {
    let setting = function.environment.variables.get("METRICS_NAMESPACE");
    match setting.map_or("", |name| name.as_str()) {
        "" => "ApiGatewayLogs",
        name => name,
    }
}

/// Judges the sums of the last hour's metrics, each with its word.
fn judged(check: &'static str, sums: &[(&str, f64)]) -> Finding {
    let told: Vec<_> = sums
        .iter()
        .map(|(word, sum)| format!("{sum:.0} {word}"))
        .collect();
    let told = told.join(", ");
    let has = |word: &str| sums.iter().any(|(name, sum)| *name == word && *sum > 0.0);
    if has("errors") {
        return Finding::failed(check, told, "docs/operate.md#errors has the causes");
    }
    if has("unresolved") {
        return Finding::failed(check, told, "docs/operate.md#unresolved has the causes");
    }
    if has("throttles") || has("dead letters") || !has("invocations") {
        return Finding::warning(check, told);
    }
    Finding::passed(check, told)
}

/// Returns the finding about a question without an answer.
fn unanswered(check: &'static str, action: &str, error: &CallError) -> Finding {
    let kind = match error {
        CallError::Refused { kind, .. } => shown(kind),
        _ => String::new(),
    };
    match (error.remedy(), error) {
        (Remedy::Permission, _) => Finding::unknown(
            check,
            format!("the AWS credentials may not ask ({action}; docs/operate.md has the policy)"),
        ),
        (Remedy::Credentials, _) => Finding::failed(
            check,
            "AWS does not accept the credentials: they are wrong or have expired",
            "get new ones",
        ),
        (Remedy::Wait, CallError::Unreachable(cause)) => Finding::failed(
            check,
            format!("AWS cannot be reached ({action}): {cause}"),
            "check AWS_REGION, AWS_ENDPOINT_URL and the network",
        ),
        (Remedy::Wait, _) => Finding::failed(
            check,
            format!("AWS does not answer {action} just now ({kind})"),
            "check again later",
        ),
        (_, CallError::NoHost) => {
            Finding::failed(check, "the region makes no host name", "check AWS_REGION")
        }
        _ if kind.is_empty() => Finding::failed(
            check,
            format!("the answer to {action} is not from AWS"),
            "check AWS_ENDPOINT_URL and what is in between",
        ),
        _ => Finding::failed(
            check,
            format!("AWS answers {kind} to {action}"),
            "look the error up in AWS's documentation of the action",
        ),
    }
}
