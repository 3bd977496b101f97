variable "name" {
  description = "The name of the environment. All names begin with it."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "private_subnet_ids" {
  description = "The subnets of the servers, by zone. Three servers are spread over them."
  type        = map(string)

  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "Two zones at least."
  }
}

variable "internal_zone_id" {
  description = "The private zone of names."
  type        = string
}

variable "internal_domain" {
  description = "The domain of the private zone."
  type        = string
}

variable "consul_version" {
  description = "The version of the servers. The agents beside the services have an image of the same one."
  type        = string
  default     = "1.20.6"

  validation {
    condition     = can(regex("^1\\.[0-9]+\\.[0-9]+$", var.consul_version))
    error_message = "A full version, for example 1.20.6."
  }
}

variable "consul_sha256" {
  description = "The SHA-256 of consul_VERSION_linux_arm64.zip, from HashiCorp's signed list. A server installs nothing else."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.consul_sha256))
    error_message = "64 hexadecimal digits."
  }
}

variable "instance_type" {
  description = "The size of a server, with a processor of ARM."
  type        = string
  default     = "t4g.small"
}

variable "data_volume_gb" {
  description = "The size of the volume with the state."
  type        = number
  default     = 20

  validation {
    condition     = var.data_volume_gb >= 10 && var.data_volume_gb <= 200
    error_message = "10 to 200 GB."
  }
}

variable "server_secret_arn" {
  description = "The secret with the settings of the servers: gossip key, certificates, tokens. `terraform/bin/consul` fills it."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts volumes, secrets and logs."
  type        = string
}
