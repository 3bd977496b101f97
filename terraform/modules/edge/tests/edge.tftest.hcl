mock_provider "aws" {
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
  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:ap-northeast-2:123456789012:log-group:mock"
    }
  }
  mock_resource "aws_wafv2_web_acl" {
    defaults = {
      arn = "arn:aws:wafv2:ap-northeast-2:123456789012:regional/webacl/mock/1"
    }
  }
  mock_resource "aws_s3_bucket" {
    defaults = {
      arn = "arn:aws:s3:::mock"
    }
  }
}

variables {
  name                      = "dalkom-test"
  account_id                = "123456789012"
  vpc_id                    = "vpc-1"
  public_subnet_ids         = ["subnet-a", "subnet-c"]
  domain                    = "api.dalkom.example"
  public_zone_id            = "Z1"
  gateway_security_group_id = "sg-gateway"
  gateway_port              = 8080
  management_port           = 9080
  kms_key_arn               = "arn:aws:kms:ap-northeast-2:123456789012:key/mock"
}

run "the_doors_to_the_world" {
  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.public : rule.from_port]) == toset([80, 443])
    error_message = "The world reaches 443, and 80 for the redirect; nothing else."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.public : rule.from_port == rule.to_port && rule.ip_protocol == "tcp" && rule.security_group_id == aws_security_group.balancer.id])
    error_message = "Only the balancer is open, for one TCP port by each rule."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.gateway_from_balancer : rule.referenced_security_group_id == aws_security_group.balancer.id && rule.cidr_ipv4 == null])
    error_message = "The gateway hears the balancer's group, and no addresses."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.to_gateway : rule.referenced_security_group_id == var.gateway_security_group_id && rule.cidr_ipv4 == null])
    error_message = "The balancer reaches the gateway and nothing else."
  }
}

run "tls" {
  assert {
    condition     = aws_lb_listener.https.protocol == "HTTPS" && startswith(aws_lb_listener.https.ssl_policy, "ELBSecurityPolicy-TLS13-1-2-Res")
    error_message = "Clients speak TLS 1.2 or 1.3 with forward secrecy."
  }
  assert {
    condition     = aws_lb_listener.redirect.default_action[0].type == "redirect" && aws_lb_listener.redirect.default_action[0].redirect[0].protocol == "HTTPS"
    error_message = "Port 80 redirects."
  }
  assert {
    condition     = aws_lb_listener.https.certificate_arn == aws_acm_certificate_validation.this.certificate_arn
    error_message = "The listener waits for a certificate that has been validated."
  }
}

run "health" {
  assert {
    condition     = strcontains(file("../../../crates/service-host/src/management.rs"), ".route(\"${aws_lb_target_group.gateway.health_check[0].path}\", get(ready)")
    error_message = "The balancer asks the path that the gateway's management port answers with its readiness."
  }
  assert {
    condition     = aws_lb_target_group.gateway.health_check[0].port == "9080" && aws_lb_target_group.gateway.port == 8080
    error_message = "Health is asked at the management port, and requests go to the main port."
  }
  assert {
    condition     = aws_lb.this.idle_timeout < 75
    error_message = "The balancer lets go of a connection before the gateway does."
  }
}

run "logs" {
  assert {
    condition     = aws_lb.this.access_logs[0].enabled && aws_lb.this.drop_invalid_header_fields && aws_lb.this.enable_deletion_protection
    error_message = "The balancer logs, drops broken headers and is protected."
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_server_side_encryption_configuration.logs.rule : rule.apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"])
    error_message = "The logs are encrypted."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.logs.block_public_acls, aws_s3_bucket_public_access_block.logs.block_public_policy,
      aws_s3_bucket_public_access_block.logs.ignore_public_acls, aws_s3_bucket_public_access_block.logs.restrict_public_buckets,
    ])
    error_message = "The logs can't become public."
  }
  assert {
    condition     = contains([for statement in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : "${statement.Effect} ${try(statement.Condition.Bool["aws:SecureTransport"], "")}"], "Deny false")
    error_message = "The logs are read over TLS only."
  }
  assert {
    condition     = aws_wafv2_web_acl_association.this.resource_arn == aws_lb.this.arn
    error_message = "The firewall stands before the balancer."
  }
}

run "a_longer_idle_timeout_is_refused" {
  command = plan
  variables {
    idle_timeout_s = 80
  }
  expect_failures = [var.idle_timeout_s]
}
