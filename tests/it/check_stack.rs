//! `apigw-logs check --stack`: what it says of deployments in AWS, good and broken ones.

use std::fs;

use crate::check::{MAY_ALL, MAY_NOT_READ, ROOT, server};
use crate::support::command_line::{Outcome, run};
use crate::support::deployment::{
    Deployment, FUNCTION_ARN, Reply, alarms, function, metrics, policy, queue, refusal, resources,
    stack, subscription,
};
use crate::support::golden::repository;
use crate::support::http;
use crate::support::json::Json;
use crate::support::moto;
use crate::support::raw_tcp::RawTcp;
use crate::support::signature::ROLE;
use crate::support::tls::Authority;

/// Checks with the settings of the function.
fn check(server: &RawTcp, aws: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Outcome {
    let mut all = ROLE.to_vec();
    all.extend([
        ("ELASTICSEARCH_URL", &*server.url),
        ("AWS_ENDPOINT_URL", aws),
    ]);
    // The last one of a name counts.
    all.extend(settings);
    run(
        &[&["check", "--stack", "shop"], arguments].concat(),
        &all,
        b"",
    )
}

/// Checks a deployment that is in order but for these replies.
fn check_with(changes: &[(&str, Reply)], settings: &[(&str, &str)]) -> Outcome {
    let server = server(&[ROOT, MAY_ALL, MAY_NOT_READ]);
    let deployment = Deployment::with(&server.url, changes);
    check(&server, deployment.url(), &[], settings)
}

/// The lines about AWS.
fn lines(outcome: &Outcome) -> Vec<&str> {
    const CHECKS: [&str; 8] = [
        "stack",
        "function",
        "function settings",
        "permission",
        "subscription",
        "queue",
        "alarms",
        "last hour",
    ];
    let is_ours = |line: &&str| {
        let words = line.split_once(' ').map_or("", |(_, words)| words);
        CHECKS
            .iter()
            .any(|check| words.starts_with(&format!("{check}: ")))
    };
    outcome.stdout.lines().filter(is_ours).collect()
}

#[test]
fn a_deployment_in_order_has_no_fault() {
    let server = server(&[ROOT, MAY_ALL, MAY_NOT_READ]);
    let variables = [
        ("INCLUDE", "/orders"),
        ("LOG_LEVEL", "INFO"),
        ("ELASTICSEARCH_PIPELINE", ""),
    ];
    let function = function("Active", &variables);
    let changes = [("lambda:GetFunctionConfiguration", function)];
    let deployment = Deployment::with(&server.url, &changes);
    let settings = [("INCLUDE", "/orders ")];
    let outcome = check(&server, deployment.url(), &[], &settings);
    assert_eq!(
        (outcome.status, &*outcome.stderr),
        (0, ""),
        "{}",
        outcome.stdout
    );
    assert_eq!(
        lines(&outcome),
        [
            "✓ stack: shop is in the state UPDATE_COMPLETE",
            "✓ function: shop is active",
            "✓ permission: api may invoke the function",
            "✓ subscription: api sends its events here",
            "✓ queue: the queue of failed invocations is empty",
            "✓ alarms: all 3 are quiet",
            "✓ last hour: 12 invocations, 0 errors, 0 throttles, 1200 received, 1200 indexed, 0 dead letters, 0 unresolved",
            "✓ function settings: they are those that are set here",
        ]
    );
    // The hour before now, in seconds.
    let bodies = deployment.bodies();
    let asked = bodies
        .iter()
        .find(|body| body.contains("MetricDataQueries"));
    let asked = Json::read(asked.expect("metrics are asked for"));
    let hour = asked.number("EndTime").zip(asked.number("StartTime"));
    assert_eq!(hour.map(|(end, start)| end - start), Some(3_600));

    let outcome = check(&server, deployment.url(), &["--json"], &settings);
    let found: Vec<_> = outcome.stdout.lines().map(Json::read).collect();
    let alarms = found
        .iter()
        .find(|finding| finding.text("check") == Some("alarms"));
    assert_eq!(
        alarms.and_then(|finding| finding.text("result")),
        Some("passed")
    );

    // The documented policy allows just the actions that are called.
    let page = fs::read_to_string(repository("docs/operate.md")).expect("the page can be read");
    let policies = page
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let policy = policies
        .map(Json::read)
        .find(|json| json.text("Version") == Some("2012-10-17"));
    let policy = policy.expect("the page has a policy");
    let mut allowed = Vec::new();
    for statement in policy.list("Statement").expect("a policy has statements") {
        allowed.extend(statement.text("Action").map(str::to_owned));
        for action in statement.list("Action").unwrap_or_default() {
            allowed.push(action.compact().trim_matches('"').to_owned());
        }
    }
    allowed.sort();
    assert_eq!(
        allowed,
        deployment.actions().into_iter().collect::<Vec<_>>()
    );
}

/// The function's files are in a layer, and a certificate authority has two names. Neither keeps a
/// good deployment from the status 0.
#[test]
fn files_and_authorities_that_differ_are_remarked_upon() {
    const FINGERPRINT: &str = "4a0cd9e0c1d2b3a4958677665544332211ffeeddccbbaa998877665544332211";
    let variables = [
        ("GEOIP_CITY_DATABASE", "/opt/city.mmdb"),
        ("GEOIP_ASN_DATABASE", "/opt/asn.mmdb"),
        ("USER_AGENT_REGEXES", "/opt/regexes.yaml"),
        ("ACCESS_LOG_FORMATS_FILE", "/var/task/formats"),
        ("ELASTICSEARCH_CA_FINGERPRINT", FINGERPRINT),
    ];
    let folder = tempfile::TempDir::new().expect("a folder can be made");
    let file = folder.path().join("ca.pem");
    fs::write(&file, Authority::new("ours").pem).expect("a file can be written");
    let file = file.to_str().expect("the path is text");
    let settings = [("ELASTICSEARCH_CA_FILE", file)];
    let changes = [(
        "lambda:GetFunctionConfiguration",
        function("Active", &variables),
    )];
    let outcome = check_with(&changes, &settings);
    assert_eq!(outcome.status, 0, "{}", outcome.stdout);
    for line in [
        "! function settings: GEOIP_CITY_DATABASE is /opt/city.mmdb in the function and not set here, which is in order if",
        "! function settings: GEOIP_ASN_DATABASE is /opt/asn.mmdb in the function and not set here, ",
        "! function settings: USER_AGENT_REGEXES is /opt/regexes.yaml in the function and not set here, ",
        "! function settings: ACCESS_LOG_FORMATS_FILE is /var/task/formats in the function and not set here, ",
        "! function settings: ELASTICSEARCH_CA_FILE is not set in the function and ",
        "! function settings: ELASTICSEARCH_CA_FINGERPRINT is 4a0cd9e0… in the function and not set here, which is in order if",
        "✓ function settings: all others are those that are set here",
    ] {
        let mut lines = outcome.stdout.lines();
        assert!(
            lines.any(|shown| shown.starts_with(line)),
            "{line}: {}",
            outcome.stdout
        );
    }
}

#[test]
fn each_broken_deployment_has_its_sentence() {
    let group = |name: &str| format!("arn:aws:logs:eu-central-1:111122223333:log-group:{name}:*");
    let not_found = |action| refusal(action, 404, "ResourceNotFoundException");
    let failed_update = function("Active", &[]).1.replace("Successful", "Failed");
    for (action, reply, expected) in [
        (
            "cloudformation:DescribeStacks",
            refusal("cloudformation:", 400, "ValidationError"),
            "✗ stack: there is no stack shop in eu-central-1: correct --stack or AWS_REGION",
        ),
        (
            "cloudformation:DescribeStacks",
            stack("ROLLBACK_COMPLETE", &[]),
            "✗ stack: shop is in the state ROLLBACK_COMPLETE: `aws cloudformation describe-stack-events` gives the reason",
        ),
        (
            "cloudformation:ListStackResources",
            resources(&[("Bucket", "b", "AWS::S3::Bucket")]),
            "✗ function: the stack shop has no function: it is not one of template.yaml: correct --stack",
        ),
        (
            "lambda:GetFunctionConfiguration",
            not_found("lambda:"),
            "✗ function: the function shop is gone, though the stack has it: somebody has deleted it",
        ),
        (
            "lambda:GetFunctionConfiguration",
            (200, failed_update),
            "✗ function: shop is Active and its last update Failed: `aws lambda get-function-configuration`",
        ),
        (
            "lambda:GetFunctionConfiguration",
            function("Active", &[("INCLUDE", "/orders"), ("BULK_MAX_BYTES", "")]),
            "✗ function settings: INCLUDE is /orders in the function and not set here: set it here as in the function",
        ),
        (
            "lambda:GetFunctionConfiguration",
            function("Active", &[("DATA_STREAM", "logs-other-default")]),
            "✗ function settings: DATA_STREAM is logs-other-default in the function and logs-aws.api_gateway_logs-default here",
        ),
        (
            "lambda:GetPolicy",
            not_found("lambda:"),
            "✗ permission: api may not invoke the function: deploy with the log group in LogGroups",
        ),
        (
            "lambda:GetPolicy",
            policy(&group("other")),
            "✗ permission: api may not invoke the function: deploy with the log group in LogGroups",
        ),
        (
            "logs:DescribeSubscriptionFilters",
            (200, r#"{"subscriptionFilters":[]}"#.to_owned()),
            "✗ subscription: api has no subscription: deploy with the log group in LogGroups",
        ),
        (
            "logs:DescribeSubscriptionFilters",
            subscription("arn:aws:lambda:eu-central-1:111122223333:function:other"),
            "✗ subscription: api sends its events elsewhere, and not here: deploy",
        ),
        (
            "logs:DescribeSubscriptionFilters",
            refusal("logs:", 400, "ResourceNotFoundException"),
            "✗ subscription: there is no log group api: correct LogGroups",
        ),
        (
            "sqs:GetQueueAttributes",
            queue(2, 1),
            "✗ queue: the queue of failed invocations holds 3 messages: docs/operate.md#failed-invocations says",
        ),
        (
            "sqs:GetQueueAttributes",
            refusal("sqs:", 400, "QueueDoesNotExist"),
            "✗ queue: the queue of failed invocations is gone, though the stack has it",
        ),
        (
            "cloudwatch:DescribeAlarms",
            alarms(&[
                ("shop-errors", "ALARM"),
                ("shop-outage", "ALARM"),
                ("shop-subscription-errors-api", "OK"),
            ]),
            "✗ alarms: shop-outage is on: See docs/operate.md#shop-outage.",
        ),
        (
            "cloudwatch:DescribeAlarms",
            alarms(&[
                ("shop-errors", "OK"),
                ("shop-outage", "OK"),
                ("shop-subscription-errors-api", "ALARM"),
            ]),
            "✗ alarms: shop-subscription-errors-api is on: See docs/operate.md#",
        ),
        (
            "cloudwatch:DescribeAlarms",
            alarms(&[
                ("shop-outage", "OK"),
                ("shop-subscription-errors-api", "OK"),
            ]),
            "✗ alarms: shop-errors is gone, though the stack has it",
        ),
        (
            "cloudwatch:GetMetricData",
            metrics(&[12, 3, 0, 1_200, 1_100, 0, 0]),
            "✗ last hour: 12 invocations, 3 errors, 0 throttles, 1200 received, 1100 indexed, 0 dead letters, 0 unresolved: \
             docs/operate.md#errors",
        ),
        (
            "cloudwatch:GetMetricData",
            metrics(&[12, 0, 0, 1_200, 1_100, 0, 100]),
            "✗ last hour: 12 invocations, 0 errors, 0 throttles, 1200 received, 1100 indexed, 0 dead letters, 100 unresolved: \
             docs/operate.md#unresolved",
        ),
        (
            "sqs:GetQueueAttributes",
            refusal("sqs:", 400, "ExpiredTokenException"),
            "✗ queue: AWS does not accept the credentials: they are wrong or have expired: get new ones",
        ),
        (
            "logs:DescribeSubscriptionFilters",
            refusal("logs:", 400, "ThrottlingException"),
            "✗ subscription: AWS does not answer logs:DescribeSubscriptionFilters just now (ThrottlingException): check again later",
        ),
        (
            "cloudwatch:DescribeAlarms",
            (200, "<html>".to_owned()),
            "✗ alarms: the answer to cloudwatch:DescribeAlarms is not from AWS: check AWS_ENDPOINT_URL",
        ),
    ] {
        let outcome = check_with(&[(action, reply)], &[]);
        assert_eq!(outcome.status, 1, "{expected}: {}", outcome.stdout);
        let is_told = outcome
            .stdout
            .lines()
            .any(|line| line.starts_with(expected));
        assert!(is_told, "{expected}:\n{}", outcome.stdout);
        let faults = lines(&outcome)
            .into_iter()
            .filter(|line| line.starts_with('✗'));
        let more = usize::from(expected.contains("shop-outage"));
        assert_eq!(faults.count(), 1 + more, "{expected}:\n{}", outcome.stdout);
    }
}

/// Somebody who may not ask hears so, question by question. That is no fault.
#[test]
fn a_question_that_may_not_be_asked_is_no_fault() {
    for (action, check) in [
        ("cloudformation:DescribeStacks", "stack"),
        ("lambda:GetFunctionConfiguration", "function"),
        ("lambda:GetPolicy", "permission"),
        ("logs:DescribeSubscriptionFilters", "subscription"),
        ("sqs:GetQueueAttributes", "queue"),
        ("cloudwatch:DescribeAlarms", "alarms"),
        ("cloudwatch:GetMetricData", "last hour"),
        ("cloudformation:ListStackResources", "stack"),
    ] {
        let kind = if action.starts_with("cloudformation:") {
            "AccessDenied"
        } else {
            "AccessDeniedException"
        };
        let outcome = check_with(&[(action, refusal(action, 403, kind))], &[]);
        let expected = format!(
            "? {check}: the AWS credentials may not ask ({action}; docs/operate.md has the policy)"
        );
        let lines = lines(&outcome);
        assert!(
            lines.contains(&&*expected),
            "{expected}:\n{}",
            outcome.stdout
        );
        assert_eq!(outcome.status, 0, "{action}:\n{}", outcome.stdout);
    }
}

#[test]
fn a_stream_and_a_quiet_hour_are_no_faults() {
    let stream = "arn:aws:kinesis:eu-central-1:111122223333:stream/logs";
    let parameters = [("LogGroups", "api, more"), ("KinesisStreamArn", stream)];
    let outcome = check_with(
        &[
            (
                "cloudformation:DescribeStacks",
                stack("UPDATE_ROLLBACK_COMPLETE", &parameters),
            ),
            ("logs:DescribeSubscriptionFilters", subscription(stream)),
            (
                "lambda:GetFunctionConfiguration",
                function("Pending", &[("METRICS_NAMESPACE", "none")]),
            ),
            ("cloudwatch:GetMetricData", metrics(&[0, 0, 0])),
        ],
        &[("METRICS_NAMESPACE", "none")],
    );
    assert_eq!(
        lines(&outcome),
        [
            "! stack: shop is in the state UPDATE_ROLLBACK_COMPLETE",
            "! function: shop is Pending and its last update Successful",
            "✓ subscription: api sends its events here",
            "✓ subscription: more sends its events here",
            "✓ queue: the queue of failed invocations is empty",
            "✓ alarms: all 3 are quiet",
            "! last hour: 0 invocations, 0 errors, 0 throttles",
            "✓ function settings: they are those that are set here",
        ]
    );
}

#[test]
fn credentials_are_compared_and_never_shown() {
    let (there, here) = ("c2VjcmV0LXRoZXJl", "c2VjcmV0LWhlcmU=");
    let variables = [
        ("ELASTICSEARCH_API_KEY", there),
        ("ELASTICSEARCH_PASWORD", "hunter22"),
    ];
    let changes = [(
        "lambda:GetFunctionConfiguration",
        function("Active", &variables),
    )];
    let server = server(&[ROOT, MAY_ALL, MAY_NOT_READ]);
    for arguments in [&[][..], &["--json"]] {
        let deployment = Deployment::with(&server.url, &changes);
        let settings = [("ELASTICSEARCH_API_KEY", here)];
        let outcome = check(&server, deployment.url(), arguments, &settings);
        assert_eq!(outcome.status, 0, "{}", outcome.stdout);
        let sentence = "the function has other credentials than those here (ELASTICSEARCH_API_KEY)";
        assert!(outcome.stdout.contains(sentence), "{}", outcome.stdout);
        for secret in [there, here, "hunter22", ROLE[1].1, ROLE[2].1] {
            assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret));
        }
    }
    let in_secret = function("Active", &[]).1.replace(
        r#""TAGS":"""#,
        r#""ELASTICSEARCH_SECRET_ARN":"arn:aws:secretsmanager:eu-central-1:111122223333:secret:name-AbCdEf""#,
    );
    let changes = [("lambda:GetFunctionConfiguration", (200, in_secret))];
    let outcome = check_with(&changes, &[]);
    assert_eq!(outcome.status, 0, "{}", outcome.stdout);
    let line = "? function settings: a secret holds ELASTICSEARCH_URL, so it is not compared";
    assert!(lines(&outcome).contains(&line), "{}", outcome.stdout);

    let unreadable = function("Active", &[]).1;
    let unreadable = unreadable.replace(
        r#""Variables":{"TAGS":""}"#,
        r#""Error":{"ErrorCode":"AccessDeniedException"}"#,
    );
    let outcome = check_with(
        &[("lambda:GetFunctionConfiguration", (200, unreadable))],
        &[],
    );
    let line = "? function settings: AWS does not show the function's variables: the credentials need `kms:Decrypt`";
    assert!(outcome.stdout.contains(line), "{}", outcome.stdout);
}

