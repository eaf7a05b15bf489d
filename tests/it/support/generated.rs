//! Made-up inputs, the same in each run, for oracles that answer many at once.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Returns this many values of the strategy.
pub(crate) fn generated<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

/// Chooses one of some pieces between blanks; `\u0020` stands for a blank, `\uXXXX` for any
/// character.
pub(crate) fn piece(pieces: &str) -> impl Strategy<Value = String> + Clone + use<> {
    select(pieces.split_whitespace().map(unescape).collect::<Vec<_>>())
}

/// Joins up to this many pieces.
pub(crate) fn pieces(pieces: &str, most: usize) -> impl Strategy<Value = String> + use<> {
    vec(piece(pieces), 0..=most).prop_map(|pieces| pieces.concat())
}

/// Returns the text with `\uXXXX` replaced.
pub(crate) fn unescape(line: &str) -> String {
    let mut pieces = line.split("\\u");
    let mut text = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (unit, rest) = piece.split_at(4);
        text.push(char::from_u32(u32::from_str_radix(unit, 16).unwrap()).unwrap());
        text.push_str(rest);
    }
    text
}
