//! What Lambda hands over becomes payloads.
#![no_main]
#![allow(dead_code)] // Each target uses its part of the properties.

#[path = "../../tests/it/properties.rs"]
mod properties;
mod support;

libfuzzer_sys::fuzz_target!(|event: &[u8]| properties::check_event(event));