#[test]
fn each_service_has_an_endpoint_of_its_own() {
    let server = server(&[ROOT, MAY_ALL, MAY_NOT_READ]);
    let deployment = Deployment::with(&server.url, &[]);
    let services = [
        "AWS_ENDPOINT_URL_CLOUDFORMATION",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
        "AWS_ENDPOINT_URL_SQS",
        "AWS_ENDPOINT_URL_CLOUDWATCH",
    ];
    let settings = services.map(|name| (name, deployment.url()));
    let nobody = "http://127.0.0.1:9";
    let outcome = check(&server, nobody, &[], &settings);
    assert_eq!(outcome.status, 0, "{}", outcome.stdout);
    for left_out in services {
        let settings: Vec<_> = settings
            .into_iter()
            .filter(|(name, _)| *name != left_out)
            .collect();
        let outcome = check(&server, nobody, &[], &settings);
        assert_eq!(outcome.status, 1, "{left_out}: {}", outcome.stdout);
        assert!(
            outcome.stdout.contains("AWS cannot be reached (")
                && outcome.stdout.contains(
                    "): no connection could be made to 127.0.0.1:9: nothing listens there"
                ),
            "{left_out}: {}",
            outcome.stdout
        );
    }
}

#[test]
fn missing_settings_for_aws_are_told() {
    let server = server(&[ROOT, MAY_ALL, MAY_NOT_READ]);
    for (leave_out, sentence) in [
        (
            "AWS_REGION",
            "✗ settings: AWS_REGION: it is not set: set it to the region of the stack",
        ),
        ("AWS_ACCESS_KEY_ID", "✗ settings: AWS_ACCESS_KEY_ID: "),
    ] {
        let mut settings = ROLE.to_vec();
        settings.push(("ELASTICSEARCH_URL", &server.url));
        settings.retain(|(name, _)| *name != leave_out);
        let outcome = run(&["check", "--stack", "shop"], &settings, b"");
        assert_eq!(outcome.status, 1, "{}", outcome.stdout);
        let is_told = outcome
            .stdout
            .lines()
            .any(|line| line.starts_with(sentence));
        assert!(is_told, "{leave_out}:\n{}", outcome.stdout);
    }
}

