variable "name" {
  description = "The name of the environment. All names begin with it."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "private_subnet" {
  description = "The private subnet of controller and agents, and its zone, in which the volume of the controller is."
  type        = object({ id = string, zone = string })
}

variable "internal_zone_id" {
  description = "The private zone of names."
  type        = string
}

variable "internal_domain" {
  description = "The domain of the private zone."
  type        = string
}

variable "controller_image" {
  description = "The controller's image (deploy/jenkins), with its tag, and its repository's ARN."
  type        = object({ image = string, repository_arn = string })

  validation {
    condition     = can(regex(":[A-Za-z0-9._-]+$", var.controller_image.image)) && !endswith(var.controller_image.image, ":latest")
    error_message = "An image with a tag that is not latest."
  }
}

variable "controller_instance_type" {
  description = "The size of the controller."
  type        = string
  default     = "t3.medium"
}

variable "agents" {
  description = "The build agents, by name: instance type, and size of the volume that holds the build caches."
  type        = map(object({ instance_type = string, volume_gb = number }))

  validation {
    condition     = alltrue([for agent in values(var.agents) : agent.volume_gb >= 50 && agent.volume_gb <= 500])
    error_message = "50 to 500 GB: a build of the five services takes about 30."
  }
}

variable "home_volume_gb" {
  description = "The size of the controller's volume: jobs, histories, reports."
  type        = number
  default     = 50

  validation {
    condition     = var.home_volume_gb >= 20 && var.home_volume_gb <= 500
    error_message = "20 to 500 GB."
  }
}

variable "secret_arns" {
  description = "What controller and agents read at their start: admin has the controller's first password, agent the agents' password for the controller."
  type        = object({ admin = string, agent = string })
}

variable "repository_arns" {
  description = "The repositories to which the agents push."
  type        = list(string)
}

variable "deploy" {
  description = "The environments that the agents may deploy to, by name: cluster, services, and the roles that a task definition names."
  type = map(object({
    cluster_arn         = string
    service_arns        = list(string)
    task_families       = list(string)
    execution_role_arns = list(string)
  }))
}

variable "kms_key_arn" {
  description = "The key that encrypts volumes, secrets and logs."
  type        = string
}
