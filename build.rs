//! Writes the built-in user-agent patterns as a static table, which costs nothing at start.

use std::error::Error;
use std::path::Path;

use user_agents::Table;

const REGEXES: &str = "data/uap-core-0.10.0/regexes.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={REGEXES}");
    let table = Table::from_yaml(&std::fs::read_to_string(REGEXES)?)?;
    let out = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let file = Path::new(&out).join("user_agent_table.rs");
    std::fs::write(file, table.to_rust("BUILT_IN"))?;
    Ok(())
}
