"""Computes the module of deploy/terraform with Terraform itself, and says its resources in CloudFormation's words.

Terraform needs its provider for AWS to know what resources are, but not to compute their arguments. So each resource
becomes a `terraform_data`, which is built in, with the same `count` or `for_each` and the same arguments, nested blocks
included. References to resources become texts, `<type.name.attribute>`.
"""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile

import hcl2

from . import cloudformation
from .cloudformation import PSEUDO, ROOT, plain, statements

MODULE = ROOT / "deploy" / "terraform"
DATA = {
    "data.aws_caller_identity.this.account_id": "AWS::AccountId",
    "data.aws_partition.this.partition": "AWS::Partition",
    "data.aws_partition.this.dns_suffix": "AWS::URLSuffix",
    "data.aws_region.this.region": "AWS::Region",
}
# Texts for references, by the reference of the template that means the same. An ARN of a log group ends with `:*` in
# CloudFormation.
REFERENCES = {
    "<aws_cloudwatch_log_group.this.arn>:*": "<LogGroup.Arn>",
    "<aws_cloudwatch_log_group.this.name>": "<LogGroup>",
    "<aws_iam_role.this.arn>": "<Role.Arn>",
    "<aws_iam_role.this.id>": "<Role>",
    "<aws_iam_role.stream_writer.arn>": "<StreamWriterRole.Arn>",
    "<aws_iam_role.stream_writer.id>": "<StreamWriterRole>",
    "<aws_lambda_event_source_mapping.failed_invocations.uuid>": "<FailedInvocationsSource>",
    "<aws_lambda_event_source_mapping.stream.uuid>": "<StreamSource>",
    "<aws_lambda_function.this.arn>": "<Function.Arn>",
    "<aws_lambda_function.this.function_name>": PSEUDO["AWS::StackName"],
    "<aws_cloudwatch_log_destination.this.arn>": "<StreamDestination.Arn>",
    "<aws_cloudwatch_log_destination.this.name>": PSEUDO["AWS::StackName"],
    "<aws_s3_bucket.failed_records.arn>": "<FailedRecords.Arn>",
    "<aws_s3_bucket.failed_records.id>": "<FailedRecords>",
    "<aws_secretsmanager_secret.api_key.arn>": "<ApiKeySecret>",
    "<aws_secretsmanager_secret.api_key.id>": "<ApiKeySecret>",
    "<aws_sqs_queue.abandoned_invocations.arn>": "<AbandonedInvocations.Arn>",
    "<aws_sqs_queue.abandoned_invocations.name>": "<AbandonedInvocations.QueueName>",
    "<aws_sqs_queue.abandoned_invocations.url>": "<AbandonedInvocations>",
    "<aws_sqs_queue.failed_invocations.arn>": "<FailedInvocations.Arn>",
    "<aws_sqs_queue.failed_invocations.name>": "<FailedInvocations.QueueName>",
    "<aws_sqs_queue.failed_invocations.url>": "<FailedInvocations>",
}
# Arguments without a counterpart in the template: names that CloudFormation makes by itself, names of policies, and the
# function's zip file, which SAM and CDK upload themselves.
NOT_COMPARED = {"filename", "source_code_hash", "name_prefix", "bucket_prefix"}
NOT_COMPARED_OF = {"aws_sqs_queue": {"name"}, "aws_iam_role_policy": {"name"}}
# Meta-arguments. `depends_on` orders what CloudFormation orders by DependsOn, in other steps. `lifecycle` is compared
# apart: its preconditions with the rules, and `prevent_destroy` with the policies for deletion.
META = {"count", "for_each", "depends_on", "lifecycle", "dynamic", "skip_destroy"}


def unquoted(value):
    """Returns a value of python-hcl2 without the quotes of texts."""
    if isinstance(value, str) and value.startswith('"'):
        return json.loads(value)
    if isinstance(value, list):
        return [unquoted(item) for item in value]
    return value


