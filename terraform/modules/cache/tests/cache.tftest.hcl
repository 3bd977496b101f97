mock_provider "aws" {
  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:ap-northeast-2:123456789012:log-group:mock"
    }
  }
}

variables {
  name                      = "dalkom-test"
  vpc_id                    = "vpc-1"
  data_subnet_ids           = ["subnet-a", "subnet-c"]
  client_security_group_ids = { member-api = "sg-member", order-api = "sg-order" }
  users                     = { order-api = "~cart:* +@read", member-api = "~lock:* +@read" }
  node_type                 = "cache.t4g.small"
  kms_key_arn               = "arn:aws:kms:ap-northeast-2:123456789012:key/mock"
}

run "encrypted_on_the_wire_and_on_disk" {
  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "Clients speak TLS, without exception."
  }
  assert {
    condition     = tobool(aws_elasticache_replication_group.this.at_rest_encryption_enabled) && aws_elasticache_replication_group.this.kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.slow.kms_key_id == var.kms_key_arn
    error_message = "Disks, snapshots and logs are encrypted by the environment's key."
  }
}

run "private" {
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.from_client : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.from_port == 6379 && rule.to_port == 6379])
    error_message = "The cache hears groups, never addresses."
  }
  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.from_client : rule.referenced_security_group_id]) == toset(["sg-member", "sg-order"])
    error_message = "Only the services that use it reach the cache."
  }
}

run "nobody_is_let_in_before_there_is_a_password" {
  assert {
    condition     = alltrue([for user in aws_elasticache_user.this : startswith(user.access_string, "off ") && user.passwords == null])
    error_message = "A user begins switched off, and has no password in the state."
  }
  assert {
    condition     = length(aws_elasticache_user_group.this.user_ids) == 2 && aws_elasticache_replication_group.this.auth_token == null
    error_message = "Each service has a user of its own; no token is in the state."
  }
}

run "it_survives" {
  assert {
    condition     = aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.num_cache_clusters >= 2 && aws_elasticache_replication_group.this.snapshot_retention_limit >= 1
    error_message = "A replica in another zone takes over, and there are snapshots."
  }
  assert {
    condition     = contains([for parameter in aws_elasticache_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], "maxmemory-policy=noeviction")
    error_message = "No cart is thrown away."
  }
}

run "a_user_for_all_keys_is_refused" {
  command = plan
  variables {
    users = { order-api = "~* +@all" }
  }
  expect_failures = [var.users]
}

run "one_node_is_refused" {
  command = plan
  variables {
    nodes = 1
  }
  expect_failures = [var.nodes]
}
