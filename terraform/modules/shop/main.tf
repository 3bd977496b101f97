# The whole shop. Staging and production are both this module, and differ by sizes only: what was tried in the one is what runs
# in the other.

data "aws_region" "this" {}

data "aws_caller_identity" "this" {}

locals {
  account_id = data.aws_caller_identity.this.account_id

  # The ports are those of the settings that config-server serves (config/). There is no second list of them.
  settings = { for name in ["gateway", "config-server", "member-api", "store-api", "order-api"] :
  name => yamldecode(file("${path.module}/../../../config/${name}.yml")) }
  ports = { for name, setting in local.settings : name => {
    main       = tonumber(split(":", setting.server.address)[1])
    management = tonumber(split(":", setting.management.address)[1])
  } }

  # Who calls whom (docs/architecture.md). config-server is called by all.
  calls = {
    gateway       = ["member-api", "store-api", "order-api"]
    member-api    = ["store-api", "order-api"]
    order-api     = ["member-api", "store-api"]
    store-api     = []
    config-server = []
  }

  schemas        = ["member", "store", "orders", "batch"]
  with_database  = ["member-api", "store-api", "order-api"]
  cache_commands = "resetchannels -@all +@connection +@read +@write +@scripting -@dangerous -@admin"
  # The keys of the program (gateway/src/limits/shared.rs, crates/hot-key-queue, order-api/src/cart/redis). Nobody sees another's.
  cache_users = {
    gateway    = "~limit:* ${local.cache_commands} +time"
    member-api = "~lock:* ${local.cache_commands}"
    order-api  = "~cart:* ~cart-operation:* ${local.cache_commands}"
  }

  images = { for name in concat(keys(local.calls), ["busybox", "consul", "mysql"]) : name => {
    image = "${var.registry.host}/${var.registry.folder}/${name}:${var.image_tags[name]}"
    arn   = "${var.registry.arn_prefix}/${var.registry.folder}/${name}"
  } }
}

module "key" {
  source = "../key"

  name       = var.name
  account_id = local.account_id
  region     = data.aws_region.this.name
}

module "network" {
  source = "../network"

  name                    = var.name
  zones                   = var.zones
  cidr                    = var.cidr
  nat_per_zone            = var.nat_per_zone
  flow_log_retention_days = 365
  kms_key_arn             = module.key.arn
}

module "edge" {
  source = "../edge"

  name                      = var.name
  account_id                = local.account_id
  vpc_id                    = module.network.vpc_id
  public_subnet_ids         = values(module.network.public_subnet_ids)
  domain                    = var.domain
  public_zone_id            = var.public_zone_id
  gateway_security_group_id = module.services.security_group_ids["gateway"]
  gateway_port              = local.ports["gateway"].main
  management_port           = local.ports["gateway"].management
  deletion_protection       = var.protected
  kms_key_arn               = module.key.arn
}

module "database" {
  source = "../database"

  name                      = var.name
  vpc_id                    = module.network.vpc_id
  data_subnet_ids           = values(module.network.data_subnet_ids)
  client_security_group_ids = { for name in local.with_database : name => module.services.security_group_ids[name] }
  instance_class            = var.database.instance_class
  storage_gb                = var.database.storage_gb
  storage_limit_gb          = var.database.storage_limit_gb
  multi_az                  = var.database.multi_az
  backup_retention_days     = var.database.backup_retention_days
  deletion_protection       = var.protected
  kms_key_arn               = module.key.arn

  accounts_task = {
    image            = local.images["mysql"].image
    image_arn        = local.images["mysql"].arn
    log_group        = aws_cloudwatch_log_group.tasks.name
    log_group_arn    = aws_cloudwatch_log_group.tasks.arn
    authorities      = aws_secretsmanager_secret.this["rds-authorities"].arn
    password_secrets = { for schema in local.schemas : schema => aws_secretsmanager_secret.this["database/${schema}"].arn }
    cpu_architecture = var.cpu_architecture
  }
}

