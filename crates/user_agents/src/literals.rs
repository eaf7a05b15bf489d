//! The literals of a pattern: strings of which at least one occurs in every text that the pattern
//! matches. They are in lower case, because they are looked for in a text in lower case.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};
use std::collections::BTreeSet;

type Strings = BTreeSet<Vec<u8>>;

/// Upper bound on the alternatives that are multiplied out.
const MOST_PRODUCTS: usize = 32;
/// Upper bound on the bytes of a class. A larger class counts as any byte.
const MOST_IN_CLASS: usize = 4;
/// The shortest useful literal. A shorter one occurs in nearly every text.
const SHORTEST: usize = 2;
/// Literals of nearly every browser. They do not tell patterns apart.
const COMMON: &str = "mozilla/5.0 (linux; android 1; build/) (windows nt 10.0; win64; x64) (iphone; cpu iphone os 1_ like mac os x) \
    (macintosh; intel mac os x 10_15_7) applewebkit/537.36 (khtml, like gecko) version/4.0 chrome/1 mobile safari/537.36";

/// Returns the literals of `pattern`; none if any text might match it.
pub(crate) fn required(pattern: &str, ignore_case: bool) -> Vec<String> {
    let mut parser = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(ignore_case)
        .build();
    let Ok(pattern) = parser.parse(pattern) else {
        return Vec::new();
    };
    let strings = known(&pattern)
        .required()
        .filter(usable)
        .unwrap_or_default();
    strings
        .into_iter()
        .map(String::from_utf8)
        .collect::<Result<_, _>>()
        .unwrap_or_default()
}

/// The knowledge about all texts that a part of a pattern matches.
enum Known {
    /// The texts are exactly these, in lower case.
    Exactly(Strings),
    /// Each text holds one of these, in lower case.
    Holding(Strings),
    Nothing,
}

impl Known {
    fn required(self) -> Option<Strings> {
        match self {
            Self::Exactly(strings) | Self::Holding(strings) => Some(strings),
            Self::Nothing => None,
        }
    }
}

fn known(part: &Hir) -> Known {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::Exactly(empty()),
        HirKind::Literal(literal) => {
            Known::Exactly(Strings::from([literal.0.to_ascii_lowercase()]))
        }
        HirKind::Class(class) => known_of_class(class),
        HirKind::Repetition(repetition) => known_of_repetition(repetition),
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Concat(parts) => known_of_concat(parts),
        HirKind::Alternation(parts) => known_of_alternation(parts),
    }
}

fn known_of_class(class: &Class) -> Known {
    let Class::Bytes(class) = class else {
        return Known::Nothing;
    };
    let bytes = class.iter().flat_map(|range| range.start()..=range.end());
    // The class may hold both cases of each letter.
    let strings: Strings = bytes
        .take(2 * MOST_IN_CLASS + 1)
        .map(|byte| vec![byte.to_ascii_lowercase()])
        .collect();
    if strings.len() <= MOST_IN_CLASS {
        Known::Exactly(strings)
    } else {
        Known::Nothing
    }
}

fn known_of_repetition(repetition: &Repetition) -> Known {
    match (repetition.min, repetition.max, known(&repetition.sub)) {
        (0, Some(1), Known::Exactly(strings)) => Known::Exactly(&strings | &empty()),
        (0, ..) => Known::Nothing,
        (_, _, sub) => sub.required().map_or(Known::Nothing, Known::Holding),
    }
}

fn known_of_concat(parts: &[Hir]) -> Known {
    let mut best: Option<Strings> = None;
    let mut run = empty();
    let mut whole = true;
    for part in parts {
        let part = known(part);
        if let Known::Exactly(strings) = &part
            && strings.len() * run.len() <= MOST_PRODUCTS
        {
            run = product(&run, strings);
            continue;
        }
        whole = false;
        best = better(best, Some(std::mem::replace(&mut run, empty())));
        match part {
            Known::Exactly(strings) => run = strings,
            part => best = better(best, part.required()),
        }
    }
    if whole {
        Known::Exactly(run)
    } else {
        better(best, Some(run)).map_or(Known::Nothing, Known::Holding)
    }
}

fn known_of_alternation(parts: &[Hir]) -> Known {
    let mut exact = true;
    let mut union = Strings::new();
    for part in parts.iter().map(known) {
        exact &= matches!(part, Known::Exactly(_));
        let Some(strings) = part.required() else {
            return Known::Nothing;
        };
        union.extend(strings);
    }
    if exact {
        Known::Exactly(union)
    } else {
        Known::Holding(union)
    }
}

fn empty() -> Strings {
    Strings::from([Vec::new()])
}

fn product(starts: &Strings, ends: &Strings) -> Strings {
    starts
        .iter()
        .flat_map(|start| ends.iter().map(move |end| [start.as_slice(), end].concat()))
        .collect()
}

fn better(one: Option<Strings>, other: Option<Strings>) -> Option<Strings> {
    [one, other]
        .into_iter()
        .flatten()
        .filter(usable)
        .min_by_key(cost)
}

fn usable(strings: &Strings) -> bool {
    strings.iter().all(|string| string.len() >= SHORTEST)
}

/// Returns roughly how often these strings are found in vain.
fn cost(strings: &Strings) -> usize {
    let common =
        |string: &[u8]| std::str::from_utf8(string).is_ok_and(|string| COMMON.contains(string));
    let cost = |string: &Vec<u8>| match string.len() {
        _ if common(string) => 10_000,
        ..=2 => 1_000,
        3 => 100,
        4 => 10,
        _ => 1,
    };
    strings.iter().map(cost).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, literals: &[&str]) {
        assert_eq!(required(pattern, false), literals, "{pattern}");
    }

    #[test]
    fn picks_the_rarest_part_that_must_be_there() {
        check(r"(Firefox)/(\d+)", &["firefox/"]);
        check(r"(Chrome)/(\d+)\.(\d+).* MRCHROME", &[" mrchrome"]);
        check(r"\b(Boto3?|s3fs)/\d", &["boto/", "boto3/", "s3fs/"]);
        check(r"[Bb]ai[Dd]u", &["baidu"]);
        check(r"; *(?:HTC[ _/])+x", &["htc ", "htc/", "htc_"]);
        check(r"(a.*foobar|[^x]Opera.?)", &["foobar", "opera"]);
    }

    #[test]
    fn knows_when_nothing_must_be_there() {
        check(r"\d+", &[]);
        check("(?:foo|)", &[]);
        check("(?:foo)*", &[]);
        check("foo|.*", &[]);
        check("a", &[]);
        check("[é]foo", &[]);
        check(r"foo\xE9", &[]);
    }

    #[test]
    fn ignores_case() {
        assert_eq!(required("Spider[0-9]BOT", true), ["spider"]);
    }
}
