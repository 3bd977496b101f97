variable "name" {
  description = "The name of the environment. All names begin with it."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "data_subnet_ids" {
  description = "The subnets of the database, which have no way out: two zones at least."
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

variable "engine_version" {
  description = "The version of MySQL: a long-term one."
  type        = string
  default     = "8.4"

  validation {
    condition     = can(regex("^8\\.4(\\.[0-9]+)?$", var.engine_version))
    error_message = "MySQL 8.4 is the long-term version on RDS."
  }
}

variable "instance_class" {
  description = "The size of the two instances."
  type        = string

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "A class of RDS, for example db.m7g.large."
  }
}

variable "storage_gb" {
  description = "The size of the volume. It grows by itself up to storage_limit_gb."
  type        = number

  validation {
    condition     = var.storage_gb >= 50 && var.storage_gb <= 16384
    error_message = "50 GB to 16 TB."
  }
}

variable "storage_limit_gb" {
  description = "How far the volume may grow by itself."
  type        = number

  validation {
    condition     = var.storage_limit_gb >= var.storage_gb * 1.1
    error_message = "A tenth more than storage_gb at least: RDS refuses less."
  }
}

variable "multi_az" {
  description = "Whether a second instance in another zone takes over. Without it the loss of an instance is an outage."
  type        = bool
  default     = true
}

variable "backup_retention_days" {
  description = "How far back a point in time can be restored."
  type        = number

  validation {
    condition     = var.backup_retention_days >= 7 && var.backup_retention_days <= 35
    error_message = "7 to 35 days."
  }
}

variable "deletion_protection" {
  description = "Whether the database is protected from removal."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "The key that encrypts data, backups and secrets."
  type        = string
}

variable "accounts_task" {
  description = "What the task that makes schemas and accounts needs. image has the mysql client; secrets are ARNs in Secrets Manager: the certificates of the RDS authorities, and a password for each schema."
  type = object({
    image            = string
    image_arn        = string
    log_group        = string
    log_group_arn    = string
    authorities      = string
    password_secrets = map(string)
    cpu_architecture = string
  })

  validation {
    condition     = alltrue([for schema in keys(var.accounts_task.password_secrets) : can(regex("^[a-z]+$", schema))])
    error_message = "Names of schemas have lower-case letters only."
  }
}
