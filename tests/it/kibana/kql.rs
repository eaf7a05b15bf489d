//! Kibana's query language (KQL), as far as a package needs it: translates a text into the query
//! that Kibana sends to Elasticsearch.
//!
//! The grammar and the queries are those of Kibana's `@kbn/es-query` (`grammar.peggy`,
//! `node_types/function.ts`, `functions/*.ts`): `not` binds more tightly than `and`, `and` than
//! `or`; a value of several words is one value; `field: *` asks whether there is a value. Nested
//! fields (`field: { … }`) and patterns of field names are errors here.
#![expect(clippy::disallowed_types, reason = "queries are trees")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Returns the query that Kibana makes from a KQL text. An empty text gives the query that matches
/// everything.
///
/// An error is a sentence that says what is wrong with the text, and where.
pub(crate) fn to_query(kql: &str) -> Result<Value, String> {
    Ok(parse(kql)?.map_or_else(|| json!({ "match_all": {} }), |node| node.to_query()))
}

/// Returns the fields in a KQL text, each once.
pub(crate) fn fields(kql: &str) -> Result<BTreeSet<String>, String> {
    let mut fields = BTreeSet::new();
    if let Some(node) = parse(kql)? {
        node.collect_fields(&mut fields);
    }
    Ok(fields)
}

/// A parsed text.
#[derive(Debug, PartialEq)]
enum Node {
    Or(Vec<Node>),
    And(Vec<Node>),
    Not(Box<Node>),
    /// `None` stands for any field.
    Is(Option<String>, Literal),
    /// `gt`, `gte`, `lt` or `lte`.
    Range(String, &'static str, Literal),
}

/// A field's name or a value.
#[derive(Debug, Clone, PartialEq)]
struct Literal {
    is_quoted: bool,
    /// The text without escapes, cut at its wildcards: one part if it has none.
    parts: Vec<String>,
}

impl Node {
    fn to_query(&self) -> Value {
        let all = |nodes: &[Self]| nodes.iter().map(Self::to_query).collect::<Vec<_>>();
        match self {
            Self::Or(nodes) => {
                json!({ "bool": { "should": all(nodes), "minimum_should_match": 1 } })
            }
            Self::And(nodes) => json!({ "bool": { "filter": all(nodes) } }),
            Self::Not(node) => json!({ "bool": { "must_not": node.to_query() } }),
            Self::Is(field, value) => {
                let query = is_query(field.as_deref(), value);
                json!({ "bool": { "should": [query], "minimum_should_match": 1 } })
            }
            Self::Range(field, operator, value) => {
                let range = json!({ "range": { field: { *operator: value.text() } } });
                json!({ "bool": { "should": [range], "minimum_should_match": 1 } })
            }
        }
    }

    fn collect_fields(&self, into: &mut BTreeSet<String>) {
        match self {
            Self::Or(nodes) | Self::And(nodes) => {
                nodes.iter().for_each(|node| node.collect_fields(into))
            }
            Self::Not(node) => node.collect_fields(into),
            Self::Is(field, _) => into.extend(field.clone()),
            Self::Range(field, ..) => drop(into.insert(field.clone())),
        }
    }
}

fn is_query(field: Option<&str>, value: &Literal) -> Value {
    match (field, value.is_pattern()) {
        (Some(field), true) if value.is_only_wildcards() => json!({ "exists": { "field": field } }),
        (Some(field), true) => {
            json!({ "query_string": { "fields": [field], "query": value.to_query_string() } })
        }
        (Some(field), false) if value.is_quoted => {
            json!({ "match_phrase": { field: value.text() } })
        }
        (Some(field), false) => json!({ "match": { field: value.text() } }),
        (None, true) if value.is_only_wildcards() => json!({ "match_all": {} }),
        (None, true) => json!({ "query_string": { "query": value.to_query_string() } }),
        (None, false) => {
            let kind = if value.is_quoted {
                "phrase"
            } else {
                "best_fields"
            };
            json!({ "multi_match": { "type": kind, "query": value.text(), "lenient": true } })
        }
    }
}

impl Literal {
    fn is_pattern(&self) -> bool {
        self.parts.len() > 1
    }

    fn is_only_wildcards(&self) -> bool {
        self.is_pattern() && self.parts.iter().all(String::is_empty)
    }

    fn text(&self) -> String {
        self.parts.join("*")
    }

