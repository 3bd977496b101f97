output "shop" {
  description = "What the commands in terraform/bin read."
  value       = module.shop
}
