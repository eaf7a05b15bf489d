# The alarms. docs/operate.md says what to do about each.
#
# One outage is one page. Alarms that one outage causes together notify nobody: `outage` does, for
# all of them. Its consequences, and alarms that can wait until the morning, are tickets.

locals {
  pages   = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]
  tickets = var.ticket_topic_arn == "" ? local.pages : [var.ticket_topic_arn]
  topics  = { outage = [], page = local.pages, ticket = local.tickets }

  has_metrics = var.metrics_namespace != "none"
  of_function = { FunctionName = var.name }
  of_failed   = { QueueName = aws_sqs_queue.failed_invocations.name }
  of_given_up = { QueueName = aws_sqs_queue.abandoned_invocations.name }
  an_hour     = 3600000
  ten_days    = 864000
  # SQS counts the age of an abandoned message from its move, and its fourteen days from its arrival
  # in the first queue: 7.75 days are left at the move, and four of them at this age.
  three_and_a_half_days = 302400

  # Each alarm, and the condition under which it is needed.
  all_alarms = {
    errors = {
      when       = true
      notifies   = "outage"
      text       = "Invocations have failed for a quarter of an hour."
      namespace  = "AWS/Lambda"
      metric     = "Errors"
      dimensions = local.of_function
      statistic  = "Sum"
      periods    = 3
      threshold  = 0
    }
    throttles = {
      when       = true
      notifies   = "outage"
      text       = "Lambda has turned invocations away for a quarter of an hour."
      namespace  = "AWS/Lambda"
      metric     = "Throttles"
      dimensions = local.of_function
      statistic  = "Sum"
      periods    = 3
      threshold  = 0
    }
    async-event-age = {
      when       = true
      notifies   = "outage"
      text       = "Events wait for an invocation for more than an hour. After six hours they are given up."
      namespace  = "AWS/Lambda"
      metric     = "AsyncEventAge"
      dimensions = local.of_function
      statistic  = "Maximum"
      periods    = 1
      threshold  = local.an_hour
    }
    failed-invocations-age = {
      when       = true
      notifies   = "page"
      text       = "Events in the queue of failed invocations are lost in less than four days."
      namespace  = "AWS/SQS"
      metric     = "ApproximateAgeOfOldestMessage"
      dimensions = local.of_failed
      statistic  = "Maximum"
      periods    = 1
      threshold  = local.ten_days
    }
    abandoned-invocations-age = {
      when       = true
      notifies   = "page"
      text       = "Events in the queue of abandoned invocations are lost in about four days, or sooner."
      namespace  = "AWS/SQS"
      metric     = "ApproximateAgeOfOldestMessage"
      dimensions = local.of_given_up
      statistic  = "Maximum"
      periods    = 1
      threshold  = local.three_and_a_half_days
    }
    destination-delivery-failures = {
      when       = true
      notifies   = "page"
      text       = "Lambda could not write a failed invocation to its queue or bucket. Its events are lost, unless they are sent again."
      namespace  = "AWS/Lambda"
      metric     = "DestinationDeliveryFailures"
      dimensions = local.of_function
      statistic  = "Sum"
      periods    = 1
      threshold  = 0
    }
    async-events-dropped = {
      when       = true
      notifies   = "ticket"
      text       = "Lambda has given events up without a successful invocation."
      namespace  = "AWS/Lambda"
      metric     = "AsyncEventsDropped"
      dimensions = local.of_function
      statistic  = "Sum"
      periods    = 1
      threshold  = 0
    }
    unresolved = {
      when       = local.has_metrics
      notifies   = "outage"
      text       = "Elasticsearch has not confirmed events for a quarter of an hour."
      namespace  = var.metrics_namespace
      metric     = "unresolved"
      dimensions = local.of_function
      statistic  = "Sum"
      periods    = 3
      threshold  = 0
    }
    undecodable-records = {
      when       = local.has_metrics
      notifies   = "ticket"
      text       = "Records could not be read."
      namespace  = var.metrics_namespace
      metric     = "undecodable_records"
      dimensions = local.of_function
      statistic  = "Sum"
      periods    = 1
      threshold  = 0
    }
    dead-letters = {
      when       = local.has_metrics
      notifies   = "ticket"
      text       = "Elasticsearch has rejected documents, and they are dead letters now."
      namespace  = var.metrics_namespace
      metric     = "dead_lettered"
      dimensions = local.of_function
      statistic  = "Sum"
      periods    = 1
      threshold  = 0
    }
    iterator-age = {
      when       = local.has_stream
      notifies   = "outage"
      text       = "The function is more than an hour behind the stream."
      namespace  = "AWS/Lambda"
      metric     = "IteratorAge"
      dimensions = local.of_function
      statistic  = "Maximum"
      periods    = 3
      threshold  = local.an_hour
    }
    failed-records = {
      when       = local.has_stream
      notifies   = "ticket"
      text       = "Records of the stream have failed for good and lie in the bucket of failed records."
      namespace  = "AWS/Lambda"
      metric     = "OnFailureDestinationDeliveredEventCount"
      dimensions = { EventSourceMappingUUID = try(aws_lambda_event_source_mapping.stream[0].uuid, "") }
      statistic  = "Sum"
      periods    = 1
      threshold  = 0
    }
  }

  alarms = { for name, alarm in local.all_alarms : name => alarm if alarm.when }

  # The number that an alarm of a queue counts: waiting messages, and messages in process.
  queue_alarms = {
    failed-invocations = {
      text       = "Invocations have failed for good and wait in the queue of failed invocations."
      dimensions = local.of_failed
    }
    abandoned-invocations = {
      text       = "Failed invocations have failed a hundred times more while the queue was drained."
      dimensions = local.of_given_up
    }
  }

  subscription_alarms = {
    subscription-errors = {
      notifies = "page"
      text     = "CloudWatch Logs could not hand over log events. Some may be skipped."
      metric   = "DeliveryErrors"
      periods  = 1
    }
    subscription-throttling = {
      notifies = "ticket"
      text     = "CloudWatch Logs is throttled when it hands over log events."
      metric   = "DeliveryThrottling"
      periods  = 3
    }
  }

  # For each log group, an alarm of its own, which notifies nobody: `subscription_alarms` do, once for all log groups.
  log_group_alarms = var.log_group_alarms ? {
    for pair in setproduct(keys(local.subscription_alarms), var.log_groups) : join("-", pair) => {
      chapter   = pair[0]
      log_group = pair[1]
      text      = "${pair[1]}: ${local.subscription_alarms[pair[0]].text}"
      metric    = local.subscription_alarms[pair[0]].metric
      periods   = local.subscription_alarms[pair[0]].periods
      query     = "SELECT SUM(${local.subscription_alarms[pair[0]].metric}) FROM \"AWS/Logs\" WHERE FilterName = '${local.filter_name}' AND LogGroupName = '${pair[1]}'"
    }
  } : {}

  outage_alarms = concat(["duration"], [for name, alarm in local.alarms : name if alarm.notifies == "outage"])
}

