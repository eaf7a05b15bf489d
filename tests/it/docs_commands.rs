//! Runs the commands of the README and of `docs/` as they stand there: against a real server, and
//! against AWS as moto plays it.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::support::golden::repository;
use crate::support::search_server::{shared, target_folder};
use crate::support::templates::{Job, key, key_body, put_templates};
use crate::support::tls::Authority;
use crate::support::{http, moto};

/// The pages for users and operators.
const PAGES: &[&str] = &[
    "README.md",
    "docs/configure.md",
    "docs/deploy.md",
    "docs/fields.md",
    "docs/history.md",
    "docs/kibana.md",
    "docs/operate.md",
    "docs/performance.md",
];

const BUILDS: &str = "it builds or installs the program, which .ci/run and its --all do";
const DEPLOYS: &str =
    "it deploys: moto knows neither the loops of the nested stacks nor alarms in stacks";
const NOT_IN_MOTO: &str = "moto does not know this call";
const NETWORK: &str = "it makes a private link, which only AWS has";
const KIBANA: &str = "it needs Kibana: see acceptance/kibana";

/// Commands that are not run here: how they begin, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("cargo install", BUILDS),
    (
        "cargo lambda",
        "lambda_runtime.rs runs the function under AWS's emulator",
    ),
    (
        "cargo run --release",
        "generate.rs and the session of \"Try it\" run the same without a release build",
    ),
    ("./test", "it is this"),
    ("rustup target", BUILDS),
    ("python3 -m venv", BUILDS),
    ("pip install", BUILDS),
    ("git ", "it changes the clone"),
    ("sam ", DEPLOYS),
    ("aws cloudformation package", DEPLOYS),
    ("aws cloudformation deploy", DEPLOYS),
    ("aws cloudformation detect-stack-drift", NOT_IN_MOTO),
    (
        "aws cloudformation describe-stack-resource-drifts",
        NOT_IN_MOTO,
    ),
    (
        "aws lambda invoke --function-name apigw-logs ",
        "nothing runs behind moto: see lambda_runtime.rs",
    ),
    (
        "aws iam attach-role-policy",
        "moto has AWS's policies only if it is started for them, which takes long",
    ),
    ("aws sqs start-message-move-task", NOT_IN_MOTO),
    ("aws logs put-account-policy", NOT_IN_MOTO),
    ("aws apigatewayv2 update-stage", NOT_IN_MOTO),
    ("aws ec2", NETWORK),
    ("aws route53", NETWORK),
    ("apigw-logs check --stack", "check_stack.rs runs it"),
    ("sha256sum", "it checks a release: see .ci/dist-test"),
    (
        "python3 -m zipfile",
        "it unpacks a release: see .ci/dist-test",
    ),
    ("tar ", "it unpacks a release: see .ci/dist-test"),
    ("sudo install", "it changes the machine"),
    ("just integration", "kibana.rs makes the package"),
    (
        "curl --fail-with-body -u elastic -X POST \"$KIBANA_URL",
        KIBANA,
    ),
    (
        "curl --fail-with-body -u elastic -X DELETE \"$KIBANA_URL",
        KIBANA,
    ),
    (
        "export ELASTICSEARCH_URL=https://my-project",
        "serverless.rs runs these commands",
    ),
    (
        "AWS_REGION=eu-central-1 ELASTICSEARCH_AUTH=sigv4",
        "sigv4.rs signs such requests",
    ),
];

/// A command and where it stands.
struct DocumentedCommand {
    page: &'static str,
    line: usize,
    chapter: String,
    text: String,
}

impl DocumentedCommand {
    fn why_not(&self) -> Option<&'static str> {
        let reason = NOT_RUN
            .iter()
            .find(|(start, _)| self.text.starts_with(start));
        reason.map(|(_, reason)| *reason)
    }
}

