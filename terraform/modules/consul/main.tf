data "aws_region" "this" {}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

locals {
  zones = sort(keys(var.private_subnet_ids))
  # Three, because two can't tell which of them is alone. They take turns over the zones.
  servers = { for index in range(3) : "consul-${index + 1}" => local.zones[index % length(local.zones)] }
  names   = [for server in keys(local.servers) : "${server}.${var.internal_domain}"]
}

resource "aws_security_group" "servers" {
  name        = "${var.name}-consul-servers"
  description = "The Consul servers"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-consul-servers" }
}

# Worn by each task beside its own group, because an agent gossips with all others.
resource "aws_security_group" "agents" {
  #checkov:skip=CKV2_AWS_5:The tasks of the module services wear it.
  name        = "${var.name}-consul-agents"
  description = "Everything that runs a Consul agent"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-consul-agents" }
}

locals {
  groups = { servers = aws_security_group.servers.id, agents = aws_security_group.agents.id }

  # Who calls whom, and where. Nothing is open to addresses.
  flows = merge(
    { for pair in setproduct(["servers", "agents"], ["servers", "agents"], ["tcp", "udp"]) :
    "gossip-${pair[2]}-${pair[0]}-to-${pair[1]}" => { from = pair[0], to = pair[1], protocol = pair[2], port = 8301 } },
    { for from in ["servers", "agents"] : "rpc-${from}-to-servers" => { from = from, to = "servers", protocol = "tcp", port = 8300 } },
  )
}

resource "aws_vpc_security_group_ingress_rule" "flow" {
  for_each = local.flows

  security_group_id            = local.groups[each.value.to]
  description                  = each.key
  referenced_security_group_id = local.groups[each.value.from]
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "flow" {
  for_each = local.flows

  security_group_id            = local.groups[each.value.from]
  description                  = each.key
  referenced_security_group_id = local.groups[each.value.to]
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "servers_https" {
  security_group_id = aws_security_group.servers.id
  description       = "HTTPS to AWS, and to the download of Consul"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_instance" "server" {
  for_each = local.servers

  ami                         = data.aws_ssm_parameter.image.value
  instance_type               = var.instance_type
  subnet_id                   = var.private_subnet_ids[each.value]
  vpc_security_group_ids      = [aws_security_group.servers.id]
  iam_instance_profile        = aws_iam_instance_profile.server.name
  associate_public_ip_address = false
  monitoring                  = true
  ebs_optimized               = true

  user_data_base64 = base64gzip(templatefile("${path.module}/server.sh.tftpl", {
    node         = each.key
    names        = local.names
    datacenter   = data.aws_region.this.name
    version      = var.consul_version
    sha256       = var.consul_sha256
    secret_arn   = var.server_secret_arn
    region       = data.aws_region.this.name
    agent_config = local.server_config[each.key]
  }))
  user_data_replace_on_change = false

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 12
    encrypted   = true
    kms_key_id  = var.kms_key_arn
  }

  tags = { Name = "${var.name}-${each.key}" }

  # A newer image replaces a server when an operator says so, and one after the other (docs/operations/aws.md).
  lifecycle {
    ignore_changes = [ami, user_data_base64]
  }
}

# The state outlives the instance.
resource "aws_ebs_volume" "data" {
  #checkov:skip=CKV2_AWS_9:The module backup chooses volumes by the tag Backup.
  for_each = local.servers

  availability_zone = each.value
  type              = "gp3"
  size              = var.data_volume_gb
  encrypted         = true
  kms_key_id        = var.kms_key_arn
  final_snapshot    = true
  tags              = { Name = "${var.name}-${each.key}", Backup = "daily" }
}

resource "aws_volume_attachment" "data" {
  for_each = local.servers

  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.data[each.key].id
  instance_id = aws_instance.server[each.key].id
}

resource "aws_route53_record" "server" {
  for_each = local.servers

  zone_id = var.internal_zone_id
  name    = "${each.key}.${var.internal_domain}"
  type    = "A"
  ttl     = 30
  records = [aws_instance.server[each.key].private_ip]
}
