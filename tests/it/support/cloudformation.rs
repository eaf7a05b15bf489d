//! CloudFormation templates, read and rendered as CloudFormation would with given parameters.
//!
//! Every scalar is a text, like a parameter. A reference to a resource is rendered as `<Name>`, and
//! one to its attribute as `<Name.Attribute>`.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "a template is JSON of any form"
)]
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use regex::Regex;
use saphyr_parser::{Event, Parser, StrInput, Tag};
use serde_json::{Map, Value, json};

use super::golden::repository;

/// A template as it is written, with short forms (`!Ref`) expanded to long ones (`{"Ref": …}`).
pub(crate) struct Template(pub(crate) Value);

/// A template with parameters: the resources that CloudFormation would create.
pub(crate) struct Stack<'t> {
    template: &'t Template,
    parameters: BTreeMap<String, Value>,
}

impl Template {
    /// Reads a file of this repository.
    pub(crate) fn read(path: &str) -> Self {
        let text = fs::read_to_string(repository(path)).unwrap();
        let mut events = Parser::new_from_str(&text);
        loop {
            match next(&mut events) {
                Event::StreamStart | Event::DocumentStart(_) => {}
                event => return Self(value(event, &mut events)),
            }
        }
    }

    /// Returns the members of a section.
    pub(crate) fn section(&self, name: &str) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.0[name].as_object().unwrap_or(&NONE)
    }

    /// Renders with these parameters, and the defaults of the others. Fails on a parameter that the
    /// template does not have or whose pattern rejects the value.
    pub(crate) fn with(&self, parameters: &[(&str, &str)]) -> Stack<'_> {
        let declared = self.section("Parameters");
        for (name, _) in parameters {
            assert!(declared.contains_key(*name), "there is no parameter {name}");
        }
        let value = |(name, parameter): (&String, &Value)| {
            let given = parameters
                .iter()
                .find(|(given, _)| given == name)
                .map(|(_, value)| *value);
            let text = given
                .or(parameter["Default"].as_str())
                .unwrap_or_else(|| panic!("{name} has no value"));
            let items: Vec<_> = match parameter["Type"].as_str() {
                Some("CommaDelimitedList") => text.split(',').map(str::trim).collect(),
                _ => vec![text],
            };
            if let (Some(_), Some(pattern)) = (given, parameter["AllowedPattern"].as_str()) {
                let pattern = Regex::new(pattern).unwrap();
                items.iter().for_each(|item| {
                    assert!(pattern.is_match(item), "{name} does not take {item}")
                });
            }
            let is_list = parameter["Type"] == "CommaDelimitedList";
            (
                name.clone(),
                if is_list { json!(items) } else { json!(text) },
            )
        };
        Stack {
            template: self,
            parameters: declared.iter().map(value).collect(),
        }
    }
}

