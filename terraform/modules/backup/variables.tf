variable "name" {
  description = "The name of the environment. All names begin with it."
  type        = string
}

variable "retention_days" {
  description = "How long daily backups are kept. RDS's own backups, for points in time, are apart from these."
  type        = number

  validation {
    condition     = var.retention_days >= 7 && var.retention_days <= 3650
    error_message = "7 days to 10 years."
  }
}

variable "locked" {
  description = "Whether nobody, not even the account's root, can remove a backup before its time. It can't be taken back three days after it was set."
  type        = bool
}

variable "kms_key_arn" {
  description = "The key that encrypts the backups."
  type        = string
}

variable "topic_arn" {
  description = "Where a failed backup is told."
  type        = string
}
