# A task is three containers: prepare writes the files that the others read, and ends; consul is the agent; then the service.
# The agent stands beside the service because a service talks to its agent in clear text, and so over loopback only.

locals {
  config_url = "http://config-server.${aws_service_discovery_private_dns_namespace.this.name}:${var.services["config-server"].port}"

  # The users of the images: distroless's nonroot, and consul of HashiCorp's image.
  service_user = "65532:65532"
  consul_user  = "100:1000"

  passwords = { for name, service in local.others : name => service.password if service.password != null }
  variables = { for name in keys(local.passwords) : name => "PASSWORD_${upper(replace(name, "-", "_"))}" }

  agent_config = jsonencode({
    datacenter           = var.consul.datacenter
    data_dir             = "/consul/data"
    bind_addr            = "{{ GetPrivateIP }}"
    client_addr          = "127.0.0.1"
    retry_join           = var.consul.server_names
    leave_on_terminate   = true
    disable_update_check = true
    ports                = { grpc = -1, grpc_tls = -1, dns = -1, serf_wan = -1 }
    acl                  = { enabled = true, default_policy = "deny", down_policy = "extend-cache" }
    tls = {
      defaults     = { ca_file = "/consul/config/ca.pem", verify_incoming = true, verify_outgoing = true }
      internal_rpc = { verify_server_hostname = true }
    }
    auto_encrypt = { tls = true }
  })

  # Secrets come as variables and end as files that one user can read, in a volume that dies with the task.
  prepare_agent = [
    "set -eu",
    "umask 077",
    "mkdir -p /consul/config /consul/data",
    "printf '%s' \"$AGENT_CONFIG\" > /consul/config/agent.json",
    "printf '%s' \"$AGENT_SECRETS\" > /consul/config/secrets.json",
    "printf '%s' \"$CONSUL_CA\" > /consul/config/ca.pem",
    "chown -R ${local.consul_user} /consul",
  ]
  prepare_authorities = ["printf '%s' \"$AUTHORITIES\" > /files/authorities.pem"]
  prepare_settings = concat(
    [
      "printf '%s' \"$SETTINGS\" | base64 -d | tar -xz -C /files",
      "printf '%s' \"$SEALING_KEY\" > /files/sealing.key",
    ],
    [for name, variable in local.variables : "printf '%s: \"%s\"\\n' ${name} \"${format("$%s", variable)}\" >> /files/credentials.yml"],
  )
  prepare_end = ["chown -R ${local.service_user} /files"]

  prepare_script = {
    for name, service in var.services : name => join("\n", concat(
      local.prepare_agent,
      service.uses_database ? local.prepare_authorities : [],
      name == "config-server" ? local.prepare_settings : [],
      local.prepare_end,
    ))
  }

  # What each task may read, by container. The roles allow exactly this (iam.tf).
  prepare_secrets = {
    for name, service in var.services : name => merge(
      { AGENT_SECRETS = service.consul_agent, CONSUL_CA = var.consul.ca_secret },
      service.uses_database ? { AUTHORITIES = var.authorities_secret } : {},
      { for variable, secret in merge(
        { SETTINGS = var.config_server_secrets.settings, SEALING_KEY = var.config_server_secrets.sealing_key },
        { for other, secret in local.passwords : local.variables[other] => secret },
      ) : variable => secret if name == "config-server" },
    )
  }
  service_secrets = {
    for name, service in var.services : name => { for variable, secret in { DALKOM_CONFIG_PASSWORD = service.password } : variable => secret if name != "config-server" }
  }

  service_environment = {
    for name, service in var.services : name => merge(
      {
        DALKOM_LISTEN     = "0.0.0.0:${service.port}"
        DALKOM_MANAGEMENT = "0.0.0.0:${service.management_port}"
        DALKOM_LOG_FORMAT = "json"
      },
      { for variable, value in {
        DALKOM_CONFIG_DIRS             = "/files/config:/files/installation"
        DALKOM_CONFIG_KEY_FILES        = "/files/sealing.key"
        DALKOM_CONFIG_CREDENTIALS_FILE = "/files/credentials.yml"
      } : variable => value if name == "config-server" },
      { for variable, value in { DALKOM_CONFIG_URL = local.config_url } : variable => value if name != "config-server" },
    )
  }

  logs = {
    for name, group in aws_cloudwatch_log_group.service : name => {
      for container in ["prepare", "consul", "service"] : container => {
        logDriver = "awslogs"
        options = {
          awslogs-group         = group.name
          awslogs-region        = data.aws_region.this.name
          awslogs-stream-prefix = container
          mode                  = "non-blocking"
          max-buffer-size       = "4m"
        }
      }
    }
  }

  # Nobody in a task has a capability but prepare, which gives files to others.
  hardened = { capabilities = { drop = ["ALL"] }, initProcessEnabled = false }
}

