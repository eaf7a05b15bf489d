//! Checks that linters cannot make on template.yaml: its parts fit together, and fit the program.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "a template is JSON of any form"
)]
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use apigw_logs::config::{Config, SETTINGS};
use apigw_logs::report::Report;
use regex::Regex;
use serde_json::{Value, json};

use crate::support::cloudformation::{Stack, Template};
use crate::support::fake_elasticsearch::FakeElasticsearch;
use crate::support::golden::repository;
use crate::support::invocation::LOGS;
use crate::support::runtime_emulator::RuntimeEmulator;

const URL: (&str, &str) = ("ElasticsearchUrl", "https://elasticsearch.example.com:9200");
const CLOUD_ID: (&str, &str) = ("ElasticCloudId", "name:dXMtZWFzdC0xJGE=");
const API_KEY: (&str, &str) = (
    "ElasticsearchApiKey",
    "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==",
);
const LOG_GROUPS: &str = "API-Gateway-Access-Logs_a1b2/prod,/aws/vendedlogs/http.api#2,plain";
const STREAM: &str = "arn:aws:kinesis:eu-central-1:111122223333:stream/logs";
const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:elasticsearch-AbCdEf";
const DOMAIN: &str = "arn:aws:es:eu-central-1:111122223333:domain/logs";
const COLLECTION: &str = "arn:aws:aoss:eu-central-1:111122223333:collection/a1";
const LAYER: &str = "arn:aws:lambda:eu-central-1:111122223333:layer:geoip:1";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/0aa0";
const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:alarms";
const TICKETS: &str = "arn:aws:sns:eu-central-1:111122223333:tickets";
const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/teams/boundary";
const OWN_KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/0bb0";

/// Settings that the template leaves at their defaults: settings for tuning, and settings that the
/// secret holds.
const NOT_IN_THE_TEMPLATE: &[&str] = &[
    "ELASTICSEARCH_API_KEY",
    "ELASTICSEARCH_USERNAME",
    "ELASTICSEARCH_PASSWORD",
    "ELASTICSEARCH_CA_FILE",
    "ACCESS_LOG_FORMATS_FILE",
    "USER_AGENT_REGEXES",
    "BULK_MAX_ACTIONS",
    "BULK_COMPRESSION_LEVEL",
    "REQUEST_TIMEOUT_MS",
    "CONNECT_TIMEOUT_MS",
    "RETRY_INITIAL_MS",
    "RETRY_MAX_MS",
    "INFLATED_MAX_BYTES",
];

/// The size limits of a Lambda invocation and of an SQS message, in bytes.
const LARGEST_INVOCATION: u64 = 6 * 1024 * 1024;
const LARGEST_MESSAGE: u64 = 1024 * 1024;

/// The longest time for which SQS keeps a message, in seconds.
const FOURTEEN_DAYS: u64 = 14 * 24 * 60 * 60;

fn template() -> Template {
    Template::read("template.yaml")
}

/// Every option turned on at once.
fn everything(template: &Template) -> Stack<'_> {
    template.with(&[
        URL,
        ("ElasticsearchSecretArn", SECRET),
        ("OpenSearchArn", DOMAIN),
        ("LogGroups", LOG_GROUPS),
        ("PermittedLogGroups", "/aws/apis/*"),
        ("GeoIpLayerArn", LAYER),
        ("Tracing", "Active"),
        ("SubnetIds", "subnet-1,subnet-2"),
        ("SecurityGroupIds", "sg-1"),
        ("KmsKeyArns", KEY),
        ("KinesisStreamArn", STREAM),
        ("SourceAccounts", "444455556666,777788889999"),
        ("DrainFailedInvocations", "true"),
        ("AlarmTopicArn", TOPIC),
        ("TicketTopicArn", TICKETS),
        ("RunbookUrl", "https://wiki.example.com/apigw-logs"),
        ("PermissionsBoundaryArn", BOUNDARY),
        ("StorageKmsKeyArn", OWN_KEY),
        ("ParallelizationFactor", "2"),
        ("FailedRecordsRetentionInDays", "365"),
        ("NoEventsAlarm", "true"),
        ("ReservedConcurrency", "5"),
        ("FilterPattern", "{ $.a = 1 }"),
    ])
}

fn number(value: &Value) -> u64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn of_type<'r>(
    resources: &'r BTreeMap<String, Value>,
    r#type: &str,
) -> BTreeMap<&'r str, &'r Value> {
    let wanted = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == r#type);
    wanted
        .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
        .collect()
}

/// Returns every text in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_parameter_is_described_checked_grouped_and_used() {
    let template = template();
    let groups = &template.0["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let grouped: Vec<_> = groups
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| texts(&group["Parameters"]))
        .collect();
    let declared: Vec<_> = template
        .section("Parameters")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        BTreeSet::from_iter(&grouped),
        BTreeSet::from_iter(&declared)
    );
    assert_eq!(
        grouped.len(),
        declared.len(),
        "a parameter is in two groups"
    );

    let used_in = json!([template.0["Resources"], template.0["Conditions"]]).to_string();
    for (name, parameter) in template.section("Parameters") {
        assert!(
            parameter["Description"]
                .as_str()
                .is_some_and(|text| text.len() > 20),
            "{name} is not described"
        );
        let default = parameter["Default"]
            .as_str()
            .unwrap_or_else(|| panic!("{name} has no default"));
        let is_used = [format!(r#"{{"Ref":"{name}"}}"#), format!("${{{name}}}")]
            .iter()
            .any(|use_| used_in.contains(use_));
        assert!(is_used, "{name} is not used");
        if parameter["Type"] == "Number" && parameter.get("MinValue").is_some() {
            let bound = |name: &str| parameter[name].as_str().unwrap().parse::<i64>().unwrap();
            assert!(
                (bound("MinValue")..=bound("MaxValue")).contains(&default.parse().unwrap()),
                "{name}"
            );
        } else if let Some(allowed) = parameter["AllowedValues"].as_array() {
            assert!(allowed.contains(&json!(default)), "{name}");
        } else {
            let pattern = parameter["AllowedPattern"]
                .as_str()
                .unwrap_or_else(|| panic!("{name} is not checked"));
            assert!(Regex::new(pattern).unwrap().is_match(default), "{name}");
            assert!(
                pattern.starts_with('^') && pattern.ends_with('$'),
                "{name}: {pattern} matches anywhere"
            );
        }
    }
    let api_key = &template.0["Parameters"]["ElasticsearchApiKey"];
    assert_eq!(api_key["NoEcho"], "true");
    // `sam deploy --guided` asks for a parameter that it does not echo until it gets an answer.
    assert_eq!(api_key["Default"], "none");
}

#[test]
fn parameters_accept_only_valid_values() {
    let template = template();
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "ElasticsearchUrl",
            &["https://a:9200", "http://a,https://b/c"],
            &["a:9200", "https://u:p@a", "https://a b"],
        ),
        (
            "ElasticCloudId",
            &["name:dXMtZWFzdC0xJGE=", "dXMtZWFzdC0xJGE="],
            &["name: x", "https://a"],
        ),
        (
            "ElasticsearchSecretArn",
            &[SECRET],
            &[
                "elasticsearch",
                DOMAIN,
                SECRET.strip_suffix("-AbCdEf").unwrap(),
            ],
        ),
        (
            "ElasticsearchApiKey",
            &[API_KEY.1, "none"],
            &["", "id:key", "a b"],
        ),
        (
            "OpenSearchArn",
            &[DOMAIN, COLLECTION],
            &[SECRET, "https://a"],
        ),
        (
            "ElasticsearchCaFingerprint",
            &[&["AB"; 32].join(":"), &"0f".repeat(32)],
            &["AB:CD", "fingerprint"],
        ),
        (
            "AccessLogFormats",
            &[
                "",
                "$context.requestId $context.status",
                "# the shop\n/prod/*\t{\"id\":\"$context.requestId\"}\n$context.status\n",
            ],
            &["clf", "$context", "{{requestId}}"],
        ),
        (
            "DataStream",
            &["logs-aws.api_gateway_logs-prod"],
            &["logs", "logs-a-b-c", "Logs-a-b", "logs-a*-b"],
        ),
        (
            "DeadLetterDataStream",
            &["none", "logs-dead-prod"],
            &["None", "dead"],
        ),
        (
            "LogGroups",
            &LOG_GROUPS.split(',').collect::<Vec<_>>(),
            &["a b", "a*", "arn:aws:logs:x"],
        ),
        (
            "PermittedLogGroups",
            &["", "*", "/aws/apis/*"],
            &["a*b", "a b", "one"],
        ),
        ("SubnetIds", &["subnet-0a1"], &["vpc-1"]),
        ("SecurityGroupIds", &["sg-0a1"], &["subnet-1"]),
        ("KmsKeyArns", &[KEY], &["alias/aws/kinesis"]),
        ("KinesisStreamArn", &[STREAM], &["logs"]),
        (
            "SourceAccounts",
            &["111122223333"],
            &["1111-2222-3333", "*"],
        ),
        ("AlarmTopicArn", &[TOPIC], &["alarms"]),
        ("TicketTopicArn", &[TICKETS, ""], &["tickets"]),
        (
            "RunbookUrl",
            &["docs/operate.md", "https://wiki.example.com/a?b=c"],
            &["", "https://wiki.example.com/#a", "a b"],
        ),
        (
            "PermissionsBoundaryArn",
            &[BOUNDARY, "arn:aws:iam::aws:policy/PowerUserAccess", ""],
            &["boundary", "arn:aws:iam::111122223333:role/boundary"],
        ),
        ("StorageKmsKeyArn", &[OWN_KEY, ""], &["alias/aws/sqs"]),
        (
            "MetricsNamespace",
            &["none", "Team/ApiGatewayLogs"],
            &["", "a b"],
        ),
        ("GeoIpCityDatabase", &["/opt/City.mmdb", ""], &["City.mmdb"]),
    ];
    for (name, good, bad) in cases {
        let pattern = template.0["Parameters"][name]["AllowedPattern"]
            .as_str()
            .unwrap();
        let pattern = Regex::new(pattern).unwrap();
        good.iter()
            .for_each(|text| assert!(pattern.is_match(text), "{name} should take {text:?}"));
        bad.iter()
            .for_each(|text| assert!(!pattern.is_match(text), "{name} should not take {text:?}"));
    }
}

