"""Renders CloudFormation templates as CloudFormation would with given parameters.

A reference to a resource is rendered as `<Name>`, and one to its attribute as `<Name.Attribute>`. Functions and alarms
are referred to by their names. tests/it/support/cloudformation.rs does the same for the tests.
"""

import json
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PSEUDO = {
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "apigw-logs",
    "AWS::URLSuffix": "amazonaws.com",
}
# Resources whose reference is their name, by the property that holds it.
NAMED = {
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::CloudWatch::Alarm": "AlarmName",
}
NOTHING = {"Ref": "AWS::NoValue"}


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as CDK writes them."""


def short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", short_form)


def read(path):
    return yaml.load((ROOT / path).read_text(encoding="utf-8"), Loader)


def text(value):
    """Returns a scalar as CloudFormation compares it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Stack:
    """A template with parameters."""

    def __init__(self, template, parameters):
        unknown = {*parameters} - {*template["Parameters"]}
        assert not unknown, f"the template has no parameters {unknown}"
        self.template = template
        self.parameters = {}
        for name, parameter in template["Parameters"].items():
            value = text(parameters.get(name, parameter.get("Default", "")))
            is_list = parameter["Type"] == "CommaDelimitedList"
            self.parameters[name] = [item.strip() for item in value.split(",")] if is_list else value

    def resources(self):
        """Returns the type and the properties of each resource, with those of nested stacks."""
        resources = {}
        for name, resource in self.template["Resources"].items():
            for name, resource in self.unrolled(name, resource):
                if "Condition" in resource and not self.condition(resource["Condition"]):
                    continue
                properties = self.resolve(resource.get("Properties", {}))
                if resource["Type"] == "AWS::CloudFormation::Stack":
                    nested = Stack(read(properties["TemplateURL"]), properties["Parameters"])
                    resources.update({f"{name}/{inner}": found for inner, found in nested.resources().items()})
                else:
                    resources[name] = (resource["Type"], properties)
        return resources

    def outputs(self):
        outputs = self.template["Outputs"].items()
        return {name: self.resolve(one["Value"]) for name, one in outputs if "Condition" not in one or self.condition(one["Condition"])}

    def keeps_the_rules(self):
        for rule in self.template["Rules"].values():
            if "RuleCondition" not in rule or self.is_true(rule["RuleCondition"]):
                if not all(self.is_true(assertion["Assert"]) for assertion in rule["Assertions"]):
                    return False
        return True

    def unrolled(self, name, resource):
        if not name.startswith("Fn::ForEach::"):
            return [(name, resource)]
        variable, items, body = resource
        found = []
        for item in self.resolve(items):
            plain = re.sub("[^A-Za-z0-9]", "", item)
            for key, value in body.items():
                value = json.loads(json.dumps(value).replace(json.dumps({"Ref": variable}), json.dumps(item)))
                found.append((key.replace(f"&{{{variable}}}", plain), value))
        return found

    def condition(self, name):
        return self.is_true(self.template["Conditions"][name])

    def is_true(self, condition):
        (name, argument), = condition.items()
        match name:
            case "Condition":
                return self.condition(argument)
            case "Fn::Not":
                return not self.is_true(argument[0])
            case "Fn::And":
                return all(map(self.is_true, argument))
            case "Fn::Or":
                return any(map(self.is_true, argument))
            case "Fn::Equals":
                left, right = map(self.resolve, argument)
                return text(left) == text(right)
            case "Fn::EachMemberEquals":
                items, wanted = map(self.resolve, argument)
                return all(text(item) == text(wanted) for item in items)
        raise ValueError(f"{name} is no function of conditions")

    def resolve(self, value):
        """Returns a value without functions, and without members that have no value."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value if not self.is_nothing(item)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self.call(name, argument)
        return {key: self.resolve(item) for key, item in value.items() if not self.is_nothing(item)}

    def is_nothing(self, value):
        if isinstance(value, dict) and {*value} == {"Fn::If"}:
            condition, left, right = value["Fn::If"]
            return self.is_nothing(left if self.condition(condition) else right)
        return value == NOTHING

    def call(self, name, argument):
        match name:
            case "Ref":
                return self.reference(argument)
            case "Fn::GetAtt":
                return f"<{argument if isinstance(argument, str) else '.'.join(argument)}>"
            case "Fn::If":
                condition, left, right = argument
                return self.resolve(left if self.condition(condition) else right)
            case "Fn::Join":
                separator, items = argument
                return separator.join(map(text, self.resolve(items)))
            case "Fn::Split":
                separator, whole = argument
                return self.resolve(whole).split(separator)
            case "Fn::Select":
                index, items = argument
                return self.resolve(items)[int(index)]
            case "Fn::Sub":
                template, own = (argument, {}) if isinstance(argument, str) else argument
                return re.sub(r"\$\{([^}!]+)\}", lambda found: text(self.substitute(found[1], own)), template)
            case "Fn::ImportValue":
                return f"token:{argument}"
        raise ValueError(f"{name} is not known here")

    def substitute(self, name, own):
        if name in own:
            return self.resolve(own[name])
        return f"<{name}>" if "." in name else self.reference(name)

    def reference(self, name):
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        resource = self.template["Resources"][name]
        if resource["Type"] in NAMED:
            return self.resolve(resource["Properties"][NAMED[resource["Type"]]])
        return f"<{name}>"


def plain(value):
    """Returns a value in the form in which deployments are compared: scalars as texts, nothing empty."""
    if isinstance(value, dict):
        members = {key: plain(item) for key, item in value.items()}
        return {key: item for key, item in members.items() if item not in (None, [])}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value if value is None else text(value)


def statements(policies):
    """Returns the statements of policies in an order of their own, since their order means nothing."""
    found = [plain(statement) for policy in policies for statement in policy["Statement"]]
    return sorted(found, key=lambda statement: json.dumps(statement, sort_keys=True))


def comparable(resources):
    """Returns the properties of each resource, by a name that does not depend on how it is deployed."""
    found = {}
    for name, (kind, properties) in resources.items():
        properties = plain(properties)
        match kind:
            case "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm":
                key = "alarm " + properties["AlarmName"]
                for metric in properties.get("Metrics", []):
                    metric.setdefault("ReturnData", "true")
                if "AlarmRule" in properties:
                    properties["AlarmRule"] = sorted(properties["AlarmRule"].split(" OR "))
            case "AWS::Lambda::Permission":
                key = "permission " + properties["SourceArn"]
            case "AWS::Logs::SubscriptionFilter":
                key = "subscription " + properties["LogGroupName"]
            case "AWS::IAM::Role":
                key = name
                properties["Policies"] = statements(policy["PolicyDocument"] for policy in properties["Policies"])
            case "AWS::Logs::Destination":
                key = name
                properties["DestinationPolicy"] = json.loads(properties["DestinationPolicy"])
            case _:
                key = name
        assert key not in found, f"there are two of {key}"
        found[key] = properties
    return found
