//! Pseudorandom numbers, the same for a seed on every machine: the code uses only integers and the
//! basic operations of IEEE 754.

/// `SplitMix64`, after Steele, Lea and Flood, "Fast splittable pseudorandom number generators"
/// (2014).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Returns true this often in 10,000 times.
    pub(super) fn happens(&mut self, in_ten_thousand: u64) -> bool {
        self.below(10_000) < in_ten_thousand
    }

    /// Draws one of several items.
    pub(super) fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let position = usize::try_from(self.below(all.len() as u64)).unwrap_or_default();
        all.get(position)
    }

    /// Draws one of several items, each as often as its weight says.
    pub(super) fn weighed<'a, T>(
        &mut self,
        all: &'a [T],
        weight: impl Fn(&T) -> u64,
    ) -> Option<&'a T> {
        let mut rest = self.below(all.iter().map(&weight).sum());
        all.iter().find(|one| {
            let found = rest < weight(one);
            rest = rest.saturating_sub(weight(one));
            found
        })
    }

    /// Draws a time around a median, with the long tail of latencies: a product of many factors is
    /// log-normal.
    pub(super) fn latency(&mut self, median: u64) -> u64 {
        let factors = (0..5).map(|_| 600 + self.below(1_000));
        factors.fold(median * 1_000, |product, factor| product * factor / 1_000) / 1_000 + 1
    }

    /// Returns this many random hexadecimal digits, at most 16.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        format!("{:016x}", self.next())
            .chars()
            .take(digits)
            .collect()
    }

    /// Returns an id as API Gateway gives to requests and connections: 15 characters and a `=`.
    pub(super) fn id(&mut self) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let characters = (0..15)
            .filter_map(|_| self.pick(ALPHABET).copied())
            .map(char::from);
        characters.chain(['=']).collect()
    }

    /// Returns a version 4 UUID.
    pub(super) fn uuid(&mut self) -> String {
        let first = self.hex(8);
        let second = self.hex(4);
        let third = self.hex(3);
        format!(
            "{first}-{second}-4{third}-a{}-{}",
            self.hex(3),
            self.hex(12)
        )
    }
}
