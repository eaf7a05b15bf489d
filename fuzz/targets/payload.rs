//! A payload becomes log events and documents. The bytes from libFuzzer are compressed first,
//! because chance never finds a valid checksum.
#![no_main]

use std::io::Write;

use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::{Compression, write::GzEncoder};

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(json).expect("memory takes it");
    test_support::properties::check_payload(&BASE64_STANDARD.encode(gzip.finish().expect("memory takes it")));
});
