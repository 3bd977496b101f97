resource "aws_security_group" "service" {
  for_each = var.services

  name        = "${var.name}-${each.key}"
  description = each.key
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-${each.key}" }
}

locals {
  # Who calls whom: what the map says, and config-server, which everybody asks for settings.
  called = { for name, service in var.services : name => setunion(service.calls, name == "config-server" ? [] : ["config-server"]) }

  calls = merge([
    for from, tos in local.called : { for to in tos : "${from}-to-${to}" => { from = from, to = to, port = var.services[to].port } }
  ]...)
}

resource "aws_vpc_security_group_ingress_rule" "call" {
  for_each = local.calls

  security_group_id            = aws_security_group.service[each.value.to].id
  description                  = each.key
  referenced_security_group_id = aws_security_group.service[each.value.from].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "call" {
  for_each = local.calls

  security_group_id            = aws_security_group.service[each.value.from].id
  description                  = each.key
  referenced_security_group_id = aws_security_group.service[each.value.to].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

# Images, secrets and logs. AWS's addresses have no group.
resource "aws_vpc_security_group_egress_rule" "https" {
  for_each = var.services

  security_group_id = aws_security_group.service[each.key].id
  description       = "HTTPS to AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
