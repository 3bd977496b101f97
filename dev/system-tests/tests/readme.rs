//! The commands in the README do what the README says, in both languages.

use std::fs;
use std::process::Stdio;

use serde_json::Value;
use stack::Stack;
use system_tests::test_stack::{gateway, shared};
use testkit::member::Member;
use testkit::shop::list_item;
use tokio::process::Command;

/// What the README says where the gateway is.
const GATEWAY: &str = "GATEWAY=http://127.0.0.1:8080";

#[tokio::test]
#[ignore = "needs curl: .ci/full runs it"]
async fn the_lines_from_sign_up_to_order_run_as_they_stand() {
    let stack = shared();
    let client = gateway(&stack);
    let seller = Member::seller(&client).await;
    list_item(&client, &seller, &[(38_000, 5)]).await;

    let answers = run(&stack, &lines("README.md")).await;

    let [customer, charge, cart, order] = &answers[..] else { panic!("four answers: {answers:?}") };
    assert_eq!(customer["role"], "CUSTOMER");
    assert_eq!(charge["balance"], 100_000);
    assert_eq!(cart["total"], 38_000);
    assert_eq!(order["status"], "CONFIRMED");
    assert_eq!(order["total"], 38_000);
}

#[test]
fn the_korean_readme_has_the_same_lines() {
    assert_eq!(lines("README.ko.md"), lines("README.md"));
}

/// Runs the lines in one shell, and gives what they printed.
async fn run(stack: &Stack, lines: &str) -> Vec<Value> {
    assert!(lines.contains(GATEWAY), "{lines}");
    let lines = lines.replace(GATEWAY, &format!("GATEWAY={}", stack.gateway_url()));
    let mut shell = Command::new("bash");
    shell.args(["-e", "-u", "-o", "pipefail", "-c", &lines]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = shell.output().await.expect("bash is there");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}: {printed}", output.status);
    serde_json::Deserializer::from_str(&printed).into_iter().collect::<Result<_, _>>().expect("JSON")
}

/// The block of commands in a README.
fn lines(name: &str) -> String {
    let readme = fs::read_to_string(stack::checkout().join(name)).unwrap();
    let (_, block) = readme.split_once("```sh\n").expect("a block of commands");
    let (lines, _) = block.split_once("```").expect("its end");
    lines.to_owned()
}
