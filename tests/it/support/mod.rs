//! The foundations of the tests: the program, real servers, and the runtime that invokes the
//! function.

pub(crate) mod cloudformation;
pub(crate) mod cloudwatch;
pub(crate) mod command_line;
pub(crate) mod dead_letter;
pub(crate) mod deployment;
pub(crate) mod fake_elasticsearch;
pub(crate) mod fields_page;
pub(crate) mod generated;
pub(crate) mod golden;
pub(crate) mod history;
pub(crate) mod invocation;
pub(crate) mod middleman;
pub(crate) mod moto;
pub(crate) mod ports;
pub(crate) mod raw_tcp;
pub(crate) mod runtime_emulator;
pub(crate) mod sample;
pub(crate) mod script;
pub(crate) mod search_server;
pub(crate) mod serverless;
pub(crate) mod signature;
pub(crate) mod templates;
pub(crate) mod tls;
pub(crate) mod traffic;
pub(crate) mod yaml;

pub(crate) use test_support::{http, json, runtime_api};
