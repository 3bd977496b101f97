# Terraform makes the places of secrets and never knows a value: `terraform/bin/secrets` and `terraform/bin/consul` fill them.
# So none is in the state, in a plan or in a log of Terraform.

locals {
  secrets = merge(
    { for schema in local.schemas : "database/${schema}" => "The password of the account ${schema} at the database" },
    { for user in keys(local.cache_users) : "cache/${user}" => "The password of ${user} at the cache" },
    { for service in keys(local.calls) : "config/${service}" => "The password of ${service} at config-server" if service != "config-server" },
    { for service in keys(local.calls) : "consul/agent/${service}" => "Gossip key and token of the Consul agent beside ${service}" },
    {
      "consul/server"   = "Gossip key, certificates and tokens of the Consul servers"
      "consul/ca"       = "The certificate of the authority that Consul's servers and agents believe"
      "rds-authorities" = "The certificates of the RDS authorities; public, and here because tasks get it as they get secrets"
      "settings"        = "The archive of settings that config-server serves: config/, and this environment's own"
      "sealing-key"     = "The key that opens sealed settings"
    },
  )
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:A password changes together with the account that it opens: terraform/bin/secrets rotate. RDS changes its master's by itself.
  for_each = local.secrets

  name                    = "${var.name}/${each.key}"
  description             = each.value
  kms_key_id              = module.key.arn
  recovery_window_in_days = var.protected ? 30 : 7
}
