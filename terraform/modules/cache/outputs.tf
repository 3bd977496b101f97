output "address" {
  description = "The host name of the primary. It follows a failover."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "port" {
  description = "The port, which speaks TLS only."
  value       = local.port
}

output "security_group_id" {
  description = "The security group of the nodes."
  value       = aws_security_group.cache.id
}

output "nodes" {
  description = "The nodes in the metrics."
  value       = [for index in range(var.nodes) : format("%s-%03d", var.name, index + 1)]
}

output "user_ids" {
  description = "The users at ElastiCache, by name."
  value       = { for name, user in aws_elasticache_user.this : name => user.user_id }
}
