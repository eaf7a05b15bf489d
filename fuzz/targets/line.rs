//! Bytes of a log line become documents.
#![no_main]

libfuzzer_sys::fuzz_target!(|line: &str| test_support::properties::check_line(line));
