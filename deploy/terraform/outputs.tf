output "function_name" {
  description = "The function"
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "The destination of subscriptions"
  value       = aws_lambda_function.this.arn
}

output "role_arn" {
  description = "The function's role, for OpenSearch's role mapping or data access policy"
  value       = aws_iam_role.this.arn
}

output "log_group_name" {
  description = "The function's own log group, to be left out of account-level subscriptions"
  value       = aws_cloudwatch_log_group.this.name
}

output "failed_invocations_url" {
  description = "The queue of failed invocations"
  value       = aws_sqs_queue.failed_invocations.url
}

output "abandoned_invocations_url" {
  description = "The queue of invocations that failed while the first queue was drained"
  value       = aws_sqs_queue.abandoned_invocations.url
}

output "abandoned_invocations_arn" {
  description = "The same, as \"aws sqs start-message-move-task\" wants it"
  value       = aws_sqs_queue.abandoned_invocations.arn
}

output "failed_invocations_source_id" {
  description = "The event source that drains the queue of failed invocations"
  value       = aws_lambda_event_source_mapping.failed_invocations.uuid
}

output "failed_records_bucket" {
  description = "The bucket of failed records"
  value       = one(aws_s3_bucket.failed_records[*].id)
}

output "stream_writer_role_arn" {
  description = "The role for subscriptions of this account that write to the stream"
  value       = one(aws_iam_role.stream_writer[*].arn)
}

output "stream_destination_arn" {
  description = "The destination for log groups of other accounts"
  value       = one(aws_cloudwatch_log_destination.this[*].arn)
}