/// Returns the commands of a page: lines after `$ ` with the indented lines that go on. Other lines
/// are output.
fn commands(page: &'static str) -> Vec<DocumentedCommand> {
    let text = fs::read_to_string(repository(page)).unwrap();
    let mut commands: Vec<DocumentedCommand> = Vec::new();
    let (mut chapter, mut indent, mut goes_on) = (String::new(), None, false);
    for (number, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        match indent {
            None => {
                if let Some(title) = line.strip_prefix("## ") {
                    title.clone_into(&mut chapter);
                }
                indent = (bare == "```console").then(|| line.len() - bare.len());
            }
            Some(_) if bare == "```" => (indent, goes_on) = (None, false),
            Some(indent) => {
                let line = line.get(indent..).unwrap_or_default();
                if let Some(command) = line.strip_prefix("$ ") {
                    goes_on = true;
                    commands.push(DocumentedCommand {
                        page,
                        line: number + 1,
                        chapter: chapter.clone(),
                        text: command.to_owned(),
                    });
                } else if goes_on && line.starts_with(' ') {
                    let command = &mut commands.last_mut().unwrap().text;
                    command.push('\n');
                    command.push_str(line);
                } else {
                    goes_on = false;
                }
            }
        }
    }
    commands
}

/// Chapters of a page whose commands run one after the other in one shell.
struct Session {
    page: &'static str,
    /// The region keeps the sessions apart in moto.
    region: &'static str,
    /// The commands that run first.
    setup: &'static [&'static str],
    /// Chapters, each with the commands that run before it.
    chapters: &'static [(&'static str, &'static str)],
    /// Placeholders, and what stands for them here.
    replaced: &'static [(&'static str, &'static str)],
}

/// Lines for `normalize` and `event`, and a log group with three of them.
const LOG_GROUP: &str = r#"
cp rest.log access.log
aws logs create-log-group --log-group-name my-api
aws logs create-log-stream --log-group-name my-api --log-stream-name 1
now=$(date +%s)
aws logs put-log-events --log-group-name my-api --log-stream-name 1 --log-events "$(
  head -n 3 access.log | jq -Rc --argjson now "$now" '{timestamp: (($now - 3600) * 1000), message: .}' | jq -sc .)" > put.json
"#;

/// An API with a name, the file that the page says to save, and a data stream to roll over.
const ALIAS: &str = r#"
aws apigateway create-rest-api --name shop > /dev/null
sed -n '/{"template":{"mappings":{"properties":{"aws"/,/}}}}}}}}}$/p' docs/kibana.md > alias.json
jq -e .template.mappings alias.json > /dev/null
ELASTICSEARCH_USERNAME=admin ELASTICSEARCH_PASSWORD=changeme apigw-logs invoke events/rest.json
"#;

const ADMINISTRATOR: &str = "unset ELASTICSEARCH_API_KEY; export ELASTICSEARCH_USERNAME=admin ELASTICSEARCH_PASSWORD=changeme";

/// moto's ids of log events are not those of CloudWatch Logs, and both commands notice.
const FORCED: (&str, &str) = ("apigw-logs backfill", "apigw-logs backfill --force");
const FORCED_AUDIT: (&str, &str) = ("apigw-logs audit", "apigw-logs audit --force");

const FUNCTION: &str = r#"
role=$(aws iam create-role --role-name "function-$AWS_REGION" --assume-role-policy-document '{}' --query Role.Arn --output text)
printf x > bootstrap
python3 -m zipfile -c function.zip bootstrap
aws lambda create-function --function-name apigw-logs --runtime provided.al2023 --handler bootstrap \
  --role "$role" --zip-file fileb://function.zip > function.json
"#;

