variable "name" {
  type        = string
  default     = "apigw-logs"
  description = "Name of the function, and the beginning of the other names."
}

variable "package" {
  type        = string
  description = "Path of the function's zip file: apigw-logs-VERSION-lambda-ARCHITECTURE.zip of a release."
}

variable "elasticsearch_url" {
  type        = string
  default     = ""
  description = "URL of Elasticsearch or OpenSearch, or several separated by commas. Leave it empty with a Cloud ID, or if the secret holds the URL."

  validation {
    condition     = can(regex("^(https?://[^\\s,@]+(,https?://[^\\s,@]+)*)?$", var.elasticsearch_url))
    error_message = "elasticsearch_url must be URLs such as https://elasticsearch.example.com:9200, separated by commas, without user and password."
  }
}

variable "elastic_cloud_id" {
  type        = string
  default     = ""
  description = "Elastic Cloud's id of the deployment, instead of the URL."

  validation {
    condition     = can(regex("^(([^\\s:]*:)?[A-Za-z0-9+/]{8,}={0,2})?$", var.elastic_cloud_id))
    error_message = "elastic_cloud_id must be the id that Elastic Cloud shows for the deployment, name:... ."
  }
}

variable "elasticsearch_secret_arn" {
  type        = string
  default     = ""
  description = "ARN of a Secrets Manager secret - the API key itself, or JSON with api_key, or with username and password."

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\\d{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6})?$", var.elasticsearch_secret_arn))
    error_message = "elasticsearch_secret_arn must be the whole ARN of a Secrets Manager secret, with the hyphen and six characters at its end."
  }
}

variable "elasticsearch_api_key" {
  type        = string
  default     = "none"
  sensitive   = true
  description = "Encoded API key, instead of the secret's ARN, or none. The module keeps it in a secret of its own."

  validation {
    condition     = can(regex("^(none|[A-Za-z0-9+/_-]{16,}={0,2})$", var.elasticsearch_api_key))
    error_message = "elasticsearch_api_key must be the encoded API key, as \"encoded\" in Elasticsearch's answer, or none."
  }
}

variable "opensearch_arn" {
  type        = string
  default     = ""
  description = "ARN of an OpenSearch Service domain or Serverless collection whose requests are to be signed with the function's role (SigV4), instead of secret and API key."

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:(es:[a-z0-9-]+:\\d{12}:domain|aoss:[a-z0-9-]+:\\d{12}:collection)/[a-z0-9-]+)?$", var.opensearch_arn))
    error_message = "opensearch_arn must be the ARN of an OpenSearch Service domain or an OpenSearch Serverless collection."
  }
}

variable "elasticsearch_ca_fingerprint" {
  type        = string
  default     = ""
  description = "SHA-256 fingerprint of Elasticsearch's own certificate authority, if no public one has signed its certificate."

  validation {
    condition     = can(regex("^([0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31})?$", var.elasticsearch_ca_fingerprint))
    error_message = "elasticsearch_ca_fingerprint must be 64 hexadecimal digits, with or without colons."
  }
}

variable "data_stream" {
  type        = string
  default     = "logs-aws.api_gateway_logs-default"
  description = "Data stream of the documents."

  validation {
    condition     = can(regex("^[a-z]+-[^-\\s\"*,/<>?|\\\\#:A-Z]+-[^-\\s\"*,/<>?|\\\\#:A-Z]+$", var.data_stream))
    error_message = "data_stream must be <type>-<dataset>-<namespace> in lower case."
  }
}

variable "dead_letter_data_stream" {
  type        = string
  default     = "logs-aws.api_gateway_dead_letters-default"
  description = "Data stream of the documents that Elasticsearch rejects; none fails the invocation instead."

  validation {
    condition     = can(regex("^(none|[a-z]+-[^-\\s\"*,/<>?|\\\\#:A-Z]+-[^-\\s\"*,/<>?|\\\\#:A-Z]+)$", var.dead_letter_data_stream))
    error_message = "dead_letter_data_stream must be <type>-<dataset>-<namespace> in lower case, or none."
  }
}

variable "ingest_pipeline" {
  type        = string
  default     = ""
  description = "Ingest pipeline to name in the bulk requests (optional)."
}

variable "log_groups" {
  type        = list(string)
  default     = []
  description = "Log groups to subscribe; may be empty. They must exist. Never name this function's own."

  validation {
    condition     = alltrue([for item in var.log_groups : can(regex("^\\s*[.\\-_/#A-Za-z0-9]*$", item))])
    error_message = "log_groups must be names of log groups."
  }
}

variable "filter_pattern" {
  type        = string
  default     = ""
  description = "CloudWatch Logs filter pattern, such as { $.status = \"5*\" }; empty sends every event."
}