def blocks(kind):
    """Returns every block of a kind in the module, by its labels."""
    found = {}
    for path in sorted(MODULE.glob("*.tf")):
        for block in hcl2.load(path.open(encoding="utf-8")).get(kind, []):
            labels = []
            while not block.get("__is_block__"):
                (label, block), = ((key, value) for key, value in block.items() if not key.startswith("__"))
                labels.append(unquoted(label))
            found[".".join(labels)] = block
    return found


def expression(value):
    """Returns a value of python-hcl2 as the text of an expression."""
    if isinstance(value, str):
        return value[2:-1] if value.startswith("${") and value.endswith("}") else value
    if isinstance(value, list):
        return f"[{', '.join(map(expression, value))}]"
    if isinstance(value, dict):
        return f"{{\n{arguments(value)}}}"
    return json.dumps(value)


def arguments(block):
    """Returns the arguments and blocks of a block as members of an object."""
    members = {key: expression(value) for key, value in block.items() if key not in META and not key.startswith("__")}
    for dynamic in block.get("dynamic", []):
        (label, body), = ((unquoted(key), value) for key, value in dynamic.items() if not key.startswith("__"))
        repeated = f"[for {label} in [for item in {expression(body['for_each'])} : {{ value = item }}] : {expression(body['content'][0])}]"
        members[label] = f"concat({members.get(label, '[]')}, {repeated})"
    return "".join(f"{key} = {value}\n" for key, value in members.items())


def without_references(text):
    """Replaces references to resources and data by texts."""
    name = r"((?:data\.)?aws_[a-z_0-9]+\.[a-z_]+)"

    def said(found):
        reference = ".".join(found.groups())
        return PSEUDO[DATA[reference]] if reference in DATA else f"<{reference}>"

    text = re.sub(rf"one\({name}\[\*\]\.([a-z_]+)\)", lambda found: f'"{said(found)}"', text)
    text = re.sub(rf'try\({name}\[0\]\.([a-z_]+), ""\)', lambda found: f'"{said(found)}"', text)
    text = re.sub(rf"\$\{{{name}(?:\[0\])?\.([a-z_]+)\}}", said, text)
    return re.sub(rf"(?<![<.\w]){name}(?:\[0\])?\.([a-z_]+)", lambda found: f'"{said(found)}"', text)


def locals_of_the_module():
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(MODULE.glob("*.tf")))
    return "\n".join(re.findall(r"^locals \{\n.*?^\}\n", text, re.MULTILINE | re.DOTALL))


def built_in():
    """Returns the module with built-in resources."""
    text = locals_of_the_module()
    for address, block in blocks("resource").items():
        meta = "".join(f"{key} = {expression(block[key])}\n" for key in ("count", "for_each") if key in block)
        text += f'resource "terraform_data" "{address.replace(".", "__")}" {{\n{meta}input = {{\n{arguments(block)}}}\n}}\n'
    for name, block in blocks("output").items():
        text += f'output "{name}" {{\nvalue = {expression(block["value"])}\n}}\n'
    return without_references(text)


def rules():
    """Returns the module's preconditions, as an output that says if they all hold."""
    lifecycle = blocks("resource")["aws_lambda_function.this"]["lifecycle"][0]
    conditions = [expression(one["condition"]) for one in lifecycle["precondition"]]
    return without_references(f'{locals_of_the_module()}\noutput "kept" {{\nvalue = alltrue([{", ".join(conditions)}])\n}}\n')


def snake(name):
    """Returns the name of a parameter as a Terraform variable."""
    name = name.replace("OpenSearch", "Opensearch").replace("GeoIp", "Geoip")
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def variables(template, parameters):
    """Returns parameters of the template as variables of the module."""
    found = {"package": "function.zip"}
    for name, value in parameters.items():
        if template["Parameters"][name]["Type"] == "CommaDelimitedList":
            value = value.split(",")
        elif name == "ApiNames":
            value = json.loads(value)
        found[snake(name)] = value
    return found


