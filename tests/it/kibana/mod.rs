//! The Kibana objects of the integration package: their descriptions, and the numbers that they
//! show for known data.
//!
//! `dashboards` describes them in the words of `model`; `lens` (with `columns` and
//! `visualization`), `map` and `objects` make the files of `integration/kibana` from that. The
//! tests go the other way and begin at the files: `saved` reads them, `checks` tests whether they
//! are consistent, `look` tests whether a person can read them, `kql` and `query` make the requests
//! that Kibana would send to the Elasticsearch of `sample`, and `panels` compares the answers with
//! `expected`, which counts the raw lines (`count`, `feed`). `presets` asks the panels and the alerting
//! rules about lines of AWS's own formats, and `names` about APIs that have names.

mod answers;
mod checks;
mod columns;
mod count;
mod dashboards;
mod expected;
mod feed;
pub(crate) mod kql;
mod lens;
mod look;
mod map;
mod model;
mod names;
mod objectives;
mod objects;
mod panels;
mod presets;
mod query;
mod sample;
mod saved;
mod visualization;

use crate::support::golden::{assert_holds_only, check};
use crate::support::json::Json;

const FOLDER: &str = "integration/kibana";

#[test]
fn the_files_are_made_from_the_descriptions() {
    let files = objects::files();
    for (name, object) in &files {
        check(
            &format!("{FOLDER}/{name}"),
            &Json::read(&object.to_string()).pretty(),
        );
    }
    for folder in ["dashboard", "search"] {
        let names = files
            .iter()
            .filter_map(|(name, _)| name.strip_prefix(folder)?.strip_prefix('/'));
        assert_holds_only(&format!("{FOLDER}/{folder}"), names.map(str::to_owned));
    }
}
