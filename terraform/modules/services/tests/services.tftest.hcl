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
  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:ap-northeast-2:123456789012:log-group:mock"
    }
  }
}

variables {
  name               = "dalkom-test"
  vpc_id             = "vpc-1"
  private_subnet_ids = ["subnet-a", "subnet-c"]
  services = {
    gateway = {
      image = "registry/gateway:1", image_arn = "arn:gateway", port = 8080, management_port = 9080, cpu = 512, memory = 1024
      tasks = { least = 2, most = 4 }, calls = ["member-api"], password = "arn:password-gateway", consul_agent = "arn:agent-gateway"
    }
    member-api = {
      image = "registry/member-api:1", image_arn = "arn:member-api", port = 8090, management_port = 9090, cpu = 512, memory = 1024
      tasks = { least = 2, most = 4 }, calls = [], password = "arn:password-member", consul_agent = "arn:agent-member", uses_database = true
    }
    config-server = {
      image = "registry/config-server:1", image_arn = "arn:config-server", port = 8888, management_port = 9888, cpu = 256, memory = 512
      tasks = { least = 2, most = 2 }, calls = [], consul_agent = "arn:agent-config"
    }
  }
  helpers = {
    prepare = "registry/busybox:1", prepare_arn = "arn:busybox", consul = "registry/consul:1", consul_arn = "arn:consul"
  }
  config_server_secrets = { settings = "arn:settings", sealing_key = "arn:sealing-key" }
  authorities_secret    = "arn:authorities"
  consul = {
    server_names = ["consul-1.internal"], datacenter = "seoul", ca_secret = "arn:consul-ca", agents_security_group_id = "sg-agents"
  }
  gateway_target_group_arn = "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012:targetgroup/mock/1"
  kms_key_arn              = "arn:aws:kms:ap-northeast-2:123456789012:key/mock"
}

run "private" {
  assert {
    condition     = alltrue([for service in aws_ecs_service.this : !service.network_configuration[0].assign_public_ip && !service.enable_execute_command])
    error_message = "Tasks have no public address, and no shell from outside."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.call : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.referenced_security_group_id != null])
    error_message = "Services hear groups, never addresses."
  }
  assert {
    condition     = toset(keys(aws_vpc_security_group_ingress_rule.call)) == toset(["gateway-to-member-api", "gateway-to-config-server", "member-api-to-config-server"])
    error_message = "Only the calls that exist are open."
  }
  assert {
    condition     = alltrue([for name, service in aws_ecs_service.this : (length(service.load_balancer) == 1) == (name == "gateway")])
    error_message = "Only the gateway stands behind the balancer."
  }
}

run "config_server_knows_each_password" {
  assert {
    condition     = strcontains(local.prepare_script["config-server"], "printf '%s: \"%s\"\\n' member-api \"$PASSWORD_MEMBER_API\" >> /files/credentials.yml") && !strcontains(local.prepare_script["gateway"], "credentials.yml")
    error_message = "config-server gets the password of each service, and nobody else does."
  }
}

run "least_privilege" {
  assert {
    condition     = alltrue([for task in aws_ecs_task_definition.this : task.task_role_arn == null])
    error_message = "A service has no role, because it calls nothing of AWS."
  }
  assert {
    condition     = alltrue(flatten([for policy in aws_iam_role_policy.execution : [for statement in jsondecode(policy.policy).Statement : !strcontains(jsonencode(statement.Action), "*")]]))
    error_message = "No wildcard in an action."
  }
  assert {
    condition     = toset(flatten([for policy in aws_iam_role_policy.execution : [for statement in jsondecode(policy.policy).Statement : statement.Action if contains(flatten([statement.Resource]), "*")]])) == toset(["ecr:GetAuthorizationToken"])
    error_message = "Only signing in to the registry has no resource."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.execution["gateway"].policy).Statement[0].Resource == ["arn:agent-gateway", "arn:consul-ca", "arn:password-gateway"]
    error_message = "The gateway reads its own secrets, and no other's."
  }
  assert {
    condition     = contains(jsondecode(aws_iam_role_policy.execution["config-server"].policy).Statement[0].Resource, "arn:sealing-key") && !strcontains(aws_iam_role_policy.execution["member-api"].policy, "arn:sealing-key")
    error_message = "Only config-server can open sealed settings."
  }
  assert {
    condition     = alltrue(flatten([for task in aws_ecs_task_definition.this : [for container in jsondecode(task.container_definitions) : container.readonlyRootFilesystem && length(container.linuxParameters.capabilities.drop) > 0]]))
    error_message = "All containers have a read-only root, and drop capabilities."
  }
  assert {
    condition     = alltrue([for task in aws_ecs_task_definition.this : jsondecode(task.container_definitions)[2].user == "65532:65532" && jsondecode(task.container_definitions)[2].linuxParameters.capabilities.drop == ["ALL"]])
    error_message = "A service is not root, and has no capability."
  }
  assert {
    condition     = !strcontains(join(" ", [for task in aws_ecs_task_definition.this : jsonencode([for container in jsondecode(task.container_definitions) : try(container.environment, [])])]), "arn:")
    error_message = "No secret is a plain variable."
  }
}

run "deploys_without_downtime" {
  assert {
    condition     = alltrue([for service in aws_ecs_service.this : service.deployment_minimum_healthy_percent == 100 && service.deployment_maximum_percent == 200])
    error_message = "The new task is there before the old one goes."
  }
  assert {
    condition     = alltrue([for service in aws_ecs_service.this : service.deployment_circuit_breaker[0].enable && service.deployment_circuit_breaker[0].rollback])
    error_message = "A broken version goes back by itself."
  }
  assert {
    condition     = alltrue([for name, task in aws_ecs_task_definition.this : strcontains(file("../../../Dockerfile"), "ENTRYPOINT [\"${jsondecode(task.container_definitions)[2].healthCheck.command[1]}\"]")])
    error_message = "The program that ECS asks for its health is the one in the image."
  }
  assert {
    condition     = alltrue([for task in aws_ecs_task_definition.this : jsondecode(task.container_definitions)[2].stopTimeout >= 30 && jsondecode(task.container_definitions)[2].healthCheck.command[2] == "healthcheck"])
    error_message = "A task has time to drain, and is asked by its own binary."
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.service : group.kms_key_id == var.kms_key_arn && group.retention_in_days >= 365])
    error_message = "Logs are encrypted and kept."
  }
}

run "a_call_to_nobody_is_refused" {
  command = plan
  variables {
    services = {
      gateway = {
        image = "r/g:1", image_arn = "arn:g", port = 8080, management_port = 9080, cpu = 256, memory = 512
        tasks = { least = 1, most = 1 }, calls = ["nobody"], password = "arn:p", consul_agent = "arn:a"
      }
      config-server = {
        image = "r/c:1", image_arn = "arn:c", port = 8888, management_port = 9888, cpu = 256, memory = 512
        tasks = { least = 1, most = 1 }, calls = [], consul_agent = "arn:a"
      }
    }
  }
  expect_failures = [var.services]
}
