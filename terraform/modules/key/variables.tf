variable "name" {
  description = "The name of the environment."
  type        = string
}

variable "account_id" {
  description = "The account that owns the key."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "12 digits."
  }
}

variable "region" {
  description = "The region, which is a part of the names of services."
  type        = string
}
