# The whole shop as production and staging put it together. What one module promises is in its own tests; this is what only the
# whole can promise.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = {
      name = "ap-northeast-2"
    }
  }
  mock_data "aws_caller_identity" {
    defaults = {
      account_id = "123456789012"
    }
  }
  mock_data "aws_ssm_parameter" {
    defaults = {
      value = "ami-0123456789abcdef0"
    }
  }
  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:ap-northeast-2:123456789012:key/mock"
    }
  }
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/mock"
    }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:ap-northeast-2:123456789012:log-group:mock"
    }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = {
      arn = "arn:aws:ecs:ap-northeast-2:123456789012:task-definition/mock:1"
    }
  }
  mock_resource "aws_service_discovery_service" {
    defaults = {
      arn = "arn:aws:servicediscovery:ap-northeast-2:123456789012:service/mock"
    }
  }
  mock_resource "aws_lb" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012:loadbalancer/app/mock/1"
    }
  }
  mock_resource "aws_lb_target_group" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012:targetgroup/mock/1"
    }
  }
  mock_resource "aws_acm_certificate" {
    defaults = {
      arn = "arn:aws:acm:ap-northeast-2:123456789012:certificate/mock"
      domain_validation_options = [{
        domain_name           = "api.dalkom.example"
        resource_record_name  = "_mock.api.dalkom.example"
        resource_record_type  = "CNAME"
        resource_record_value = "_mock.acm-validations.aws"
      }]
    }
  }
  mock_resource "aws_acm_certificate_validation" {
    defaults = {
      certificate_arn = "arn:aws:acm:ap-northeast-2:123456789012:certificate/mock"
    }
  }
  mock_resource "aws_wafv2_web_acl" {
    defaults = {
      arn = "arn:aws:wafv2:ap-northeast-2:123456789012:regional/webacl/mock/1"
    }
  }
  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:ap-northeast-2:123456789012:mock"
    }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = {
      arn = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:mock"
    }
  }
  mock_resource "aws_db_instance" {
    defaults = {
      arn                = "arn:aws:rds:ap-northeast-2:123456789012:db:mock"
      address            = "mock.rds.amazonaws.com"
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:master", kms_key_id = "k", secret_status = "active" }]
    }
  }
}

variables {
  name               = "dalkom-test"
  cidr               = "10.20.0.0/16"
  nat_per_zone       = true
  domain             = "api.dalkom.example"
  public_zone_id     = "Z1"
  protected          = true
  operators_email    = "operators@dalkom.example"
  monthly_budget_usd = 1000
  registry           = { host = "registry.example", folder = "dalkom", arn_prefix = "arn:aws:ecr:ap-northeast-2:123456789012:repository" }
  consul             = { version = "1.20.6", sha256 = "0000000000000000000000000000000000000000000000000000000000000000", instance_type = "t4g.small" }
  image_tags         = { gateway = "1", member-api = "1", store-api = "1", order-api = "1", config-server = "1", busybox = "1", consul = "1", mysql = "1" }
  sizes = {
    gateway       = { cpu = 256, memory = 512, least = 2, most = 2 }
    member-api    = { cpu = 256, memory = 512, least = 2, most = 2 }
    store-api     = { cpu = 256, memory = 512, least = 2, most = 2 }
    order-api     = { cpu = 256, memory = 512, least = 2, most = 2 }
    config-server = { cpu = 256, memory = 512, least = 2, most = 2 }
  }
  database = { instance_class = "db.m7g.large", storage_gb = 200, storage_limit_gb = 1000, multi_az = true, connections = 600, backup_retention_days = 35 }
  cache    = { node_type = "cache.t4g.medium", nodes = 2, snapshot_retention_days = 7 }
}

run "the_health_path_is_the_gateways" {
  assert {
    condition     = output.health_check.port == split(":", yamldecode(file("../../../config/gateway.yml")).management.address)[1]
    error_message = "The balancer asks the gateway's management port, as config/gateway.yml has it."
  }
  assert {
    condition     = strcontains(file("../../../crates/service-host/src/management.rs"), ".route(\"${output.health_check.path}\", get(ready)")
    error_message = "The balancer asks the path by which a process says that it is ready."
  }
}

run "one_entrance" {
  assert {
    condition     = toset(output.public_ports) == toset(["80", "443"])
    error_message = "The world reaches the balancer at 443, and at 80 for the redirect."
  }
  assert {
    condition     = output.url == "https://api.dalkom.example"
    error_message = "Clients speak TLS."
  }
}

run "a_secret_for_each_part" {
  assert {
    condition     = alltrue([for schema in ["member", "store", "orders", "batch"] : contains(output.secret_names, "dalkom-test/database/${schema}")])
    error_message = "Each schema's account has a password of its own."
  }
  assert {
    condition     = toset([for secret in output.secret_names : secret if startswith(secret, "dalkom-test/cache/")]) == toset([for user in ["gateway", "member-api", "order-api"] : "dalkom-test/cache/${user}"])
    error_message = "Who counts requests, queues before wallets or keeps carts has a user at the cache."
  }
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == module.key.arn && secret.recovery_window_in_days == 30])
    error_message = "Secrets are encrypted by the environment's key, and come back if they are removed by mistake."
  }
  assert {
    condition     = length(aws_secretsmanager_secret.this) > 0 && length(flatten([for name in fileset("../..", "**/*.tf") : regexall("resource \"aws_secretsmanager_secret_version\"|auth_token *=|(?m)^ *password *= *\"", file("../../${name}"))])) == 0
    error_message = "No value of a secret is in Terraform, and so none is in the state."
  }
}

run "the_calls_are_those_of_the_architecture" {
  assert {
    condition     = local.calls["store-api"] == [] && !contains(flatten(values(local.calls)), "gateway") && length(module.services.security_group_ids) == 5
    error_message = "Nobody calls the gateway but the balancer, and store-api calls nobody."
  }
}

run "latest_is_refused" {
  command = plan
  variables {
    image_tags = { gateway = "latest" }
  }
  expect_failures = [var.image_tags]
}
