//! Patterns with `*` and `?`, as in policies and in names that people give.

/// Returns whether a name fits a pattern, in which `*` stands for any text and `?` for any
/// character.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // For each length of the pattern's beginning: whether it fits the part of the name read so far.
    let mut fits = vec![false; pattern.len() + 1];
    let spread = |fits: &mut [bool]| {
        for (place, sign) in pattern.iter().enumerate() {
            if *sign == '*' && fits.get(place) == Some(&true) {
                fits.iter_mut()
                    .skip(place + 1)
                    .take(1)
                    .for_each(|fit| *fit = true);
            }
        }
    };
    fits.iter_mut().take(1).for_each(|fit| *fit = true);
    spread(&mut fits);
    for sign in name {
        let mut next = vec![false; fits.len()];
        for ((place, wanted), fit) in pattern.iter().enumerate().zip(&fits) {
            let to = match wanted {
                '*' => place,
                '?' => place + 1,
                wanted if *wanted == sign => place + 1,
                _ => continue,
            };
            next.iter_mut()
                .skip(to)
                .take(1)
                .for_each(|slot| *slot |= *fit);
        }
        spread(&mut next);
        fits = next;
    }
    fits.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "a", true),
            ("a*", "abc", true),
            ("*", "", true),
            ("*c", "abcbc", true),
            ("*c", "abcb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("/aws/*/prod*", "/aws/apigw/x/prod1", true),
            ("/aws/*/prod", "/aws/apigw/x/prod1", false),
            ("a**b*", "axb", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
