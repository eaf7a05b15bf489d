//! uap-core v0.10.0, which Elasticsearch has had since 7.9, as `build.rs` laid it out.

use super::table::{Literal, Pattern, Span, Table};
use std::borrow::Cow;

include!(concat!(env!("OUT_DIR"), "/user_agent_table.rs"));