class Terraform:
    """The program, and a folder for its work."""

    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)

    def __call__(self, *arguments, folder=None):
        command = [self.program, *arguments]
        return subprocess.run(command, cwd=folder or self.folder, capture_output=True, text=True, timeout=600)

    def must(self, *arguments, folder=None):
        done = self(*arguments, folder=folder)
        if done.returncode != 0:
            raise SystemExit(f"terraform {arguments[0]} failed:\n{done.stderr or done.stdout}")
        return done.stdout

    def configure(self, name, module, root):
        """Writes a configuration with a module, and initializes it. Returns its folder."""
        folder = self.folder / name
        (folder / "module").mkdir(parents=True)
        (folder / "module" / "main.tf").write_text(module, encoding="utf-8")
        shutil.copy(MODULE / "variables.tf", folder / "module")
        (folder / "function.zip").touch()
        (folder / "main.tf.json").write_text(json.dumps(root), encoding="utf-8")
        self.must("init", "-backend=false", "-no-color", "-input=false", folder=folder)
        return folder

    def apply(self, name, module, cases):
        """Returns the outputs of the module, and its resources by their addresses, for each case."""
        calls = {f"case{index}": {"source": "./module", **case} for index, case in enumerate(cases)}
        outputs = {call: {"value": f"${{module.{call}}}"} for call in calls}
        folder = self.configure(name, module, {"module": calls, "output": outputs})
        self.must("apply", "-auto-approve", "-no-color", "-input=false", folder=folder)
        state = json.loads(self.must("show", "-json", folder=folder))["values"]
        found = [{} for _ in cases]
        for child in state["root_module"].get("child_modules", []):
            resources = found[int(child["address"].removeprefix("module.case"))]
            for resource in child["resources"]:
                resources.setdefault(resource["name"].replace("__", "."), []).append(resource["values"]["input"])
        return [(state["outputs"][call]["value"], resources) for call, resources in zip(calls, found)]


class Arguments(dict):
    """The arguments of a resource or a block. Each argument that nobody takes is a difference."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.blocks = {}

    def take(self, name, key):
        value = self.pop(name, None)
        return {} if value in (None, "", []) else {key: value}

    def block(self, name):
        """Returns a block that comes once at most."""
        found = self.pop(name, [])
        assert len(found) <= 1, f"{name} is there more than once"
        self.blocks[name] = Arguments(*found)
        return self.blocks[name]

    def left_over(self):
        """Yields the names of arguments that nobody has taken."""
        yield from (name for name, value in self.items() if value not in (None, []))
        for block, arguments in self.blocks.items():
            yield from (f"{block}.{name}" for name in arguments.left_over())


class Resources:
    """The resources of a case, which become those of CloudFormation one by one."""

    def __init__(self, computed):
        self.computed = {address: [Arguments(referring(one)) for one in instances] for address, instances in computed.items()}
        self.found = {}

    def all(self, address):
        return self.computed.get(address, [])

    def one(self, address):
        instances = self.all(address)
        return instances[0] if instances else None

    def add(self, name, kind, properties):
        self.found[name] = (kind, properties)

    def left_over(self):
        """Yields the arguments that nobody has taken."""
        for address, instances in self.computed.items():
            ignored = NOT_COMPARED | NOT_COMPARED_OF.get(address.split(".")[0], set())
            for name in {name for instance in instances for name in instance.left_over()} - ignored:
                yield f"{address}.{name}"


def referring(value):
    """Returns a value with the template's references."""
    if isinstance(value, list):
        return [referring(item) for item in value]
    if isinstance(value, dict):
        return {key: referring(item) for key, item in value.items()}
    if isinstance(value, str):
        # jsonencode escapes the brackets.
        value = value.replace(r"\u003c", "<").replace(r"\u003e", ">")
        for ours, theirs in REFERENCES.items():
            value = value.replace(ours, theirs)
    return value


def in_the_words_of_cloudformation(computed):
    """Returns resources as the template has them, and the arguments that have no counterpart there."""
    resources = Resources(computed)
    function(resources)
    stored(resources)
    roles(resources)
    queues(resources)
    subscriptions(resources)
    stream(resources)
    bucket(resources)
    alarms(resources)
    return resources.found, sorted(resources.left_over())


