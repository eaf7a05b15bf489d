# The same function, permissions, queues and alarms as in template.yaml. `.ci/deployments` compares
# them.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  account    = data.aws_caller_identity.this.account_id
  partition  = data.aws_partition.this.partition
  region     = data.aws_region.this.region
  suffix     = data.aws_partition.this.dns_suffix
  logs       = "arn:${local.partition}:logs:${local.region}:${local.account}"
  has_key    = nonsensitive(var.elasticsearch_api_key != "none")
  has_stream = var.kinesis_stream_arn != ""
  has_vpc    = length(var.subnet_ids) > 0
  is_aoss    = length(regexall(":aoss:", var.opensearch_arn)) > 0
  secret_arn = local.has_key ? one(aws_secretsmanager_secret.api_key[*].arn) : var.elasticsearch_secret_arn
  # The secret may be in another region, which is the fourth part of its ARN.
  secret_region     = var.elasticsearch_secret_arn == "" ? "" : split(":", var.elasticsearch_secret_arn)[3]
  function_filters  = local.has_stream ? [] : var.log_groups
  stream_filters    = local.has_stream ? var.log_groups : []
  filter_name       = local.has_stream ? "${var.name}-stream" : var.name
  has_accounts      = local.has_stream && length(var.source_accounts) > 0
  storage_key       = var.storage_kms_key_arn == "" ? null : var.storage_kms_key_arn
  boundary          = var.permissions_boundary_arn == "" ? null : var.permissions_boundary_arn
  failed_queue_name = "${var.name}-failed-invocations"
}

# --- The function

resource "aws_lambda_function" "this" {
  function_name                  = var.name
  description                    = "API Gateway access logs from CloudWatch Logs into Elasticsearch"
  role                           = aws_iam_role.this.arn
  filename                       = var.package
  source_code_hash               = filebase64sha256(var.package)
  handler                        = "bootstrap"
  runtime                        = "provided.al2023"
  architectures                  = [var.architecture]
  memory_size                    = var.memory_size
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency
  layers                         = var.geoip_layer_arn == "" ? [] : [var.geoip_layer_arn]
  kms_key_arn                    = local.storage_key

  logging_config {
    log_group             = aws_cloudwatch_log_group.this.name
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "WARN"
  }

  tracing_config {
    mode = var.tracing
  }

  dynamic "vpc_config" {
    for_each = local.has_vpc ? [true] : []
    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  # An empty variable counts as one that is not set.
  environment {
    variables = {
      ELASTICSEARCH_URL            = var.elasticsearch_url
      ELASTIC_CLOUD_ID             = var.elastic_cloud_id
      ELASTICSEARCH_SECRET_ARN     = local.secret_arn
      ELASTICSEARCH_AUTH           = var.opensearch_arn == "" ? "" : "sigv4"
      ELASTICSEARCH_CA_FINGERPRINT = var.elasticsearch_ca_fingerprint
      ELASTICSEARCH_PIPELINE       = var.ingest_pipeline
      DATA_STREAM                  = var.data_stream
      DEAD_LETTER_DATA_STREAM      = var.dead_letter_data_stream
      TAGS                         = var.tags
      PRESERVE_ORIGINAL_EVENT      = tostring(var.preserve_original_event)
      EXECUTION_LOGS               = var.execution_logs
      ACCESS_LOG_FORMATS           = var.access_log_formats
      INCLUDE                      = var.include
      EXCLUDE                      = var.exclude
      GEOIP_CITY_DATABASE          = var.geoip_layer_arn == "" ? "" : var.geoip_city_database
      GEOIP_ASN_DATABASE           = var.geoip_layer_arn == "" ? "" : var.geoip_asn_database
      API_NAMES                    = length(var.api_names) == 0 ? "" : jsonencode(var.api_names)
      RETRY_BUDGET_MS              = tostring(var.retry_budget_ms)
      BULK_MAX_BYTES               = tostring(var.bulk_max_bytes)
      LOOK_UP_REPEATED             = tostring(var.look_up_repeated)
      METRICS_NAMESPACE            = var.metrics_namespace
      LOG_LEVEL                    = var.log_level
    }
  }

  depends_on = [aws_iam_role_policy.this]

  # Contradictions, and settings without any effect, are mistakes.
  lifecycle {
    precondition {
      condition     = var.elasticsearch_url == "" || var.elastic_cloud_id == ""
      error_message = "elasticsearch_url and elastic_cloud_id contradict each other: set one of them."
    }
    precondition {
      condition     = var.elasticsearch_url != "" || var.elastic_cloud_id != "" || var.elasticsearch_secret_arn != ""
      error_message = "Set elasticsearch_url or elastic_cloud_id, or a secret that holds the URL."
    }
    precondition {
      condition     = length([for set in [var.elasticsearch_secret_arn != "", local.has_key, var.opensearch_arn != ""] : set if set]) <= 1
      error_message = "Set one of elasticsearch_secret_arn, elasticsearch_api_key and opensearch_arn."
    }
    precondition {
      condition     = var.data_stream != var.dead_letter_data_stream
      error_message = "Give the dead letters a data stream of their own."
    }
    precondition {
      condition     = local.has_vpc == (length(var.security_group_ids) > 0)
      error_message = "Set both subnet_ids and security_group_ids, or neither."
    }
    precondition {
      condition     = local.has_stream || (length(var.source_accounts) == 0 && var.parallelization_factor == 1 && var.failed_records_retention_in_days == 0)
      error_message = "source_accounts, parallelization_factor and failed_records_retention_in_days are for a stream: set kinesis_stream_arn, too."
    }
    precondition {
      condition     = local.has_stream || var.elasticsearch_secret_arn != "" || length(var.kms_key_arns) == 0
      error_message = "kms_key_arns is for a secret or a stream: set elasticsearch_secret_arn or kinesis_stream_arn, too."
    }
    precondition {
      condition     = length(var.log_groups) > 0 || var.filter_pattern == ""
      error_message = "filter_pattern is for the subscriptions of log_groups: set them, too."
    }
    precondition {
      condition     = var.ticket_topic_arn == "" || var.alarm_topic_arn != ""
      error_message = "ticket_topic_arn is for alarms that can wait: set alarm_topic_arn for the others, too."
    }
    precondition {
      condition     = !var.no_events_alarm || local.has_metrics
      error_message = "no_events_alarm needs the metrics of the function: set metrics_namespace."
    }
  }
}

# For asynchronous invocations, as CloudWatch Logs makes them.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failed_invocations.arn
    }
  }
}

