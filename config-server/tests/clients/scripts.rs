//! Clients from npm and PyPI: a small program of their language loads the settings, and prints what it has got.

use std::process::Command;

use serde_json::{Value, json};

use crate::world::{APPLICATION, LABEL, PASSWORD, SEALED_BY_OURS, SEALED_BY_SPRINGS, World, tool};

fn printed(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{errors}");
    serde_json::from_str(&text).unwrap()
}

fn node(world: &World, client: &str, password: &str) -> Command {
    let options = json!({
        "endpoint": world.server.url, "application": APPLICATION, "profiles": ["dev"], "label": LABEL,
        "auth": { "user": APPLICATION, "pass": password },
    });
    let mut command = Command::new("node");
    command.arg(tool("node/read.js")).arg(client).arg(options.to_string());
    command
}

fn python(world: &World, script: &str, password: &str) -> Command {
    let mut command = Command::new(tool("python/bin/python"));
    command.arg(tool(script)).args([&world.server.url, APPLICATION, password, "dev", LABEL]);
    command
}

#[tokio::test]
#[ignore = "needs Node and Java; run by .ci/config-clients"]
async fn clients_of_node_read_their_settings() {
    let world = World::start().await;

    for client in ["cloud-config-client", "nice-cloud-config-client"] {
        let read = printed(&mut node(&world, client, PASSWORD));

        let expected = json!({
            "greeting": "from canary",
            "shop.open": true,
            "shop.limit": 493,
            "shop.timeout": "3s",
            "shop.categories[0]": "cake",
            "shop.categories[1]": "빵",
            "resolved": "${greeting}, ${nobody:and nobody else}",
            "secrets.ours": SEALED_BY_OURS,
            "secrets.springs": SEALED_BY_SPRINGS,
        });
        assert_eq!(read["properties"], expected, "{client}");
        assert_eq!(read["object"]["shop"]["categories"], json!(["cake", "빵"]), "{client}");
        assert_eq!(read["raw"]["profiles"], json!(["dev"]), "{client}");
        assert_eq!(read["raw"]["label"], json!(LABEL), "{client}");

        let refused = node(&world, client, "wrong").output().unwrap();
        let why = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && why.contains("401"), "{client}: {why}");
    }
}

#[tokio::test]
#[ignore = "needs Python and Java; run by .ci/config-clients"]
async fn clients_of_python_read_their_settings() {
    let world = World::start().await;

    let read = printed(&mut python(&world, "read_config_client.py", PASSWORD));
    let expected = json!({
        "greeting": "from canary",
        "shop": { "open": true, "limit": 493, "timeout": "3s", "categories": ["cake", "빵"] },
        "resolved": "${greeting}, ${nobody:and nobody else}",
        "secrets": { "ours": SEALED_BY_OURS, "springs": SEALED_BY_SPRINGS },
    });
    assert_eq!(read["config"], expected);
    assert_eq!((&read["shop.limit"], &read["banner"]), (&json!(493), &json!("Dalkom from canary")));

    // It reads the rendering, in which the server fills in the placeholders.
    let read = printed(&mut python(&world, "read_spring_config_client.py", PASSWORD));
    let mut filled_in = expected;
    filled_in["resolved"] = json!("from canary, and nobody else");
    assert_eq!(read["config"], filled_in);
    assert_eq!(read["shop.limit"], json!(493));

    for script in ["read_config_client.py", "read_spring_config_client.py"] {
        let refused = python(&world, script, "wrong").output().unwrap();
        let why = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "{script}: {why}");
    }
}