def function(resources):
    one = resources.one("aws_lambda_function.this")
    network, config = one.block("vpc_config"), resources.one("aws_lambda_function_event_invoke_config.this")
    logging = one.block("logging_config")
    concurrency = one.pop("reserved_concurrent_executions")
    assert config.pop("function_name") == PSEUDO["AWS::StackName"]
    properties = {
        **one.take("function_name", "FunctionName"),
        **one.take("description", "Description"),
        **one.take("handler", "Handler"),
        **one.take("runtime", "Runtime"),
        **one.take("architectures", "Architectures"),
        **one.take("memory_size", "MemorySize"),
        **one.take("timeout", "Timeout"),
        **({} if concurrency == -1 else {"ReservedConcurrentExecutions": concurrency}),
        **one.take("role", "Role"),
        "Tracing": one.block("tracing_config").pop("mode"),
        **one.take("layers", "Layers"),
        **({"VpcConfig": {"SubnetIds": network.pop("subnet_ids"), "SecurityGroupIds": network.pop("security_group_ids")}} if network else {}),
        "LoggingConfig": {
            "LogGroup": logging.pop("log_group"),
            "LogFormat": logging.pop("log_format"),
            "ApplicationLogLevel": logging.pop("application_log_level"),
            "SystemLogLevel": logging.pop("system_log_level"),
        },
        **one.take("kms_key_arn", "KmsKeyArn"),
        "Environment": {"Variables": one.block("environment").pop("variables")},
        "EventInvokeConfig": {
            **config.take("maximum_retry_attempts", "MaximumRetryAttempts"),
            **config.take("maximum_event_age_in_seconds", "MaximumEventAgeInSeconds"),
            "DestinationConfig": on_failure(config, "destination"),
        },
    }
    resources.add("Function", "AWS::Lambda::Function", properties)


def on_failure(one, key):
    return {"OnFailure": {"Destination": one.block("destination_config").block("on_failure").pop(key)}}


def stored(resources):
    group = resources.one("aws_cloudwatch_log_group.this")
    properties = {**group.take("name", "LogGroupName"), **group.take("retention_in_days", "RetentionInDays"), **group.take("kms_key_id", "KmsKeyId")}
    resources.add("LogGroup", "AWS::Logs::LogGroup", properties)
    secret, version = (resources.one(f"aws_secretsmanager_{name}.api_key") for name in ("secret", "secret_version"))
    if secret:
        assert version.pop("secret_id") == "<ApiKeySecret>"
        properties = {**secret.take("description", "Description"), **secret.take("kms_key_id", "KmsKeyId"), **version.take("secret_string", "SecretString")}
        resources.add("ApiKeySecret", "AWS::SecretsManager::Secret", properties)


def roles(resources):
    for name, label in (("Role", "this"), ("StreamWriterRole", "stream_writer")):
        role, policies = resources.one(f"aws_iam_role.{label}"), resources.all(f"aws_iam_role_policy.{label}")
        if role is None:
            continue
        assert all(policy.pop("role") == f"<{name}>" for policy in policies)
        properties = {
            **role.take("description", "Description"),
            **role.take("permissions_boundary", "PermissionsBoundary"),
            "AssumeRolePolicyDocument": json.loads(role.pop("assume_role_policy")),
            "Policies": [{"PolicyDocument": json.loads(policy.pop("policy"))} for policy in policies],
        }
        resources.add(name, "AWS::IAM::Role", properties)


def queues(resources):
    policies = []
    for name, label in (("FailedInvocations", "failed_invocations"), ("AbandonedInvocations", "abandoned_invocations")):
        queue, policy = resources.one(f"aws_sqs_queue.{label}"), resources.one(f"aws_sqs_queue_policy.{label}")
        redrive = queue.pop("redrive_policy", None)
        properties = {
            **queue.take("sqs_managed_sse_enabled", "SqsManagedSseEnabled"),
            **queue.take("kms_master_key_id", "KmsMasterKeyId"),
            **queue.take("message_retention_seconds", "MessageRetentionPeriod"),
            **queue.take("visibility_timeout_seconds", "VisibilityTimeout"),
            **({"RedrivePolicy": json.loads(redrive)} if redrive else {}),
        }
        resources.add(name, "AWS::SQS::Queue", properties)
        policies.append((policy.pop("queue_url"), json.loads(policy.pop("policy"))))
    # The template has one policy for both queues, and a policy in Terraform has one queue.
    whole = policies[0][1]
    assert all(len(policy["Statement"]) == 1 for _, policy in policies)
    on = [policy["Statement"][0].pop("Resource") for _, policy in policies]
    assert policies[0][1] == policies[1][1], "the policies of the queues differ"
    whole["Statement"][0]["Resource"] = on
    resources.add("QueuesPolicy", "AWS::SQS::QueuePolicy", {"Queues": [queue for queue, _ in policies], "PolicyDocument": whole})

    source = resources.one("aws_lambda_event_source_mapping.failed_invocations")
    concurrency = source.block("scaling_config").pop("maximum_concurrency")
    properties = {**event_source(source), "ScalingConfig": {"MaximumConcurrency": concurrency}}
    resources.add("FailedInvocationsSource", "AWS::Lambda::EventSourceMapping", properties)


