//! Who asks, from where, with what, and as whom.

use super::super::model::Shape::{Bars, Donut, Map};
use super::super::model::{
    BLUE, Dashboard, LOGS, Of, Panel, Row, chart, metric, panel, table, terms, tile,
};
use super::{CONTROLS, COUNT_4XX, REQUESTS, kinds_of_api};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "clients",
        title: "Clients",
        description: "Who asks, from where, with what, and as whom.",
        datasets: &[LOGS],
        controls: CONTROLS,
        opens_with: None,
        rows: vec![numbers(), places(), networks(), agents(), identities()],
    }
}

/// A table of the clients that a field tells apart, which leads to their errors.
fn who(width: u32, title: &'static str, field: &'static str, label: &'static str) -> Panel {
    table(width, title, terms(field, label))
        .of([REQUESTS, COUNT_4XX])
        .leading_to(&["errors"])
}

fn numbers() -> Row {
    let unique = |label, field| tile(12, metric(label, Of::Unique(field)).colored(BLUE));
    Row(
        6,
        vec![
            unique("Addresses", "source.ip"),
            unique("Countries", "source.geo.country_iso_code"),
            unique("Networks", "source.as.number"),
            unique("User agents", "user_agent.original"),
        ],
    )
}

fn places() -> Row {
    Row(
        18,
        vec![
            panel(Map("source.geo.location"), 32, "Where requests come from").of([REQUESTS]),
            who(
                16,
                "Countries by requests",
                "source.geo.country_name",
                "Country",
            ),
        ],
    )
}

fn networks() -> Row {
    Row(
        14,
        vec![
            who(
                16,
                "Networks by requests",
                "source.as.organization.name",
                "Network (ASN)",
            ),
            who(16, "Addresses by requests", "source.ip", "Address"),
            chart(Bars, 16, "Requests by user agent")
                .by([terms("user_agent.name", "User agent")])
                .of([REQUESTS]),
        ],
    )
}

fn agents() -> Row {
    let donut = |title, field, label| {
        panel(Donut, 12, title)
            .by([terms(field, label)])
            .of([REQUESTS])
    };
    Row(
        14,
        vec![
            who(
                12,
                "User agents by requests",
                "user_agent.original",
                "User agent",
            ),
            donut("Operating systems", "user_agent.os.name", "System"),
            donut("Devices", "user_agent.device.name", "Device"),
            kinds_of_api(),
        ],
    )
}

fn identities() -> Row {
    Row(
        14,
        vec![
            who(16, "Callers (IAM)", "user.id", "ARN"),
            who(
                16,
                "API keys by id",
                "aws.api_gateway.api_key_id",
                "API key id",
            ),
            who(
                16,
                "Authorizer principals",
                "aws.api_gateway.authorizer.principal_id",
                "Principal",
            ),
        ],
    )
}
