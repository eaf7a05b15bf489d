//! Texts become values of fields, as Elasticsearch's ingest processors convert them.

pub mod region;
pub mod timestamp;
pub(crate) mod trace_id;
pub mod url;
pub mod user_arn;