/// Calls a service of moto with a form or JSON.
fn call(service: &str, target: &str, kind: &str, body: &str) -> String {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let headers = [
        ("authorization", &*authorization),
        ("x-amz-target", target),
        ("content-type", kind),
    ];
    let url = &moto::shared().url;
    let answer = http::request_with("POST", url, &headers, Some(body.as_bytes().to_vec()));
    let (status, answer) = answer.expect("moto answers");
    assert_eq!(status, 200, "{target} {body}: {answer}");
    answer
}

/// moto makes the stack: what its services say, and in which form, is not ours.
#[test]
fn a_stack_of_moto_is_checked() {
    const JSON_1_0: &str = "application/x-amz-json-1.0";
    const JSON_1_1: &str = "application/x-amz-json-1.1";
    const GROUP: &str = "check-stack-api";
    let server = server(&[ROOT, MAY_ALL, MAY_NOT_READ]);
    let template = format!(
        r#"{{"Parameters":{{"LogGroups":{{"Type":"CommaDelimitedList","Default":"{GROUP}"}}}},"Resources":{{
        "Role":{{"Type":"AWS::IAM::Role","Properties":{{"AssumeRolePolicyDocument":{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Principal":{{"Service":"lambda.amazonaws.com"}},"Action":"sts:AssumeRole"}}]}}}}}},
        "Function":{{"Type":"AWS::Lambda::Function","Properties":{{"FunctionName":"shop","Handler":"bootstrap",
            "Runtime":"provided.al2023","Role":{{"Fn::GetAtt":["Role","Arn"]}},"Code":{{"ZipFile":"x"}},
            "Environment":{{"Variables":{{"TAGS":"a,b","ELASTICSEARCH_URL":"{}"}}}}}}}},
        "FailedInvocations":{{"Type":"AWS::SQS::Queue","Properties":{{}}}},
        "AbandonedInvocations":{{"Type":"AWS::SQS::Queue","Properties":{{}}}},
        "Group":{{"Type":"AWS::Logs::LogGroup","Properties":{{"LogGroupName":"{GROUP}"}}}},
        "Permission":{{"Type":"AWS::Lambda::Permission","Properties":{{"Action":"lambda:InvokeFunction",
            "FunctionName":{{"Fn::GetAtt":["Function","Arn"]}},"Principal":"logs.amazonaws.com",
            "SourceArn":"arn:aws:logs:eu-central-1:123456789012:log-group:check-stack-*"}}}}}}}}"#,
        server.url
    );
    let form = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let create = format!(
        "Action=CreateStack&Version=2010-05-15&StackName=shop&TemplateBody={}",
        form(&template)
    );
    call(
        "cloudformation",
        "",
        "application/x-www-form-urlencoded",
        &create,
    );
    let url = &moto::shared().url;
    let settings = [("TAGS", "a,b")];
    let expect = |expected: [&str; 9]| {
        let outcome = check(&server, url, &[], &settings);
        assert_eq!(lines(&outcome), expected, "{}", outcome.stdout);
    };
    let no_subscription = format!(
        "✗ subscription: {GROUP} has no subscription: deploy with the log group in LogGroups, or subscribe it as in \
         \"Subscribe log groups\" of docs/deploy.md; `apigw-logs audit --repair` sends what was missed"
    );
    let permission = format!("✓ permission: {GROUP} may invoke the function");
    expect([
        "✓ stack: shop is in the state CREATE_COMPLETE",
        "✓ function: shop is active",
        &permission,
        &no_subscription,
        "✓ queue: the queue of failed invocations is empty",
        "✓ queue: the queue of abandoned invocations is empty",
        // moto makes no alarms from templates.
        "? alarms: the stack has no alarms",
        "! last hour: 0 invocations, 0 errors, 0 throttles, 0 received, 0 indexed, 0 dead letters, 0 unresolved",
        "✓ function settings: they are those that are set here",
    ]);

    let arn = FUNCTION_ARN.replace("111122223333", "123456789012");
    let subscription = format!(
        r#"{{"logGroupName":"{GROUP}","filterName":"shop","filterPattern":"","destinationArn":"{arn}"}}"#
    );
    call(
        "logs",
        "Logs_20140328.PutSubscriptionFilter",
        JSON_1_1,
        &subscription,
    );
    let queues = Json::read(&call(
        "sqs",
        "AmazonSQS.ListQueues",
        JSON_1_0,
        r#"{"QueueNamePrefix":"shop-FailedInvocations"}"#,
    ));
    let queue = queues
        .list("QueueUrls")
        .expect("there are queues")
        .first()
        .expect("one")
        .compact();
    let message = format!(r#"{{"QueueUrl":{queue},"MessageBody":"m"}}"#);
    call("sqs", "AmazonSQS.SendMessage", JSON_1_0, &message);
    let now = crate::support::history::now() / 1_000 - 600;
    let datum = format!(
        r#"{{"Namespace":"ApiGatewayLogs","MetricData":[{{"MetricName":"unresolved","Value":7,"Timestamp":{now},
        "Dimensions":[{{"Name":"FunctionName","Value":"shop"}}]}}]}}"#
    );
    call(
        "monitoring",
        "GraniteServiceVersion20100801.PutMetricData",
        JSON_1_0,
        &datum,
    );
    let subscribed = format!("✓ subscription: {GROUP} sends its events here");
    expect([
        "✓ stack: shop is in the state CREATE_COMPLETE",
        "✓ function: shop is active",
        &permission,
        &subscribed,
        "✗ queue: the queue of failed invocations holds 1 message: docs/operate.md#failed-invocations says how to send them again",
        "✓ queue: the queue of abandoned invocations is empty",
        "? alarms: the stack has no alarms",
        "✗ last hour: 0 invocations, 0 errors, 0 throttles, 0 received, 0 indexed, 0 dead letters, 7 unresolved: \
         docs/operate.md#unresolved has the causes",
        "✓ function settings: they are those that are set here",
    ]);

    let mut other = ROLE.to_vec();
    other.push(("AWS_ENDPOINT_URL", url));
    let outcome = run(&["check", "--stack", "shopp"], &other, b"");
    let start = "✗ stack: there is no stack shopp in eu-central-1";
    let lines = lines(&outcome);
    assert!(
        matches!(lines[..], [line] if line.starts_with(start)),
        "{}",
        outcome.stdout
    );
}