resource "aws_ecs_task_definition" "this" {
  for_each = var.services

  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = aws_iam_role.execution[each.key].arn
  # No role of its own: a service calls no API of AWS, so there is nothing to steal.

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  volume {
    name = "files"
  }

  volume {
    name = "consul"
  }

  container_definitions = jsonencode([
    {
      name                   = "prepare"
      image                  = var.helpers.prepare
      essential              = false
      entryPoint             = ["/bin/sh", "-c"]
      command                = [local.prepare_script[each.key]]
      user                   = "0:0"
      readonlyRootFilesystem = true
      linuxParameters        = { capabilities = { drop = ["NET_RAW", "SETUID", "SETGID", "SYS_CHROOT", "MKNOD", "SETFCAP", "SETPCAP"] } }
      environment            = [{ name = "AGENT_CONFIG", value = local.agent_config }]
      secrets                = [for variable, secret in local.prepare_secrets[each.key] : { name = variable, valueFrom = secret }]
      mountPoints = [
        { sourceVolume = "files", containerPath = "/files", readOnly = false },
        { sourceVolume = "consul", containerPath = "/consul", readOnly = false },
      ]
      logConfiguration = local.logs[each.key].prepare
    },
    {
      name                   = "consul"
      image                  = var.helpers.consul
      essential              = true
      entryPoint             = ["consul"]
      command                = ["agent", "-config-dir=/consul/config"]
      user                   = local.consul_user
      readonlyRootFilesystem = true
      linuxParameters        = local.hardened
      memoryReservation      = 64
      dependsOn              = [{ containerName = "prepare", condition = "SUCCESS" }]
      stopTimeout            = 30
      mountPoints            = [{ sourceVolume = "consul", containerPath = "/consul", readOnly = false }]
      # It answers when the agent has found a leader.
      healthCheck = {
        command     = ["CMD-SHELL", "wget -q -O - http://127.0.0.1:8500/v1/status/leader | grep -q :"]
        interval    = 5
        timeout     = 3
        retries     = 6
        startPeriod = 10
      }
      logConfiguration = local.logs[each.key].consul
    },
    {
      name                   = each.key
      image                  = each.value.image
      essential              = true
      user                   = local.service_user
      readonlyRootFilesystem = true
      linuxParameters        = local.hardened
      environment            = [for variable, value in local.service_environment[each.key] : { name = variable, value = value }]
      secrets                = [for variable, secret in local.service_secrets[each.key] : { name = variable, valueFrom = secret }]
      mountPoints            = [{ sourceVolume = "files", containerPath = "/files", readOnly = true }]
      portMappings           = [{ containerPort = each.value.port, protocol = "tcp" }, { containerPort = each.value.management_port, protocol = "tcp" }]
      dependsOn              = [{ containerName = "prepare", condition = "SUCCESS" }, { containerName = "consul", condition = "HEALTHY" }]
      # Longer than a drain takes (server.drain-…: 11.3 s by default). The agent is stopped after it.
      stopTimeout = 60
      ulimits     = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
      # ECS does not look at what the image says.
      healthCheck = {
        command     = ["CMD", "/usr/bin/${each.key}", "healthcheck"]
        interval    = 5
        timeout     = 3
        retries     = 3
        startPeriod = 60
      }
      logConfiguration = local.logs[each.key].service
    },
  ])
}
