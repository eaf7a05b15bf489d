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

/// The content of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Some,
    None,
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
        content: Content,
    ) -> Result<(), Endless> {
        self.empty_pages = match content {
            Content::Some => 0,
            Content::None => self.empty_pages + 1,
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
    fn pages(token: impl Fn(u32) -> u32, content: Content) -> Option<(u32, Endless)> {
        let mut tokens = Tokens::default();
        (1..=MOST_EMPTY_PAGES + 2).find_map(|page| {
            let token = token(page).to_string();
            let endless = tokens.advance(Some(token), content).err()?;
            Some((page, endless))
        })
    }

    #[test]
    fn every_circle_is_found() {
        let circle = |pages| Some((pages, Endless::Circle));
        assert_eq!(pages(|_| 7, Content::Some), circle(2));
        assert_eq!(pages(|page| page.min(10), Content::Some), circle(11));
        for length in 1..200 {
            for before in [0, 1, 5, 100] {
                let token = |page: u32| match page.checked_sub(before) {
                    None => 1_000 + page,
                    Some(page) => page % length,
                };
                let (found, endless) = pages(token, Content::Some).unwrap();
                assert_eq!(endless, Endless::Circle);
                assert!(found <= 4 * (before + length), "{length} {before} {found}");
            }
        }
    }

    #[test]
    fn only_pages_without_content_are_counted() {
        let expected = Some((MOST_EMPTY_PAGES + 1, Endless::Emptiness));
        assert_eq!(pages(|page| page, Content::None), expected);
        assert_eq!(pages(|page| page, Content::Some), None);
    }

    #[test]
    fn a_list_ends_without_a_token() {
        let mut tokens = Tokens::default();
        assert_eq!(tokens.next(), None);
        for token in [Some("a"), Some("b"), None] {
            let advanced = tokens.advance(token.map(str::to_owned), Content::None);
            assert_eq!((advanced, tokens.next()), (Ok(()), token));
        }
    }
}
