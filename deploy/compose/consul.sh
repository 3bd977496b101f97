#!/bin/sh
# Starts one Consul server that denies what no token allows, and makes the token of each service: it may register that
# service, and read where the others are.
set -eu

export CONSUL_HTTP_TOKEN_FILE=/run/secrets/consul-management.token
services="config-server member-api store-api order-api gateway"

has_token() {
    CONSUL_HTTP_TOKEN_FILE="/run/secrets/consul-$1.token" consul acl token read -self >/dev/null 2>&1
}

make_tokens() {
    until consul acl token read -self >/dev/null 2>&1; do sleep 0.2; done
    has_token agent || consul acl token create -description agent -node-identity=dalkom:dc1 \
        -secret="$(cat /run/secrets/consul-agent.token)" >/dev/null
    for service in $services; do
        has_token "$service" || consul acl token create -description "$service" -service-identity="$service" \
            -secret="$(cat "/run/secrets/consul-$service.token")" >/dev/null
    done
}

# The container is healthy when the last of the tokens is there.
if [ "${1:-}" = healthy ]; then
    has_token gateway
    exit
fi

case "$(consul version | head -n 1)" in
    *v1.[0-9].* | *v1.10.*) management=master ;;
    *) management=initial_management ;;
esac
umask 077
cat >/tmp/acl.hcl <<END
acl {
  enabled        = true
  default_policy = "deny"
  tokens {
    $management = "$(cat /run/secrets/consul-management.token)"
    agent = "$(cat /run/secrets/consul-agent.token)"
  }
}
END
make_tokens &
exec consul agent -server -bootstrap-expect=1 -node=dalkom -data-dir=/consul/data -bind='{{ GetPrivateIP }}' \
    -client=0.0.0.0 -log-level=warn -config-file=/tmp/acl.hcl -config-file=/etc/dalkom/consul.hcl
