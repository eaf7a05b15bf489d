//! The dashboard about clients: who sends requests, as whom, with what and from where; and who of
//! them suffers errors.

use super::super::model::Shape::Map;
use super::super::model::{
    Dashboard, LOGS, Of, Panel, Row, count, metric, panel, table, terms, tile,
};
use super::{CONTROLS, REQUESTS, SHARE_4XX, SHARE_5XX, THROTTLED};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "clients",
        title: "Clients",
        description: "Who sends requests, as whom, with what and from where? Who of them suffers errors?",
        datasets: &[LOGS],
        controls: CONTROLS,
        opens_with: None,
        rows: vec![numbers(), keys(), people(), programs(), places()],
    }
}

/// A table of the clients that suffer the most errors. It links to their errors.
///
/// A victim may send few requests, so the busiest clients are not those to call.
fn suffering(title: &'static str, field: &'static str, label: &'static str) -> Panel {
    let errors = count("Errors").only("http.response.status_code >= 400");
    table(24, title, terms(field, label))
        .of([errors, SHARE_4XX, THROTTLED, SHARE_5XX, REQUESTS])
        .leading_to(&["errors"])
}

/// A table of the busiest clients that a field distinguishes, with the errors that they suffer. It
/// links to their errors.
fn who(title: &'static str, field: &'static str, label: &'static str) -> Panel {
    table(24, title, terms(field, label))
        .of([REQUESTS, SHARE_4XX, THROTTLED, SHARE_5XX])
        .leading_to(&["errors"])
}

fn numbers() -> Row {
    let unique = |label, field, text| tile(12, metric(label, Of::Unique(field))).described(text);
    Row(
        5,
        vec![
            unique(
                "API keys",
                "aws.api_gateway.api_key_id",
                "How many API keys sent requests. Worry when it falls: customers are cut off. The log format needs identity.apiKeyId, which REST APIs have.",
            ),
            unique(
                "Callers (IAM)",
                "user.id",
                "How many IAM callers sent signed requests. Worry about a sudden rise or fall. The log format needs identity.userArn.",
            ),
            unique(
                "Addresses",
                "source.ip",
                "How many addresses sent requests, roughly. Worry about a sudden rise: it may be an attack.",
            ),
            unique(
                "User agents",
                "user_agent.original",
                "How many different programs sent requests, roughly. Worry about a sudden rise: it may be a scanner. The log format needs identity.userAgent.",
            ),
        ],
    )
}

fn keys() -> Row {
    Row(
        14,
        vec![
            suffering(
                "API keys by errors",
                "aws.api_gateway.api_key_id",
                "API key id",
            )
            .described("The API keys with the most errors. Worry about a red cell: a customer suffers. The log format needs identity.apiKeyId, which REST APIs have."),
            suffering("Callers (IAM) by errors", "user.id", "ARN")
                .described("The IAM callers with the most errors. Worry about a red or orange cell: a service of yours fails. The log format needs identity.userArn."),
        ],
    )
}

fn people() -> Row {
    Row(
        14,
        vec![
            suffering(
                "Authorizer principals by errors",
                "aws.api_gateway.authorizer.principal_id",
                "Principal",
            )
            .described("The users of an authorizer with the most errors. Worry about a red cell: a user suffers. The log format needs authorizer.principalId."),
            suffering("Addresses by errors", "source.ip", "Address").described("The addresses with the most errors. Worry about an orange cell with many requests: it guesses, or it is broken."),
        ],
    )
}

fn programs() -> Row {
    Row(
        14,
        vec![
            who(
                "User agents by requests",
                "user_agent.original",
                "User agent",
            )
            .described("The programs that send the most requests. Worry when a new version has a red or orange cell. The log format needs identity.userAgent."),
            who(
                "Networks by requests",
                "source.as.organization.name",
                "Network (ASN)",
            )
            .described("The networks that send the most requests. Worry about a hosting company whose requests fail. The function needs GEOIP_ASN_DATABASE."),
        ],
    )
}

fn places() -> Row {
    Row(
        16,
        vec![
            panel(Map("source.geo.location"), 24, "Where requests come from")
                .of([REQUESTS])
                .described("Requests by place. Worry about a large circle where you have no clients. The function needs GEOIP_CITY_DATABASE."),
            who(
                "Countries by requests",
                "source.geo.country_name",
                "Country",
            )
            .described("The countries that send the most requests. Worry about one where you have no clients. The function needs GEOIP_CITY_DATABASE."),
        ],
    )
}
