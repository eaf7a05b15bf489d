//! Converts texts into values of fields, as Elasticsearch's ingest processors do.

pub mod region;
pub mod timestamp;
pub(crate) mod trace_id;
pub mod url;
pub mod user_arn;