# It outlives the module, because it says what became of the last events.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_in_days
  kms_key_id        = local.storage_key
  skip_destroy      = true
}

resource "aws_secretsmanager_secret" "api_key" {
  count       = local.has_key ? 1 : 0
  name_prefix = "${var.name}-api-key-"
  description = "Elasticsearch API key of ${var.name}"
  kms_key_id  = local.storage_key
}

resource "aws_secretsmanager_secret_version" "api_key" {
  count         = local.has_key ? 1 : 0
  secret_id     = aws_secretsmanager_secret.api_key[0].id
  secret_string = var.elasticsearch_api_key
}

# --- The function's permissions

locals {
  bucket_arn = try(aws_s3_bucket.failed_records[0].arn, "")

  # Exactly what the function uses: the statements of each policy of the template, and the condition
  # under which they are needed. The condition may be unknown until apply, for instance if the secret
  # is made in the same configuration. So it must not decide how many resources there are.
  policies = {
    log = {
      when = true
      statements = [{
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.this.arn}:*"
      }]
    }
    failed-invocations = {
      when = true
      statements = [{
        Effect   = "Allow"
        Action   = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        Resource = aws_sqs_queue.failed_invocations.arn
      }]
    }
    api-key = {
      when = local.has_key
      statements = [{
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = local.secret_arn
      }]
    }
    secret = {
      when = var.elasticsearch_secret_arn != ""
      statements = [{
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = var.elasticsearch_secret_arn
      }]
    }
    opensearch = {
      when = var.opensearch_arn != ""
      statements = [{
        Effect   = "Allow"
        Action   = local.is_aoss ? "aoss:APIAccessAll" : "es:ESHttpPost"
        Resource = local.is_aoss ? var.opensearch_arn : "${var.opensearch_arn}/*"
      }]
    }
    keys = {
      when = length(var.kms_key_arns) > 0
      statements = [{
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.kms_key_arns
        Condition = {
          StringEquals = {
            "kms:ViaService" = concat(
              local.secret_region == "" ? [] : ["secretsmanager.${local.secret_region}.${local.suffix}"],
              ["kinesis.${local.region}.${local.suffix}"],
            )
          }
        }
      }]
    }
    storage-key = {
      when = var.storage_kms_key_arn != ""
      statements = [{
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = var.storage_kms_key_arn
        Condition = {
          StringEquals = {
            "kms:ViaService" = [
              for service in concat(["lambda", "s3", "sqs"], local.has_key ? ["secretsmanager"] : []) :
              "${service}.${local.region}.${local.suffix}"
            ]
          }
        }
      }]
    }
    stream = {
      when = local.has_stream
      statements = [
        {
          Effect = "Allow"
          Action = [
            "kinesis:DescribeStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:ListShards",
          ]
          Resource = var.kinesis_stream_arn
        },
        { Effect = "Allow", Action = "s3:PutObject", Resource = "${local.bucket_arn}/*" },
        { Effect = "Allow", Action = "s3:ListBucket", Resource = local.bucket_arn },
      ]
    }
    network = {
      when = local.has_vpc
      statements = [
        # EC2 knows no ARN for these actions.
        { Effect = "Allow", Action = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], Resource = "*" },
        {
          Effect = "Allow"
          Action = [
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
          ]
          Resource = "arn:${local.partition}:ec2:${local.region}:${local.account}:*/*"
        },
        # Lambda needs these, our code does not.
        {
          Effect   = "Deny"
          Action   = "ec2:*"
          Resource = "*"
          Condition = {
            ArnEquals = {
              "lambda:SourceFunctionArn" = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}"
            }
          }
        },
      ]
    }
    traces = {
      when = var.tracing == "Active"
      # X-Ray knows no ARN for these actions.
      statements = [{
        Effect   = "Allow"
        Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        Resource = "*"
      }]
    }
  }
}

