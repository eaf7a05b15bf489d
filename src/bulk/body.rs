//! The body of a bulk request.

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;

use super::DocumentId;

/// Newline-delimited JSON: for each document a line with its action, and a line with itself.
#[derive(Debug, Default)]
pub struct BulkBody {
    bytes: Vec<u8>,
    items: Vec<Range<usize>>,
}

#[derive(Serialize)]
struct Action<'a> {
    create: Create<'a>,
}

#[derive(Serialize)]
struct Create<'a> {
    #[serde(rename = "_id")]
    id: &'a DocumentId,
}

impl BulkBody {
    /// Adds a document.
    pub fn push<D: Serialize>(&mut self, id: &DocumentId, document: &D) {
        let start = self.bytes.len();
        self.write_line(&Action { create: Create { id } });
        self.write_line(document);
        self.items.push(start..self.bytes.len());
    }

    #[expect(clippy::expect_used, reason = "a Vec takes every write, and our documents have nothing but string keys")]
    fn write_line<D: Serialize>(&mut self, line: &D) {
        serde_json::to_writer(&mut self.bytes, line).expect("a document can be written as JSON");
        self.bytes.push(b'\n');
    }

    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }

    /// How many bytes a document takes, its action included.
    #[must_use]
    pub fn item_size(&self, item: usize) -> usize {
        self.items.get(item).map_or(0, ExactSizeIterator::len)
    }

    /// The body of a request with these documents, byte for byte as they were pushed.
    #[must_use]
    pub fn select(&self, items: &[usize]) -> Cow<'_, [u8]> {
        let spans = || items.iter().filter_map(|item| self.items.get(*item));
        let mut whole: Option<Range<usize>> = None;
        for span in spans() {
            match &mut whole {
                None => whole = Some(span.clone()),
                Some(whole) if whole.end == span.start => whole.end = span.end,
                Some(_) => return Cow::Owned(spans().flat_map(|span| self.slice(span)).copied().collect()),
            }
        }
        Cow::Borrowed(whole.map_or(&[], |whole| self.slice(&whole)))
    }

    fn slice(&self, span: &Range<usize>) -> &[u8] {
        self.bytes.get(span.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::LogEventIdentity;

    fn id(part: usize) -> DocumentId {
        let event = LogEventIdentity {
            owner: "",
            log_group: "",
            log_stream: "",
            event_id: "",
            event_time: 0,
            message: "",
            position: 0,
            part,
        };
        event.document_id()
    }

    #[test]
    fn is_pairs_of_lines() {
        let mut body = BulkBody::default();
        body.push(&id(0), &["line\nbreak"]);
        body.push(&id(1), &["b"]);
        body.push(&id(2), &["c"]);
        let line = |part, document: &str| format!("{{\"create\":{{\"_id\":\"{}\"}}}}\n{document}\n", id(part));
        let (a, b, c) = (line(0, r#"["line\nbreak"]"#), line(1, r#"["b"]"#), line(2, r#"["c"]"#));
        let text = |items: &[usize]| String::from_utf8(body.select(items).into_owned()).unwrap();
        assert_eq!(text(&[0, 1, 2]), [&*a, &b, &c].concat());
        assert_eq!(text(&[0, 2]), [&*a, &c].concat());
        assert_eq!(text(&[]), "");
        assert!(matches!(body.select(&[1, 2]), Cow::Borrowed(_)), "neighbours are not copied");
        assert_eq!((body.len(), body.size(), body.item_size(0)), (3, a.len() + b.len() + c.len(), a.len()));
    }
}
