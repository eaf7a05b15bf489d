//! Bytes from Lambda become payloads.
#![no_main]

libfuzzer_sys::fuzz_target!(|event: &[u8]| test_support::properties::check_event(event));
