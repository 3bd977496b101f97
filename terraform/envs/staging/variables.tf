variable "account_id" {
  description = "The account in which this environment may be. Terraform refuses any other."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "12 digits."
  }
}

variable "domain" {
  description = "The name under which clients reach the shop, for example api.dalkom.example."
  type        = string
}

variable "public_zone_id" {
  description = "The public hosted zone (Route 53) that holds the domain."
  type        = string
}

variable "image_tags" {
  description = "The tags of the images at the first deploy: the five services, busybox, consul and mysql."
  type        = map(string)
}

variable "consul_sha256" {
  description = "The SHA-256 of consul_1.20.6_linux_arm64.zip, from HashiCorp's signed list."
  type        = string
}

variable "operators_email" {
  description = "Who is told of alarms and of the budget."
  type        = string
}