    /// Returns the text for a `query_string` query: everything with a meaning there is escaped,
    /// except wildcards.
    fn to_query_string(&self) -> String {
        let escaped = |part: &String| {
            part.chars()
                .flat_map(|c| {
                    (!c.is_alphanumeric() && c != '_')
                        .then_some('\\')
                        .into_iter()
                        .chain([c])
                })
                .collect()
        };
        self.parts
            .iter()
            .map(escaped)
            .collect::<Vec<String>>()
            .join("*")
    }
}

fn parse(kql: &str) -> Result<Option<Node>, String> {
    let mut parser = Parser { rest: kql.trim() };
    if parser.rest.is_empty() {
        return Ok(None);
    }
    let node = parser.or(None)?;
    if parser.rest.is_empty() {
        Ok(Some(node))
    } else {
        Err(parser.unexpected("the end"))
    }
}

/// The unread rest. Blanks before it are already read.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    /// Parses `a or b`. Within the brackets after `field:`, the terms are values of that field.
    fn or(&mut self, field: Option<&str>) -> Result<Node, String> {
        let mut nodes = vec![self.and(field)?];
        while self.keyword("or") {
            nodes.push(self.and(field)?);
        }
        Ok(one_or(nodes, Node::Or))
    }

    fn and(&mut self, field: Option<&str>) -> Result<Node, String> {
        let mut nodes = vec![self.not(field)?];
        while self.keyword("and") {
            nodes.push(self.not(field)?);
        }
        Ok(one_or(nodes, Node::And))
    }

    fn not(&mut self, field: Option<&str>) -> Result<Node, String> {
        if self.keyword("not") {
            return Ok(Node::Not(Box::new(self.term(field)?)));
        }
        self.term(field)
    }

    fn term(&mut self, field: Option<&str>) -> Result<Node, String> {
        if self.symbol("(") {
            return self.closed(field);
        }
        let literal = self.literal()?;
        match field {
            Some(field) => Ok(Node::Is(Some(field.to_owned()), literal)),
            None => self.comparison(literal),
        }
    }

    fn closed(&mut self, field: Option<&str>) -> Result<Node, String> {
        let node = self.or(field)?;
        if self.symbol(")") {
            Ok(node)
        } else {
            Err(self.unexpected("`)`"))
        }
    }

    /// Parses what follows the first literal of an expression: nothing, if the literal was a value.
    fn comparison(&mut self, first: Literal) -> Result<Node, String> {
        for (symbol, operator) in [("<=", "lte"), (">=", "gte"), ("<", "lt"), (">", "gt")] {
            if self.symbol(symbol) {
                return Ok(Node::Range(field_name(&first)?, operator, self.literal()?));
            }
        }
        if !self.symbol(":") {
            return Ok(Node::Is(None, first));
        }
        let field = field_name(&first)?;
        if self.symbol("(") {
            self.closed(Some(&field))
        } else {
            Ok(Node::Is(Some(field), self.literal()?))
        }
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(symbol) else {
            return false;
        };
        self.rest = rest.trim_start();
        true
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let Some(rest) = after_keyword(self.rest, keyword) else {
            return false;
        };
        self.rest = rest.trim_start();
        true
    }

    fn literal(&mut self) -> Result<Literal, String> {
        let literal = if self.symbol("\"") {
            self.quoted()
        } else {
            self.unquoted()
        }?;
        self.rest = self.rest.trim_start();
        Ok(literal)
    }

    fn quoted(&mut self) -> Result<Literal, String> {
        let mut text = String::new();
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => {
                    self.rest = chars.as_str();
                    return Ok(Literal {
                        is_quoted: true,
                        parts: vec![text],
                    });
                }
                '\\' => text.push(unescaped(chars.next().ok_or("a `\\` stands at the end")?)),
                c => text.push(c),
            }
        }
        Err(format!("a quote is not closed: \"{}", self.rest))
    }

    /// Reads words up to the next symbol or keyword, without the blanks around them.
    fn unquoted(&mut self) -> Result<Literal, String> {
        let mut parts = vec![String::new()];
        while let Some(c) = self.rest.chars().next().filter(|_| !self.at_keyword()) {
            let mut chars = self.rest.chars();
            chars.next();
            match c {
                '*' => parts.push(String::new()),
                '\\' => push(
                    &mut parts,
                    unescaped(chars.next().ok_or("a `\\` stands at the end")?),
                ),
                '(' | ')' | ':' | '<' | '>' | '"' | '{' | '}' => break,
                c => push(&mut parts, c),
            }
            self.rest = chars.as_str();
        }
        if let Some(last) = parts.last_mut() {
            last.truncate(last.trim_end().len());
        }
        match &*parts {
            [only] if only.is_empty() => Err(self.unexpected("a field or a value")),
            _ => Ok(Literal {
                is_quoted: false,
                parts,
            }),
        }
    }

    /// Returns whether an `and` or `or` comes next, after a blank.
    fn at_keyword(&self) -> bool {
        let word = self.rest.trim_start();
        word.len() < self.rest.len()
            && ["and", "or"]
                .iter()
                .any(|keyword| after_keyword(word, keyword).is_some())
    }

    fn unexpected(&self, wanted: &str) -> String {
        let found = if self.rest.is_empty() {
            "the end"
        } else {
            self.rest
        };
        format!("{wanted} should stand where there is: {found}")
    }
}

