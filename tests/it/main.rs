//! The tests of the whole program, in one binary.

mod lambda_runtime;
mod search_server;
mod support;
