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
  mock_resource "aws_iam_policy" {
    defaults = {
      arn = "arn:aws:iam::123456789012:policy/mock"
    }
  }
  mock_resource "aws_instance" {
    defaults = {
      arn = "arn:aws:ec2:ap-northeast-2:123456789012:instance/i-mock"
    }
  }
}

variables {
  name             = "dalkom-tools"
  vpc_id           = "vpc-1"
  private_subnet   = { id = "subnet-a", zone = "ap-northeast-2a" }
  internal_zone_id = "Z1"
  internal_domain  = "dalkom-tools.internal"
  controller_image = { image = "registry/jenkins:2.516.3", repository_arn = "arn:aws:ecr:ap-northeast-2:123456789012:repository/dalkom/jenkins" }
  agents           = { first = { instance_type = "c7i.xlarge", volume_gb = 100 } }
  secret_arns      = { admin = "arn:admin", agent = "arn:agent" }
  repository_arns  = ["arn:gateway", "arn:member-api"]
  kms_key_arn      = "arn:aws:kms:ap-northeast-2:123456789012:key/mock"
  deploy = {
    staging = {
      cluster_arn         = "arn:cluster"
      service_arns        = ["arn:service"]
      task_families       = ["dalkom-staging-gateway"]
      execution_role_arns = ["arn:role"]
    }
  }
}

run "unreachable_from_outside" {
  assert {
    condition     = !aws_instance.controller.associate_public_ip_address && alltrue([for agent in aws_instance.agent : !agent.associate_public_ip_address])
    error_message = "Neither controller nor agents have a public address."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.controller_from_agents.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.controller_from_agents.cidr_ipv6 == null && aws_vpc_security_group_ingress_rule.controller_from_agents.prefix_list_id == null && aws_vpc_security_group_ingress_rule.controller_from_agents.referenced_security_group_id == aws_security_group.agents.id
    error_message = "Only agents reach the controller."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.controller_from_agents.from_port == 8080 && aws_vpc_security_group_ingress_rule.controller_from_agents.to_port == 8080
    error_message = "Port 22 is closed, and all but 8080."
  }
  assert {
    condition     = aws_security_group.controller.vpc_id == var.vpc_id && length(regexall("resource \"aws_vpc_security_group_ingress_rule\"", join("", [for name in fileset(".", "*.tf") : file(name)]))) == 1 && length(regexall("(?m)^\\s+ingress \\{|aws_security_group_rule|aws_lb|aws_eip|key_name", join("", [for name in fileset(".", "*.tf") : file(name)]))) == 0
    error_message = "There is one way in, and this module has no balancer, no public address and no key for SSH."
  }
}

run "through_session_manager_with_a_second_factor" {
  assert {
    condition     = toset(keys(aws_iam_role_policy_attachment.session_manager)) == toset(["controller", "agent"]) && alltrue([for attachment in aws_iam_role_policy_attachment.session_manager : endswith(attachment.policy_arn, "AmazonSSMManagedInstanceCore")])
    error_message = "Session Manager reaches both."
  }
  assert {
    condition     = jsondecode(aws_iam_policy.operator.policy).Statement[0].Condition.Bool["aws:MultiFactorAuthPresent"] == "true"
    error_message = "An operator needs a second factor."
  }
  assert {
    condition     = !contains(flatten([for statement in jsondecode(aws_iam_policy.operator.policy).Statement : statement.Resource]), "*")
    error_message = "An operator reaches this controller, and no other machine."
  }
}

run "encrypted_and_sized" {
  assert {
    condition     = aws_ebs_volume.home.encrypted && aws_ebs_volume.home.size == 50 && aws_ebs_volume.home.kms_key_id == var.kms_key_arn && aws_ebs_volume.home.tags["Backup"] == "daily"
    error_message = "The home has its size, is encrypted and backed up."
  }
  assert {
    condition     = alltrue([for machine in concat([aws_instance.controller], values(aws_instance.agent)) : machine.root_block_device[0].encrypted && machine.root_block_device[0].volume_size >= 30])
    error_message = "All disks are encrypted and sized."
  }
  assert {
    condition     = alltrue([for machine in concat([aws_instance.controller], values(aws_instance.agent)) : machine.metadata_options[0].http_tokens == "required" && machine.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "Metadata want a token, and containers do not get them."
  }
}

run "least_privilege" {
  assert {
    condition     = alltrue(flatten([for policy in aws_iam_role_policy.this : [for statement in jsondecode(policy.policy).Statement : !strcontains(jsonencode(statement.Action), "*")]]))
    error_message = "No wildcard in an action."
  }
  assert {
    condition     = toset(flatten([for policy in aws_iam_role_policy.this : [for statement in jsondecode(policy.policy).Statement : statement.Action if contains(flatten([statement.Resource]), "*")]])) == toset(["ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition"])
    error_message = "Only what AWS knows no resource for has none."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.this["controller"].policy, "ecs:") && !strcontains(aws_iam_role_policy.this["controller"].policy, "iam:")
    error_message = "The controller deploys nothing; its agents do."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.this["agent"].policy).Statement : statement.Condition.StringEquals["iam:PassedToService"] == "ecs-tasks.amazonaws.com" if contains(flatten([statement.Action]), "iam:PassRole")])
    error_message = "A role is passed on to tasks only."
  }
}

run "latest_is_refused" {
  command = plan
  variables {
    controller_image = { image = "registry/jenkins:latest", repository_arn = "arn:x" }
  }
  expect_failures = [var.controller_image]
}
