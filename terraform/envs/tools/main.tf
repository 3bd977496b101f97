# What staging and production share: the registry and Jenkins, in a small network of their own that touches neither of theirs.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }

  backend "s3" {
    key          = "tools/terraform.tfstate"
    region       = "ap-northeast-2"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = local.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Project     = "dalkom"
      Environment = local.name
      ManagedBy   = "terraform"
    }
  }
}

locals {
  name     = "dalkom-tools"
  region   = "ap-northeast-2"
  zones    = ["ap-northeast-2a", "ap-northeast-2c"]
  services = ["gateway", "member-api", "store-api", "order-api", "config-server"]

  # Names are enough to say what Jenkins may deploy, so this needs no look into the other states.
  deploy = { for environment in var.deploys_to : environment => {
    cluster_arn         = "arn:aws:ecs:${local.region}:${var.account_id}:cluster/${environment}"
    service_arns        = [for service in local.services : "arn:aws:ecs:${local.region}:${var.account_id}:service/${environment}/${service}"]
    task_families       = [for service in local.services : "${environment}-${service}"]
    execution_role_arns = [for service in local.services : "arn:aws:iam::${var.account_id}:role/${environment}-${service}-start"]
  } }
}

module "key" {
  source = "../../modules/key"

  name       = local.name
  account_id = var.account_id
  region     = local.region
}

module "registry" {
  source = "../../modules/registry"

  name         = "dalkom"
  repositories = concat(local.services, ["busybox", "consul", "mysql", "jenkins"])
  kms_key_arn  = module.key.arn
}

module "network" {
  source = "../../modules/network"

  name                    = local.name
  zones                   = local.zones
  cidr                    = "10.10.0.0/16"
  nat_per_zone            = false
  flow_log_retention_days = 365
  kms_key_arn             = module.key.arn
}

# terraform/bin/secrets fills them.
resource "aws_secretsmanager_secret" "jenkins" {
  #checkov:skip=CKV2_AWS_57:Jenkins itself changes them.
  for_each = {
    admin = "The first password of the controller"
    agent = "The agents' password for the controller"
  }

  name        = "${local.name}/jenkins/${each.key}"
  description = each.value
  kms_key_id  = module.key.arn
}

module "jenkins" {
  source = "../../modules/jenkins"

  name             = local.name
  vpc_id           = module.network.vpc_id
  private_subnet   = { id = module.network.private_subnet_ids[local.zones[0]], zone = local.zones[0] }
  internal_zone_id = module.network.internal_zone_id
  internal_domain  = module.network.internal_domain
  controller_image = { image = "${module.registry.urls["jenkins"]}:${var.jenkins_tag}", repository_arn = module.registry.arns["jenkins"] }
  agents           = { first = { instance_type = "c7i.xlarge", volume_gb = 100 } }
  secret_arns      = { for name, secret in aws_secretsmanager_secret.jenkins : name => secret.arn }
  repository_arns  = [for service in local.services : module.registry.arns[service]]
  deploy           = local.deploy
  kms_key_arn      = module.key.arn
}

resource "aws_sns_topic" "backups" {
  name              = "${local.name}-backups"
  kms_master_key_id = module.key.arn
}

resource "aws_sns_topic_policy" "backups" {
  arn = aws_sns_topic.backups.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "backup.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.backups.arn
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_sns_topic_subscription" "backups" {
  topic_arn = aws_sns_topic.backups.arn
  protocol  = "email"
  endpoint  = var.operators_email
}

# The volume of Jenkins.
module "backup" {
  source = "../../modules/backup"

  name           = local.name
  retention_days = 35
  locked         = false
  kms_key_arn    = module.key.arn
  topic_arn      = aws_sns_topic.backups.arn
}
