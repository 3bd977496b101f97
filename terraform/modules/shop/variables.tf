variable "name" {
  description = "The name of the environment. All names begin with it, and its resources carry it as the tag Environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,23}$", var.name))
    error_message = "3 to 24 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "zones" {
  description = "The availability zones: two or three."
  type        = list(string)
  default     = ["ap-northeast-2a", "ap-northeast-2c"]
}

variable "cidr" {
  description = "The network's addresses: a private /16."
  type        = string
}

variable "nat_per_zone" {
  description = "Whether each zone has its own NAT gateway."
  type        = bool
}

variable "domain" {
  description = "The name under which clients reach the shop."
  type        = string
}

variable "public_zone_id" {
  description = "The public hosted zone (Route 53) that holds the domain."
  type        = string
}

variable "registry" {
  description = "Where the images are (envs/tools): host, folder, and the beginning of the repositories' ARNs."
  type        = object({ host = string, folder = string, arn_prefix = string })
}

variable "image_tags" {
  description = "The tags of the images at the first deploy, by name. Later versions come by terraform/bin/rollout."
  type        = map(string)

  validation {
    condition     = !contains(values(var.image_tags), "latest")
    error_message = "A tag that is not latest."
  }
}

variable "sizes" {
  description = "The processor (in 1/1024) and memory (in MB) of a task, and how many there are, by service."
  type = map(object({
    cpu    = number
    memory = number
    least  = number
    most   = number
  }))
}

variable "database" {
  description = "The size of the database, and how far back it can be restored."
  type = object({
    instance_class        = string
    storage_gb            = number
    storage_limit_gb      = number
    multi_az              = bool
    connections           = number
    backup_retention_days = number
  })
}

variable "cache" {
  description = "The size of the cache."
  type        = object({ node_type = string, nodes = number, snapshot_retention_days = number })
}

variable "consul" {
  description = "The servers: version, SHA-256 of its archive for ARM, type of instance."
  type        = object({ version = string, sha256 = string, instance_type = string })
}

variable "cpu_architecture" {
  description = "The processor for which the images are built: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
}

variable "protected" {
  description = "Whether the environment is protected from removal: database, balancer, backups, secrets."
  type        = bool
}

variable "operators_email" {
  description = "Who is told of alarms and of the budget."
  type        = string
}

variable "monthly_budget_usd" {
  description = "What a month may cost, in dollars."
  type        = number
}
