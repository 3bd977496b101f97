variable "name" {
  description = "The name of the environment. All names begin with it."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "email" {
  description = "Who is told of alarms and of the budget. AWS asks this address to confirm."
  type        = string

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.email))
    error_message = "An email address."
  }
}

variable "monthly_budget_usd" {
  description = "What a month may cost, in dollars. At 80 % of it, and when the forecast exceeds it, somebody is told."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "More than nothing."
  }
}

variable "balancer" {
  description = "The balancer and the gateway's target group, as metrics name them."
  type        = object({ balancer = string, target_group = string })
}

variable "cluster_name" {
  description = "The cluster of the services."
  type        = string
}

variable "services" {
  description = "The services, and how many tasks each has at least."
  type        = map(number)
}

variable "log_group_names" {
  description = "The log of each service."
  type        = map(string)
}

variable "database" {
  description = "The database's name, its storage in GB, and how many connections it allows."
  type        = object({ identifier = string, storage_gb = number, connections = number })
}

variable "cache_nodes" {
  description = "The nodes of the cache."
  type        = list(string)
}

variable "instance_ids" {
  description = "Further machines whose health is watched, by name: the Consul servers."
  type        = map(string)
  default     = {}
}

variable "kms_key_arn" {
  description = "The key that encrypts messages."
  type        = string
}
