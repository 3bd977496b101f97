#!/usr/bin/env python3
"""Looks at a whole plan: `terraform show -json PLAN | terraform/policy.py ENVIRONMENT`.

The tests of the modules hold each module. This holds what could slip in between them, in whatever module.
"""

import json
import re
import sys

WORLD = {"0.0.0.0/0", "::/0"}
# Actions for which AWS knows no resource, and which the shop may therefore allow on "*".
WITHOUT_RESOURCE = {"ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition"}
# What must be on, by type of resource.
ENCRYPTED = {
    "aws_db_instance": ["storage_encrypted"],
    "aws_ebs_volume": ["encrypted"],
    "aws_elasticache_replication_group": ["at_rest_encryption_enabled", "transit_encryption_enabled"],
}
FORBIDDEN = {"aws_security_group_rule", "aws_key_pair", "aws_iam_access_key", "aws_iam_user", "aws_secretsmanager_secret_version"}


def resources(module):
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)


def faults(environment, plan):
    found = [resource for resource in resources(plan["planned_values"]["root_module"]) if resource["mode"] == "managed"]
    if len(found) < 50:
        yield f"the plan has {len(found)} resources only"
    for resource in found:
        kind, address, values = resource["type"], resource["address"], resource.get("values", {})
        if kind in FORBIDDEN:
            yield f"{address}: {kind} is not used here"
        if kind == "aws_vpc_security_group_ingress_rule" and {values.get("cidr_ipv4"), values.get("cidr_ipv6")} & WORLD:
            if environment == "tools" or "module.edge." not in address or values["from_port"] not in (80, 443) or values["from_port"] != values["to_port"]:
                yield f"{address}: open to the world at {values['from_port']} to {values['to_port']}"
        if kind == "aws_security_group" and any(WORLD & set(rule.get("cidr_blocks", [])) for rule in values.get("ingress") or []):
            yield f"{address}: a rule inside the group"
        if kind == "aws_lb" and environment == "tools":
            yield f"{address}: Jenkins has no balancer"
        if values.get("publicly_accessible") or values.get("associate_public_ip_address") or values.get("map_public_ip_on_launch"):
            yield f"{address}: a public address"
        for attribute in ENCRYPTED.get(kind, []):
            if str(values.get(attribute)).lower() != "true":
                yield f"{address}: {attribute} is not on"
        if kind == "aws_instance" and not all(disk["encrypted"] for disk in values["root_block_device"]):
            yield f"{address}: its disk is not encrypted"
        if kind in ("aws_cloudwatch_log_group",) and not values.get("retention_in_days"):
            yield f"{address}: logs that are kept for ever"
        for attribute in ("policy", "assume_role_policy"):
            text = values.get(attribute)
            if kind.startswith("aws_iam_") and isinstance(text, str):
                yield from policy_faults(address, json.loads(text))


def policy_faults(address, policy):
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        targets = statement.get("Resource", [])
        targets = targets if isinstance(targets, list) else [targets]
        if any("*" in action for action in actions):
            yield f"{address}: a wildcard in {actions}"
        if "*" in targets and not set(actions) <= WITHOUT_RESOURCE:
            yield f"{address}: {actions} on everything"
        if re.search(r'"\*"', json.dumps(statement.get("Principal", ""))):
            yield f"{address}: everybody may take it"


def main():
    environment = sys.argv[1]
    said = list(faults(environment, json.load(sys.stdin)))
    for fault in said:
        print(f"{environment}: {fault}", file=sys.stderr)
    print(f"{environment}: {len(said)} faults in the plan")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
