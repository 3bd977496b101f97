"""Reads settings by config-client, and prints them as JSON: read_config_client.py ADDRESS APPLICATION PASSWORD PROFILE LABEL."""

import json
import sys

from config.spring import ConfigClient

address, application, password, profile, label = sys.argv[1:]
client = ConfigClient(address=address, app_name=application, profile=profile, label=label)
client.get_config(auth=(application, password))
banner = client.get_file("banner.txt", auth=(application, password))
print(json.dumps({"config": client.config, "shop.limit": client.get("shop.limit"), "banner": banner}))
