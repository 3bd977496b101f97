variable "name" {
  description = "The name of the environment. All names begin with it."
  type        = string
}

variable "account_id" {
  description = "The account, which is a part of the names of buckets."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "public_subnet_ids" {
  description = "The subnets of the balancer."
  type        = list(string)

  validation {
    condition     = length(var.public_subnet_ids) >= 2
    error_message = "A balancer needs two zones."
  }
}

variable "domain" {
  description = "The name under which clients reach the shop, for example api.dalkom.example."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "A full domain name in lower case."
  }
}

variable "public_zone_id" {
  description = "The public hosted zone (Route 53) that holds the domain."
  type        = string
}

variable "gateway_security_group_id" {
  description = "The security group of the gateway's tasks: the only thing that the balancer reaches."
  type        = string
}

variable "gateway_port" {
  description = "The gateway's main port."
  type        = number
}

variable "management_port" {
  description = "The gateway's management port, which answers the health path."
  type        = number
}

variable "health_path" {
  description = "The path on the management port that says whether a gateway can be called."
  type        = string
  default     = "/readyz"

  validation {
    condition     = startswith(var.health_path, "/")
    error_message = "A path begins with a slash."
  }
}

variable "idle_timeout_s" {
  description = "How long the balancer keeps a silent connection. It must be shorter than server.idle-timeout-ms of the gateway, which is 75 s."
  type        = number
  default     = 60

  validation {
    condition     = var.idle_timeout_s >= 35 && var.idle_timeout_s < 75
    error_message = "Longer than the gateway's longest request (30 s), and shorter than it keeps a connection (75 s)."
  }
}

variable "requests_per_address" {
  description = "How many requests one address may send in five minutes before it is refused. Many people share an address behind a mobile carrier."
  type        = number
  default     = 20000

  validation {
    condition     = var.requests_per_address >= 100
    error_message = "100 at least."
  }
}

variable "log_retention_days" {
  description = "How long the balancer's access logs are kept."
  type        = number
  default     = 365
}

variable "deletion_protection" {
  description = "Whether the balancer and its logs are protected from removal."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "The key that encrypts the firewall's log."
  type        = string
}
