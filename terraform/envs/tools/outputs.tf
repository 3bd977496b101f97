output "registry" {
  description = "Where images are pushed to, by name."
  value       = module.registry.urls
}

output "jenkins" {
  description = "How to open the page of Jenkins, and the policy for those who may."
  value       = { open_page = module.jenkins.open_page, operator_policy_arn = module.jenkins.operator_policy_arn }
}
