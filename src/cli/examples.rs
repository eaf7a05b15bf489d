//! Examples at the end of each `--help`.

pub(super) const ALL: &str = "\
Examples:
  apigw-logs invoke events/rest.json          see the documents of a sample event
  apigw-logs normalize access.log             see the documents of your own lines
  apigw-logs config                           see the settings, and what is wrong with them
  apigw-logs invoke --help                    see all about a command";

pub(super) const INVOKE: &str = "\
Examples:
  apigw-logs invoke events/rest.json          print the documents; nothing is sent
  apigw-logs invoke kept/*.json               send what a queue of failed invocations held
  aws logs filter-log-events --log-group-name my-api --output json > found.json
  apigw-logs invoke found.json --log-group arn:aws:logs:eu-central-1:111122223333:log-group:my-api
  apigw-logs event access.log --log-group my-api --log-stream 1 | apigw-logs invoke -";

pub(super) const NORMALIZE: &str = "\
Examples:
  apigw-logs normalize access.log
  aws logs tail my-api --format short | cut -d' ' -f2- | apigw-logs normalize
  apigw-logs normalize --event-time 2026-03-01T08:30:00Z < access.log";

pub(super) const EVENT_USAGE: &str = "\
apigw-logs event --log-group <GROUP> --log-stream <STREAM> [--owner <ID>] [--event-time <TIME>]
                        [--kinesis | --sqs] [FILE]
       apigw-logs event --log-group <ARN> [--kinesis | --sqs] [FOUND.json]
       apigw-logs event --generate <N> [--seed <S>] [--since <TIME>] [--until <TIME>] [--owner <ID>]";

pub(super) const EVENT: &str = "\
Examples:
  apigw-logs event access.log --log-group my-api --log-stream 1 > my-event.json
  apigw-logs event access.log --log-group my-api --log-stream 1 --sqs > my-message.json
  apigw-logs event --generate 1000 --since 2026-03-01 > shop.json";

pub(super) const SETUP: &str = "\
Examples:
  apigw-logs setup --dry-run                  print the requests, as Kibana's console takes them
  ELASTICSEARCH_USERNAME=elastic ELASTICSEARCH_PASSWORD=… apigw-logs setup";

pub(super) const REDRIVE: &str = "\
Examples:
  apigw-logs redrive --dry-run                print the documents that would be sent
  apigw-logs redrive --since 7d --limit 100   begin with a few
  apigw-logs redrive";

pub(super) const BACKFILL: &str = "\
Examples:
  apigw-logs backfill --log-group my-api --since 2026-03-01 --dry-run
  apigw-logs backfill --log-group '/aws/vendedlogs/apigw/*' --since 7d
  apigw-logs backfill --log-group my-api --since 2026-03-01T08:30:00Z --until 2026-03-01T09:00:00Z";

pub(super) const AUDIT: &str = "\
Examples:
  apigw-logs audit --log-group my-api --since 7d
  apigw-logs audit --log-group my-api --since 7d --repair --remove-doubles
  apigw-logs audit --log-group my-api --since 7d --json | jq 'select(.missing > 0)'";

pub(super) const LOG_FORMAT: &str = "\
Examples:
  apigw-logs log-format rest                  the format to paste into a stage of a REST API
  apigw-logs log-format websocket --minimal   the one of the documentation";

pub(super) const CHECK: &str = "\
Examples:
  apigw-logs check                            before a deployment, with the function's settings
  apigw-logs check --write                    write a document, too, and remove it again
  apigw-logs check --stack apigw-logs         after it: ask AWS about the deployment, too
  apigw-logs check --json | jq 'select(.result == \"failed\")'";

pub(super) const CONFIG: &str = "\
Examples:
  apigw-logs config
  ELASTICSEARCH_URL=https://es.example.com:9200 apigw-logs config";

pub(super) const COMPLETIONS: &str = "\
Examples:
  eval \"$(apigw-logs completions bash)\"       in ~/.bashrc
  apigw-logs completions zsh > \"${fpath[1]}/_apigw-logs\"
  apigw-logs completions fish > ~/.config/fish/completions/apigw-logs.fish";
