//! The patterns of uap-core v0.10.0, which Elasticsearch has had since 7.9, as `build.rs` laid them out.

use std::borrow::Cow;

use user_agents::{Literal, Pattern, Span, Table};

include!(concat!(env!("OUT_DIR"), "/user_agent_table.rs"));