def event_source(source):
    names = {
        "function_name": "FunctionName",
        "event_source_arn": "EventSourceArn",
        "enabled": "Enabled",
        "batch_size": "BatchSize",
        "function_response_types": "FunctionResponseTypes",
        "starting_position": "StartingPosition",
        "parallelization_factor": "ParallelizationFactor",
        "maximum_batching_window_in_seconds": "MaximumBatchingWindowInSeconds",
        "bisect_batch_on_function_error": "BisectBatchOnFunctionError",
        "maximum_retry_attempts": "MaximumRetryAttempts",
        "maximum_record_age_in_seconds": "MaximumRecordAgeInSeconds",
    }
    return {key: value for name, key in names.items() for key, value in source.take(name, key).items()}


def subscriptions(resources):
    for label in ("log_groups", "permitted_log_groups"):
        for one in resources.all(f"aws_lambda_permission.{label}"):
            names = {"action": "Action", "function_name": "FunctionName", "principal": "Principal", "source_account": "SourceAccount", "source_arn": "SourceArn"}
            properties = {key: one.pop(name) for name, key in names.items()}
            resources.add(f"permission {properties['SourceArn']}", "AWS::Lambda::Permission", properties)
    for label in ("log_groups", "stream"):
        for one in resources.all(f"aws_cloudwatch_log_subscription_filter.{label}"):
            properties = {
                "LogGroupName": one.pop("log_group_name"),
                "FilterName": one.pop("name"),
                "FilterPattern": one.pop("filter_pattern"),
                "DestinationArn": one.pop("destination_arn"),
                **one.take("role_arn", "RoleArn"),
                **one.take("distribution", "Distribution"),
            }
            resources.add(f"subscription {properties['LogGroupName']}", "AWS::Logs::SubscriptionFilter", properties)


def stream(resources):
    source = resources.one("aws_lambda_event_source_mapping.stream")
    if source:
        properties = {
            **event_source(source),
            "DestinationConfig": on_failure(source, "destination_arn"),
            "MetricsConfig": {"Metrics": source.block("metrics_config").pop("metrics")},
        }
        resources.add("StreamSource", "AWS::Lambda::EventSourceMapping", properties)
    destination, policy = (resources.one(f"aws_cloudwatch_log_destination{suffix}.this") for suffix in ("", "_policy"))
    if destination:
        assert policy.pop("destination_name") == destination["name"]
        properties = {
            "DestinationName": destination.pop("name"),
            "TargetArn": destination.pop("target_arn"),
            "RoleArn": destination.pop("role_arn"),
            "DestinationPolicy": policy.pop("access_policy"),
        }
        resources.add("StreamDestination", "AWS::Logs::Destination", properties)


