//! A log line becomes documents.
#![no_main]
#![allow(dead_code)] // Each target uses its part of the properties.

#[path = "../../tests/it/properties.rs"]
mod properties;
mod support;

libfuzzer_sys::fuzz_target!(|line: &str| properties::check_line(line));
