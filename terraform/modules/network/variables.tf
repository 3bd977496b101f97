variable "name" {
  description = "The name of the environment. All names begin with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,23}$", var.name))
    error_message = "3 to 24 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "zones" {
  description = "The availability zones: two or three."
  type        = list(string)

  validation {
    condition     = length(distinct(var.zones)) == length(var.zones) && contains([2, 3], length(var.zones))
    error_message = "Two or three different zones."
  }
}

variable "cidr" {
  description = "The network's addresses: a private /16."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.).*/16$", var.cidr))
    error_message = "A private network with 16 bits, for example 10.20.0.0/16."
  }
}

variable "nat_per_zone" {
  description = "Whether each zone has its own NAT gateway. With one for all, the loss of its zone cuts the others off from the outside."
  type        = bool
}

variable "flow_log_retention_days" {
  description = "How long flow logs are kept."
  type        = number

  validation {
    condition     = contains([365, 400, 545, 731, 1096], var.flow_log_retention_days)
    error_message = "A year at least, in a step that CloudWatch knows: 365, 400, 545, 731, 1096."
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts the flow logs."
  type        = string
}