def bucket(resources):
    parts = ("server_side_encryption_configuration", "ownership_controls", "public_access_block", "versioning", "lifecycle_configuration", "policy")
    parts = {part: resources.one(f"aws_s3_bucket_{part}.failed_records") for part in parts}
    if parts["policy"] is None:
        return
    assert all(part.pop("bucket") == "<FailedRecords>" for part in parts.values())
    encryption = parts["server_side_encryption_configuration"].block("rule")
    by_default = encryption.block("apply_server_side_encryption_by_default")
    access = parts["public_access_block"]
    properties = {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": {**by_default.take("sse_algorithm", "SSEAlgorithm"), **by_default.take("kms_master_key_id", "KMSMasterKeyID")},
                    **encryption.take("bucket_key_enabled", "BucketKeyEnabled"),
                }
            ]
        },
        "VersioningConfiguration": {"Status": parts["versioning"].block("versioning_configuration").pop("status")},
        "LifecycleConfiguration": {"Rules": [lifecycle_rule(rule) for rule in parts["lifecycle_configuration"].pop("rule")]},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": parts["ownership_controls"].block("rule").pop("object_ownership")}]},
        "PublicAccessBlockConfiguration": {
            **access.take("block_public_acls", "BlockPublicAcls"),
            **access.take("block_public_policy", "BlockPublicPolicy"),
            **access.take("ignore_public_acls", "IgnorePublicAcls"),
            **access.take("restrict_public_buckets", "RestrictPublicBuckets"),
        },
    }
    resources.add("FailedRecords", "AWS::S3::Bucket", properties)
    policy = {"Bucket": "<FailedRecords>", "PolicyDocument": json.loads(parts["policy"].pop("policy"))}
    resources.add("FailedRecordsPolicy", "AWS::S3::BucketPolicy", policy)


def lifecycle_rule(rule):
    rule = Arguments(rule)
    assert rule.pop("filter") == [{}], "the template's rules are for all objects"
    expiration, noncurrent = rule.block("expiration"), rule.block("noncurrent_version_expiration")
    found = {"Id": rule.pop("id"), "Status": rule.pop("status"), **expiration.take("days", "ExpirationInDays")}
    if noncurrent:
        found["NoncurrentVersionExpiration"] = {"NoncurrentDays": noncurrent.pop("noncurrent_days")}
    assert not [*rule.left_over()], "a lifecycle rule has more than is compared"
    return found


def alarms(resources):
    labels = [address for address in resources.computed if address.startswith("aws_cloudwatch_metric_alarm.")]
    for one in [one for label in labels for one in resources.all(label)]:
        names = {
            "alarm_name": "AlarmName",
            "alarm_description": "AlarmDescription",
            "namespace": "Namespace",
            "metric_name": "MetricName",
            "statistic": "Statistic",
            "period": "Period",
            "evaluation_periods": "EvaluationPeriods",
            "comparison_operator": "ComparisonOperator",
            "threshold": "Threshold",
            "treat_missing_data": "TreatMissingData",
            "alarm_actions": "AlarmActions",
            "ok_actions": "OKActions",
        }
        properties = {key: value for name, key in names.items() for key, value in one.take(name, key).items()}
        properties["Dimensions"] = dimensions(one.pop("dimensions", {}))
        properties["Metrics"] = [metric(query) for query in one.pop("metric_query", [])]
        resources.add(f"alarm {properties['AlarmName']}", "AWS::CloudWatch::Alarm", properties)
    one = resources.one("aws_cloudwatch_composite_alarm.outage")
    names = {"alarm_name": "AlarmName", "alarm_description": "AlarmDescription", "alarm_rule": "AlarmRule", "alarm_actions": "AlarmActions", "ok_actions": "OKActions"}
    properties = {key: value for name, key in names.items() for key, value in one.take(name, key).items()}
    resources.add(f"alarm {properties['AlarmName']}", "AWS::CloudWatch::CompositeAlarm", properties)


def dimensions(found):
    return [{"Name": name, "Value": value} for name, value in found.items()]


def metric(query):
    query = Arguments(query)
    found = {**query.take("id", "Id"), **query.take("label", "Label"), **query.take("expression", "Expression"), **query.take("period", "Period")}
    # It is off by default here, and on by default in CloudFormation.
    found["ReturnData"] = query.pop("return_data", False)
    stat = query.block("metric")
    if stat:
        about = {"Namespace": stat.pop("namespace"), "MetricName": stat.pop("metric_name"), "Dimensions": dimensions(stat.pop("dimensions"))}
        found["MetricStat"] = {"Metric": about, "Stat": stat.pop("stat"), "Period": stat.pop("period")}
    assert not [*query.left_over()], "a metric has more than is compared"
    return found
