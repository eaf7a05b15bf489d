//! The dashboard about the pipeline: how many log lines came, how well they were understood, how
//! late they were, and which were rejected.

use super::super::model::Shape::{self, Bars, Search};
use super::super::model::{
    BLUE, Bucket, DARK_BLUE, DEAD_LETTERS, Dashboard, Esql, GREEN, GREY, LOGS, Metric, ORANGE,
    Panel, RED, Row, YELLOW, chart, count, panel, table, terms, tile,
};
use super::{NONE_IS_BAD, NONE_IS_BETTER, NONE_IS_GOOD};

const IS_NOT_PARSED: &str = "event.kind : \"pipeline_error\"";
const IS_REPAIRED: &str = "aws.api_gateway.repairs : *";
/// XML, CSV and other lists, and any format to come.
const IS_OF_ANOTHER_FORMAT: &str = "aws.api_gateway.log_type : \"access\" \
    and not (aws.api_gateway.log_format : \"json\" or aws.api_gateway.log_format : \"clf\" \
    or aws.api_gateway.log_format : \"key_value\" or aws.api_gateway.log_format : \"request_id\")";

const DOCUMENTS: Metric = count("Documents");
const LETTERS: Metric = count("Dead letters").colored(RED);
/// The only control. Dead letters, and lines of an unknown form, have no field of an API: a choice of
/// one would hide them, and the tiles would be green.
const BY_LOG_GROUP: (&str, &str) = ("aws.cloudwatch.log_group", "Log group");
const LOG_GROUP: Bucket = terms("aws.cloudwatch.log_group", "Log group");

/// Fleet sets `event.ingested` for the data streams of packages: see `docs/fields.md`.
const DELAY: &Esql = &Esql {
    query: "FROM logs-aws.api_gateway_logs-*\n\
        | WHERE event.ingested IS NOT NULL\n\
        | EVAL seconds = DATE_DIFF(\"seconds\", @timestamp, event.ingested)\n\
        | STATS median = MEDIAN(seconds), longest = MAX(seconds), documents = COUNT(*) BY log_group = aws.cloudwatch.log_group\n\
        | SORT longest DESC",
    by: ("log_group", "Log group"),
    of: &[
        ("median", "Median"),
        ("longest", "Longest"),
        ("documents", "Documents"),
    ],
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "pipeline",
        title: "Pipeline",
        description: "What became of the log lines on their way: how many, how well understood, how late, and which were rejected?",
        datasets: &[LOGS, DEAD_LETTERS],
        controls: &[BY_LOG_GROUP],
        opens_with: None,
        rows: vec![
            numbers(),
            formats(),
            log_groups(),
            dead_letters(),
            damage(),
            lines(),
        ],
    }
}

/// A share of all documents, not of access logs alone.
fn of_all(panel: Panel) -> Panel {
    panel.query("")
}

fn numbers() -> Row {
    let not_parsed = count("Unparsed lines")
        .only(IS_NOT_PARSED)
        .in_steps(NONE_IS_GOOD);
    let repaired = count("Repaired lines")
        .only(IS_REPAIRED)
        .in_steps(NONE_IS_BETTER);
    Row(
        5,
        vec![
            of_all(tile(12, DOCUMENTS.in_steps(NONE_IS_BAD)))
                .described("Documents of all log lines. Red if there are none: then no other number means anything."),
            of_all(tile(12, not_parsed))
                .described("Lines of an unknown form, kept whole in event.original. Worry about any: no other dashboard counts them."),
            of_all(tile(12, repaired))
                .described("Lines of broken JSON that were read all the same. Worry when they are many: correct the log format."),
            tile(12, LETTERS.in_steps(NONE_IS_GOOD))
                .dead_letters()
                .described("Documents that Elasticsearch rejected for good. Worry about any: other dashboards lack them until redrive."),
        ],
    )
}

fn formats() -> Row {
    let format = |label, filter, color| count(label).only(filter).colored(color);
    Row(
        15,
        vec![
            of_all(chart(Bars, 24, "Documents by format")).of([
                format("JSON", "aws.api_gateway.log_format : \"json\"", BLUE),
                format("CLF", "aws.api_gateway.log_format : \"clf\"", GREEN),
                format(
                    "key: value",
                    "aws.api_gateway.log_format : \"key_value\"",
                    YELLOW,
                ),
                format(
                    "request id only",
                    "aws.api_gateway.log_format : \"request_id\"",
                    ORANGE,
                ),
                format("other", IS_OF_ANOTHER_FORMAT, DARK_BLUE),
                format(
                    "execution log",
                    "aws.api_gateway.log_type : \"execution\"",
                    GREY,
                ),
                format("unknown", "not aws.api_gateway.log_type : *", RED),
            ])
            .described("Documents by the form of their lines. Worry about red, and about a colour that ends: a log group went silent."),
            panel(
                Shape::Esql(DELAY),
                24,
                "Lag from event to ingest (s)",
            )
            .query("")
            .described("How late documents are. Worry when the median grows beyond a minute. Needs event.ingested, which Fleet sets for the data streams of a package."),
        ],
    )
}

fn log_groups() -> Row {
    Row(
        15,
        vec![
            of_all(table(24, "Documents by log group", LOG_GROUP)).of([
                DOCUMENTS,
                count("Unparsed").only(IS_NOT_PARSED),
                count("Repaired").only(IS_REPAIRED),
                count("Cut off").only("aws.api_gateway.truncated : true"),
            ])
            .described("Where the lines come from. Worry when a log group is missing, or has unparsed lines."),
            table(24, "Dead letters by log group and reason", LOG_GROUP)
                .by([terms("error.type", "Reason")])
                .dead_letters()
                .of([LETTERS])
                .described("Where rejected documents come from, and why. Worry about any: correct the cause, then run redrive."),
        ],
    )
}

/// Half of the width would cut every column.
fn dead_letters() -> Row {
    Row(
        14,
        vec![
            panel(Search("dead-letters"), 48, "Latest dead letters")
                .described("Rejected documents, the newest first. Worry about any: error.message names the field."),
        ],
    )
}

fn damage() -> Row {
    let repairs = terms("aws.api_gateway.repairs", "Repair");
    let keys = terms("aws.api_gateway.unmapped_keys", "Key");
    Row(
        14,
        vec![
            table(24, "Repairs", repairs)
                .query(IS_REPAIRED)
                .of([count("Lines")])
                .described("What was broken in repaired lines; a line may have several repairs. Worry when one grows: a log format lacks quotes."),
            table(24, "Keys without a field", keys)
                .query("aws.api_gateway.unmapped_keys : *")
                .of([count("Lines")])
                .described("Keys of your log formats that fill no field; aws.api_gateway.unmapped has their values. Worry only about a key that you expected in a panel."),
        ],
    )
}

fn lines() -> Row {
    Row(
        16,
        vec![panel(
            Search("lines-not-parsed"),
            48,
            "Latest unparsed and repaired lines",
        )
        .described("The lines themselves, the newest first. Worry when lines of an access log are among the unparsed.")],
    )
}
