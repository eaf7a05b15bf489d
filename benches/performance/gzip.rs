//! The cost and benefit of each gzip level in processor time, bytes and money.

use std::hint::black_box;
use std::time::Duration;

use libdeflater::{CompressionLvl, Compressor};

use crate::report::least_time;
use crate::steps;
use test_support::inputs::InputFormat;

/// The price in dollars of a second of a whole processor: 1,769 MB at 0.0000133334 a GB-second,
/// arm64 in us-east-1.
///
/// Sources: <https://aws.amazon.com/lambda/pricing/>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.
pub(crate) const CPU_SECOND: f64 = 0.000_013_333_4 * 1_769.0 / 1_024.0;

/// The price in dollars of sending a gigabyte, in us-east-1: within an availability zone, between
/// two (charged at both ends), through a NAT gateway within the region, to the internet.
///
/// Sources: <https://aws.amazon.com/ec2/pricing/on-demand/>, <https://aws.amazon.com/vpc/pricing/>.
const GIGABYTE: [f64; 4] = [0.0, 0.02, 0.045, 0.09];

/// The number of documents in a request: `BULK_MAX_ACTIONS` by default.
const DOCUMENTS: usize = 1_000;

/// Prints a table for each format.
pub(crate) fn run() {
    for format in [InputFormat::Rest, InputFormat::RestFull] {
        let body = steps::bulk_body(format, DOCUMENTS);
        println!(
            "| {}: level | bytes a document | ns | $ a million: same zone | other zone | NAT | internet |",
            format.name()
        );
        println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
        row("off", body.len(), Duration::ZERO);
        for level in 1..=9 {
            row(
                &format!("zlib-rs {level}"),
                steps::gzipped(&body, level).len(),
                time(|| drop(black_box(steps::gzipped(&body, level)))),
            );
        }
        for level in [1, 2, 3, 4, 6] {
            let mut compressor =
                Compressor::new(CompressionLvl::new(level).expect("there is such a level"));
            let mut buffer = vec![0; compressor.gzip_compress_bound(body.len())];
            let mut compress = || {
                compressor
                    .gzip_compress(&body, &mut buffer)
                    .expect("the buffer is large enough")
            };
            row(
                &format!("libdeflate {level}"),
                compress(),
                time(|| _ = black_box(compress())),
            );
        }
        println!();
    }
}

fn time(mut work: impl FnMut()) -> Duration {
    least_time(&mut work, Duration::from_millis(300))
}

fn row(name: &str, bytes: usize, time: Duration) {
    let (bytes, seconds) = (
        bytes as f64 / DOCUMENTS as f64,
        time.as_secs_f64() / DOCUMENTS as f64,
    );
    let dollars = |gigabyte: f64| {
        format!(
            "{:.4}",
            1e6 * (seconds * CPU_SECOND + bytes / 1e9 * gigabyte)
        )
    };
    println!(
        "| {name} | {bytes:.0} | {:.0} | {} |",
        seconds * 1e9,
        GIGABYTE.map(dollars).join(" | ")
    );
}