resource "aws_iam_role" "this" {
  name_prefix          = "${substr(var.name, 0, 37)}-"
  description          = "Permissions of the function ${var.name}"
  permissions_boundary = local.boundary
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "function"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = flatten([for policy in local.policies : [for statement in policy.statements : statement if policy.when]])
  })
}

# --- Failed events

# Events that three attempts could not deliver. Each message holds a whole event under requestPayload.
resource "aws_sqs_queue" "failed_invocations" {
  name                      = local.failed_queue_name
  sqs_managed_sse_enabled   = local.storage_key == null ? true : null
  kms_master_key_id         = local.storage_key
  message_retention_seconds = 1209600
  # Six times the longest timeout, as Lambda asks for.
  visibility_timeout_seconds = 5400
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.abandoned_invocations.arn
    maxReceiveCount     = 100
  })

  lifecycle {
    prevent_destroy = true
  }
}

# Events that a hundred attempts to drain the queue could not deliver either.
resource "aws_sqs_queue" "abandoned_invocations" {
  name                      = "${var.name}-abandoned-invocations"
  sqs_managed_sse_enabled   = local.storage_key == null ? true : null
  kms_master_key_id         = local.storage_key
  message_retention_seconds = 1209600

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_sqs_queue_policy" "failed_invocations" {
  queue_url = aws_sqs_queue.failed_invocations.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.failed_invocations.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_sqs_queue_policy" "abandoned_invocations" {
  queue_url = aws_sqs_queue.abandoned_invocations.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.abandoned_invocations.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_lambda_event_source_mapping" "failed_invocations" {
  function_name    = aws_lambda_function.this.arn
  event_source_arn = aws_sqs_queue.failed_invocations.arn
  enabled          = var.drain_failed_invocations
  # A message may have 1 MB, and an invocation 6 MB.
  batch_size              = 5
  function_response_types = ["ReportBatchItemFailures"]

  # New events have priority. A message that a concurrency limit turns away would count as tried.
  scaling_config {
    maximum_concurrency = 2
  }
}

# --- Direct subscriptions

resource "aws_lambda_permission" "log_groups" {
  for_each       = toset(local.function_filters)
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this.arn
  principal      = "logs.amazonaws.com"
  source_account = local.account
  source_arn     = "${local.logs}:log-group:${each.value}:*"
}

# CloudWatch Logs invokes the function when it is subscribed.
resource "aws_cloudwatch_log_subscription_filter" "log_groups" {
  for_each        = toset(local.function_filters)
  name            = var.name
  log_group_name  = each.value
  filter_pattern  = var.filter_pattern
  destination_arn = aws_lambda_function.this.arn
  depends_on      = [aws_lambda_permission.log_groups]
}

resource "aws_lambda_permission" "permitted_log_groups" {
  count          = var.permitted_log_groups == "" ? 0 : 1
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this.arn
  principal      = "logs.amazonaws.com"
  source_account = local.account
  # The * at the end of the variable matches the rest of the name and what follows it.
  source_arn = "${local.logs}:log-group:${var.permitted_log_groups}"
}

# --- Through Kinesis

