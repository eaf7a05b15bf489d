//! A line with a credential becomes documents and a dead letter without it.
#![no_main]

libfuzzer_sys::fuzz_target!(|choices: &[u8]| test_support::properties::check_mask(choices));