#[test]
fn its_rules_reject_contradictions() {
    let template = template();
    let good: &[&[(&str, &str)]] = &[
        &[URL],
        &[CLOUD_ID],
        &[("ElasticsearchSecretArn", SECRET)],
        &[URL, ("ElasticsearchSecretArn", SECRET)],
        &[URL, API_KEY],
        &[URL, ("OpenSearchArn", DOMAIN)],
        &[
            URL,
            ("SubnetIds", "subnet-1,subnet-2"),
            ("SecurityGroupIds", "sg-1"),
        ],
        &[
            URL,
            ("KinesisStreamArn", STREAM),
            ("SourceAccounts", "444455556666"),
            ("ParallelizationFactor", "2"),
            ("FailedRecordsRetentionInDays", "90"),
            ("KmsKeyArns", KEY),
        ],
        &[URL, ("ElasticsearchSecretArn", SECRET), ("KmsKeyArns", KEY)],
        &[
            URL,
            ("LogGroups", "a"),
            ("FilterPattern", "{ $.a = 1 }"),
            ("AlarmTopicArn", TOPIC),
            ("TicketTopicArn", TICKETS),
            ("NoEventsAlarm", "true"),
        ],
    ];
    let bad: &[&[(&str, &str)]] = &[
        &[],
        &[URL, CLOUD_ID],
        &[API_KEY],
        &[URL, ("ElasticsearchSecretArn", SECRET), API_KEY],
        &[
            URL,
            ("ElasticsearchSecretArn", SECRET),
            ("OpenSearchArn", DOMAIN),
        ],
        &[URL, API_KEY, ("OpenSearchArn", DOMAIN)],
        &[URL, ("SubnetIds", "subnet-1")],
        &[URL, ("SecurityGroupIds", "sg-1")],
        &[
            URL,
            ("DataStream", "logs-a-b"),
            ("DeadLetterDataStream", "logs-a-b"),
        ],
        // Settings without any effect.
        &[URL, ("SourceAccounts", "444455556666")],
        &[URL, ("ParallelizationFactor", "2")],
        &[URL, ("FailedRecordsRetentionInDays", "90")],
        &[URL, ("KmsKeyArns", KEY)],
        &[URL, ("FilterPattern", "{ $.a = 1 }")],
        &[URL, ("TicketTopicArn", TICKETS)],
        &[URL, ("NoEventsAlarm", "true"), ("MetricsNamespace", "none")],
    ];
    good.iter().for_each(|parameters| {
        assert!(
            template.with(parameters).keeps_the_rules(),
            "{parameters:?}"
        )
    });
    bad.iter().for_each(|parameters| {
        assert!(
            !template.with(parameters).keeps_the_rules(),
            "{parameters:?}"
        )
    });
}

/// Returns the variables of the function with these parameters.
fn variables(parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
    let template = template();
    let resources = template.with(parameters).resources();
    let variables = &resources["Function"]["Properties"]["Environment"]["Variables"];
    serde_json::from_value(variables.clone()).unwrap()
}

#[test]
fn its_variables_are_the_program_s_settings() {
    // The setting for signing is set together with another one.
    let known: BTreeSet<_> = SETTINGS
        .iter()
        .map(|setting| setting.name)
        .chain(["ELASTICSEARCH_AUTH"])
        .collect();
    let variables = variables(&[]);
    let set: BTreeSet<_> = variables.keys().map(String::as_str).collect();
    let expected: BTreeSet<_> = known
        .into_iter()
        .filter(|name| !NOT_IN_THE_TEMPLATE.contains(name))
        .collect();
    assert_eq!(set, expected);
    for setting in SETTINGS.iter().filter(|setting| set.contains(setting.name)) {
        let default = setting.default.unwrap_or_default();
        assert!(
            variables[setting.name].eq_ignore_ascii_case(default),
            "{} is not {default}",
            setting.name
        );
    }
}

#[test]
fn its_variables_are_settings_that_the_program_accepts() {
    let choices = |name: &str| -> Vec<String> {
        serde_json::from_value(template().0["Parameters"][name]["AllowedValues"].clone()).unwrap()
    };
    let fingerprint = "AB".repeat(32);
    let mut cases = vec![
        vec![],
        vec![("ElasticsearchCaFingerprint", &*fingerprint)],
        vec![
            ("DeadLetterDataStream", "none"),
            ("MetricsNamespace", "none"),
            ("Tags", ""),
        ],
        vec![
            ("ApiNames", "a1b2c3d4e5=shop,f6g7h8i9j0=billing"),
            ("Include", "\"status\":\"5"),
            ("Exclude", "health"),
            ("IngestPipeline", "mine"),
        ],
    ];
    let names = [
        "PreserveOriginalEvent",
        "ExecutionLogs",
        "LookUpRepeated",
        "LogLevel",
    ];
    let choices: Vec<_> = names
        .into_iter()
        .flat_map(|name| choices(name).into_iter().map(move |value| (name, value)))
        .collect();
    cases.extend(
        choices
            .iter()
            .map(|(name, value)| vec![(*name, value.as_str())]),
    );
    for case in cases {
        let variables = variables(&[&[URL], &case[..]].concat());
        let config = Config::from_vars(|name| variables.get(name).cloned());
        assert!(config.is_ok(), "{case:?}: {config:?}");
    }
}

