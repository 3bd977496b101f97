"""Reads settings by spring-config-client, and prints them as JSON. The arguments are those of read_config_client.py."""

import json
import sys

from spring_config import ClientConfigurationBuilder
from spring_config.client import SpringConfigClient

address, application, password, profile, label = sys.argv[1:]
builder = ClientConfigurationBuilder().address(address).app_name(application).profile(profile).branch(label)
client = SpringConfigClient(builder.authentication((application, password)).build())
print(json.dumps({"config": client.get_config(), "shop.limit": client.get_attribute("shop.limit")}))
