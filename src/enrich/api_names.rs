//! The names of APIs, from a setting: access logs have only ids.

use std::collections::HashMap;

/// `API_NAMES`: the name of each API by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiNames(HashMap<String, String>);

impl ApiNames {
    /// Reads `id=name` pairs with commas or line breaks between them, or a JSON object.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names = if text.trim_start().starts_with('{') {
            serde_json::from_str(text)
                .map_err(|_| "it is no JSON object of ids and names: write {\"id\":\"name\"}")?
        } else {
            pairs(text)?
        };
        let is_bad = |(id, name): &(&String, &String)| !is_id(id) || name.trim().is_empty();
        match names.iter().find(is_bad) {
            None => Ok(Self(names)),
            Some(_) => Err(WANTED.to_owned()),
        }
    }

    /// Returns the name of an API, or its id if the name is not known, so that lists by this field
    /// have all APIs.
    pub(super) fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, String::as_str)
    }
}

const WANTED: &str =
    "write pairs such as a1b2c3d4e5=shop,f6g7h8i9j0=billing; if a name has a comma, a JSON object";

fn pairs(text: &str) -> Result<HashMap<String, String>, String> {
    let pairs = text.split([',', '\n']).map(str::trim);
    let pairs = pairs.filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (id, name) = pair.split_once('=')?;
        Some((id.trim().to_owned(), name.trim().to_owned()))
    };
    let mut names = HashMap::new();
    for (id, name) in pairs.map(pair).collect::<Option<Vec<_>>>().ok_or(WANTED)? {
        if names.insert(id, name).is_some() {
            return Err("an id stands twice: leave one of its names".to_owned());
        }
    }
    Ok(names)
}

/// Returns whether a text may be the id of an API. Another text is a name that stands in the place
/// of the id.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_pairs_or_json() {
        for text in [
            "a1b2c3d4e5=shop,f6g7h8i9j0=a=b",
            " a1b2c3d4e5 = shop ,\n f6g7h8i9j0 = a=b\n",
            r#"{"a1b2c3d4e5":"shop","f6g7h8i9j0":"a=b"}"#,
        ] {
            let names = ApiNames::parse(text).unwrap();
            assert_eq!(names.name_of("a1b2c3d4e5"), "shop", "{text}");
            assert_eq!(names.name_of("f6g7h8i9j0"), "a=b", "{text}");
            assert_eq!(names.name_of("unknown"), "unknown", "{text}");
        }
        let names = ApiNames::parse(r#"{"a1":"shop, old"}"#).unwrap();
        assert_eq!(names.name_of("a1"), "shop, old");
    }

    #[test]
    fn a_bad_list_is_an_error() {
        for text in [
            "shop",
            "a1=shop, old",
            "a1=shop,a1=billing",
            "a1=",
            "=shop",
            "my shop=a1",
            r#"{"a1":1}"#,
            r#"{"a1":""}"#,
            r#"["a1"]"#,
            "{",
        ] {
            assert!(ApiNames::parse(text).is_err(), "{text}");
        }
    }
}
