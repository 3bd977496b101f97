//! Tests of the binary: its commands need only their arguments, and it does not start with a wrong setting.
#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sealing::OpeningKey;
use sealing::Sealed;
use secrecy::ExposeSecret as _;

/// Runs `config-server` with an empty environment.
fn run(arguments: &[&str], input: &str) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_config-server"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn makes_a_key_and_seals_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = (folder.path().join("private"), folder.path().join("public"));

    let public_key = printed(&run(&["keygen", "--name", "seoul", "--out", text(&private)], ""));
    fs::write(&public, public_key).unwrap();
    let sealed: Sealed = printed(&run(&["seal", "--key", text(&public)], "비밀\n")).parse().unwrap();

    let opened = OpeningKey::read(&private).unwrap().open(&sealed).unwrap();
    assert_eq!(opened.expose_secret(), "비밀");
}

/// A rotation: one command, and a look before it.
#[test]
fn seals_a_folder_again_and_opens_and_lists() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    printed(&run(&["keygen", "--name", "old", "--out", text(&old)], ""));
    let public = printed(&run(&["keygen", "--name", "new", "--out", text(&new)], ""));
    let sealed = printed(&run(&["seal", "--key", text(&old)], "hunter2\n"));
    let file = files.join("shop.yml");
    let content = format!("# the shop\npassword: '{sealed}' # rotate\nport: 1\n");
    fs::write(&file, &content).unwrap();
    let keys = ["--key", text(&new), "--key", text(&old)];
    let reseal = |more: &[&str]| run(&[&["reseal", text(&files)][..], &keys, more].concat(), "");

    let look = printed(&reseal(&["--dry-run"]));
    assert!(
        look.contains("shop.yml: line 2, password: would be sealed again, was sealed with `old`"),
        "{look}"
    );
    assert!(look.ends_with("1 values would be sealed again"), "{look}");
    assert_eq!(fs::read_to_string(&file).unwrap(), content);

    let done = printed(&reseal(&[]));
    assert!(done.ends_with("1 values were sealed again"), "{done}");
    let after = fs::read_to_string(&file).unwrap();
    let sealed = after.split('\'').nth(1).unwrap();
    assert!(sealed.starts_with("{cipher}{key:new}"), "{after}");
    assert_eq!(after.replace(sealed, "X"), "# the shop\npassword: 'X' # rotate\nport: 1\n");
    assert_eq!(printed(&run(&["open", "--key", text(&new)], sealed)), "hunter2");
    assert!(printed(&reseal(&[])).ends_with("0 values were sealed again"));

    let listed = printed(&run(&[&["keys"][..], &keys].concat(), ""));
    assert!(listed.starts_with(&format!("{public}  (it seals)\ndalkom-public-key old ")), "{listed}");
}

#[test]
fn says_what_it_could_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    let key = folder.path().join("key");
    printed(&run(&["keygen", "--out", text(&key)], ""));
    fs::write(files.join("a.yml"), "a: '{cipher}{key:gone}AAAA'\n").unwrap();
    fs::write(files.join("b.yml"), "b: [").unwrap();

    let output = run(&["reseal", text(&files), "--key", text(&key)], "");

    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("a.yml: line 1, a: left as it was: the keyring has no key `gone`"), "{log}");
    assert!(log.contains("b.yml: left as it was"), "{log}");
}

/// A value in an argument would be seen by everybody on the machine.
#[test]
fn takes_no_value_and_no_password_as_an_argument() {
    let output = run(&["seal", "--key", "/dev/null", "hunter2"], "");
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["seal", "--key", "/dev/null"], "");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn does_not_replace_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let private = folder.path().join("private");
    fs::write(&private, "precious").unwrap();

    let output = run(&["keygen", "--out", text(&private)], "");

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&private).unwrap(), "precious");
}

#[test]
fn checks_settings_files_before_they_are_served() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shop.yml"), "mode: 0755\n").unwrap();

    let report = printed(&run(&["check", text(folder.path())], ""));
    fs::write(folder.path().join("shop-dev.yml"), "a: [").unwrap();
    let broken = run(&["check", text(folder.path())], "");

    assert!(report.contains("shop.yml:1:7: warning: 0755 is served as 493"), "{report}");
    assert_eq!(broken.status.code(), Some(1));
    let log = String::from_utf8(broken.stderr).unwrap();
    assert!(log.contains("1 of 2 settings files can't be used"), "{log}");
}

#[test]
fn does_not_start_with_a_wrong_setting_and_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config-server.yml");
    fs::write(&file, "server: {address: '127.0.0.1:0', drain-delay-ms: soon}\n").unwrap();

    let output = run(&["--config-dir", text(folder.path())], "");

    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("server.drain-delay-ms: must be a whole number from 0 to"), "{log}");
    assert!(log.contains(text(&file)), "{log}");
}