resource "aws_cloudwatch_composite_alarm" "outage" {
  alarm_name        = "${var.name}-outage"
  alarm_description = "Events do not get through to Elasticsearch, or not in time. See ${var.runbook_url}#outage."
  alarm_rule        = join(" OR ", [for name in local.outage_alarms : "ALARM(\"${var.name}-${name}\")"])
  alarm_actions     = local.pages
  ok_actions        = local.pages
  depends_on        = [aws_cloudwatch_metric_alarm.this, aws_cloudwatch_metric_alarm.duration]
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.text} See ${var.runbook_url}#${each.key}."
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics[each.value.notifies]
  ok_actions          = local.topics[each.value.notifies]
}

resource "aws_cloudwatch_metric_alarm" "duration" {
  alarm_name          = "${var.name}-duration"
  alarm_description   = "Invocations have taken more than 90 % of their time for a quarter of an hour. See ${var.runbook_url}#duration."
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 90
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "percent"
    label       = "Percent of the timeout"
    expression  = "duration / ${var.timeout} / 10"
    return_data = true
  }

  metric_query {
    id = "duration"
    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Duration"
      dimensions  = local.of_function
      stat        = "Maximum"
      period      = 300
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "queues" {
  for_each            = local.queue_alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.text} See ${var.runbook_url}#${each.key}."
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.tickets
  ok_actions          = local.tickets

  metric_query {
    id          = "messages"
    label       = "Messages in the queue"
    expression  = "visible + tried"
    return_data = true
  }

  metric_query {
    id = "visible"
    metric {
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesVisible"
      dimensions  = each.value.dimensions
      stat        = "Maximum"
      period      = 300
    }
  }

  metric_query {
    id = "tried"
    metric {
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesNotVisible"
      dimensions  = each.value.dimensions
      stat        = "Maximum"
      period      = 300
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "subscriptions" {
  for_each            = local.subscription_alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.text} See ${var.runbook_url}#${each.key}."
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics[each.value.notifies]
  ok_actions          = local.topics[each.value.notifies]

  metric_query {
    id          = "events"
    label       = "Log events"
    expression  = "SELECT SUM(${each.value.metric}) FROM \"AWS/Logs\" WHERE FilterName = '${local.filter_name}'"
    period      = 300
    return_data = true
  }
}

resource "aws_cloudwatch_metric_alarm" "log_groups" {
  for_each            = local.log_group_alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.text} See ${var.runbook_url}#${each.value.chapter}."
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "events"
    label       = "Log events"
    expression  = each.value.query
    period      = 300
    return_data = true
  }
}

resource "aws_cloudwatch_metric_alarm" "no_events" {
  count               = local.has_metrics && var.no_events_alarm ? 1 : 0
  alarm_name          = "${var.name}-no-events"
  alarm_description   = "Not a single event has come for a day. See ${var.runbook_url}#no-events."
  namespace           = var.metrics_namespace
  metric_name         = "received"
  dimensions          = local.of_function
  statistic           = "Sum"
  period              = 86400
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.tickets
  ok_actions          = local.tickets
}
