output "cluster_name" {
  description = "The cluster."
  value       = aws_ecs_cluster.this.name
}

output "cluster_arn" {
  description = "The cluster."
  value       = aws_ecs_cluster.this.arn
}

output "security_group_ids" {
  description = "The security group of each service."
  value       = { for name, group in aws_security_group.service : name => group.id }
}

output "service_arns" {
  description = "The services at ECS."
  value       = { for name, service in aws_ecs_service.this : name => service.id }
}

output "execution_role_arns" {
  description = "The roles that start the services: who rolls out a version passes them on."
  value       = { for name, role in aws_iam_role.execution : name => role.arn }
}

output "log_group_names" {
  description = "The log of each service."
  value       = { for name, group in aws_cloudwatch_log_group.service : name => group.name }
}