const SESSIONS: &[Session] = &[
    Session {
        page: "README.md",
        region: "eu-central-1",
        setup: &[LOG_GROUP],
        chapters: &[
            ("Try it", ""),
            ("Index into your own Elasticsearch", ""),
            ("What to log", ""),
            (
                "Send dead letters again",
                "export ELASTICSEARCH_API_KEY=$REDRIVE_KEY",
            ),
            ("Read history", "export ELASTICSEARCH_API_KEY=$AUDIT_KEY"),
        ],
        replaced: &[
            FORCED,
            FORCED_AUDIT,
            ("https://elasticsearch.example.com:9200", "$SERVER"),
            ("/etc/ssl/my-authority.pem", "$PWD/authority.pem"),
            ("ELASTICSEARCH_USERNAME=elastic ELASTICSEARCH_PASSWORD=…", "ELASTICSEARCH_USERNAME=admin ELASTICSEARCH_PASSWORD=changeme"),
            ("-u elastic", "-u admin:changeme"),
        ],
    },
    Session {
        page: "docs/deploy.md",
        region: "eu-west-1",
        setup: &[FUNCTION],
        chapters: &[
            ("1. Prepare Elasticsearch", "cp key.json function-key.json"),
            (
                "2. Deploy the function",
                r#"
echo '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}' > stack.json
aws cloudformation create-stack --stack-name apigw-logs --template-body file://stack.json > /dev/null
"#,
            ),
            (
                "3. Turn on access logging",
                r#"
api=$(aws apigateway create-rest-api --name api --query id --output text)
root=$(aws apigateway get-resources --rest-api-id "$api" --query 'items[0].id' --output text)
aws apigateway put-method --rest-api-id "$api" --resource-id "$root" --http-method GET --authorization-type NONE > /dev/null
aws apigateway put-integration --rest-api-id "$api" --resource-id "$root" --http-method GET --type MOCK > /dev/null
aws apigateway create-deployment --rest-api-id "$api" --stage-name prod > /dev/null
"#,
            ),
            ("4. Subscribe log groups", ""),
            (
                "Through Kinesis",
                "aws logs create-log-group --log-group-name MY_LOG_GROUP",
            ),
            ("In a VPC", "cp authority.pem ca.pem"),
            ("Elastic Cloud", ADMINISTRATOR),
            ("OpenSearch", ""),
            (
                "Places and networks of clients",
                "cp GeoIP2-City-Test.mmdb GeoLite2-City.mmdb; cp GeoLite2-ASN-Test.mmdb GeoLite2-ASN.mmdb",
            ),
            (
                "Upgrading and removing",
                r#"
export ELASTICSEARCH_USERNAME=admin ELASTICSEARCH_PASSWORD=changeme
aws s3api create-bucket --bucket failed-records-to-remove --create-bucket-configuration LocationConstraint=eu-west-1 > /dev/null
aws s3 cp --quiet key.json s3://failed-records-to-remove/a/b.json
queue=$(aws sqs create-queue --queue-name failed --query QueueUrl --output text)
aws logs create-log-group --log-group-name /aws/lambda/apigw-logs
"#,
            ),
        ],
        replaced: &[
            ("https://elasticsearch.example.com:9200", "$SERVER"),
            ("ELASTICSEARCH_USERNAME=elastic ELASTICSEARCH_PASSWORD=…", "ELASTICSEARCH_USERNAME=admin ELASTICSEARCH_PASSWORD=changeme"),
            ("-u elastic", "-u admin:changeme"),
            ("--rest-api-id a1b2c3d4e5", "--rest-api-id \"$api\""),
            (
                "arn:aws:logs:eu-central-1:111122223333:destination:apigw-logs",
                "\"$function\"",
            ),
            ("QUEUE_URL", "\"$queue\""),
            ("FAILED_RECORDS_BUCKET", "failed-records-to-remove"),
        ],
    },
    Session {
        page: "docs/history.md",
        region: "eu-west-2",
        setup: &[LOG_GROUP],
        chapters: &[
            ("Backfill", "export ELASTICSEARCH_URL=$SERVER ELASTICSEARCH_API_KEY=$BACKFILL_KEY"),
            ("Audit", "export ELASTICSEARCH_API_KEY=$AUDIT_KEY"),
        ],
        replaced: &[FORCED, FORCED_AUDIT],
    },
    Session {
        page: "docs/kibana.md",
        region: "eu-west-3",
        setup: &["export ELASTICSEARCH_URL=$SERVER"],
        chapters: &[("The package or `setup`", ""), ("Names of APIs", ALIAS), ("First look", "")],
        replaced: &[
            ("-u elastic", "-u admin:changeme"),
            ("logs-aws.api_gateway_logs@custom", "logs-aws.api_gateway_docs@custom"),
            ("logs-aws.api_gateway_logs-default/_rollover", "$DATA_STREAM/_rollover"),
        ],
    },
    Session {
        page: "docs/operate.md",
        region: "us-east-1",
        setup: &[FUNCTION, LOG_GROUP, r#"
curl -sS -X POST "$AWS_ENDPOINT_URL/moto-api/static/lambda-simple/response" \
  -d '{"results": ["{\"batchItemFailures\":[]}"], "region": "us-east-1"}'
aws lambda add-permission --function-name apigw-logs --statement-id logs --action lambda:InvokeFunction \
  --principal logs.amazonaws.com > /dev/null
failed=$(aws sqs create-queue --queue-name failed --query QueueUrl --output text)
arn=$(aws sqs get-queue-attributes --queue-url "$failed" --attribute-names QueueArn --query Attributes.QueueArn --output text)
source=$(aws lambda create-event-source-mapping --function-name apigw-logs --event-source-arn "$arn" --no-enabled --query UUID --output text)
aws s3api create-bucket --bucket failed-records > /dev/null
aws logs create-log-group --log-group-name /aws/lambda/apigw-logs
aws logs create-log-group --log-group-name MY_LOG_GROUP
jq -n --arg failed "$failed" --arg source "$source" '{Resources: {Queue: {Type: "AWS::SQS::Queue"}}, Outputs: ({
  LogGroupName: "/aws/lambda/apigw-logs", FunctionName: "apigw-logs", FailedInvocationsUrl: $failed,
  FailedInvocationsSourceId: $source, FailedRecordsBucket: "failed-records"} | map_values({Value: .}))}' > stack.json
