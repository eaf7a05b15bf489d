//! A reply of Elasticsearch becomes results. The first byte chooses the status.
#![no_main]
#![allow(dead_code)] // Each target uses its part of the properties.

#[path = "../../tests/it/properties.rs"]
mod properties;
mod support;

libfuzzer_sys::fuzz_target!(|reply: (bool, u16, &[u8])| {
    let (is_good, status, body) = reply;
    properties::check_reply(if is_good { 200 } else { status }, body);
});