/// The function starts with the template's own environment, and processes an event.
#[test]
fn the_function_works_with_the_template_s_environment() {
    let server = FakeElasticsearch::start();
    let variables = variables(&[("ElasticsearchUrl", &server.url)]);
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let event = fs::read(repository("events/rest.json")).unwrap();
    for function in [
        RuntimeEmulator::start(&variables, 300),
        RuntimeEmulator::start_own(&variables, 300),
    ] {
        let answer = function.invoke(&event);
        assert!(
            answer.contains(r#""received":9"#) && answer.contains(r#""error":null"#),
            "{answer}"
        );
    }
    assert_eq!(server.count(LOGS), 9);
}

#[test]
fn the_function_has_the_time_the_memory_and_the_log_that_it_needs() {
    let template = template();
    let resources = template.with(&[URL]).resources();
    let function = &resources["Function"]["Properties"];
    let default = |name: &str| {
        let setting = SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .unwrap();
        setting.default.unwrap().parse::<u64>().unwrap()
    };
    assert!(
        number(&function["Timeout"]) * 1_000
            > default("RETRY_BUDGET_MS") + default("REQUEST_TIMEOUT_MS")
    );
    assert!(number(&function["MemorySize"]) << 20 >= default("INFLATED_MAX_BYTES") + (128 << 20));
    assert_eq!(function["Runtime"], "provided.al2023");
    assert_eq!(function["Architectures"], json!(["arm64"]));
    assert_eq!(
        resources["Function"]["Metadata"]["BuildMethod"],
        "rust-cargolambda"
    );
    assert_eq!(
        resources["Function"]["Metadata"]["BuildProperties"]["Binary"],
        env!("CARGO_PKG_NAME")
    );

    assert_eq!(function["LoggingConfig"]["LogGroup"], "<LogGroup>");
    assert_eq!(function["LoggingConfig"]["LogFormat"], "JSON");
    assert_eq!(resources["LogGroup"]["Properties"]["RetentionInDays"], "30");
    // Above INFO, Lambda would hold back the lines with the metrics.
    assert_eq!(
        template.0["Parameters"]["LogLevel"]["AllowedValues"],
        json!(["INFO", "DEBUG", "TRACE"])
    );
    assert_eq!(function["LoggingConfig"]["ApplicationLogLevel"], "INFO");
    // Lambda's own lines cost more than ours, and those about failures are warnings.
    assert_eq!(function["LoggingConfig"]["SystemLogLevel"], "WARN");

    for name in ["ReservedConcurrentExecutions", "VpcConfig", "Layers"] {
        assert_eq!(function.get(name), None);
    }
    assert_eq!(function["Tracing"], "PassThrough");
    let everything = everything(&template).resources();
    let function = &everything["Function"]["Properties"];
    assert_eq!(function["ReservedConcurrentExecutions"], "5");
    assert_eq!(
        function["VpcConfig"],
        json!({"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]})
    );
    assert_eq!(function["Layers"], json!([LAYER]));
    assert_eq!(function["Tracing"], "Active");
    assert_eq!(
        function["Environment"]["Variables"]["ELASTICSEARCH_AUTH"],
        "sigv4"
    );
    let stops = template
        .with(&[URL, ("ReservedConcurrency", "0")])
        .resources();
    assert_eq!(
        stops["Function"]["Properties"]["ReservedConcurrentExecutions"],
        "0"
    );
}

#[test]
fn the_function_gets_the_chosen_values() {
    let template = template();
    let chosen = [
        URL,
        ("Architecture", "x86_64"),
        ("MemorySize", "1024"),
        ("Timeout", "300"),
        ("RetryBudgetMs", "240000"),
        ("BulkMaxBytes", "1048576"),
        ("LogLevel", "DEBUG"),
    ];
    let resources = template
        .with(&[&chosen[..], &[("LogRetentionInDays", "7")]].concat())
        .resources();
    let function = &resources["Function"]["Properties"];
    assert_eq!(function["Architectures"], json!(["x86_64"]));
    assert_eq!(
        (&function["MemorySize"], &function["Timeout"]),
        (&json!("1024"), &json!("300"))
    );
    let variables = &function["Environment"]["Variables"];
    assert_eq!(
        (&variables["RETRY_BUDGET_MS"], &variables["BULK_MAX_BYTES"]),
        (&json!("240000"), &json!("1048576"))
    );
    assert_eq!(function["LoggingConfig"]["ApplicationLogLevel"], "DEBUG");
    assert_eq!(resources["LogGroup"]["Properties"]["RetentionInDays"], "7");
    assert_eq!(
        resources["DurationAlarm"]["Properties"]["Metrics"][0]["Expression"],
        "duration / 300 / 10"
    );
    let architectures = &template.0["Parameters"]["Architecture"]["AllowedValues"];
    assert_eq!(*architectures, json!(["arm64", "x86_64"]));
}

#[test]
fn databases_are_set_only_with_their_layer() {
    let databases = |parameters: &[(&str, &str)]| {
        let variables = variables(parameters);
        ["GEOIP_CITY_DATABASE", "GEOIP_ASN_DATABASE"].map(|name| variables[name].clone())
    };
    let in_a_vpc = [URL, ("SubnetIds", "subnet-1"), ("SecurityGroupIds", "sg-1")];
    assert_eq!(databases(&in_a_vpc), ["", ""]);
    assert_eq!(
        databases(&[URL, ("GeoIpLayerArn", LAYER)]),
        ["/opt/GeoLite2-City.mmdb", "/opt/GeoLite2-ASN.mmdb"]
    );
}

#[test]
fn an_api_key_becomes_a_secret_and_appears_nowhere_else() {
    let template = template();
    let resources = template.with(&[URL, API_KEY]).resources();
    assert_eq!(
        resources["ApiKeySecret"]["Properties"]["SecretString"],
        API_KEY.1
    );
    let holders: Vec<_> = resources
        .iter()
        .filter(|(_, resource)| resource.to_string().contains(API_KEY.1))
        .collect();
    assert_eq!(holders.len(), 1, "{holders:?}");
    let variables = &resources["Function"]["Properties"]["Environment"]["Variables"];
    assert_eq!(variables["ELASTICSEARCH_SECRET_ARN"], "<ApiKeySecret>");
    assert!(statements(&resources["Role"]).contains(&allow(
        &["secretsmanager:GetSecretValue"],
        &["<ApiKeySecret>"]
    )));
    assert!(
        !template
            .with(&[URL])
            .resources()
            .contains_key("ApiKeySecret")
    );
}

/// Returns the seconds for which a message of the first queue is drained before it is abandoned.
fn draining(resources: &BTreeMap<String, Value>) -> u64 {
    let queue = &resources["FailedInvocations"]["Properties"];
    number(&queue["RedrivePolicy"]["maxReceiveCount"]) * number(&queue["VisibilityTimeout"])
}

#[test]
fn failed_invocations_are_kept_and_can_be_drained() {
    let template = template();
    let resources = template.with(&[URL]).resources();
    let invoke = &resources["Function"]["Properties"]["EventInvokeConfig"];
    assert_eq!(
        invoke["DestinationConfig"]["OnFailure"],
        json!({"Type": "SQS", "Destination": "<FailedInvocations.Arn>"})
    );
    assert_eq!(invoke["MaximumRetryAttempts"], "2");
    // The queue keeps an event as long as Lambda would.
    assert_eq!(number(&invoke["MaximumEventAgeInSeconds"]), 6 * 60 * 60);

    let queues = of_type(&resources, "AWS::SQS::Queue");
    assert_eq!(queues.len(), 2);
    for (name, queue) in &queues {
        assert_eq!(queue["SqsManagedSseEnabled"], "true", "{name}");
        assert_eq!(
            number(&queue["MessageRetentionPeriod"]),
            FOURTEEN_DAYS,
            "{name}"
        );
    }
    let queue = queues["FailedInvocations"];
    let longest_timeout = number(&template.0["Parameters"]["Timeout"]["MaxValue"]);
    assert!(number(&queue["VisibilityTimeout"]) >= 6 * longest_timeout);
    assert_eq!(
        queue["RedrivePolicy"]["deadLetterTargetArn"],
        "<AbandonedInvocations.Arn>"
    );
    // Draining outlives a long outage, and leaves days to examine what it gave up on.
    let draining = draining(&resources);
    assert!(draining > FOURTEEN_DAYS / 3 && draining < FOURTEEN_DAYS / 2);

    let source = &resources["FailedInvocationsSource"]["Properties"];
    assert_eq!(source["EventSourceArn"], "<FailedInvocations.Arn>");
    assert_eq!(source["FunctionName"], "<Function.Arn>");
    assert_eq!(source["Enabled"], "false");
    assert_eq!(
        source["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );
    let batch = number(&source["BatchSize"]);
    assert!(batch > 0 && batch * LARGEST_MESSAGE < LARGEST_INVOCATION);
    // Without a bound, messages that a limit turns away count as received, and are given up unseen.
    assert_eq!(source["ScalingConfig"]["MaximumConcurrency"], "2");
    let drains = template
        .with(&[URL, ("DrainFailedInvocations", "true")])
        .resources();
    assert_eq!(
        drains["FailedInvocationsSource"]["Properties"]["Enabled"],
        "true"
    );
}

#[test]
fn resources_with_unresolved_data_outlive_the_stack() {
    let template = template();
    let resources = everything(&template).resources();
    let kept = [
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
    ];
    let kept = kept.map(|r#type| of_type(&resources, r#type).into_keys());
    let kept: Vec<_> = kept.into_iter().flatten().collect();
    assert_eq!(kept.len(), 5);
    for name in kept {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(resources[name][policy], "Retain", "{name}");
        }
    }
    // A stack whose first deployment failed can be deployed again.
    assert_eq!(
        resources["LogGroup"]["DeletionPolicy"],
        "RetainExceptOnCreate"
    );
    assert_eq!(resources["LogGroup"]["UpdateReplacePolicy"], "Retain");
}

/// The customer's own key encrypts everything that is stored, and without it nothing is stored
/// unencrypted.
#[test]
fn all_stored_data_is_encrypted_with_the_given_key() {
    let template = template();
    let encryption = |resources: &BTreeMap<String, Value>| {
        let bucket = &resources["FailedRecords"]["Properties"]["BucketEncryption"];
        let bucket = &bucket["ServerSideEncryptionConfiguration"][0];
        [
            resources["FailedInvocations"]["Properties"]["KmsMasterKeyId"].clone(),
            resources["AbandonedInvocations"]["Properties"]["KmsMasterKeyId"].clone(),
            resources["LogGroup"]["Properties"]["KmsKeyId"].clone(),
            resources["Function"]["Properties"]["KmsKeyArn"].clone(),
            bucket["ServerSideEncryptionByDefault"]["KMSMasterKeyID"].clone(),
        ]
    };
    let own = everything(&template).resources();
    assert_eq!(
        encryption(&own),
        [const { OWN_KEY }; 5].map(|key| json!(key))
    );
    let service = template
        .with(&[URL, ("KinesisStreamArn", STREAM)])
        .resources();
    assert_eq!(encryption(&service), [const { Value::Null }; 5]);
    for queue in of_type(&own, "AWS::SQS::Queue").into_values() {
        assert_eq!(queue.get("SqsManagedSseEnabled"), None);
    }

    // The function reads the secret that the stack makes of an API key.
    let with_key = [URL, API_KEY, ("StorageKmsKeyArn", OWN_KEY)];
    let with_key = template.with(&with_key).resources();
    assert_eq!(with_key["ApiKeySecret"]["Properties"]["KmsKeyId"], OWN_KEY);
    let services = ["lambda", "s3", "sqs", "secretsmanager"]
        .map(|service| format!("{service}.eu-central-1.amazonaws.com"));
    assert_eq!(
        via_service(&with_key["Role"], "storage-key", 0),
        json!(services)
    );
    let without = template.with(&[URL, API_KEY]).resources();
    assert_eq!(without["ApiKeySecret"]["Properties"].get("KmsKeyId"), None);
}

/// Returns the services through which a statement of a role lets keys be used.
fn via_service(role: &Value, policy: &str, statement: usize) -> Value {
    let policies = role["Properties"]["Policies"].as_array().unwrap();
    let policy = policies
        .iter()
        .find(|one| one["PolicyName"] == policy)
        .unwrap();
    policy["PolicyDocument"]["Statement"][statement]["Condition"]["StringEquals"]["kms:ViaService"]
        .clone()
}

#[test]
fn queues_and_bucket_accept_only_encrypted_transport() {
    let template = template();
    let resources = everything(&template).resources();
    let cases = [
        (
            "QueuesPolicy",
            "sqs:*",
            ["<FailedInvocations.Arn>", "<AbandonedInvocations.Arn>"],
        ),
        (
            "FailedRecordsPolicy",
            "s3:*",
            ["<FailedRecords.Arn>", "<FailedRecords.Arn>/*"],
        ),
    ];
    for (name, action, on) in cases {
        let statements = &resources[name]["Properties"]["PolicyDocument"]["Statement"];
        let denied = json!([{
            "Effect": "Deny",
            "Principal": "*",
            "Action": action,
            "Resource": on,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }]);
        assert_eq!(*statements, denied, "{name}");
    }
    assert_eq!(
        resources["QueuesPolicy"]["Properties"]["Queues"],
        json!(["<FailedInvocations>", "<AbandonedInvocations>"])
    );
}

#[test]
fn roles_stay_within_the_boundary() {
    let template = template();
    for (name, role) in of_type(&everything(&template).resources(), "AWS::IAM::Role") {
        assert_eq!(role["PermissionsBoundary"], BOUNDARY, "{name}");
    }
    for (name, role) in of_type(&template.with(&[URL]).resources(), "AWS::IAM::Role") {
        assert_eq!(role.get("PermissionsBoundary"), None, "{name}");
    }
}

#[test]
fn a_secret_of_another_region_is_decrypted_in_that_region() {
    let template = template();
    let secret = SECRET.replace("eu-central-1", "us-east-1");
    let parameters = [
        URL,
        ("ElasticsearchSecretArn", &*secret),
        ("KmsKeyArns", KEY),
    ];
    let role = &template.with(&parameters).resources()["Role"];
    let text = role.to_string();
    assert!(
        text.contains("secretsmanager.us-east-1.amazonaws.com")
            && !text.contains("secretsmanager.eu-central-1.amazonaws.com"),
        "{text}"
    );
}

/// Returns a permission or subscription of one of the nested templates, with everything that its
/// parent passes to it.
fn nested<'t>(
    resources: &BTreeMap<String, Value>,
    stack: &str,
    template: &'t mut Option<Template>,
) -> Stack<'t> {
    let properties = &resources[stack]["Properties"];
    let template = template.insert(Template::read(properties["TemplateURL"].as_str().unwrap()));
    let handed: BTreeMap<String, String> =
        serde_json::from_value(properties["Parameters"].clone()).unwrap();
    let handed: Vec<_> = handed
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    template.with(&handed)
}

#[test]
fn every_log_group_has_its_permission_and_its_subscription() {
    let template = template();
    let resources = template
        .with(&[
            URL,
            ("LogGroups", LOG_GROUPS),
            ("FilterPattern", "{ $.a = 1 }"),
        ])
        .resources();
    assert!(!resources.contains_key("StreamSubscriptions"));
    // CloudWatch Logs invokes the function when it is subscribed.
    assert_eq!(
        resources["LogGroupSubscriptions"]["DependsOn"],
        "LogGroupPermissions"
    );

    let (mut permissions, mut subscriptions) = (None, None);
    let permissions = nested(&resources, "LogGroupPermissions", &mut permissions).resources();
    let subscriptions = nested(&resources, "LogGroupSubscriptions", &mut subscriptions).resources();
    let log_groups: Vec<_> = LOG_GROUPS.split(',').collect();
    assert_eq!(
        (permissions.len(), subscriptions.len()),
        (log_groups.len(), log_groups.len())
    );
    for log_group in log_groups {
        let permission = json!({
            "Action": "lambda:InvokeFunction",
            "FunctionName": "<Function.Arn>",
            "Principal": "logs.amazonaws.com",
            "SourceAccount": "111122223333",
            "SourceArn": format!("arn:aws:logs:eu-central-1:111122223333:log-group:{log_group}:*"),
        });
        assert!(
            of_type(&permissions, "AWS::Lambda::Permission")
                .into_values()
                .any(|one| *one == permission),
            "{log_group}"
        );
        let subscription = json!({
            "LogGroupName": log_group,
            // The alarms look for this name.
            "FilterName": "apigw-logs",
            "FilterPattern": "{ $.a = 1 }",
            "DestinationArn": "<Function.Arn>",
        });
        let found = of_type(&subscriptions, "AWS::Logs::SubscriptionFilter");
        assert!(
            found.into_values().any(|one| *one == subscription),
            "{log_group}"
        );
    }
}

#[test]
fn without_log_groups_nothing_is_subscribed_and_the_own_log_group_never_is() {
    let template = template();
    let resources = template.with(&[URL]).resources();
    assert!(of_type(&resources, "AWS::CloudFormation::Stack").is_empty());
    assert!(of_type(&resources, "AWS::Lambda::Permission").is_empty());
    let own = resources["LogGroup"]["Properties"]["LogGroupName"]
        .as_str()
        .unwrap();
    assert_eq!(own, "/aws/lambda/apigw-logs");
    let resources = everything(&template).resources();
    for (name, stack) in of_type(&resources, "AWS::CloudFormation::Stack") {
        assert_eq!(stack["Parameters"]["LogGroups"], LOG_GROUPS, "{name}");
        let nested = Template::read(stack["TemplateURL"].as_str().unwrap());
        for (part, one) in nested.section("Resources") {
            assert!(part.starts_with("Fn::ForEach::"), "{name}: {part}");
            assert_eq!(one[1], json!({"Ref": "LogGroups"}), "{name}: {part}");
        }
    }
    // Log groups that are subscribed by other means get a permission that is as narrow as their
    // name.
    let permission = &resources["PermittedLogGroupsPermission"]["Properties"];
    assert_eq!(permission["SourceAccount"], "111122223333");
    assert_eq!(
        permission["SourceArn"],
        "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/apis/*"
    );
    assert_eq!(permission["Principal"], "logs.amazonaws.com");
}

/// CloudFormation replaces `&{X}` in keys only, and fails on conditions inside loops. Linters do
/// not know this.
#[test]
fn loops_hold_only_what_cloudformation_unrolls() {
    assert_eq!(
        template().0["Transform"],
        "AWS::Serverless-2016-10-31",
        "loops stay in templates of their own"
    );
    for name in [
        "permissions",
        "subscriptions",
        "stream-subscriptions",
        "subscription-alarms",
    ] {
        let template = Template::read(&format!("template/{name}.yaml"));
        assert_eq!(template.0["Transform"], "AWS::LanguageExtensions", "{name}");
        // Otherwise SAM warns at each deployment that it cannot unroll the loop itself.
        assert!(
            template.0["Parameters"]["LogGroups"]["Default"].is_string(),
            "{name}"
        );
        let values: Vec<_> = template
            .section("Resources")
            .values()
            .flat_map(texts)
            .collect();
        let literal = values.iter().find(|text| text.contains("{LogGroup}"));
        assert!(
            literal.is_none(),
            "{name}: {literal:?} would be taken as it stands"
        );
        let text = json!(template.section("Resources")).to_string();
        for function in ["Fn::If", "Fn::Sub", "DependsOn", "Condition"] {
            assert!(!text.contains(function), "{name}: {function}");
        }
    }
    let samconfig = fs::read_to_string(repository("samconfig.toml")).unwrap();
    for line in [
        "language_extensions = true",
        "capabilities = \"CAPABILITY_IAM CAPABILITY_AUTO_EXPAND\"",
    ] {
        assert!(samconfig.contains(line), "{line}");
    }
}

#[test]
fn a_stream_is_read_without_loss() {
    let template = template();
    let resources = everything(&template).resources();
    assert!(
        !resources.contains_key("LogGroupSubscriptions")
            && !resources.contains_key("LogGroupPermissions")
    );
    let source = &resources["StreamSource"]["Properties"];
    assert_eq!(source["EventSourceArn"], STREAM);
    assert_eq!(source["StartingPosition"], "TRIM_HORIZON");
    assert_eq!(
        source["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );
    assert_eq!(source["BisectBatchOnFunctionError"], "true");
    let age = number(&source["MaximumRecordAgeInSeconds"]);
    assert!(age < 24 * 60 * 60, "before the stream forgets");
    let tries = number(&source["MaximumRetryAttempts"]);
    assert!(tries <= 10_000, "a record that cannot be read must end");
    let budget =
        &resources["Function"]["Properties"]["Environment"]["Variables"]["RETRY_BUDGET_MS"];
    assert!(
        tries * number(budget) / 1_000 >= age,
        "in an outage the age decides"
    );
    assert_eq!(source["ParallelizationFactor"], "2");
    for waits in ["StreamSubscriptions", "StreamDestination"] {
        assert_eq!(resources[waits]["DependsOn"], "StreamSource");
    }
    // A queue would hold the records' numbers without the records.
    assert_eq!(
        source["DestinationConfig"]["OnFailure"]["Destination"],
        "<FailedRecords.Arn>"
    );

    let bucket = &resources["FailedRecords"]["Properties"];
    let encryption = |bucket: &Value| {
        let rule = &bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
        rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"].clone()
    };
    let plain = template
        .with(&[URL, ("KinesisStreamArn", STREAM)])
        .resources();
    let plain = &plain["FailedRecords"]["Properties"];
    assert_eq!(encryption(bucket), "aws:kms");
    assert_eq!(encryption(plain), "AES256");
    let blocked = bucket["PublicAccessBlockConfiguration"]
        .as_object()
        .unwrap();
    assert!(blocked.len() == 4 && blocked.values().all(|value| value == "true"));
    // Nothing is deleted before it has arrived, unless somebody has asked for that.
    let deletes = |bucket: &Value| -> Vec<Value> {
        let rules = bucket["LifecycleConfiguration"]["Rules"].as_array();
        rules
            .into_iter()
            .flatten()
            .filter_map(|rule| rule.get("ExpirationInDays").cloned())
            .collect()
    };
    assert_eq!(deletes(plain), Vec::<Value>::new());
    assert_eq!(deletes(bucket), ["365"]);
    // An object that was deleted by mistake can be restored for a week.
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
    assert_eq!(
        bucket["LifecycleConfiguration"]["Rules"][0]["NoncurrentVersionExpiration"]["NoncurrentDays"],
        "7"
    );

    let mut subscriptions = None;
    let subscriptions = nested(&resources, "StreamSubscriptions", &mut subscriptions).resources();
    assert_eq!(subscriptions.len(), LOG_GROUPS.split(',').count());
    for subscription in of_type(&subscriptions, "AWS::Logs::SubscriptionFilter").into_values() {
        assert_eq!(subscription["DestinationArn"], STREAM);
        assert_eq!(subscription["RoleArn"], "<StreamWriterRole.Arn>");
        assert_eq!(subscription["Distribution"], "Random");
        // When somebody moves to a stream, its subscription is made before the one to the function
        // is removed.
        assert_eq!(subscription["FilterName"], "apigw-logs-stream");
        assert_eq!(subscription["FilterPattern"], "{ $.a = 1 }");
    }
}

#[test]
fn only_named_accounts_may_send_to_the_stream() {
    let template = template();
    let resources = everything(&template).resources();
    let destination = &resources["StreamDestination"]["Properties"];
    assert_eq!(
        (&destination["TargetArn"], &destination["RoleArn"]),
        (&json!(STREAM), &json!("<StreamWriterRole.Arn>"))
    );
    let policy: Value =
        serde_json::from_str(destination["DestinationPolicy"].as_str().unwrap()).unwrap();
    let expected = json!([{
        "Effect": "Allow",
        "Principal": {"AWS": ["444455556666", "777788889999"]},
        "Action": ["logs:PutSubscriptionFilter", "logs:PutAccountPolicy"],
        "Resource": "arn:aws:logs:eu-central-1:111122223333:destination:apigw-logs",
    }]);
    assert_eq!(policy["Statement"], expected);

    let sources = |resources: &BTreeMap<String, Value>| {
        let trust =
            resources["StreamWriterRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
                .clone();
        let statements = trust.as_array().unwrap().clone();
        assert!(
            statements
                .iter()
                .all(|statement| statement["Principal"]["Service"] == "logs.amazonaws.com")
        );
        statements
            .iter()
            .map(|statement| statement["Condition"]["StringLike"]["aws:SourceArn"].clone())
            .collect::<Vec<_>>()
    };
    let own = json!("arn:aws:logs:eu-central-1:111122223333:*");
    assert_eq!(
        sources(&resources),
        [
            own.clone(),
            json!(["arn:*:logs:*:444455556666:*", "arn:*:logs:*:777788889999:*"])
        ]
    );
    let alone = template
        .with(&[URL, ("KinesisStreamArn", STREAM)])
        .resources();
    assert_eq!(sources(&alone), [own]);
    assert!(!alone.contains_key("StreamDestination"));
    assert!(
        !template
            .with(&[URL, ("SourceAccounts", "444455556666")])
            .resources()
            .contains_key("StreamDestination")
    );
}

/// A statement without its conditions: effect, actions, resources.
type Statement = (String, Vec<String>, Vec<String>);

fn allow(actions: &[&str], resources: &[&str]) -> Statement {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    ("Allow".to_owned(), owned(actions), owned(resources))
}

fn statements(role: &Value) -> Vec<Statement> {
    let policies = role["Properties"]["Policies"].as_array().unwrap();
    let statements = policies
        .iter()
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let owned = |value: &Value| {
        texts(value)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let statement = |statement: &Value| {
        let effect = statement["Effect"].as_str().unwrap().to_owned();
        (
            effect,
            owned(&statement["Action"]),
            owned(&statement["Resource"]),
        )
    };
    statements.map(statement).collect()
}

#[test]
fn its_roles_allow_only_what_is_used() {
    let template = template();
    let always = [
        allow(
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            &["<LogGroup.Arn>"],
        ),
        allow(
            &[
                "sqs:SendMessage",
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
            ],
            &["<FailedInvocations.Arn>"],
        ),
    ];
    assert_eq!(
        statements(&template.with(&[URL]).resources()["Role"]),
        always
    );

    let wanted = [
        allow(&["secretsmanager:GetSecretValue"], &[SECRET]),
        allow(&["es:ESHttpPost"], &[&format!("{DOMAIN}/*")]),
        allow(&["kms:Decrypt"], &[KEY]),
        allow(&["kms:Decrypt", "kms:GenerateDataKey"], &[OWN_KEY]),
        allow(
            &[
                "kinesis:DescribeStream",
                "kinesis:DescribeStreamSummary",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
            ],
            &[STREAM],
        ),
        allow(&["s3:PutObject"], &["<FailedRecords.Arn>/*"]),
        allow(&["s3:ListBucket"], &["<FailedRecords.Arn>"]),
        // AWS accepts no ARN here, nor for traces.
        allow(
            &["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"],
            &["*"],
        ),
        allow(
            &[
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:AssignPrivateIpAddresses",
                "ec2:UnassignPrivateIpAddresses",
            ],
            &["arn:aws:ec2:eu-central-1:111122223333:*/*"],
        ),
        (
            "Deny".to_owned(),
            vec!["ec2:*".to_owned()],
            vec!["*".to_owned()],
        ),
        allow(
            &["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            &["*"],
        ),
    ];
    let resources = everything(&template).resources();
    assert_eq!(
        statements(&resources["Role"]),
        [&always[..], &wanted[..]].concat()
    );
    let serverless = template
        .with(&[URL, ("OpenSearchArn", COLLECTION)])
        .resources();
    let signed = [allow(&["aoss:APIAccessAll"], &[COLLECTION])];
    assert_eq!(
        statements(&serverless["Role"]),
        [&always[..], &signed[..]].concat()
    );
    let writes = [
        allow(&["kinesis:PutRecord"], &[STREAM]),
        allow(&["kms:GenerateDataKey"], &[KEY]),
    ];
    assert_eq!(statements(&resources["StreamWriterRole"]), writes);

    let roles = of_type(&resources, "AWS::IAM::Role");
    assert_eq!(roles.len(), 2);
    assert!(
        roles
            .values()
            .all(|role| role.get("ManagedPolicyArns").is_none())
    );
    let function = &resources["Function"]["Properties"];
    assert_eq!(
        (&function["Role"], function.get("Policies")),
        (&json!("<Role.Arn>"), None)
    );
    // The function's own code may not use the actions that Lambda needs for the network.
    let trust = &roles["Role"]["AssumeRolePolicyDocument"]["Statement"];
    let lambda = json!({"Service": "lambda.amazonaws.com"});
    assert_eq!(
        *trust,
        json!([{"Effect": "Allow", "Principal": lambda, "Action": "sts:AssumeRole"}])
    );
    // Keys are used only through the services that hold the data that they encrypt.
    let via = |role: &str, policy: &str, statement: usize| {
        via_service(&resources[role], policy, statement)
    };
    let [secrets, stream] = ["secretsmanager", "kinesis"]
        .map(|service| format!("{service}.eu-central-1.amazonaws.com"));
    assert_eq!(via("Role", "keys", 0), json!([secrets, stream]));
    assert_eq!(via("StreamWriterRole", "stream", 1), json!(stream));
    let stores =
        ["lambda", "s3", "sqs"].map(|service| format!("{service}.eu-central-1.amazonaws.com"));
    assert_eq!(via("Role", "storage-key", 0), json!(stores));
    let network = roles["Role"]["Policies"]
        .as_array()
        .unwrap()
        .iter()
        .find(|policy| policy["PolicyName"] == "network");
    let own = &network.unwrap()["PolicyDocument"]["Statement"][2]["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"];
    assert_eq!(
        *own,
        "arn:aws:lambda:eu-central-1:111122223333:function:apigw-logs"
    );
    assert_eq!(function["FunctionName"], "apigw-logs");
}

/// Returns every metric that an alarm watches.
fn metrics(alarm: &Value) -> Vec<&Value> {
    let Some(metrics) = alarm.get("Metrics") else {
        return vec![alarm];
    };
    let metrics = metrics.as_array().unwrap().iter();
    metrics
        .filter_map(|metric| Some(metric.get("MetricStat")?.get("Metric").unwrap()))
        .collect()
}

/// Returns the query of an alarm that watches the subscriptions' metrics, for any log group.
fn query(alarm: &Value) -> Option<&str> {
    let expression = alarm.get("Metrics")?[0]["Expression"].as_str()?;
    expression.starts_with("SELECT").then_some(expression)
}

/// Returns the resource of this stack to which a metric belongs; none if there is no such metric.
fn dimension(metric: &Value) -> Option<(&'static str, &'static str)> {
    let name = metric["MetricName"].as_str()?;
    match (metric["Namespace"].as_str()?, name) {
        (
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible"
            | "ApproximateNumberOfMessagesNotVisible"
            | "ApproximateAgeOfOldestMessage",
        ) => {
            let queues = [
                "<FailedInvocations.QueueName>",
                "<AbandonedInvocations.QueueName>",
            ];
            let queue = queues
                .into_iter()
                .find(|queue| metric["Dimensions"][0]["Value"] == *queue)?;
            Some(("QueueName", queue))
        }
        ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount") => {
            Some(("EventSourceMappingUUID", "<StreamSource>"))
        }
        ("AWS/Lambda", "Errors" | "Throttles" | "Duration" | "IteratorAge")
        | ("AWS/Lambda", "DestinationDeliveryFailures" | "AsyncEventsDropped" | "AsyncEventAge") => {
            Some(("FunctionName", "<Function>"))
        }
        ("ApiGatewayLogs", name) => json!(Report::default())
            .get(name)?
            .is_number()
            .then_some(("FunctionName", "<Function>")),
        _ => None,
    }
}

#[test]
fn every_alarm_watches_something_that_exists() {
    let template = template();
    let resources = everything(&template).resources();
    for (name, alarm) in of_type(&resources, "AWS::CloudWatch::Alarm") {
        assert!(
            query(alarm).is_some() || !metrics(alarm).is_empty(),
            "{name}"
        );
        for metric in metrics(alarm) {
            let (key, value) =
                dimension(metric).unwrap_or_else(|| panic!("{name}: there is no {metric}"));
            assert_eq!(
                metric["Dimensions"],
                json!([{"Name": key, "Value": value}]),
                "{name}"
            );
        }
        let is_silence = alarm["MetricName"] == "received";
        assert_eq!(
            alarm["TreatMissingData"],
            if is_silence {
                "breaching"
            } else {
                "notBreaching"
            },
            "{name}"
        );
        let comparison = if is_silence {
            "LessThanThreshold"
        } else {
            "GreaterThanThreshold"
        };
        assert_eq!(alarm["ComparisonOperator"], comparison, "{name}");
    }
    // The source must be told to count.
    assert_eq!(
        resources["StreamSource"]["Properties"]["MetricsConfig"]["Metrics"],
        json!(["EventCount"])
    );
    let duration = &resources["DurationAlarm"]["Properties"]["Metrics"][0];
    // Milliseconds divided by seconds, in percent.
    assert_eq!(duration["Expression"], "duration / 120 / 10");
    for queue in ["Failed", "Abandoned"] {
        let messages = &resources[&format!("{queue}InvocationsAlarm")]["Properties"]["Metrics"];
        // A message that is being processed is invisible for an hour and a half, and not delivered.
        assert_eq!(messages[0]["Expression"], "visible + tried");
        let ids = [1, 2].map(|index| messages[index]["Id"].as_str().unwrap());
        assert_eq!(ids, ["visible", "tried"]);
    }
}

/// Subscriptions are recognised by the name that they get, here and in the documentation.
#[test]
fn alarms_find_the_subscriptions() {
    let template = template();
    for (parameters, filter) in [
        (&[URL][..], "apigw-logs"),
        (
            &[URL, ("KinesisStreamArn", STREAM)][..],
            "apigw-logs-stream",
        ),
    ] {
        let resources = template.with(parameters).resources();
        let alarms = of_type(&resources, "AWS::CloudWatch::Alarm");
        for (name, metric) in [
            ("SubscriptionErrorsAlarm", "DeliveryErrors"),
            ("SubscriptionThrottlingAlarm", "DeliveryThrottling"),
        ] {
            let expected =
                format!(r#"SELECT SUM({metric}) FROM "AWS/Logs" WHERE FilterName = '{filter}'"#);
            assert_eq!(query(alarms[name]), Some(&*expected));
        }
    }
    let deploy = fs::read_to_string(repository("docs/deploy.md")).unwrap();
    let names = deploy.split("--filter-name ").skip(1);
    let names: BTreeSet<_> = names
        .map(|rest| rest.split_whitespace().next().unwrap().trim_matches('`'))
        .map(|name| name.trim_end_matches([')', '.', ',', '`']))
        .collect();
    assert_eq!(names, ["apigw-logs", "apigw-logs-stream"].into());
}

/// Each subscribed log group has alarms of its own, whose texts lead to the chapters of the alarms
/// that notify people.
#[test]
fn every_subscribed_log_group_has_its_alarms() {
    let template = template();
    for (parameters, filter) in [
        (&[URL, ("LogGroups", LOG_GROUPS)][..], "apigw-logs"),
        (
            &[
                URL,
                ("LogGroups", LOG_GROUPS),
                ("KinesisStreamArn", STREAM),
                ("AlarmTopicArn", TOPIC),
            ][..],
            "apigw-logs-stream",
        ),
    ] {
        let resources = template.with(parameters).resources();
        let mut alarms = None;
        let alarms = nested(&resources, "LogGroupSubscriptionAlarms", &mut alarms).resources();
        let found = of_type(&alarms, "AWS::CloudWatch::Alarm");
        let expected = 2 * LOG_GROUPS.split(',').count();
        assert_eq!((found.len(), alarms.len()), (expected, expected));
        for (chapter, metric, periods, name) in [
            ("subscription-errors", "DeliveryErrors", 1, "Errors"),
            (
                "subscription-throttling",
                "DeliveryThrottling",
                3,
                "Throttling",
            ),
        ] {
            let whole = &resources[&format!("Subscription{name}Alarm")]["Properties"];
            for log_group in LOG_GROUPS.split(',') {
                let name = format!("apigw-logs-{chapter}-{log_group}");
                let alarm = found
                    .values()
                    .find(|alarm| alarm["AlarmName"] == name)
                    .unwrap_or_else(|| panic!("{name} is missing"));
                let expected = format!(
                    r#"SELECT SUM({metric}) FROM "AWS/Logs" WHERE FilterName = '{filter}' AND LogGroupName = '{log_group}'"#
                );
                assert_eq!(query(alarm), Some(&*expected));
                assert_eq!(when(alarm), ("Sum", 300 * periods, 0), "{name}");
                assert_eq!(when(alarm), when(whole), "{name}");
                assert_eq!(alarm["TreatMissingData"], "notBreaching", "{name}");
                assert_eq!(
                    alarm["ComparisonOperator"], "GreaterThanThreshold",
                    "{name}"
                );
                let text = whole["AlarmDescription"].as_str().unwrap();
                assert_eq!(alarm["AlarmDescription"], format!("{log_group}: {text}"));
                // One fault is one page: the alarm on all log groups notifies people.
                assert_eq!(alarm.get("AlarmActions"), None, "{name}");
            }
        }
    }
    let none = [URL, ("LogGroups", LOG_GROUPS), ("LogGroupAlarms", "false")];
    let resources = template.with(&none).resources();
    assert!(!resources.contains_key("LogGroupSubscriptionAlarms"));
    assert!(resources.contains_key("SubscriptionErrorsAlarm"));
}

/// The people whom an alarm notifies.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Notifies {
    /// Somebody who is woken up.
    Page,
    /// Somebody who reads it in the morning.
    Ticket,
    /// Nobody: the alarm of the whole outage notifies people.
    Outage,
}

/// An outage is one page, and its consequences are tickets.
#[test]
fn one_outage_is_one_page() {
    let template = template();
    let resources = everything(&template).resources();
    let rule = resources["OutageAlarm"]["Properties"]["AlarmRule"]
        .as_str()
        .unwrap();
    let mut found = BTreeMap::new();
    for (name, alarm) in of_type(&resources, "AWS::CloudWatch::Alarm") {
        assert_eq!(alarm.get("AlarmActions"), alarm.get("OKActions"), "{name}");
        let notifies = match alarm.get("AlarmActions") {
            None => {
                assert!(
                    rule.contains(&format!("ALARM(\"<{name}>\")")),
                    "{name}: {rule}"
                );
                Notifies::Outage
            }
            Some(topics) if *topics == json!([TOPIC]) => Notifies::Page,
            Some(topics) if *topics == json!([TICKETS]) => Notifies::Ticket,
            Some(topics) => panic!("{name}: {topics}"),
        };
        found.insert(name.strip_suffix("Alarm").unwrap(), notifies);
    }
    let pages = found
        .iter()
        .filter(|(_, notifies)| **notifies == Notifies::Page);
    assert_eq!(
        pages.map(|(name, _)| *name).collect::<Vec<_>>(),
        [
            "AbandonedInvocationsAge",
            "DestinationDeliveryFailures",
            "FailedInvocationsAge",
            "SubscriptionErrors"
        ],
        "only what is lost, or soon will be, wakes somebody up beside the outage"
    );
    let members = found
        .values()
        .filter(|notifies| **notifies == Notifies::Outage);
    assert_eq!(members.count(), rule.matches("ALARM(").count());

    // With one topic everything goes there, and without topics nothing goes anywhere.
    let topics = |parameters: &[(&str, &str)]| {
        let resources = template.with(parameters).resources();
        ["OutageAlarm", "FailedInvocationsAlarm"]
            .map(|name| resources[name]["Properties"].get("AlarmActions").cloned())
    };
    let topic = Some(json!([TOPIC]));
    assert_eq!(
        topics(&[URL, ("AlarmTopicArn", TOPIC)]),
        [topic.clone(), topic]
    );
    assert_eq!(topics(&[URL]), [None, None]);
}

/// The alarm of the outage names only alarms that exist.
#[test]
fn the_outage_consists_of_alarms_that_exist() {
    let template = template();
    for parameters in [
        &[URL][..],
        &[URL, ("MetricsNamespace", "none")],
        &[URL, ("KinesisStreamArn", STREAM)],
    ] {
        let resources = template.with(parameters).resources();
        let rule = resources["OutageAlarm"]["Properties"]["AlarmRule"]
            .as_str()
            .unwrap();
        let alarms = of_type(&resources, "AWS::CloudWatch::Alarm");
        for part in rule.split(" OR ") {
            let name = part
                .strip_prefix("ALARM(\"<")
                .and_then(|rest| rest.strip_suffix(">\")"))
                .unwrap_or_else(|| panic!("{rule}"));
            assert!(alarms.contains_key(name), "{name}");
        }
    }
}

/// The point at which an alarm fires: the statistic of the metric, the period in seconds, and the
/// threshold.
fn when(alarm: &Value) -> (&str, u64, u64) {
    let (stat, period) = match (query(alarm), alarm.get("Metrics")) {
        (Some(_), Some(metrics)) => ("Sum", &metrics[0]["Period"]),
        (None, Some(metrics)) => (
            metrics[1]["MetricStat"]["Stat"].as_str().unwrap(),
            &metrics[1]["MetricStat"]["Period"],
        ),
        (_, None) => (alarm["Statistic"].as_str().unwrap(), &alarm["Period"]),
    };
    let seconds = number(period) * number(&alarm["EvaluationPeriods"]);
    // Shorter periods, and periods that are not whole minutes, are for metrics of high resolution.
    assert!(number(period) >= 60 && seconds <= 24 * 60 * 60, "{alarm}");
    (stat, seconds, number(&alarm["Threshold"]))
}

#[test]
fn every_possible_failure_has_an_alarm() {
    const HOUR: u64 = 60 * 60;
    const DAY: u64 = 24 * HOUR;
    let template = template();
    let resources = everything(&template).resources();
    let alarms = of_type(&resources, "AWS::CloudWatch::Alarm");
    let mut found: BTreeMap<_, _> = alarms
        .iter()
        .map(|(name, alarm)| (name.strip_suffix("Alarm").unwrap(), when(alarm)))
        .collect();
    // SQS counts the age of an abandoned message from its move, and the retention from its arrival in
    // the first queue. Four days before its loss, the alarm is on.
    let kept = number(&resources["AbandonedInvocations"]["Properties"]["MessageRetentionPeriod"]);
    let left = kept - draining(&resources);
    let (stat, seconds, threshold) = found.remove("AbandonedInvocationsAge").unwrap();
    assert_eq!((stat, seconds), ("Maximum", 300));
    assert!(
        threshold >= DAY && threshold + 4 * DAY <= left,
        "{threshold} of {left}"
    );
    // A single failure, or one that does not pass within a quarter of an hour. Ages of the function
    // are in milliseconds, those of queues in seconds.
    let (one, some, waiting) = (("Sum", 300, 0), ("Sum", 900, 0), ("Maximum", 300, 0));
    let kept = number(&resources["FailedInvocations"]["Properties"]["MessageRetentionPeriod"]);
    let old = ("Maximum", 300, kept - 4 * DAY);
    let expected = [
        ("Errors", some),
        ("Throttles", some),
        ("Duration", ("Maximum", 900, 90)),
        ("DestinationDeliveryFailures", one),
        ("AsyncEventsDropped", one),
        ("AsyncEventAge", ("Maximum", 300, HOUR * 1_000)),
        ("IteratorAge", ("Maximum", 900, HOUR * 1_000)),
        ("FailedRecords", one),
        ("FailedInvocations", waiting),
        ("AbandonedInvocations", waiting),
        ("FailedInvocationsAge", old),
        ("SubscriptionErrors", one),
        ("SubscriptionThrottling", some),
        ("Unresolved", some),
        ("Undecodable", one),
        ("DeadLetters", one),
        ("NoEventsInADay", ("Sum", DAY, 1)),
    ];
    assert_eq!(found, expected.into());
}

#[test]
fn alarms_exist_only_for_resources_that_exist() {
    let template = template();
    let count = |parameter| {
        of_type(
            &template.with(&[URL, parameter]).resources(),
            "AWS::CloudWatch::Alarm",
        )
        .len()
    };
    let usual = count(("NoEventsAlarm", "false"));
    assert_eq!(
        count(("NoEventsAlarm", "true")),
        usual + 1,
        "silence is an alarm only where it is one"
    );
    assert_eq!(
        count(("MetricsNamespace", "none")),
        usual - 3,
        "without metrics, none of theirs"
    );
    assert_eq!(count(("KinesisStreamArn", STREAM)), usual + 2);
}

/// An alarm's name and text lead to a chapter of docs/operate.md.
#[test]
fn every_alarm_is_explained() {
    let operate = fs::read_to_string(repository("docs/operate.md")).unwrap();
    let headings: BTreeSet<_> = operate
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let template = template();
    let mut explained = BTreeSet::new();
    let resources = everything(&template).resources();
    let alarms = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"]
        .map(|r#type| of_type(&resources, r#type));
    for (name, alarm) in alarms.into_iter().flatten() {
        let chapter = alarm["AlarmName"]
            .as_str()
            .unwrap()
            .strip_prefix("apigw-logs-")
            .unwrap();
        let description = alarm["AlarmDescription"].as_str().unwrap();
        assert!(
            description.ends_with(&format!(
                "See https://wiki.example.com/apigw-logs#{chapter}."
            )),
            "{name}: {description}"
        );
        explained.insert(format!("`{chapter}`"));
    }
    let headings: BTreeSet<_> = headings
        .into_iter()
        .filter(|heading| heading.starts_with('`'))
        .map(str::to_owned)
        .collect();
    assert_eq!(headings, explained);
}

#[test]
fn its_outputs_are_those_that_the_documents_use() {
    let template = template();
    let docs = ["deploy", "operate"]
        .map(|name| fs::read_to_string(repository(&format!("docs/{name}.md"))).unwrap());
    for (name, output) in template.section("Outputs") {
        assert!(
            output["Description"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{name}"
        );
        assert!(
            docs.iter().any(|doc| doc.contains(name.as_str())),
            "{name} is not in the documents"
        );
    }
}
