//! Groups and counts raw lines without any query: the oracle for a table.

use std::collections::{BTreeMap, BTreeSet};

use super::query::STEP;
use super::sample::Line;

/// The lowest and highest accepted value of a number. They are equal, except for percentiles, which
/// have more than one definition.
pub(super) type Number = Option<(f64, f64)>;
pub(super) type Expected = BTreeMap<Vec<String>, Vec<Number>>;

/// Lines that are counted together.
pub(super) struct Group<'l>(Vec<&'l Line>);

/// The lines that a panel is about, grouped by labels. A line without labels is in no group.
pub(super) fn grouped<'l>(
    lines: impl IntoIterator<Item = &'l Line>,
    labels: impl Fn(&Line) -> Option<Vec<String>>,
    numbers: impl Fn(&Group<'_>) -> Vec<Number>,
) -> Expected {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines {
        if let Some(labels) = labels(line) {
            groups.entry(labels).or_default().push(line);
        }
    }
    groups
        .into_iter()
        .map(|(labels, lines)| (labels, numbers(&Group(lines))))
        .collect()
}

/// Pairs the groups of two sets of lines, with a number of each. If one set lacks a group, its
/// number is missing.
pub(super) fn compared(
    lines: [&[Line]; 2],
    labels: impl Fn(&Line) -> Option<Vec<String>>,
    number: impl Fn(&Group<'_>) -> Number,
) -> Expected {
    let mut both = Expected::new();
    for (place, lines) in lines.into_iter().enumerate() {
        for (labels, numbers) in grouped(lines, &labels, |group| vec![number(group)]) {
            let row = both.entry(labels).or_insert_with(|| vec![None, None]);
            for (to, from) in row.iter_mut().skip(place).zip(numbers) {
                *to = from;
            }
        }
    }
    both
}

pub(super) const fn exactly(number: f64) -> Number {
    Some((number, number))
}

/// Returns the label of the time step of a line.
pub(super) fn step(line: &Line) -> Option<String> {
    let time: u64 = line.get("requestTimeEpoch")?.parse().ok()?;
    Some((time / STEP * STEP).to_string())
}

impl Group<'_> {
    fn size(&self) -> f64 {
        self.0.len() as f64
    }

    fn values(&self, key: &str) -> Vec<f64> {
        let mut values: Vec<_> = self.0.iter().filter_map(|line| line.number(key)).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    pub(super) fn count(&self) -> Number {
        exactly(self.size())
    }

    pub(super) fn count_if(&self, is: impl Fn(&Line) -> bool) -> Number {
        exactly(self.0.iter().filter(|line| is(line)).count() as f64)
    }

    /// Returns a count for each minute.
    pub(super) fn per_minute(&self, is: impl Fn(&Line) -> bool) -> Number {
        self.count_if(is)
            .map(|(count, _)| (count / 10.0, count / 10.0))
    }

    /// Returns a share of the lines that have a status.
    pub(super) fn share(&self, is: impl Fn(&Line) -> bool) -> Number {
        let whole = self.values("status").len() as f64;
        self.count_if(is)
            .filter(|_| whole > 0.0)
            .map(|(count, _)| (count / whole, count / whole))
    }

    pub(super) fn unique(&self, value: impl Fn(&Line) -> Option<String>) -> Number {
        exactly(
            self.0
                .iter()
                .filter_map(|line| value(line))
                .collect::<BTreeSet<_>>()
                .len() as f64,
        )
    }

    pub(super) fn average(&self, key: &str) -> Number {
        let values = self.values(key);
        (!values.is_empty())
            .then(|| values.iter().sum::<f64>() / values.len() as f64)
            .and_then(exactly)
    }

    pub(super) fn max(&self, key: &str) -> Number {
        self.values(key).last().copied().and_then(exactly)
    }

    pub(super) fn sum(&self, key: &str) -> Number {
        exactly(self.values(key).iter().sum())
    }

    /// Returns the values on both sides of a percentile, whether ranks are counted from the first
    /// to the last value or half a rank wider. Elasticsearch estimates the percentiles of many
    /// values, so a hundredth of the ranks is tolerated.
    pub(super) fn percentile(&self, key: &str, percentile: f64) -> Number {
        let values = self.values(key);
        let (count, part) = (values.len() as f64, percentile / 100.0);
        let slack = if count > 50.0 {
            (count / 100.0).max(1.0)
        } else {
            0.0
        };
        let at = |place: f64| {
            values
                .get(place.clamp(0.0, (count - 1.0).max(0.0)) as usize)
                .copied()
        };
        Some((
            at((part * (count - 1.0) - slack).floor())?,
            at((part * count - 0.5 + slack).ceil())?,
        ))
    }
}
