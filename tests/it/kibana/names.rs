//! The names of APIs, as `docs/kibana.md` sets them up: they head the lists of APIs and the alerts,
//! and the id of an API without a name stands in its place.

use std::fs;

use super::panels::{drawn, shown};
use super::sample::server;
use crate::alerts::Rule;
use crate::support::golden::repository;
use crate::support::sample::{column, rows};

/// Returns the mappings that the page puts into the user's own component template.
pub(super) fn mappings() -> String {
    let page = fs::read_to_string(repository("docs/kibana.md")).expect("the page can be read");
    let (_, section) = page.split_once("\n## Names of APIs\n").expect("a section");
    let (_, block) = section.split_once("```json\n").expect("a body");
    let (body, _) = block.split_once("```").expect("its end");
    body.to_owned()
}

/// The value of `API_NAMES`. The third API has no name.
pub(super) const NAMES: &str = "a1b2c3d4e5=shop,f6g7h8i9j0=billing";

/// Returns lines of three APIs, with all that lists of APIs need.
pub(super) fn lines() -> String {
    let line = |number: usize| {
        let api = ["a1b2c3d4e5", "f6g7h8i9j0", "k1l2m3n4o5"].get(number % 3);
        let (api, second) = (api.expect("a remainder"), number % 60);
        format!(
            r#"{{"apiId":"{api}","stage":"prod","deploymentId":"d1","requestId":"6b1c2d3e-0000-4000-8000-{number:012}","requestTime":"16/Jan/2026:10:00:{second:02} +0000","status":"502","eventType":"DISCONNECT","connectedAt":"1768557000000"}}"#
        )
    };
    (0..180).map(|number| line(number) + "\n").collect()
}

#[test]
fn names_head_the_lists_of_apis_and_ids_stand_for_unknown_names() {
    let named = ["billing", "k1l2m3n4o5", "shop"];

    let range = ["2026-01-16T09:00:00.000Z", "2026-01-16T11:00:00.000Z"];
    for (title, place) in [
        ("Health by API and stage", 0),
        ("Deployments", 1),
        ("Length of connections (s)", 0),
    ] {
        let panel = drawn().find(|panel| panel.title == title).expect(title);
        let labels = shown(&panel, range).into_keys();
        let found: Vec<_> = labels.map(|labels| labels[place].clone()).collect();
        assert_eq!(found, named, "{title}");
    }

    let filter =
        r#"{"range":{"@timestamp":{"gte":"2026-01-16T09:55:00Z","lt":"2026-01-16T10:05:00Z"}}}"#;
    let rule = Rule::read("server-errors");
    let alerts = rule.alerts_of(rows(server(), rule.esql(), filter));
    let api = |alert| column(alert, "aws.api_gateway.api").compact();
    let mut found: Vec<_> = alerts.iter().map(api).collect();
    found.sort();
    assert_eq!(found, named.map(|name| format!("{name:?}")));
}
