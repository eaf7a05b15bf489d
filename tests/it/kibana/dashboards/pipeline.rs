//! What became of the log lines on their way.

use super::super::model::Shape::{self, Bars, Donut, Search};
use super::super::model::{
    BLUE, Bucket, DEAD_LETTERS, Dashboard, Esql, LOGS, Metric, Panel, RED, Row, YELLOW, chart,
    count, panel, table, terms, tile,
};
use super::{BY_API, BY_KIND, BY_RESOURCE, BY_ROUTE, BY_STAGE};

const IS_NOT_PARSED: &str = "event.kind : \"pipeline_error\"";
const IS_REPAIRED: &str = "aws.api_gateway.repairs : *";

const DOCUMENTS: Metric = count("Documents");
const LETTERS: Metric = count("Dead letters").colored(RED);
/// The only one that dead letters have, and lines that were not understood at all: it comes first.
const BY_LOG_GROUP: (&str, &str) = ("aws.cloudwatch.log_group", "Log group");
const LOG_GROUP: Bucket = terms("aws.cloudwatch.log_group", "Log group");

const FORMATS: &[(&str, &str)] = &[
    ("JSON", "aws.api_gateway.log_format : \"json\""),
    ("CLF", "aws.api_gateway.log_format : \"clf\""),
    ("key: value", "aws.api_gateway.log_format : \"key_value\""),
    (
        "request id only",
        "aws.api_gateway.log_format : \"request_id\"",
    ),
    ("execution log", "aws.api_gateway.log_type : \"execution\""),
    ("not known", "not aws.api_gateway.log_type : *"),
];

/// `event.ingested` is set by Fleet, for the data streams of packages: see `docs/fields.md`.
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
        description: "What became of the log lines on their way: how many, how well understood, how late, and which were refused.",
        datasets: &[LOGS, DEAD_LETTERS],
        controls: &[
            BY_LOG_GROUP,
            BY_KIND,
            BY_API,
            BY_STAGE,
            BY_RESOURCE,
            BY_ROUTE,
        ],
        opens_with: None,
        rows: vec![numbers(), formats(), log_groups(), dead_letters(), lines()],
    }
}

/// Of all documents, not of access logs alone.
fn of_all(panel: Panel) -> Panel {
    panel.query("")
}

fn numbers() -> Row {
    Row(
        6,
        vec![
            of_all(tile(12, DOCUMENTS.colored(BLUE))),
            of_all(tile(
                12,
                count("Lines not parsed").only(IS_NOT_PARSED).colored(RED),
            )),
            of_all(tile(
                12,
                count("Lines repaired").only(IS_REPAIRED).colored(YELLOW),
            )),
            tile(12, LETTERS).dead_letters(),
        ],
    )
}

fn formats() -> Row {
    Row(
        14,
        vec![
            of_all(chart(Bars, 32, "Documents by format"))
                .by([Bucket::Filters(FORMATS)])
                .of([DOCUMENTS]),
            of_all(panel(Donut, 16, "Formats"))
                .by([Bucket::Filters(FORMATS)])
                .of([DOCUMENTS]),
        ],
    )
}

fn log_groups() -> Row {
    let repairs = terms("aws.api_gateway.repairs", "Repair");
    Row(
        14,
        vec![
            of_all(table(16, "Documents by log group", LOG_GROUP)).of([
                DOCUMENTS,
                count("Not parsed").only(IS_NOT_PARSED),
                count("Repaired").only(IS_REPAIRED),
                count("Cut off").only("aws.api_gateway.truncated : true"),
            ]),
            table(16, "Repairs", repairs)
                .query(IS_REPAIRED)
                .of([count("Lines")]),
            panel(
                Shape::Esql(DELAY),
                16,
                "Delay between event and ingest, in seconds",
            )
            .query(""),
        ],
    )
}

fn dead_letters() -> Row {
    Row(
        12,
        vec![
            chart(Bars, 24, "Dead letters by reason")
                .dead_letters()
                .by([terms("error.type", "Reason")])
                .of([LETTERS]),
            table(24, "Dead letters by log group", LOG_GROUP)
                .dead_letters()
                .of([LETTERS]),
        ],
    )
}

fn lines() -> Row {
    Row(
        16,
        vec![
            panel(Search("lines-not-parsed"), 24, "Lines not parsed, the last"),
            panel(Search("dead-letters"), 24, "Dead letters, the last"),
        ],
    )
}