resource "aws_lambda_event_source_mapping" "stream" {
  count            = local.has_stream ? 1 : 0
  function_name    = aws_lambda_function.this.arn
  event_source_arn = var.kinesis_stream_arn
  # Nothing is skipped, and an event that comes twice is recognized by its id.
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  parallelization_factor             = var.parallelization_factor
  maximum_batching_window_in_seconds = 5
  function_response_types            = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error     = true
  # While Elasticsearch is unreachable, an attempt takes retry_budget_ms. With a minute, its default,
  # the age decides. An attempt that fails at once (401, 403, a record that cannot be read) is given
  # up far sooner.
  maximum_retry_attempts        = 1200
  maximum_record_age_in_seconds = 72000

  # S3 and not SQS, which would get the numbers of the records without the records.
  destination_config {
    on_failure {
      destination_arn = aws_s3_bucket.failed_records[0].arn
    }
  }

  metrics_config {
    metrics = ["EventCount"]
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_s3_bucket" "failed_records" {
  count         = local.has_stream ? 1 : 0
  bucket_prefix = "${substr(var.name, 0, 36)}-"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "failed_records" {
  count  = local.has_stream ? 1 : 0
  bucket = aws_s3_bucket.failed_records[0].id

  rule {
    bucket_key_enabled = local.storage_key == null ? null : true
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.storage_key == null ? "AES256" : "aws:kms"
      kms_master_key_id = local.storage_key
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "failed_records" {
  count  = local.has_stream ? 1 : 0
  bucket = aws_s3_bucket.failed_records[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "failed_records" {
  count                   = local.has_stream ? 1 : 0
  bucket                  = aws_s3_bucket.failed_records[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# A record that was deleted by mistake can be restored for a week.
resource "aws_s3_bucket_versioning" "failed_records" {
  count  = local.has_stream ? 1 : 0
  bucket = aws_s3_bucket.failed_records[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "failed_records" {
  count  = local.has_stream ? 1 : 0
  bucket = aws_s3_bucket.failed_records[0].id

  rule {
    id     = "deleted-records"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 7
    }
  }

  dynamic "rule" {
    for_each = var.failed_records_retention_in_days == 0 ? [] : [var.failed_records_retention_in_days]
    content {
      id     = "old-records"
      status = "Enabled"
      filter {}
      expiration {
        days = rule.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.failed_records]
}

resource "aws_s3_bucket_policy" "failed_records" {
  count  = local.has_stream ? 1 : 0
  bucket = aws_s3_bucket.failed_records[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.failed_records[0].arn, "${aws_s3_bucket.failed_records[0].arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_iam_role" "stream_writer" {
  count                = local.has_stream ? 1 : 0
  name_prefix          = "${substr(var.name, 0, 30)}-stream-"
  description          = "Lets CloudWatch Logs write to the stream that ${var.name} reads"
  permissions_boundary = local.boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Effect    = "Allow"
        Principal = { Service = "logs.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = { StringLike = { "aws:SourceArn" = "${local.logs}:*" } }
      }],
      local.has_accounts ? [{
        Effect    = "Allow"
        Principal = { Service = "logs.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = { StringLike = { "aws:SourceArn" = [for id in var.source_accounts : "arn:*:logs:*:${id}:*"] } }
      }] : [],
    )
  })
}

resource "aws_iam_role_policy" "stream_writer" {
  count = local.has_stream ? 1 : 0
  name  = "stream"
  role  = aws_iam_role.stream_writer[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{ Effect = "Allow", Action = "kinesis:PutRecord", Resource = var.kinesis_stream_arn }],
      length(var.kms_key_arns) == 0 ? [] : [{
        Effect    = "Allow"
        Action    = "kms:GenerateDataKey"
        Resource  = var.kms_key_arns
        Condition = { StringEquals = { "kms:ViaService" = "kinesis.${local.region}.${local.suffix}" } }
      }],
    )
  })
}

# CloudWatch Logs immediately writes to the stream, to test the role. Making an event source takes
# longer than making a new role known everywhere.
resource "aws_cloudwatch_log_subscription_filter" "stream" {
  for_each        = toset(local.stream_filters)
  name            = "${var.name}-stream"
  log_group_name  = each.value
  filter_pattern  = var.filter_pattern
  destination_arn = var.kinesis_stream_arn
  role_arn        = aws_iam_role.stream_writer[0].arn
  # Otherwise a busy log stream would have one shard to itself.
  distribution = "Random"
  depends_on   = [aws_lambda_event_source_mapping.stream, aws_iam_role_policy.stream_writer]
}

# Log groups of other accounts send to this destination.
resource "aws_cloudwatch_log_destination" "this" {
  count      = local.has_accounts ? 1 : 0
  name       = var.name
  target_arn = var.kinesis_stream_arn
  role_arn   = aws_iam_role.stream_writer[0].arn
  depends_on = [aws_lambda_event_source_mapping.stream, aws_iam_role_policy.stream_writer]
}

resource "aws_cloudwatch_log_destination_policy" "this" {
  count            = local.has_accounts ? 1 : 0
  destination_name = aws_cloudwatch_log_destination.this[0].name
  access_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.source_accounts }
      Action    = ["logs:PutSubscriptionFilter", "logs:PutAccountPolicy"]
      Resource  = "${local.logs}:destination:${var.name}"
    }]
  })
}
