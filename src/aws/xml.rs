//! The little of XML that CloudFormation's replies need: elements with text, without attributes.

/// Returns the content of each element of a name, except for those inside another one of that name.
// Perf: a tag ends before the next `<`, so each byte is read once however many there are.
pub(super) fn elements<'x>(xml: &'x str, name: &str) -> Vec<&'x str> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    let mut pieces = xml.split('<');
    let mut at = pieces.next().map_or(0, str::len);
    for piece in pieces {
        let next = at + 1 + piece.len();
        if let Some(tag) = Tag::parse(piece).filter(|tag| tag.name == name) {
            match (tag.is_end, tag.is_empty) {
                (true, _) if depth == 1 => {
                    depth = 0;
                    found.extend(xml.get(start..at));
                }
                (true, _) => depth = depth.saturating_sub(1),
                (false, true) if depth == 0 => found.push(""),
                (false, true) => {}
                (false, false) => {
                    if depth == 0 {
                        start = at + 1 + tag.size;
                    }
                    depth += 1;
                }
            }
        }
        at = next;
    }
    found
}

/// The beginning or end of an element.
struct Tag<'x> {
    name: &'x str,
    is_end: bool,
    is_empty: bool,
    /// Its length without the `<`, in bytes.
    size: usize,
}

impl<'x> Tag<'x> {
    /// Reads the text between a `<` and the next one. `None` if the tag does not end there.
    fn parse(text: &'x str) -> Option<Self> {
        let (tag, _) = text.split_once('>')?;
        Some(Self {
            name: tag.trim_matches('/').split_whitespace().next()?,
            is_end: tag.starts_with('/'),
            is_empty: tag.ends_with('/'),
            size: tag.len() + 1,
        })
    }
}

/// Returns the text of the first element with this name; empty if there is none.
pub(super) fn text(xml: &str, name: &str) -> String {
    elements(xml, name)
        .first()
        .map_or_else(String::new, |text| unescaped(text))
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let read = part.split_once(';');
        match read.and_then(|(name, rest)| Some((entity(name)?, rest))) {
            Some((sign, rest)) => {
                result.push(sign);
                result.push_str(rest);
            }
            None => {
                result.push('&');
                result.push_str(part);
            }
        }
    }
    result
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_hold_elements_of_the_same_name() {
        let xml = "<L><member><a>1</a><b><member>2</member></b></member><member/><member x=\"y\">3</member></L>";
        assert_eq!(
            elements(xml, "member"),
            ["<a>1</a><b><member>2</member></b>", "", "3"]
        );
        assert_eq!(text(xml, "a"), "1");
        assert_eq!(text(xml, "c"), "");
    }

    #[test]
    fn broken_xml_has_no_elements() {
        for xml in ["<a>1", "</a>", "<a", "<", "a>", "<a>1</b>", "{\"a\":1}"] {
            assert_eq!(elements(xml, "a"), [""; 0], "{xml}");
        }
    }

    /// A reader that looks for the end of the reply after each of these signs would take hours.
    #[test]
    fn a_reply_of_many_signs_is_read() {
        for sign in ["<", "<a ", "</", "&"] {
            let many = sign.repeat((4 << 20) / sign.len());
            assert!(!text(&many, "Code").contains('<'), "{sign}");
            let reply = format!("{many}<Code>{many}</Code>");
            let code = text(&reply, "Code");
            assert_eq!(code.len(), many.len(), "{sign}");
        }
    }

    #[test]
    fn escapes_are_read() {
        let xml = "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&none;&</a>";
        assert_eq!(text(xml, "a"), "<>&\"'AB&none;&");
    }
}
