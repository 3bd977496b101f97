output "identifier" {
  description = "The instance's name, in the metrics too."
  value       = aws_db_instance.this.identifier
}

output "arn" {
  description = "The instance."
  value       = aws_db_instance.this.arn
}

output "address" {
  description = "The host name. It stays the same when the other instance takes over."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "The port."
  value       = local.port
}

output "security_group_id" {
  description = "The security group of the database."
  value       = aws_security_group.database.id
}

output "master_secret_arn" {
  description = "Where RDS keeps the master's password. No service may read it."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "accounts_task" {
  description = "How to run the task that makes schemas and accounts: its family and its group."
  value = {
    family            = aws_ecs_task_definition.accounts.family
    security_group_id = aws_security_group.accounts_task.id
    role_arn          = aws_iam_role.accounts_execution.arn
  }
}
