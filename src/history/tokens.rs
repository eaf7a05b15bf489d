//! The tokens of a list that comes in pages: each list must end.

/// Upper bound on pages without content in a row. CloudWatch Logs answers some 25 requests a second
/// at most, so a genuine list would take half a day for them.
const MOST_EMPTY_PAGES: u32 = 1_000_000;

/// The positions of one list. AWS's tokens change from page to page.
///
/// Finds every circle, however long it is, and keeps just two tokens: the last one, and that after
/// the first, second, fourth or eighth page, and so on.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    last: Option<String>,
    kept: Option<String>,
    pages: u64,
    empty_pages: u32,
}

/// States whether a page holds anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fullness {
    Filled,
    Empty,
}

/// The reason why a list would not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endless {
    /// A token has come before.
    Circle,
    /// There are too many pages without content.
    Emptiness,
}

impl Tokens {
    /// Returns the position of the next page; `None` before the first page and after the last one.
    pub(super) fn next(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Takes the token of a page that was read.
    pub(super) fn advance(
        &mut self,
        token: Option<String>,
        fullness: Fullness,
    ) -> Result<(), Endless> {
        self.empty_pages = match fullness {
            Fullness::Filled => 0,
            Fullness::Empty => self.empty_pages + 1,
        };
        if token.is_some() {
            if token == self.last || token == self.kept {
                return Err(Endless::Circle);
            }
            if self.empty_pages > MOST_EMPTY_PAGES {
                return Err(Endless::Emptiness);
            }
        }
        self.pages += 1;
        if self.pages.is_power_of_two() {
            self.kept.clone_from(&token);
        }
        self.last = token;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of pages after which a list is found to be endless.
    fn pages(token: impl Fn(u32) -> u32, fullness: Fullness) -> Option<(u32, Endless)> {
        let mut tokens = Tokens::default();
        (1..=MOST_EMPTY_PAGES + 2).find_map(|page| {
            let token = token(page).to_string();
            let endless = tokens.advance(Some(token), fullness).err()?;
            Some((page, endless))
        })
    }

    #[test]
    fn every_circle_is_found() {
        let circle = |pages| Some((pages, Endless::Circle));
        assert_eq!(pages(|_| 7, Fullness::Filled), circle(2));
        assert_eq!(pages(|page| page.min(10), Fullness::Filled), circle(11));
        for length in 1..200 {
            for before in [0, 1, 5, 100] {
                let token = |page: u32| match page.checked_sub(before) {
                    None => 1_000 + page,
                    Some(page) => page % length,
                };
                let (found, endless) = pages(token, Fullness::Filled).unwrap();
                assert_eq!(endless, Endless::Circle);
                assert!(found <= 4 * (before + length), "{length} {before} {found}");
            }
        }
    }

    #[test]
    fn only_pages_without_content_are_counted() {
        let expected = Some((MOST_EMPTY_PAGES + 1, Endless::Emptiness));
        assert_eq!(pages(|page| page, Fullness::Empty), expected);
        assert_eq!(pages(|page| page, Fullness::Filled), None);
    }

    #[test]
    fn a_list_ends_without_a_token() {
        let mut tokens = Tokens::default();
        assert_eq!(tokens.next(), None);
        for token in [Some("a"), Some("b"), None] {
            let advanced = tokens.advance(token.map(str::to_owned), Fullness::Empty);
            assert_eq!((advanced, tokens.next()), (Ok(()), token));
        }
    }
}
