//! What the tests stand on: the program, real servers, and the runtime that invokes the function.

pub(crate) mod http;
pub(crate) mod program;
pub(crate) mod search_server;
pub(crate) mod templates;

pub(crate) mod runtime_api;
pub(crate) mod runtime_emulator;

pub(crate) mod command_line;
pub(crate) mod golden;
pub(crate) mod json;