module "cache" {
  source = "../cache"

  name                      = var.name
  vpc_id                    = module.network.vpc_id
  data_subnet_ids           = values(module.network.data_subnet_ids)
  client_security_group_ids = { for name in keys(local.cache_users) : name => module.services.security_group_ids[name] }
  users                     = local.cache_users
  node_type                 = var.cache.node_type
  nodes                     = var.cache.nodes
  snapshot_retention_days   = var.cache.snapshot_retention_days
  kms_key_arn               = module.key.arn
}

module "consul" {
  source = "../consul"

  name               = var.name
  vpc_id             = module.network.vpc_id
  private_subnet_ids = module.network.private_subnet_ids
  internal_zone_id   = module.network.internal_zone_id
  internal_domain    = module.network.internal_domain
  consul_version     = var.consul.version
  consul_sha256      = var.consul.sha256
  instance_type      = var.consul.instance_type
  server_secret_arn  = aws_secretsmanager_secret.this["consul/server"].arn
  kms_key_arn        = module.key.arn
}

module "services" {
  source = "../services"

  name               = var.name
  vpc_id             = module.network.vpc_id
  private_subnet_ids = values(module.network.private_subnet_ids)

  services = { for name, called in local.calls : name => {
    image           = local.images[name].image
    image_arn       = local.images[name].arn
    port            = local.ports[name].main
    management_port = local.ports[name].management
    cpu             = var.sizes[name].cpu
    memory          = var.sizes[name].memory
    tasks           = { least = var.sizes[name].least, most = var.sizes[name].most }
    calls           = called
    password        = name == "config-server" ? null : aws_secretsmanager_secret.this["config/${name}"].arn
    consul_agent    = aws_secretsmanager_secret.this["consul/agent/${name}"].arn
    uses_database   = contains(local.with_database, name)
  } }

  helpers = {
    prepare     = local.images["busybox"].image
    prepare_arn = local.images["busybox"].arn
    consul      = local.images["consul"].image
    consul_arn  = local.images["consul"].arn
  }

  config_server_secrets = {
    settings    = aws_secretsmanager_secret.this["settings"].arn
    sealing_key = aws_secretsmanager_secret.this["sealing-key"].arn
  }
  authorities_secret = aws_secretsmanager_secret.this["rds-authorities"].arn

  consul = {
    server_names             = module.consul.server_names
    datacenter               = module.consul.datacenter
    ca_secret                = aws_secretsmanager_secret.this["consul/ca"].arn
    agents_security_group_id = module.consul.agents_security_group_id
  }

  gateway_target_group_arn = module.edge.target_group_arn
  cpu_architecture         = var.cpu_architecture
  kms_key_arn              = module.key.arn
}

module "observability" {
  source = "../observability"

  name               = var.name
  account_id         = local.account_id
  email              = var.operators_email
  monthly_budget_usd = var.monthly_budget_usd
  balancer           = { balancer = module.edge.balancer_suffix, target_group = module.edge.target_group_suffix }
  cluster_name       = module.services.cluster_name
  services           = { for name in keys(local.calls) : name => var.sizes[name].least }
  log_group_names    = module.services.log_group_names
  database           = { identifier = module.database.identifier, storage_gb = var.database.storage_gb, connections = var.database.connections }
  cache_nodes        = module.cache.nodes
  instance_ids       = module.consul.instance_ids
  kms_key_arn        = module.key.arn
}

module "backup" {
  source = "../backup"

  name           = var.name
  retention_days = 35
  locked         = var.protected
  kms_key_arn    = module.key.arn
  topic_arn      = module.observability.topic_arn
}

# The log of tasks that run once.
resource "aws_cloudwatch_log_group" "tasks" {
  name              = "/${var.name}/tasks"
  retention_in_days = 365
  kms_key_id        = module.key.arn
}
