variable "account_id" {
  description = "The account. Terraform refuses any other."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "12 digits."
  }
}

variable "jenkins_tag" {
  description = "The tag of the controller's image (deploy/jenkins)."
  type        = string
}

variable "deploys_to" {
  description = "The environments that Jenkins may deploy to."
  type        = set(string)
  default     = ["dalkom-staging", "dalkom-production"]
}

variable "operators_email" {
  description = "Who is told when a backup fails."
  type        = string
}
