//! Translates a pattern of java.util.regex into one that means the same to `regex-lite`.
//!
//! Both take `\d`, `\w`, `\s`, `\b` and case-insensitivity as ASCII. They differ in what ends a
//! line (Java also knows `\r`, U+0085, U+2028 and U+2029), in `$` (Java's also matches before a
//! line's end that closes the text) and in `\<`.

use std::ops::Range;

use regex_syntax::ast::{self, Ast, parse::Parser};

const DOT: &str = r"[^\n\r\x{85}\x{2028}\x{2029}]";
/// Java only looks ahead at the line's end. Here the line's end is consumed, which no group can
/// notice.
const DOLLAR: &str = r"(?:(?:\r?\n|[\r\x{85}\x{2028}\x{2029}])?\z)";

/// Returns the pattern for `regex-lite`, or what is wrong with it.
pub(crate) fn translate(pattern: &str) -> Result<String, String> {
    let tree = Parser::new()
        .parse(pattern)
        .map_err(|error| error.kind().to_string())?;
    let replacements = ast::visit(&tree, Replacements::default())?;
    // The spans stand in the pattern one after another.
    let between = |range: Range<usize>| pattern.get(range).ok_or("replacements overlap");
    let mut translated = String::with_capacity(pattern.len() * 2);
    let mut copied = 0;
    for (span, replacement) in replacements {
        translated.push_str(between(copied..span.start.offset)?);
        translated.push_str(replacement);
        copied = span.end.offset;
    }
    translated.push_str(between(copied..pattern.len())?);
    Ok(translated)
}

#[derive(Default)]
struct Replacements(Vec<(ast::Span, &'static str)>);

impl ast::Visitor for Replacements {
    type Output = Vec<(ast::Span, &'static str)>;
    type Err = String;

    fn finish(self) -> Result<Self::Output, String> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, node: &Ast) -> Result<(), String> {
        match node {
            Ast::Dot(span) => self.0.push((**span, DOT)),
            Ast::Assertion(assertion) => match assertion.kind {
                ast::AssertionKind::EndLine => self.0.push((assertion.span, DOLLAR)),
                ast::AssertionKind::WordBoundaryStartAngle => self.0.push((assertion.span, "<")),
                ast::AssertionKind::WordBoundaryEndAngle => self.0.push((assertion.span, ">")),
                _ => {}
            },
            Ast::Flags(set) => only_ignore_case(&set.flags)?,
            Ast::Group(group) => group.flags().map_or(Ok(()), only_ignore_case)?,
            _ => {}
        }
        Ok(())
    }
}

fn only_ignore_case(flags: &ast::Flags) -> Result<(), String> {
    let known = |item: &ast::FlagsItem| {
        matches!(
            item.kind,
            ast::FlagsItemKind::Negation | ast::FlagsItemKind::Flag(ast::Flag::CaseInsensitive)
        )
    };
    if flags.items.iter().all(known) {
        Ok(())
    } else {
        Err("no inline flag but i is supported".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, group: Option<&str>) {
        let regex = regex_lite::Regex::new(&translate(pattern).unwrap()).unwrap();
        assert_eq!(
            regex
                .captures(text)
                .map(|found| found.get(1).map_or("", |group| group.as_str())),
            group
        );
    }

    #[test]
    fn a_dot_stops_at_every_line_end_that_java_knows() {
        for end in ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"] {
            check("a(.*)", &format!("ab{end}c"), Some("b"));
        }
        check("a(.)b", "aéb", Some("é"));
        check(r"a([.])b\.", "a.b.", Some("."));
    }

    #[test]
    fn a_dollar_also_stands_before_the_last_line_end() {
        for end in ["", "\n", "\r\n", "\r", "\u{2028}"] {
            check("(b)$", &format!("ab{end}"), Some("b"));
            check("(.*?)(?:;|$)", &format!("ab{end}"), Some("ab"));
        }
        check("(b)$", "ab\nc", None);
        check("(b)$", "ab\n\n", None);
        check("(b[$])", "ab$", Some("b$"));
    }

    #[test]
    fn an_escaped_angle_is_an_angle() {
        check(r"(\<a\>)", "<a>", Some("<a>"));
    }

    #[test]
    fn classes_and_case_are_ascii() {
        check(r"^(\w+)", "aé", Some("a"));
        check(r"(\d)", "٣", None);
        check(r"(?i)(k)", "\u{212a}", None);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(translate("(a").unwrap_err(), "unclosed group");
        assert_eq!(
            translate("a(?=b)").unwrap_err(),
            "look-around, including look-ahead and look-behind, is not supported"
        );
        assert_eq!(
            translate("(?s)a").unwrap_err(),
            "no inline flag but i is supported"
        );
    }
}
