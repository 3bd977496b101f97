output "server_names" {
  description = "Where agents find the servers."
  value       = local.names
}

output "datacenter" {
  description = "The name of Consul's datacenter."
  value       = data.aws_region.this.name
}

output "agents_security_group_id" {
  description = "The security group that everything with an agent wears beside its own."
  value       = aws_security_group.agents.id
}

output "instance_ids" {
  description = "The servers, by name."
  value       = { for name, instance in aws_instance.server : name => instance.id }
}
