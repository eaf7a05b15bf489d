//! Patterns with `*` and `?`, as in policies and in names that people give.

/// Returns whether a name fits a pattern, in which `*` stands for any text and `?` for any
/// character.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    // The last `*`: the pattern after it, and the name from where it ends so far.
    let mut star = None;
    loop {
        let (mut next_pattern, mut next_name) = (pattern.clone(), name.clone());
        match (next_pattern.next(), next_name.next()) {
            (Some('*'), _) => {
                star = Some((next_pattern.clone(), name.clone()));
                pattern = next_pattern;
            }
            (Some(wanted), Some(sign)) if wanted == '?' || wanted == sign => {
                pattern = next_pattern;
                name = next_name;
            }
            (None, None) => return true,
            _ => {
                // The `*` stands for one character more.
                let Some((after, end)) = &mut star else {
                    return false;
                };
                if end.next().is_none() {
                    return false;
                }
                pattern = after.clone();
                name = end.clone();
            }
        }
    }
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
            ("a*b?d*e", "axbxbcdxxe", true),
            ("a*b?d*e", "axbxbcdxxef", false),
            ("*?", "", false),
            ("*?*", "é", true),
            ("*", "**", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    /// A matcher with a table for each character of the name would take hours.
    #[test]
    fn a_long_pattern_and_a_long_name_are_compared() {
        let name = "a".repeat(512);
        let pattern = "*a".repeat(1 << 20);
        assert!(!matches(&pattern, &name));
        let name = "a".repeat(1 << 20);
        assert!(matches("*a*a*", &name));
        assert!(!matches("*a*b", &name));
    }
}
