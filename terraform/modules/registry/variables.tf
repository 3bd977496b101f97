variable "name" {
  description = "The folder of the repositories."
  type        = string
}

variable "repositories" {
  description = "The images, by name."
  type        = set(string)

  validation {
    condition     = alltrue([for repository in var.repositories : can(regex("^[a-z][a-z0-9-]*$", repository))])
    error_message = "Lower-case letters, digits and hyphens."
  }
}

variable "kept_images" {
  description = "How many images of each repository are kept. A rollback can go as far back."
  type        = number
  default     = 50

  validation {
    condition     = var.kept_images >= 10
    error_message = "10 at least: a running version must never be removed."
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts the images."
  type        = string
}
