# Jenkins has no way in from outside: no public address, no port 22, no balancer. An operator's browser comes through Session
# Manager, which knows who it is, asks for a second factor and writes it down. Agents call the controller, never the other way.

data "aws_region" "this" {}

data "aws_caller_identity" "this" {}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

locals {
  http_port       = 8080
  controller_name = "jenkins.${var.internal_domain}"
  registry        = split("/", var.controller_image.image)[0]
}

resource "aws_security_group" "controller" {
  name        = "${var.name}-jenkins-controller"
  description = "The Jenkins controller: only agents reach it"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-jenkins-controller" }
}

resource "aws_security_group" "agents" {
  name        = "${var.name}-jenkins-agents"
  description = "The Jenkins agents: nobody reaches them"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-jenkins-agents" }
}

resource "aws_vpc_security_group_ingress_rule" "controller_from_agents" {
  security_group_id            = aws_security_group.controller.id
  description                  = "Agents connect by WebSocket"
  referenced_security_group_id = aws_security_group.agents.id
  ip_protocol                  = "tcp"
  from_port                    = local.http_port
  to_port                      = local.http_port
}

resource "aws_vpc_security_group_egress_rule" "agents_to_controller" {
  security_group_id            = aws_security_group.agents.id
  description                  = "Agents connect by WebSocket"
  referenced_security_group_id = aws_security_group.controller.id
  ip_protocol                  = "tcp"
  from_port                    = local.http_port
  to_port                      = local.http_port
}

resource "aws_vpc_security_group_egress_rule" "https" {
  for_each = { controller = aws_security_group.controller.id, agents = aws_security_group.agents.id }

  security_group_id = each.value
  description       = "HTTPS: AWS, the repository, package registries"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_instance" "controller" {
  ami                         = data.aws_ssm_parameter.image.value
  instance_type               = var.controller_instance_type
  subnet_id                   = var.private_subnet.id
  vpc_security_group_ids      = [aws_security_group.controller.id]
  iam_instance_profile        = aws_iam_instance_profile.this["controller"].name
  associate_public_ip_address = false
  monitoring                  = true
  ebs_optimized               = true

  user_data_base64 = base64gzip(templatefile("${path.module}/controller.sh.tftpl", {
    region     = data.aws_region.this.name
    registry   = local.registry
    image      = var.controller_image.image
    port       = local.http_port
    secret_arn = var.secret_arns.admin
  }))

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
    # One hop: what runs in a container does not get the machine's role.
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 30
    encrypted   = true
    kms_key_id  = var.kms_key_arn
  }

  tags = { Name = "${var.name}-jenkins-controller" }

  lifecycle {
    ignore_changes = [ami, user_data_base64]
  }
}

resource "aws_ebs_volume" "home" {
  #checkov:skip=CKV2_AWS_9:The module backup chooses volumes by the tag Backup.
  availability_zone = var.private_subnet.zone
  type              = "gp3"
  size              = var.home_volume_gb
  encrypted         = true
  kms_key_id        = var.kms_key_arn
  final_snapshot    = true
  tags              = { Name = "${var.name}-jenkins-home", Backup = "daily" }
}

resource "aws_volume_attachment" "home" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.home.id
  instance_id = aws_instance.controller.id
}

resource "aws_route53_record" "controller" {
  zone_id = var.internal_zone_id
  name    = local.controller_name
  type    = "A"
  ttl     = 60
  records = [aws_instance.controller.private_ip]
}

resource "aws_instance" "agent" {
  for_each = var.agents

  ami                         = data.aws_ssm_parameter.image.value
  instance_type               = each.value.instance_type
  subnet_id                   = var.private_subnet.id
  vpc_security_group_ids      = [aws_security_group.agents.id]
  iam_instance_profile        = aws_iam_instance_profile.this["agent"].name
  associate_public_ip_address = false
  monitoring                  = true
  ebs_optimized               = true

  user_data_base64 = base64gzip(templatefile("${path.module}/agent.sh.tftpl", {
    region     = data.aws_region.this.name
    controller = "http://${local.controller_name}:${local.http_port}"
    agent      = each.key
    secret_arn = var.secret_arns.agent
  }))

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = each.value.volume_gb
    encrypted   = true
    kms_key_id  = var.kms_key_arn
  }

  tags = { Name = "${var.name}-jenkins-agent-${each.key}" }

  lifecycle {
    ignore_changes = [ami, user_data_base64]
  }
}
