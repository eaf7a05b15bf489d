//! Inputs, servers and properties that the tests, the benches and the fuzz targets share.

#![expect(missing_docs, reason = "tests read like their names")]

pub mod http;
pub mod inputs;
pub mod json;
pub mod properties;
pub mod runtime_api;
pub mod shapes;
