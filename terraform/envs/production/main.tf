# Production.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }

  # The bucket is made by terraform/bootstrap, and named by `terraform init -backend-config=bucket=…`. The lock is a file beside
  # the state, written on the condition that there is none.
  backend "s3" {
    key          = "production/terraform.tfstate"
    region       = "ap-northeast-2"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = "ap-northeast-2"
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Project     = "dalkom"
      Environment = "dalkom-production"
      ManagedBy   = "terraform"
    }
  }
}

module "shop" {
  source = "../../modules/shop"

  name            = "dalkom-production"
  cidr            = "10.30.0.0/16"
  nat_per_zone    = true
  domain          = var.domain
  public_zone_id  = var.public_zone_id
  image_tags      = var.image_tags
  protected       = true
  operators_email = var.operators_email

  registry = {
    host       = "${var.account_id}.dkr.ecr.ap-northeast-2.amazonaws.com"
    folder     = "dalkom"
    arn_prefix = "arn:aws:ecr:ap-northeast-2:${var.account_id}:repository"
  }

  consul = {
    version       = "1.20.6"
    sha256        = var.consul_sha256
    instance_type = "t4g.small"
  }

  sizes = {
    gateway       = { cpu = 512, memory = 1024, least = 2, most = 8 }
    member-api    = { cpu = 1024, memory = 2048, least = 2, most = 8 }
    store-api     = { cpu = 512, memory = 2048, least = 2, most = 8 }
    order-api     = { cpu = 512, memory = 1024, least = 2, most = 8 }
    config-server = { cpu = 256, memory = 512, least = 2, most = 2 }
  }

  database = {
    instance_class        = "db.m7g.large"
    storage_gb            = 200
    storage_limit_gb      = 1000
    multi_az              = true
    connections           = 600
    backup_retention_days = 35
  }

  cache = { node_type = "cache.t4g.medium", nodes = 2, snapshot_retention_days = 7 }

  monthly_budget_usd = 1300
}
