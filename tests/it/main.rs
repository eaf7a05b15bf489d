//! The tests of the whole program, in one binary.

mod search_server;
mod support;