aws cloudformation create-stack --stack-name apigw-logs --template-body file://stack.json > /dev/null
stack=apigw-logs
output() { aws cloudformation describe-stacks --stack-name "$stack" --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue" --output text; }
jq -n '{requestPayload: {}, responsePayload: {errorType: "Delivery.Incomplete"}}' > message.json
aws sqs send-message --queue-url "$failed" --message-body file://message.json > /dev/null
export ELASTICSEARCH_URL=$SERVER ELASTICSEARCH_API_KEY=$AUDIT_KEY
"#],
        chapters: &[
            ("At three in the morning", ""),
            (
                "The alarms",
                "jq -n '{payload: \"{}\"}' > record.json; aws s3 cp --quiet record.json s3://failed-records/a/b.json",
            ),
            (
                "Failed invocations: sending again",
                "aws sqs send-message --queue-url \"$failed\" --message-body file://message.json > /dev/null",
            ),
            (
                "Dead letters",
                "test -n \"$(ls kept)\"; export ELASTICSEARCH_API_KEY=$REDRIVE_KEY",
            ),
            (
                "Reading a time again",
                "export ELASTICSEARCH_API_KEY=$BACKFILL_KEY
                 aws logs filter-log-events --log-group-name my-api --limit 100 --output json > found.json",
            ),
            ("Rolling back", ""),
        ],
        replaced: &[
            FORCED,
            FORCED_AUDIT,
            ("logs-aws.api_gateway_dead_letters-default", "$DEAD_LETTER_DATA_STREAM"),
            ("--since 2026-03-01T08:00:00Z --until 2026-03-01T09:00:00Z", "--since 7d"),
        ],
    },
];

/// A command that is new in the documents is run, or somebody says why not.
#[test]
fn each_command_is_run_or_has_a_reason() {
    let commands: Vec<_> = PAGES.iter().flat_map(|page| commands(page)).collect();
    for command in &commands {
        let is_run = SESSIONS.iter().any(|session| {
            let mut chapters = session.chapters.iter();
            session.page == command.page && chapters.any(|(title, _)| *title == command.chapter)
        });
        assert!(
            is_run || command.why_not().is_some(),
            "{}:{}: nothing runs {:?} (chapter {:?})",
            command.page,
            command.line,
            command.text,
            command.chapter
        );
    }
    for (start, _) in NOT_RUN {
        assert!(
            commands
                .iter()
                .any(|command| command.text.starts_with(start)),
            "no command begins with {start:?}"
        );
    }
    for session in SESSIONS {
        for (title, _) in session.chapters {
            assert!(
                commands
                    .iter()
                    .any(|command| command.page == session.page && command.chapter == *title),
                "{}: {title:?} has no command",
                session.page
            );
        }
    }
}

/// A wrong password must not become a key named `null`.
#[test]
fn a_command_that_fails_makes_no_key() {
    let commands: Vec<_> = PAGES.iter().copied().flat_map(commands).collect();
    let mut keys = 0;
    for command in &commands {
        let place = format!("{}:{}: {}", command.page, command.line, command.text);
        if command.text.contains(".encoded") {
            keys += 1;
            assert!(command.text.contains("jq -er .encoded"), "{place}");
        }
        if command.text.contains("curl ") {
            assert!(command.text.contains("--fail-with-body"), "{place}");
        }
    }
    assert!(keys >= 2, "the README and the page on deploying make keys");
}

