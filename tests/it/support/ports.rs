//! Ports for programs that must be told their port.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Returns a free port.
///
/// The kernel never gives this port to a socket that asks for any port, so nobody takes it before
/// the program that is told to. Two test processes begin their search at different ports.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    let mut ports = std::iter::repeat_with(|| TRIED.fetch_add(1, Ordering::SeqCst))
        .map(|tried| FIRST + start.wrapping_add(tried) % COUNT)
        .filter_map(|port| u16::try_from(port).ok());
    ports
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of 20,000 ports is free")
}