/// Returns the text after a keyword and the blank that ends it. Without the blank it is an ordinary
/// word.
fn after_keyword<'a>(text: &'a str, keyword: &str) -> Option<&'a str> {
    let (word, rest) = text.split_at_checked(keyword.len())?;
    (word.eq_ignore_ascii_case(keyword) && rest.starts_with([' ', '\n', '\t'])).then_some(rest)
}

fn push(parts: &mut [String], c: char) {
    if let Some(last) = parts.last_mut() {
        last.push(c);
    }
}

const fn unescaped(c: char) -> char {
    match c {
        't' => '\t',
        'r' => '\r',
        'n' => '\n',
        c => c,
    }
}

fn field_name(literal: &Literal) -> Result<String, String> {
    if literal.is_pattern() {
        return Err(format!("{} is a pattern and no field", literal.text()));
    }
    Ok(literal.text())
}

fn one_or(mut nodes: Vec<Node>, several: impl Fn(Vec<Node>) -> Node) -> Node {
    match (nodes.pop(), nodes.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            nodes.extend(last);
            several(nodes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(query: Value) -> Value {
        json!({ "bool": { "should": [query], "minimum_should_match": 1 } })
    }

    #[test]
    fn a_text_becomes_the_query_that_kibana_sends() {
        let (a, b) = (
            is(json!({ "match": { "a": "1" } })),
            is(json!({ "match": { "b": "2" } })),
        );
        let c = is(json!({ "exists": { "field": "c" } }));
        let phrase = |text: &str| is(json!({ "match_phrase": { "a": text } }));
        let range =
            |operator: &str, value: &str| is(json!({ "range": { "a": { operator: value } } }));
        let pattern =
            |text: &str| is(json!({ "query_string": { "fields": ["a"], "query": text } }));
        for (kql, query) in [
            ("", json!({ "match_all": {} })),
            (" a : 1 ", a.clone()),
            (
                "a:1 or b:2 and c:*",
                json!({ "bool": { "should": [a, { "bool": { "filter": [b, c] } }], "minimum_should_match": 1 } }),
            ),
            (
                "(a:1 OR b:2) AND c : *",
                json!({ "bool": { "filter": [{ "bool": { "should": [a, b], "minimum_should_match": 1 } }, c] } }),
            ),
            (
                "not a:1 and b:2",
                json!({ "bool": { "filter": [{ "bool": { "must_not": a } }, b] } }),
            ),
            (
                "not (a:1 and b:2)",
                json!({ "bool": { "must_not": { "bool": { "filter": [a, b] } } } }),
            ),
            (
                "a:(1 or not 1)",
                json!({ "bool": { "should": [a, { "bool": { "must_not": a } }], "minimum_should_match": 1 } }),
            ),
            (r#"a: "GET /pets/{id}""#, phrase("GET /pets/{id}")),
            (r#"a: "\"or\" \\""#, phrase(r#""or" \"#)),
            ("a: \"*\"", phrase("*")),
            (
                "a: android or b: 2",
                json!({ "bool": { "should": [is(json!({ "match": { "a": "android" } })), b], "minimum_should_match": 1 } }),
            ),
            ("a: two words", is(json!({ "match": { "a": "two words" } }))),
            ("a: $default", is(json!({ "match": { "a": "$default" } }))),
            (r"a: GET\:x", is(json!({ "match": { "a": "GET:x" } }))),
            ("a >= 500", range("gte", "500")),
            (
                "a<\"2026-03-01T03:10:00Z\"",
                range("lt", "2026-03-01T03:10:00Z"),
            ),
            ("a: /prod/pets*", pattern(r"\/prod\/pets*")),
            ("a: b*c d*", pattern(r"b*c\ d*")),
            (
                "word",
                is(
                    json!({ "multi_match": { "type": "best_fields", "query": "word", "lenient": true } }),
                ),
            ),
        ] {
            assert_eq!(to_query(kql), Ok(query), "{kql}");
        }
    }

    #[test]
    fn what_is_not_kql_is_reported() {
        for kql in [
            "a:",
            ":1",
            "(a:1",
            "a:1)",
            "a:\"1",
            "a:1 b:2",
            "a: { b: 1 }",
            "a.*: 1",
            "a:()",
            "a > ",
            r"a:\",
        ] {
            assert!(to_query(kql).is_err(), "{kql}: {:?}", to_query(kql));
        }
    }

    #[test]
    fn fields_are_found_once_and_wherever_they_stand() {
        let kql = "a.b: 1 and not (c > 2 or (d: (3 or 4) and \"a.b\": *)) and word";
        assert_eq!(fields(kql), Ok(["a.b", "c", "d"].map(str::to_owned).into()));
    }
}
