variable "name" {
  description = "The name of the environment. All names begin with it."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "private_subnet_ids" {
  description = "The subnets of the tasks: two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "Two zones at least."
  }
}

variable "services" {
  description = "The services, by the name under which they register with Consul. calls names those that a service calls. password is the secret with its password at config-server; null for config-server itself. uses_database says whether it needs the certificates of the RDS authorities."
  type = map(object({
    image           = string
    image_arn       = string
    port            = number
    management_port = number
    cpu             = number
    memory          = number
    tasks           = object({ least = number, most = number })
    calls           = set(string)
    password        = optional(string)
    consul_agent    = string
    uses_database   = optional(bool, false)
  }))

  validation {
    condition     = alltrue([for service in values(var.services) : service.tasks.least >= 1 && service.tasks.most >= service.tasks.least])
    error_message = "One task at least, and no more at least than at most."
  }

  validation {
    condition     = alltrue(flatten([for service in values(var.services) : [for called in service.calls : contains(keys(var.services), called)]]))
    error_message = "A service calls services that are in this map."
  }

  validation {
    condition     = alltrue([for name in ["gateway", "config-server"] : contains(keys(var.services), name)])
    error_message = "gateway and config-server are in the map: the one is the entrance, the other has the settings."
  }
}

variable "helpers" {
  description = "The images beside each service: prepare (busybox), which writes the task's files, and consul, its agent."
  type = object({
    prepare     = string
    prepare_arn = string
    consul      = string
    consul_arn  = string
  })
}

variable "config_server_secrets" {
  description = "What config-server alone may read: the archive of settings, and the key that opens sealed values."
  type = object({
    settings    = string
    sealing_key = string
  })
}

variable "authorities_secret" {
  description = "The secret with the certificates of the RDS authorities."
  type        = string
}

variable "consul" {
  description = "Where the Consul servers are, the secret with their authority's certificate, and the group that all agents wear."
  type = object({
    server_names             = list(string)
    datacenter               = string
    ca_secret                = string
    agents_security_group_id = string
  })
}

variable "gateway_target_group_arn" {
  description = "Where the balancer finds the gateway's tasks."
  type        = string
}

variable "cpu_architecture" {
  description = "The processor for which the images are built."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "X86_64 or ARM64."
  }
}

variable "log_retention_days" {
  description = "How long log lines are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([365, 400, 545, 731, 1096], var.log_retention_days)
    error_message = "A year at least, in a step that CloudWatch knows: 365, 400, 545, 731, 1096."
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts secrets and logs."
  type        = string
}
