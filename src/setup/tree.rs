//! Templates as trees: they are compared with what a server answers, which may be anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Tree {
    Null,
    Flag(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Tree>),
    Object(BTreeMap<String, Tree>),
}

impl Tree {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn object<const N: usize>(members: [(&str, Tree); N]) -> Self {
        Self::Object(
            members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    /// A member of an object, of a member of it, and so on.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |tree, name| match tree {
            Self::Object(members) => members.get(*name),
            _ => None,
        })
    }

    pub(super) fn set(&mut self, name: &str, value: Self) {
        if let Self::Object(members) = self {
            members.insert(name.to_owned(), value);
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Self::Object(members) = self {
            members.remove(name);
        }
    }

    pub(super) fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Object(members) => members.get_mut(name),
            _ => None,
        }
    }

    /// Whether all of another tree is there. A server adds what holds by default, and has numbers and flags of settings
    /// as texts.
    pub(super) fn holds(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Object(members), Self::Object(wanted)) => wanted
                .iter()
                .all(|(name, wanted)| members.get(name).is_some_and(|member| member.holds(wanted))),
            (Self::List(items), Self::List(wanted)) => {
                items.len() == wanted.len()
                    && items
                        .iter()
                        .zip(wanted)
                        .all(|(item, wanted)| item.holds(wanted))
            }
            _ => {
                self == wanted
                    || self
                        .as_text()
                        .is_some_and(|text| Some(text) == wanted.as_text())
            }
        }
    }

    fn as_text(&self) -> Option<String> {
        match self {
            Self::Flag(flag) => Some(flag.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Null | Self::List(_) | Self::Object(_) => None,
        }
    }

    pub(super) fn is_text(&self, expected: &str) -> bool {
        matches!(self, Self::Text(text) if text == expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds() {
        let tree = |text| serde_json::from_str::<Tree>(text).unwrap();
        let wanted = tree(r#"{"a":{"limit":2000,"on":true},"b":["x"],"c":{}}"#);
        assert_eq!(
            serde_json::to_string(&wanted).unwrap(),
            r#"{"a":{"limit":2000,"on":true},"b":["x"],"c":{}}"#
        );
        for same in [
            r#"{"a":{"limit":2000,"on":true},"b":["x"],"c":{}}"#,
            r#"{"a":{"limit":"2000","on":"true","more":1.5},"b":["x"],"c":{"hidden":false},"d":null}"#,
        ] {
            assert!(tree(same).holds(&wanted), "{same}");
        }
        for other in [
            r#"{"a":{"limit":2001,"on":true},"b":["x"],"c":{}}"#,
            r#"{"a":{"limit":2000,"on":true},"b":["x","y"],"c":{}}"#,
            r#"{"a":{"limit":2000,"on":true},"b":["y"],"c":{}}"#,
            r#"{"a":{"limit":2000,"on":true},"b":["x"],"c":null}"#,
            r#"{"a":{"limit":2000,"on":true},"b":["x"]}"#,
        ] {
            assert!(!tree(other).holds(&wanted), "{other}");
        }
    }
}
