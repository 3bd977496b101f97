# Copy it to terraform.tfvars, which is not in git, and fill it in.
account_id      = "123456789012"
domain          = "api.dalkom.example"
public_zone_id  = "Z0123456789ABCDEFGHIJ"
operators_email = "operators@dalkom.example"
# sha256 of consul_1.20.6_linux_arm64.zip
consul_sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

image_tags = {
  gateway       = "0123abc"
  member-api    = "0123abc"
  store-api     = "0123abc"
  order-api     = "0123abc"
  config-server = "0123abc"
  busybox       = "1.37.0"
  consul        = "1.20.6"
  mysql         = "8.4"
}