variable "permitted_log_groups" {
  type        = string
  default     = ""
  description = "Log groups of this account that are subscribed by other means than this template, as the beginning of their names and a *; * alone for an account-level subscription."

  validation {
    condition     = can(regex("^([\\.\\-_/#A-Za-z0-9]*\\*)?$", var.permitted_log_groups))
    error_message = "permitted_log_groups must be the beginning of names of log groups and a *."
  }
}

variable "tags" {
  type        = string
  default     = "forwarded,aws-api-gateway-logs"
  description = "Tags of every document."
}

variable "preserve_original_event" {
  type        = bool
  default     = false
  description = "Whether to keep the raw line in event.original."
}

variable "execution_logs" {
  type        = string
  default     = "keep"
  description = "What to do with lines of API Gateway's execution log."

  validation {
    condition     = contains(["keep", "skip"], var.execution_logs)
    error_message = "execution_logs must be one of keep, skip."
  }
}

variable "access_log_formats" {
  type        = string
  default     = ""
  description = "Access-log formats as they stand in the settings of the stages, one a line, so that lines are read by their format (optional). All settings of a function together have at most 4 KB."

  validation {
    condition     = can(regex("^([\\s\\S]*\\$context\\.[A-Za-z][\\s\\S]*)?$", var.access_log_formats))
    error_message = "access_log_formats must hold $context variables, as in the settings of a stage."
  }
}

variable "include" {
  type        = string
  default     = ""
  description = "Regular expression - only raw lines that match are forwarded (optional)."
}

variable "exclude" {
  type        = string
  default     = ""
  description = "Regular expression - raw lines that match are not forwarded (optional)."
}

variable "geoip_layer_arn" {
  type        = string
  default     = ""
  description = "Lambda layer with MaxMind DB files, for source.geo and source.as (optional)."

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:\\d{12}:layer:[A-Za-z0-9_-]+:\\d+)?$", var.geoip_layer_arn))
    error_message = "geoip_layer_arn must be the ARN of a version of a Lambda layer."
  }
}

variable "geoip_city_database" {
  type        = string
  default     = "/opt/GeoLite2-City.mmdb"
  description = "The layer's file of cities; empty for none. Ignored without the layer."
}

variable "geoip_asn_database" {
  type        = string
  default     = "/opt/GeoLite2-ASN.mmdb"
  description = "The layer's file of autonomous systems; empty for none. Ignored without the layer."
}

variable "api_names" {
  type        = map(string)
  default     = {}
  description = "Names of APIs by their ids, for lists in Kibana (optional)."
}

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "Processor of the function. It must be that of the package."

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be one of arm64, x86_64."
  }
}

variable "memory_size" {
  type        = number
  default     = 512
  description = "Memory of the function in MB; its share of a processor grows with it."

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240
    error_message = "memory_size must be from 128 to 10240."
  }
}

variable "timeout" {
  type        = number
  default     = 120
  description = "Longest invocation in seconds. It must be longer than retry_budget_ms, or retries are cut short."

  validation {
    condition     = var.timeout >= 10 && var.timeout <= 900
    error_message = "timeout must be from 10 to 900."
  }
}

variable "retry_budget_ms" {
  type        = number
  default     = 60000
  description = "How long an invocation retries while nothing gets through to Elasticsearch, in milliseconds. With less than 60000, a record of a stream is given up after 1,200 attempts and so before 20 hours."

  validation {
    condition     = var.retry_budget_ms >= 0 && var.retry_budget_ms <= 890000
    error_message = "retry_budget_ms must be from 0 to 890000."
  }
}

variable "bulk_max_bytes" {
  type        = number
  default     = 5242880
  description = "Largest bulk request in bytes before compression. Lower it if Elasticsearch or a proxy answers 413."

  validation {
    condition     = var.bulk_max_bytes >= 1024 && var.bulk_max_bytes <= 104857600
    error_message = "bulk_max_bytes must be from 1024 to 104857600."
  }
}

variable "reserved_concurrency" {
  type        = number
  default     = -1
  description = "Invocations that run at the same time, reserved and at most; -1 for no reservation. 0 stops the function, and what arrives goes to the queue of failed invocations."

  validation {
    condition     = var.reserved_concurrency >= -1 && var.reserved_concurrency <= 10000
    error_message = "reserved_concurrency must be from -1 to 10000."
  }
}

variable "log_level" {
  type        = string
  default     = "INFO"
  description = "How much the function logs. At least INFO, the level of the line that carries the metrics."

  validation {
    condition     = contains(["INFO", "DEBUG", "TRACE"], var.log_level)
    error_message = "log_level must be one of INFO, DEBUG, TRACE."
  }
}

variable "log_retention_in_days" {
  type        = number
  default     = 30
  description = "How long the function's own log is kept, in days."

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_in_days)
    error_message = "log_retention_in_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "tracing" {
  type        = string
  default     = "PassThrough"
  description = "Active lets X-Ray trace invocations."

  validation {
    condition     = contains(["PassThrough", "Active"], var.tracing)
    error_message = "tracing must be one of PassThrough, Active."
  }
}

