//! A reply of Elasticsearch becomes results. The first byte chooses the status.
#![no_main]

libfuzzer_sys::fuzz_target!(|reply: (bool, bool, u16, &[u8])| {
    let (is_good, is_echoed, status, body) = reply;
    test_support::properties::check_reply(if is_good { 200 } else { status }, is_echoed, body);
});
