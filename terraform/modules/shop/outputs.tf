output "url" {
  description = "Where clients find the shop."
  value       = module.edge.url
}

output "health_check" {
  description = "What the balancer asks a gateway."
  value       = module.edge.health_check
}

output "public_ports" {
  description = "The ports that are open to the world."
  value       = module.edge.public_ports
}

output "database" {
  description = "Address and port of the database."
  value       = { address = module.database.address, port = module.database.port, identifier = module.database.identifier }
}

output "cache" {
  description = "Address and port of the cache, and its users."
  value       = { address = module.cache.address, port = module.cache.port, user_ids = module.cache.user_ids, access = local.cache_users }
}

output "trusted_proxies" {
  description = "The networks from which the balancer calls: the gateway's setting public.trusted-proxies."
  value       = values(module.network.public_subnet_cidrs)
}

output "accounts_task" {
  description = "What terraform/bin/database-accounts needs."
  value = {
    cluster         = module.services.cluster_name
    family          = module.database.accounts_task.family
    security_groups = [module.database.accounts_task.security_group_id]
    subnets         = values(module.network.private_subnet_ids)
    log_group       = aws_cloudwatch_log_group.tasks.name
  }
}

output "cluster_name" {
  description = "The cluster of the services."
  value       = module.services.cluster_name
}

output "consul" {
  description = "The servers and the datacenter, for terraform/bin/consul."
  value       = { instance_ids = module.consul.instance_ids, datacenter = module.consul.datacenter, names = module.consul.server_names }
}

output "secret_names" {
  description = "The secrets, which are empty until terraform/bin/secrets fills them."
  value       = sort([for secret in aws_secretsmanager_secret.this : secret.name])
}

output "backup" {
  description = "The vault, and the role that restores."
  value       = { vault = module.backup.vault_name, role_arn = module.backup.role_arn }
}