variable "subnet_ids" {
  type        = list(string)
  default     = []
  description = "Subnets of a VPC, if Elasticsearch is reached through one. They need a route to Secrets Manager."
}

variable "security_group_ids" {
  type        = list(string)
  default     = []
  description = "Security groups of the function in the VPC."
}

variable "permissions_boundary_arn" {
  type        = string
  default     = ""
  description = "Permissions boundary of the roles that the module makes (optional)."

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:iam::(\\d{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+)?$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy."
  }
}

variable "kms_key_arns" {
  type        = list(string)
  default     = []
  description = "Customer-managed keys with which the secret or the stream is encrypted (optional)."

  validation {
    condition     = alltrue([for item in var.kms_key_arns : can(regex("^\\s*(arn:aws[a-z-]*:kms:[a-z0-9-]+:\\d{12}:key/[A-Za-z0-9-]+)?$", item))])
    error_message = "kms_key_arns must be ARNs of keys."
  }
}

variable "storage_kms_key_arn" {
  type        = string
  default     = ""
  description = "Customer-managed key for what the module stores - queues, bucket, log group, environment, secret of elasticsearch_api_key (optional). Its policy must let CloudWatch Logs use it."

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:kms:[a-z0-9-]+:\\d{12}:key/[A-Za-z0-9-]+)?$", var.storage_kms_key_arn))
    error_message = "storage_kms_key_arn must be the ARN of a key."
  }
}

variable "kinesis_stream_arn" {
  type        = string
  default     = ""
  description = "Kinesis stream to read (optional). The log groups then send to it instead of to the function."

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\\d{12}:stream/[A-Za-z0-9_.-]+)?$", var.kinesis_stream_arn))
    error_message = "kinesis_stream_arn must be the ARN of a Kinesis data stream."
  }
}

variable "parallelization_factor" {
  type        = number
  default     = 1
  description = "Invocations at the same time for each shard of the stream."

  validation {
    condition     = var.parallelization_factor >= 1 && var.parallelization_factor <= 10
    error_message = "parallelization_factor must be from 1 to 10."
  }
}

variable "source_accounts" {
  type        = list(string)
  default     = []
  description = "Other accounts whose log groups may send to the stream (optional)."

  validation {
    condition     = alltrue([for item in var.source_accounts : can(regex("^\\s*(\\d{12})?$", item))])
    error_message = "source_accounts must be ids of AWS accounts."
  }
}

variable "failed_records_retention_in_days" {
  type        = number
  default     = 0
  description = "How long the bucket keeps failed records of the stream, in days; 0 for ever."

  validation {
    condition     = var.failed_records_retention_in_days >= 0 && var.failed_records_retention_in_days <= 3650
    error_message = "failed_records_retention_in_days must be from 0 to 3650."
  }
}

variable "drain_failed_invocations" {
  type        = bool
  default     = false
  description = "Whether the function drains the queue of failed invocations. Turn it on when their cause is repaired, or for good."
}

variable "look_up_repeated" {
  type        = bool
  default     = false
  description = "Whether events of the queue of failed invocations are looked up before they are indexed again, so that a rollover doubles nothing. The key then needs read."
}

variable "alarm_topic_arn" {
  type        = string
  default     = ""
  description = "SNS topic for alarms that need somebody at once (optional)."

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\\d{12}:[A-Za-z0-9_-]+)?$", var.alarm_topic_arn))
    error_message = "alarm_topic_arn must be the ARN of an SNS topic."
  }
}

variable "ticket_topic_arn" {
  type        = string
  default     = ""
  description = "SNS topic for alarms that can wait until the morning. Empty - they go to alarm_topic_arn, too."

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\\d{12}:[A-Za-z0-9_-]+)?$", var.ticket_topic_arn))
    error_message = "ticket_topic_arn must be the ARN of an SNS topic."
  }
}

variable "runbook_url" {
  type        = string
  default     = "docs/operate.md"
  description = "Where your operators read docs/operate.md. Each alarm says this address, with its chapter."

  validation {
    condition     = can(regex("^[^\\s#]+$", var.runbook_url))
    error_message = "runbook_url must be an address without a fragment (#...)."
  }
}

variable "log_group_alarms" {
  type        = bool
  default     = true
  description = "Whether each of log_groups has two alarms of its own on subscriptions. CloudWatch allows 200 such alarms in a region by default."
}

variable "no_events_alarm" {
  type        = bool
  default     = false
  description = "Whether a day without a single event is an alarm."
}

variable "metrics_namespace" {
  type        = string
  default     = "ApiGatewayLogs"
  description = "CloudWatch namespace of the function's metrics; none turns them off, and their alarms."

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/#-]{0,254}$", var.metrics_namespace))
    error_message = "metrics_namespace must be a CloudWatch namespace, or none."
  }
}
