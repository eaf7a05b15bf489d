//! The body of a bulk request.

use std::borrow::Cow;
use std::ops::Range;

use super::DocumentId;
use crate::json::{WriteJson, write_string};
use crate::parts::Parts;

/// Newline-delimited JSON: a line with the action of each document, and for a creation a line with
/// the document itself.
#[derive(Debug, Default)]
pub struct BulkBody {
    bytes: Vec<u8>,
    items: Vec<BodyItem>,
}

/// The place of a document in the body.
#[derive(Debug)]
struct BodyItem {
    span: Range<usize>,
    action: ActionKind,
    /// The place of its id, as JSON without the quotes.
    id: Range<usize>,
}

/// An action as it was sent. Its result is checked against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action<'b> {
    /// The kind of action.
    pub kind: ActionKind,
    /// The id of the document, as JSON without the quotes.
    pub id: &'b str,
}

/// The action on a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    /// Store it, unless a document with its id exists.
    Create,
    /// Delete it.
    Delete,
}

/// A document as a search found it: its place and its version, so that a later document in its
/// place is not deleted.
///
/// Source:
/// <https://www.elastic.co/docs/reference/elasticsearch/rest-apis/optimistic-concurrency-control>.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoredDocument {
    /// The index; of a data stream, the backing index.
    pub index: String,
    /// Its id.
    pub id: String,
    /// Its sequence number.
    pub seq_no: u64,
    /// The term of the primary shard that assigned the number.
    pub primary_term: u64,
}

impl BulkBody {
    /// Adds a document.
    pub fn push(&mut self, id: &DocumentId, document: &impl WriteJson) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"{\"create\":{\"_id\":\"");
        let id_start = self.bytes.len();
        id.write(&mut self.bytes);
        let id = id_start..self.bytes.len();
        self.bytes.extend_from_slice(b"\"}}\n");
        document.write_json(&mut self.bytes);
        self.bytes.push(b'\n');
        self.items.push(BodyItem {
            span: start..self.bytes.len(),
            action: ActionKind::Create,
            id,
        });
    }

    /// Adds the deletion of a document. The answer 409 says that the document is gone or was
    /// changed; the reason says which.
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
        let id_start = self.bytes.len() + 1;
        write_string(&mut self.bytes, id);
        let id = id_start..self.bytes.len() - 1;
        let state = format!(",\"if_seq_no\":{seq_no},\"if_primary_term\":{primary_term}}}}}\n");
        self.bytes.extend_from_slice(state.as_bytes());
        self.items.push(BodyItem {
            span: start..self.bytes.len(),
            action: ActionKind::Delete,
            id,
        });
    }

    /// Returns the number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns whether there are no documents.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the number of bytes that fit without another allocation.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Removes all documents but keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }

    /// Returns the size of a document in bytes, its action included.
    ///
    /// # Panics
    /// If the document does not exist.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "a wrong index is a mistake of ours"
    )]
    pub fn item_size(&self, item: usize) -> usize {
        self.items[item].span.len()
    }

    /// Returns the actions of these documents, in this order.
    ///
    /// # Panics
    /// If one of the documents does not exist.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "a wrong index is a mistake of ours"
    )]
    pub fn actions(&self, items: &[usize]) -> Vec<Action<'_>> {
        let action = |item: &BodyItem| Action {
            kind: item.action,
            id: std::str::from_utf8(&self.bytes[item.id.clone()]).unwrap_or_default(),
        };
        items
            .iter()
            .map(|item| action(&self.items[*item]))
            .collect()
    }

    /// Returns the body of a request with these documents, byte for byte as they were pushed.
    ///
    /// # Panics
    /// If one of the documents does not exist.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "a wrong index is a mistake of ours"
    )]
    pub fn select(&self, items: &[usize]) -> Cow<'_, [u8]> {
        let spans = || items.iter().map(|item| &self.items[*item].span);
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
        self.bytes.part(span.clone())
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
        let second = id(1).to_string();
        let creation = Action {
            kind: ActionKind::Create,
            id: &second,
        };
        assert_eq!(body.actions(&[1]), [creation]);
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
        let deletion = Action {
            kind: ActionKind::Delete,
            id: r#"\""#,
        };
        assert_eq!(body.actions(&[0]), [deletion]);
    }
}
