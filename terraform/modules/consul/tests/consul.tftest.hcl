mock_provider "aws" {
  mock_data "aws_region" {
    defaults = {
      name = "ap-northeast-2"
    }
  }
  mock_data "aws_ssm_parameter" {
    defaults = {
      value = "ami-0123456789abcdef0"
    }
  }
}

variables {
  name               = "dalkom-test"
  vpc_id             = "vpc-1"
  private_subnet_ids = { ap-northeast-2a = "subnet-a", ap-northeast-2c = "subnet-c" }
  internal_zone_id   = "Z1"
  internal_domain    = "dalkom-test.internal"
  consul_sha256      = "0000000000000000000000000000000000000000000000000000000000000000"
  server_secret_arn  = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:consul"
  kms_key_arn        = "arn:aws:kms:ap-northeast-2:123456789012:key/mock"
}

run "three_servers_in_two_zones" {
  assert {
    condition     = length(aws_instance.server) == 3 && length(distinct([for instance in aws_instance.server : instance.subnet_id])) == 2
    error_message = "Three servers, over both zones."
  }
  assert {
    condition     = alltrue([for config in values(local.server_config) : jsondecode(config).bootstrap_expect == 3 && length(jsondecode(config).retry_join) == 2])
    error_message = "A cluster begins with all three."
  }
}

run "closed_and_encrypted" {
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.flow : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && contains([8300, 8301], rule.from_port) && rule.from_port == rule.to_port])
    error_message = "Consul hears groups only, at gossip and RPC. The HTTP port is the machine's own."
  }
  assert {
    condition     = alltrue([for instance in aws_instance.server : !instance.associate_public_ip_address && instance.metadata_options[0].http_tokens == "required"])
    error_message = "No server has a public address, and its metadata want a token."
  }
  assert {
    condition     = alltrue([for volume in aws_ebs_volume.data : volume.encrypted && volume.kms_key_id == var.kms_key_arn && volume.size == 20 && volume.type == "gp3"]) && alltrue([for instance in aws_instance.server : instance.root_block_device[0].encrypted && instance.root_block_device[0].volume_size == 12])
    error_message = "Volumes have their size and are encrypted."
  }
  assert {
    condition     = alltrue([for config in values(local.server_config) : jsondecode(config).acl.default_policy == "deny" && jsondecode(config).tls.defaults.verify_incoming && jsondecode(config).tls.defaults.verify_outgoing && jsondecode(config).client_addr == "127.0.0.1"])
    error_message = "Consul denies by default, speaks TLS between machines, and answers HTTP to its own machine only."
  }
}

run "least_privilege" {
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.server.policy).Statement : !strcontains(jsonencode(statement.Action), "*") && statement.Resource != "*"])
    error_message = "No wildcard."
  }
}

run "a_tiny_volume_is_refused" {
  command = plan
  variables {
    data_volume_gb = 2
  }
  expect_failures = [var.data_volume_gb]
}
