locals {
  port = 6379
}

resource "aws_security_group" "cache" {
  name        = "${var.name}-cache"
  description = "Valkey"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-cache" }
}

resource "aws_vpc_security_group_ingress_rule" "from_client" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.cache.id
  description                  = "Valkey from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_vpc_security_group_egress_rule" "client_to_cache" {
  for_each = var.client_security_group_ids

  security_group_id            = each.value
  description                  = "Valkey"
  referenced_security_group_id = aws_security_group.cache.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.data_subnet_ids
}

resource "aws_elasticache_parameter_group" "this" {
  name   = "${var.name}-valkey8"
  family = "valkey8"

  # Carts are data: a full node refuses new ones, and throws none away.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

# A user is made switched off and without a password, because a password here would be in the state. `terraform/bin/secrets`
# gives it the one that Secrets Manager has, and switches it on.
resource "aws_elasticache_user" "this" {
  for_each = var.users

  user_id              = "${var.name}-${each.key}"
  user_name            = each.key
  engine               = "valkey"
  access_string        = "off ${each.value}"
  no_password_required = true

  lifecycle {
    ignore_changes = [access_string, no_password_required, passwords, authentication_mode]
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "valkey"
  user_ids      = sort([for user in aws_elasticache_user.this : user.user_id])
}

resource "aws_cloudwatch_log_group" "slow" {
  name              = "/${var.name}/cache/slow"
  retention_in_days = 365
  kms_key_id        = var.kms_key_arn
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31:Users with passwords (user_group_ids) stand in place of one token for all.
  replication_group_id = var.name
  description          = "Carts, and the queues before hot wallets"

  engine               = "valkey"
  engine_version       = "8.0"
  node_type            = var.node_type
  num_cache_clusters   = var.nodes
  parameter_group_name = aws_elasticache_parameter_group.this.name
  port                 = local.port

  multi_az_enabled           = true
  automatic_failover_enabled = true
  auto_minor_version_upgrade = true

  subnet_group_name  = aws_elasticache_subnet_group.this.name
  security_group_ids = [aws_security_group.cache.id]
  user_group_ids     = [aws_elasticache_user_group.this.user_group_id]

  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"

  # Times are UTC.
  snapshot_retention_limit  = var.snapshot_retention_days
  snapshot_window           = "16:00-17:00"
  maintenance_window        = "sun:18:00-sun:19:00"
  final_snapshot_identifier = "${var.name}-last"

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.slow.name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "slow-log"
  }
}
