mock_provider "aws" {
  mock_data "aws_region" {
    defaults = {
      name = "ap-northeast-2"
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
}

variables {
  name                    = "dalkom-test"
  zones                   = ["ap-northeast-2a", "ap-northeast-2c"]
  cidr                    = "10.20.0.0/16"
  nat_per_zone            = true
  flow_log_retention_days = 365
  kms_key_arn             = "arn:aws:kms:ap-northeast-2:123456789012:key/mock"
}

run "two_zones_and_no_way_in" {
  assert {
    condition     = toset(keys(aws_subnet.private)) == toset(var.zones) && toset(keys(aws_subnet.data)) == toset(var.zones)
    error_message = "Each zone has a private subnet and one for data."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "Nothing gets a public address unasked."
  }
  assert {
    condition     = length(aws_default_security_group.closed.ingress) == 0 && length(aws_default_security_group.closed.egress) == 0
    error_message = "The default group lets nothing in or out."
  }
  assert {
    condition     = alltrue([for association in aws_route_table_association.data : association.route_table_id == aws_route_table.data.id]) && length(setintersection([for route in aws_route.private_to_nat : route.route_table_id], [aws_route_table.data.id])) == 0 && aws_route.public_to_internet.route_table_id != aws_route_table.data.id
    error_message = "The data's subnets have no route to the outside."
  }
  assert {
    condition     = length(distinct(concat(values(local.public_cidrs), values(local.private_cidrs), values(local.data_cidrs)))) == 6
    error_message = "No two subnets share addresses."
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 2
    error_message = "Each zone has its own NAT gateway."
  }
}

run "flows_are_logged_and_encrypted" {
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_flow_log.this.vpc_id == aws_vpc.this.id
    error_message = "All traffic of the network is logged."
  }
  assert {
    condition     = aws_cloudwatch_log_group.flow.kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.flow.retention_in_days >= 365
    error_message = "Flow logs are encrypted by the environment's key and kept for a year."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.flow.policy).Statement : !contains(flatten([statement.Resource]), "*") && !anytrue([for action in flatten([statement.Action]) : strcontains(action, "*")])])
    error_message = "The role of the flow logs has no wildcard."
  }
}

run "one_nat_for_all" {
  variables {
    nat_per_zone = false
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.private_to_nat) == 2
    error_message = "One NAT gateway serves all zones."
  }
}

run "a_public_network_is_refused" {
  command = plan
  variables {
    cidr = "8.8.0.0/16"
  }
  expect_failures = [var.cidr]
}

run "one_zone_is_refused" {
  command = plan
  variables {
    zones = ["ap-northeast-2a"]
  }
  expect_failures = [var.zones]
}
