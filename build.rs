//! Lays out the built-in user agent patterns as a table that costs nothing at start.

#[path = "src/enrich/user_agent/java.rs"]
mod java;
#[path = "src/enrich/user_agent/literals.rs"]
mod literals;
#[path = "src/enrich/user_agent/pattern_error.rs"]
#[expect(unreachable_pub, reason = "it is public in the library")]
mod pattern_error;
#[path = "src/enrich/user_agent/source.rs"]
mod source;
#[path = "src/enrich/user_agent/table.rs"]
#[expect(dead_code, reason = "the library reads what is only written here")]
mod table;

use pattern_error::PatternError;
use source::Source;
use std::error::Error;
use std::path::Path;
use table::Table;

const REGEXES: &str = "data/uap-core-0.10.0/regexes.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={REGEXES}");
    println!("cargo::rerun-if-changed=src/enrich/user_agent");
    let table = Table::new(&Source::read(&std::fs::read_to_string(REGEXES)?)?)?;
    let out = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    std::fs::write(Path::new(&out).join("user_agent_table.rs"), rust(&table))?;
    Ok(())
}

/// The derived `Debug` of the table's parts is Rust.
fn rust(
    Table {
        text,
        patterns,
        ends,
        literals,
        unannounced,
    }: &Table,
) -> String {
    format!(
        "pub(super) const TABLE: Table = Table {{
    text: Cow::Borrowed({text:?}),
    patterns: Cow::Borrowed(&{patterns:?}),
    ends: {ends:?},
    literals: Cow::Borrowed(&{literals:?}),
    unannounced: Cow::Borrowed(&{unannounced:?}),
}};
"
    )
}
