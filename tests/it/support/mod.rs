//! What the tests stand on: real servers, and the runtime that invokes the function.

pub(crate) mod invocation;
pub(crate) mod script;

pub(crate) mod fake_elasticsearch;
pub(crate) mod raw_tcp;
pub(crate) mod tls;

pub(crate) mod http;
pub(crate) mod search_server;

pub(crate) mod runtime_api;
pub(crate) mod runtime_emulator;
