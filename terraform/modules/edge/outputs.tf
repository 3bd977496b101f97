output "url" {
  description = "Where clients find the shop."
  value       = "https://${var.domain}"
}

output "security_group_id" {
  description = "The security group of the balancer."
  value       = aws_security_group.balancer.id
}

output "target_group_arn" {
  description = "Where the gateway's tasks register."
  value       = aws_lb_target_group.gateway.arn
  # A service may join a target group only when a listener leads there.
  depends_on = [aws_lb_listener.https]
}

output "target_group_suffix" {
  description = "The target group in the metrics."
  value       = aws_lb_target_group.gateway.arn_suffix
}

output "balancer_suffix" {
  description = "The balancer in the metrics."
  value       = aws_lb.this.arn_suffix
}

output "health_check" {
  description = "What the balancer asks a gateway: port and path."
  value = {
    port = aws_lb_target_group.gateway.health_check[0].port
    path = aws_lb_target_group.gateway.health_check[0].path
  }
}

output "public_ports" {
  description = "The ports that are open to the world."
  value       = sort([for rule in aws_vpc_security_group_ingress_rule.public : tostring(rule.from_port)])
}
