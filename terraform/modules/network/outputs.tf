output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "vpc_cidr" {
  description = "The network's addresses."
  value       = aws_vpc.this.cidr_block
}

output "public_subnet_ids" {
  description = "The subnets of the balancer and of the NAT gateways, by zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}

output "public_subnet_cidrs" {
  description = "The addresses from which the balancer calls: what the gateway trusts as its proxies."
  value       = local.public_cidrs
}

output "private_subnet_ids" {
  description = "The subnets of tasks and instances, by zone. They reach the outside over NAT."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "data_subnet_ids" {
  description = "The subnets of database and cache, by zone. They have no way out."
  value       = { for zone, subnet in aws_subnet.data : zone => subnet.id }
}

output "internal_zone_id" {
  description = "The private zone of names."
  value       = aws_route53_zone.internal.zone_id
}

output "internal_domain" {
  description = "The domain of the private zone."
  value       = aws_route53_zone.internal.name
}
