//! The patterns of uap-core v0.10.0, which Elasticsearch has used since 7.9, as `build.rs` wrote
//! them.

use std::borrow::Cow;

use user_agents::{Literal, Pattern, Span, Table};

include!(concat!(env!("OUT_DIR"), "/user_agent_table.rs"));