#[test]
fn the_commands_of_the_readme_work() {
    run(&SESSIONS[0]);
}

#[test]
fn the_commands_of_the_page_on_deploying_work() {
    run(&SESSIONS[1]);
}

#[test]
fn the_commands_of_the_page_on_history_work() {
    run(&SESSIONS[2]);
}

#[test]
fn the_commands_of_the_page_on_kibana_work() {
    run(&SESSIONS[3]);
}

#[test]
fn the_commands_of_the_page_on_operating_work() {
    run(&SESSIONS[4]);
}

#[expect(clippy::print_stderr, reason = "a test says why it is skipped")]
fn run(session: &Session) {
    let server = shared();
    if !server.can_create_api_keys() {
        eprintln!("skipped: the server makes no API keys");
        return;
    }
    put_templates(server);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let bin = path.join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_apigw-logs"), bin.join("apigw-logs")).unwrap();
    let aws = format!(
        "#!/bin/sh\nexec '{}' \"$@\"\n",
        repository("tests/moto/aws").display()
    );
    fs::write(bin.join("aws"), aws).unwrap();
    fs::set_permissions(bin.join("aws"), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["docs", "events", "tests"] {
        symlink(repository(name), path.join(name)).unwrap();
    }
    for file in [
        "tests/it/fixtures/geoip/GeoIP2-City-Test.mmdb",
        "tests/it/fixtures/geoip/GeoLite2-ASN-Test.mmdb",
        "tests/it/fixtures/lines/rest.log",
    ] {
        let name = repository(file);
        symlink(&name, path.join(name.file_name().unwrap())).unwrap();
    }
    fs::write(path.join("authority.pem"), Authority::new("docs").pem).unwrap();
    fs::write(path.join("key.json"), key_body(Job::Function)).unwrap();

    // Without Docker, moto gives the functions' answers itself.
    let config = r#"{"lambda":{"use_docker":false}}"#;
    let url = format!("{}/moto-api/config", moto::shared().url);
    let (status, answer) =
        http::request("POST", &url, None, Some(config.as_bytes().to_vec())).unwrap();
    assert_eq!(status, 201, "{answer}");

    let script = script(session);
    let unique = format!(
        "docs{}{}",
        session.region.replace('-', ""),
        std::process::id()
    );
    let job = |job| key(server, job).unwrap_or_default();
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(path)
        .env_clear()
        .envs([
            (
                "PATH",
                format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()),
            ),
            ("HOME", path.display().to_string()),
            (
                "AWS_CLI_VENV",
                target_folder()
                    .join("tools/awscli-1.46.3")
                    .display()
                    .to_string(),
            ),
            ("AWS_ENDPOINT_URL", moto::shared().url.clone()),
            ("SERVER", server.url.clone()),
            ("DATA_STREAM", format!("logs-aws.api_gateway_logs-{unique}")),
            (
                "DEAD_LETTER_DATA_STREAM",
                format!("logs-aws.api_gateway_dead_letters-{unique}"),
            ),
            ("REDRIVE_KEY", job(Job::Redrive)),
            ("BACKFILL_KEY", job(Job::Backfill)),
            ("AUDIT_KEY", job(Job::AuditRepair)),
        ])
        .envs([
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", session.region),
            ("AWS_DEFAULT_REGION", session.region),
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {}\n{}",
        session.page,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The first command that fails ends the script. It is the one that was named last.
fn script(session: &Session) -> String {
    let mut script = "set -euo pipefail\nexec < /dev/null\n".to_owned();
    script += &session.setup.concat();
    for (title, setup) in session.chapters {
        script += &format!("\n{setup}\n");
        for command in commands(session.page) {
            if command.chapter != *title || command.why_not().is_some() {
                continue;
            }
            let mut text = command.text;
            for (placeholder, here) in session.replaced {
                text = text.replace(placeholder, here);
            }
            script += &format!("echo '== {}:{}'\n{text}\n", command.page, command.line);
        }
    }
    script
}
