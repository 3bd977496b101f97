variable "name" {
  description = "The name of the environment. All names begin with it."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "data_subnet_ids" {
  description = "The subnets of the nodes: two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.data_subnet_ids) >= 2
    error_message = "Two zones at least."
  }
}

variable "client_security_group_ids" {
  description = "The security groups that may connect, by the name of their service."
  type        = map(string)
}

variable "users" {
  description = "The accounts, by name, and what each may do: Redis's access rules without on, off and passwords."
  type        = map(string)

  validation {
    condition     = alltrue([for name, rules in var.users : can(regex("^[a-z][a-z-]*$", name)) && name != "default" && can(regex("(^| )~[a-z]", rules))])
    error_message = "A user has a name of its own, and a key pattern that begins with a name: ~cart:* and not ~*."
  }
}

variable "node_type" {
  description = "The size of a node."
  type        = string

  validation {
    condition     = startswith(var.node_type, "cache.")
    error_message = "A type of ElastiCache, for example cache.t4g.small."
  }
}

variable "nodes" {
  description = "How many nodes: a primary and its replicas, one of which takes over."
  type        = number
  default     = 2

  validation {
    condition     = var.nodes >= 2 && var.nodes <= 6
    error_message = "2 to 6: with one there is nobody to take over."
  }
}

variable "snapshot_retention_days" {
  description = "How long daily snapshots are kept."
  type        = number
  default     = 7

  validation {
    condition     = var.snapshot_retention_days >= 1 && var.snapshot_retention_days <= 35
    error_message = "1 to 35 days."
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts what is on disk, snapshots and logs."
  type        = string
}