impl Stack<'_> {
    /// Returns the resources that would be created, with everything resolved that CloudFormation
    /// can know beforehand.
    pub(crate) fn resources(&self) -> BTreeMap<String, Value> {
        let mut resources = BTreeMap::new();
        for (name, resource) in self.template.section("Resources") {
            let expanded = match name.strip_prefix("Fn::ForEach::") {
                Some(_) => self.for_each(resource),
                None => vec![(name.clone(), resource.clone())],
            };
            for (name, resource) in expanded {
                let is_wanted = resource["Condition"]
                    .as_str()
                    .is_none_or(|condition| self.condition(condition));
                if is_wanted {
                    assert!(
                        name.chars().all(|c| c.is_ascii_alphanumeric()),
                        "{name} is no logical id"
                    );
                    let is_new = resources
                        .insert(name.clone(), self.resolve(&resource).unwrap())
                        .is_none();
                    assert!(is_new, "there are two {name}");
                }
            }
        }
        resources
    }

    /// Evaluates a condition by its name.
    pub(crate) fn condition(&self, name: &str) -> bool {
        self.is_true(&self.template.0["Conditions"][name])
    }

    /// Returns whether the assertions of every rule hold.
    pub(crate) fn keeps_the_rules(&self) -> bool {
        let rules = self.template.section("Rules").values();
        rules
            .filter(|rule| {
                rule.get("RuleCondition")
                    .is_none_or(|condition| self.is_true(condition))
            })
            .flat_map(|rule| rule["Assertions"].as_array().unwrap())
            .all(|rule| self.is_true(&rule["Assert"]))
    }

    /// Unrolls a loop as CloudFormation does: `&{X}` in keys only, reduced to letters and digits,
    /// and `{"Ref": "X"}` everywhere. (Measured on AWS by
    /// <https://github.com/ministackorg/ministack/pull/1739>.)
    fn for_each(&self, parts: &Value) -> Vec<(String, Value)> {
        let (variable, body) = (parts[0].as_str().unwrap(), parts[2].as_object().unwrap());
        let items = self.resolve(&parts[1]).unwrap();
        let items = items
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.as_str().unwrap());
        let unrolled = items.flat_map(|item| {
            let plain: String = item.chars().filter(char::is_ascii_alphanumeric).collect();
            body.iter().map(move |(key, value)| {
                (
                    key.replace(&format!("&{{{variable}}}"), &plain),
                    replace_ref(value, variable, item),
                )
            })
        });
        unrolled.collect()
    }

    /// Resolves a value without functions; nothing for `AWS::NoValue`.
    pub(crate) fn resolve(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => {
                Some(items.iter().filter_map(|item| self.resolve(item)).collect())
            }
            Value::Object(members) => match members.iter().next() {
                Some((name, argument)) if members.len() == 1 && is_function(name) => {
                    self.call(name, argument)
                }
                _ => {
                    let members = members
                        .iter()
                        .filter_map(|(name, value)| Some((name.clone(), self.resolve(value)?)));
                    Some(Value::Object(members.collect()))
                }
            },
            _ => Some(value.clone()),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Option<Value> {
        match name {
            "Ref" => self.reference(argument.as_str().unwrap()),
            "Fn::GetAtt" => Some(json!(format!("<{}>", argument.as_str().unwrap()))),
            "Fn::If" => {
                let is_true = self.condition(argument[0].as_str().unwrap());
                self.resolve(&argument[if is_true { 1 } else { 2 }])
            }
            "Fn::Join" => Some(json!(
                self.texts(&argument[1]).join(argument[0].as_str().unwrap())
            )),
            "Fn::Split" => {
                let text = self.text(&argument[1]);
                Some(
                    text.split(argument[0].as_str().unwrap())
                        .map(|part| json!(part))
                        .collect(),
                )
            }
            "Fn::Select" => {
                let index: usize = argument[0].as_str().unwrap().parse().unwrap();
                Some(json!(self.texts(&argument[1])[index]))
            }
            "Fn::Sub" => Some(json!(self.substitute(argument))),
            _ => Some(json!(self.is_true(&json!({ name: argument })))),
        }
    }

    fn is_true(&self, condition: &Value) -> bool {
        let (name, argument) = condition.as_object().unwrap().iter().next().unwrap();
        let mut arguments = argument.as_array().into_iter().flatten();
        match name.as_str() {
            "Condition" => self.condition(argument.as_str().unwrap()),
            "Fn::Not" => arguments.all(|argument| !self.is_true(argument)),
            "Fn::And" => arguments.all(|argument| self.is_true(argument)),
            "Fn::Or" => arguments.any(|argument| self.is_true(argument)),
            "Fn::Equals" => self.resolve(&argument[0]) == self.resolve(&argument[1]),
            "Fn::EachMemberEquals" => self
                .texts(&argument[0])
                .iter()
                .all(|text| *text == self.text(&argument[1])),
            name => panic!("{name} is no function of conditions"),
        }
    }

    fn reference(&self, name: &str) -> Option<Value> {
        let value = match name {
            "AWS::NoValue" => return None,
            "AWS::AccountId" => json!("111122223333"),
            "AWS::Partition" => json!("aws"),
            "AWS::Region" => json!("eu-central-1"),
            "AWS::StackName" => json!("apigw-logs"),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            _ => self.parameters.get(name).cloned().unwrap_or_else(|| {
                assert!(
                    self.template.section("Resources").contains_key(name),
                    "there is no {name}"
                );
                json!(format!("<{name}>"))
            }),
        };
        Some(value)
    }

    fn substitute(&self, argument: &Value) -> String {
        let text = argument.as_str().or(argument[0].as_str()).unwrap();
        let mut pieces = text.split("${");
        let mut result = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap();
            let own = argument.get(1).and_then(|own| own.get(name));
            let reference = if name.contains('.') {
                json!({"Fn::GetAtt": name})
            } else {
                json!({"Ref": name})
            };
            result += &(self.text(own.unwrap_or(&reference)) + rest);
        }
        result
    }

    fn text(&self, value: &Value) -> String {
        let resolved = self.resolve(value).unwrap();
        resolved
            .as_str()
            .unwrap_or_else(|| panic!("{value} is no text"))
            .to_owned()
    }

    fn texts(&self, value: &Value) -> Vec<String> {
        let resolved = self.resolve(value).unwrap();
        resolved
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.as_str().unwrap().to_owned())
            .collect()
    }
}

fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

fn replace_ref(value: &Value, variable: &str, item: &str) -> Value {
    match value {
        Value::Object(members)
            if members.len() == 1 && members.get("Ref") == Some(&json!(variable)) =>
        {
            json!(item)
        }
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), replace_ref(value, variable, item)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|value| replace_ref(value, variable, item))
            .collect(),
        _ => value.clone(),
    }
}

fn next<'a>(events: &mut Parser<'a, StrInput<'a>>) -> Event<'a> {
    events.next_event().unwrap().unwrap().0
}

fn value<'a>(event: Event<'a>, events: &mut Parser<'a, StrInput<'a>>) -> Value {
    match event {
        Event::Scalar(text, _, _, tag) => tagged(tag.as_deref(), json!(text)),
        Event::SequenceStart(_, tag) => {
            let mut items = Vec::new();
            loop {
                match next(events) {
                    Event::SequenceEnd => return tagged(tag.as_deref(), json!(items)),
                    event => items.push(value(event, events)),
                }
            }
        }
        Event::MappingStart(_, tag) => {
            let mut members = Map::new();
            loop {
                match next(events) {
                    Event::MappingEnd => return tagged(tag.as_deref(), json!(members)),
                    Event::Scalar(key, ..) => {
                        let event = next(events);
                        let is_new = members
                            .insert(key.to_string(), value(event, events))
                            .is_none();
                        assert!(is_new, "{key} is there twice");
                    }
                    _ => panic!("a key is a text"),
                }
            }
        }
        _ => panic!("a template has neither aliases nor two documents"),
    }
}

fn tagged(tag: Option<&Tag>, value: Value) -> Value {
    match tag.map(|tag| tag.suffix.as_str()) {
        None => value,
        Some(name @ ("Ref" | "Condition")) => json!({ name: value }),
        Some(name) => json!({ (format!("Fn::{name}")): value }),
    }
}
