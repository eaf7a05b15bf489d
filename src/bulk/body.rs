//! The body of a bulk request.

use std::borrow::Cow;
use std::ops::Range;

use super::DocumentId;
use crate::json::{WriteJson, write_string};

/// Newline-delimited JSON: for each document a line with its action, and a line with itself if it is to be created.
#[derive(Debug, Default)]
pub struct BulkBody {
    bytes: Vec<u8>,
    items: Vec<Range<usize>>,
}

/// A document as a search has found it: its place, and its state, so that no other is deleted in its stead.
///
/// Source: <https://www.elastic.co/docs/reference/elasticsearch/rest-apis/optimistic-concurrency-control>.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoredDocument {
    /// The index; of a data stream, the backing index.
    pub index: String,
    /// Its id.
    pub id: String,
    /// Its sequence number.
    pub seq_no: u64,
    /// The term of the primary shard that gave the number.
    pub primary_term: u64,
}

impl BulkBody {
    /// Adds a document.
    pub fn push(&mut self, id: &DocumentId, document: &impl WriteJson) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"{\"create\":{\"_id\":\"");
        id.write(&mut self.bytes);
        self.bytes.extend_from_slice(b"\"}}\n");
        document.write_json(&mut self.bytes);
        self.bytes.push(b'\n');
        self.items.push(start..self.bytes.len());
    }

    /// Adds the deletion of a document. The answer 409 says that it is gone, or another by now.
    pub fn push_deletion(&mut self, document: &StoredDocument) {
        let start = self.bytes.len();
        let StoredDocument {
            index,
            id,
            seq_no,
            primary_term,
        } = document;
        self.bytes.extend_from_slice(b"{\"delete\":{\"_index\":");
        write_string(&mut self.bytes, index);
        self.bytes.extend_from_slice(b",\"_id\":");
        write_string(&mut self.bytes, id);
        let state = format!(",\"if_seq_no\":{seq_no},\"if_primary_term\":{primary_term}}}}}\n");
        self.bytes.extend_from_slice(state.as_bytes());
        self.items.push(start..self.bytes.len());
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

    /// How many bytes there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
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
                Some(_) => {
                    return Cow::Owned(
                        spans().flat_map(|span| self.slice(span)).copied().collect(),
                    );
                }
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
        body.push(&id(0), &"line\nbreak");
        body.push(&id(1), &"b");
        body.push(&id(2), &"c");
        let line = |part, document: &str| {
            format!("{{\"create\":{{\"_id\":\"{}\"}}}}\n{document}\n", id(part))
        };
        let (a, b, c) = (
            line(0, r#""line\nbreak""#),
            line(1, r#""b""#),
            line(2, r#""c""#),
        );
        let text = |items: &[usize]| String::from_utf8(body.select(items).into_owned()).unwrap();
        assert_eq!(text(&[0, 1, 2]), [&*a, &b, &c].concat());
        assert_eq!(text(&[0, 2]), [&*a, &c].concat());
        assert_eq!(text(&[]), "");
        assert!(
            matches!(body.select(&[1, 2]), Cow::Borrowed(_)),
            "neighbours are not copied"
        );
        assert_eq!(
            (body.len(), body.size(), body.item_size(0)),
            (3, a.len() + b.len() + c.len(), a.len())
        );
    }

    #[test]
    fn a_deletion_is_one_line() {
        let mut body = BulkBody::default();
        body.push_deletion(&StoredDocument {
            index: ".ds-i".into(),
            id: "\"".into(),
            seq_no: 7,
            primary_term: 1,
        });
        let line = r#"{"delete":{"_index":".ds-i","_id":"\"","if_seq_no":7,"if_primary_term":1}}"#
            .to_owned()
            + "\n";
        assert_eq!(body.select(&[0]), line.as_bytes());
    }
}
