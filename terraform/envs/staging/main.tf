# Staging: the same parts as production, smaller. Its data is made up, and may be lost.

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
    key          = "staging/terraform.tfstate"
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
      Environment = "dalkom-staging"
      ManagedBy   = "terraform"
    }
  }
}

module "shop" {
  source = "../../modules/shop"

  name            = "dalkom-staging"
  cidr            = "10.20.0.0/16"
  nat_per_zone    = false
  domain          = var.domain
  public_zone_id  = var.public_zone_id
  image_tags      = var.image_tags
  protected       = false
  operators_email = var.operators_email

  registry = {
    host       = "${var.account_id}.dkr.ecr.ap-northeast-2.amazonaws.com"
    folder     = "dalkom"
    arn_prefix = "arn:aws:ecr:ap-northeast-2:${var.account_id}:repository"
  }

  consul = {
    version       = "1.20.6"
    sha256        = var.consul_sha256
    instance_type = "t4g.micro"
  }

  sizes = {
    gateway       = { cpu = 256, memory = 512, least = 1, most = 2 }
    member-api    = { cpu = 256, memory = 512, least = 1, most = 2 }
    store-api     = { cpu = 256, memory = 1024, least = 1, most = 2 }
    order-api     = { cpu = 256, memory = 512, least = 1, most = 2 }
    config-server = { cpu = 256, memory = 512, least = 1, most = 1 }
  }

  # Two zones here as well: a failover that was never tried is none.
  database = {
    instance_class        = "db.t4g.medium"
    storage_gb            = 50
    storage_limit_gb      = 100
    multi_az              = true
    connections           = 300
    backup_retention_days = 7
  }

  cache = { node_type = "cache.t4g.micro", nodes = 2, snapshot_retention_days = 1 }

  monthly_budget_usd = 550
}
