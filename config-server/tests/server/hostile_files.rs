//! Files that must not be served, or must not end the server.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use axum::http::StatusCode;
use config_server::environment::{Environments, Query};
use config_server::repository::{Repository, watch};
use config_server::sealing::Keyring;
use nix::sys::stat::Mode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, only_source};

/// The reason why member-api gets no settings.
async fn reason(server: &Harness) -> String {
    let answer = server.settings().await.expect_problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL");
    answer.body["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_pipe_is_refused_and_does_not_block() {
    let server = Harness::new();
    nix::unistd::mkfifo(&server.path("base/member-api.yml"), Mode::S_IRWXU).unwrap();

    let reason = tokio::time::timeout(Duration::from_secs(5), reason(&server)).await.unwrap();

    assert!(reason.contains("base/member-api.yml can't be used: it is not a regular file"), "{reason}");
}

#[tokio::test]
async fn a_link_that_leads_out_is_refused_and_one_that_stays_inside_is_read() {
    let server = Harness::new();
    server.write("secret.yml", "stolen: 1");
    server.write("base/real/member-api.yml", "own: 1");
    symlink("real/member-api.yml", server.path("base/member-api.yml")).unwrap();
    symlink(".", server.path("base/loop")).unwrap();
    assert_eq!(only_source(&server.settings().await.expect(StatusCode::OK)), &json!({"own": 1}));

    fs::remove_file(server.path("base/member-api.yml")).unwrap();
    symlink("../secret.yml", server.path("base/member-api.yml")).unwrap();
    symlink("..", server.path("base/out")).unwrap();
    let fresh = server.again();

    let reason = reason(&fresh).await;
    assert!(reason.contains("it is a link that leads out of the directory"), "{reason}");
    let outside = fresh.get("/member-api/default/out/secret.yml").send().await;
    assert!(!String::from_utf8_lossy(&outside.bytes).contains("stolen"));
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_read_whole() {
    let server = Harness::new();
    let file = fs::File::create(server.path("base/member-api.yml")).unwrap();
    file.set_len(10 * 1024 * 1024 * 1024).unwrap();

    let reason = reason(&server).await;

    assert!(reason.contains("it has more than 4194304 bytes"), "{reason}");
}

#[tokio::test]
async fn files_that_stand_for_too_much_are_refused() {
    let server = Harness::new();
    server.write("base/member-api.yml", &format!("? {}\n: 1\n", vec!["a"; 6_000].join(".")));
    assert!(reason(&server).await.contains("a key has more than 128 parts"));

    let mut aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let of_level = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(aliases, "a{level}: &a{level} [{of_level}]").unwrap();
    }
    let maps = (0..3_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
    let expression = format!("spring.config.activate.on-profile: \"{}dev\"\n", "(!".repeat(50_000));
    for text in [aliases, maps, expression, "[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)]
    {
        server.write("base/member-api.yml", &text);
        assert!(reason(&server).await.contains("member-api.yml can't be used"), "{}", &text[..40]);
    }

    server.write("base/member-api.yml", "");
    server.write("base/member-api.properties", &format!("{}=1", vec!["a"; 6_000].join(".")));
    assert!(reason(&server).await.contains("a key has more than 128 parts"));
}

#[tokio::test]
async fn placeholders_in_each_other_end() {
    let server = Harness::new();
    let open = "${a".repeat(20_000);
    let closed = format!("{}{}", "${a:".repeat(20_000), "}".repeat(20_000));
    let names = format!("{}{}", "${".repeat(20_000), "}".repeat(20_000));
    for text in [open, closed, names] {
        server.write("base/member-api.yml", &format!("a: x\nb: '{text}'\n"));
        server.write("base/plain.txt", &text);
        server.settings().await.expect(StatusCode::OK);
        for path in
            ["/member-api-default.yml", "/member-api-default.json", "/member-api/default/master/plain.txt"]
        {
            let answer = server.get(path).send().await;
            let reason = answer.body["detail"].as_str().unwrap_or_default();
            assert!(answer.status == StatusCode::OK || !reason.is_empty(), "{path}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn more_files_and_deeper_directories_than_can_be_kept_are_refused_and_the_last_good_files_stay() {
    let server = Harness::new();
    server.write("base/member-api.yml", "a: 1");
    let before = server.settings().await.expect(StatusCode::OK);

    server.write("base/member-api.yml", "a: 2");
    server.write(&format!("base/{}x.yml", "d/".repeat(40)), "a: 1");
    assert_eq!(server.settings().await.body, before.body);
    assert!(reason(&server.again()).await.contains("directories"));

    fs::remove_dir_all(server.path("base/d")).unwrap();
    for number in 0..=20_000 {
        fs::write(server.path(&format!("base/{number}.txt")), "").unwrap();
    }
    assert_eq!(server.settings().await.body, before.body);
    assert!(reason(&server.again()).await.contains("20000 files"));
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused_and_an_empty_file_is_no_source() {
    let server = Harness::new();
    // Also in keys, in comments, between quotes, cut off, as a surrogate, and in UTF-16.
    for bytes in [
        &b"a: \xff\xfe"[..],
        b"\xc3: 1",
        b"# \xff\na: 1",
        b"a: '\xc3'",
        b"a: \xea\xb0",
        b"a: \xed\xa0\x80",
        b"\xff\xfea\0:\0",
    ] {
        fs::write(server.path("base/member-api.yml"), bytes).unwrap();
        assert!(reason(&server).await.contains("base/member-api.yml can't be used"), "{bytes:?}");
    }

    fs::write(server.path("base/member-api.yml"), b"").unwrap();
    let answer = server.settings().await.expect(StatusCode::OK);
    assert_eq!(answer.body["propertySources"], json!([]));
}

#[tokio::test]
async fn the_last_good_files_are_served_while_one_is_broken() {
    let server = Harness::new();
    server.write("base/member-api.yml", "a: 1");
    server.write("base/store-api.yml", "a: 1");
    let before = server.settings().await.expect(StatusCode::OK);

    server.write("base/member-api.yml", "a: 2");
    server.write("base/store-api.yml", "a: [");
    assert_eq!(server.settings().await.body, before.body);

    server.write("base/store-api.yml", "a: 2");
    assert_eq!(only_source(&server.settings().await), &json!({"a": 2}));
}

#[tokio::test]
async fn digits_beyond_64_bits_are_kept() {
    let server = Harness::new();
    server.write("base/member-api.yml", "a: 123456789012345678901234567890\nb: 18446744073709551616\n");

    let json = server.settings().await.expect(StatusCode::OK);
    let rendered = server.get("/member-api-default.json").send().await.expect(StatusCode::OK);

    for answer in [json, rendered] {
        let text = String::from_utf8(answer.bytes).unwrap();
        assert!(text.contains(":123456789012345678901234567890,"), "{text}");
        assert!(text.contains(":18446744073709551616}"), "{text}");
    }
}

#[tokio::test]
async fn files_with_keys_and_passwords_are_never_served() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("member-api.yml");
    fs::write(&secret, "member-api: hunter2").unwrap();
    let repository = Repository::excluding(vec![folder.path().to_owned()], &[secret]);
    repository.refresh().unwrap();

    let environment = Environments::new(repository, Keyring::default())
        .read(&Query::new("member-api", "default", None).unwrap())
        .unwrap();

    assert!(environment.property_sources.is_empty());
}

/// A writer replaces two files that belong together, again and again. Readers see a pair, and no half of a file.
#[tokio::test(flavor = "multi_thread")]
async fn readers_never_see_half_of_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, number: usize| {
        // In place: the file is empty for a moment.
        let filler = "x".repeat(50_000);
        fs::write(folder.path().join(file), format!("{file}: {number}\nfiller: {filler}\nend: {number}\n"))
            .unwrap();
    };
    write("shop.yml", 0);
    write("application.yml", 0);
    let repository = Repository::new(vec![folder.path().to_owned()]);
    repository.refresh().unwrap();
    let stop = CancellationToken::new();
    let watcher = tokio::spawn(watch(repository.clone(), stop.clone()));
    let environments = Environments::new(repository, Keyring::default());
    let query = Query::new("shop", "default", None).unwrap();
    let ends = || {
        let environment = environments.read(&query).unwrap();
        environment.property_sources.iter().map(|source| source.source["end"].clone()).collect::<Vec<_>>()
    };

    for number in 1..=5 {
        write("shop.yml", number);
        write("application.yml", number);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let seen = ends();
            assert_eq!(seen[0], seen[1], "one answer is of one snapshot");
            if seen[0] == json!(number) {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "the change {number} is not seen: {seen:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    stop.cancel();
    watcher.await.unwrap();
}

/// Work that grows with the square of the number of keys would not end.
#[tokio::test]
async fn a_file_can_have_ninety_thousand_keys() {
    let server = Harness::new();
    let keys: String = (0..90_000).map(|number| format!("k{number}.a.b: {number}\n")).collect();
    server.write("base/member-api.yml", &keys);

    let answer = server.settings().await.expect(StatusCode::OK);

    assert_eq!(only_source(&answer).as_object().unwrap().len(), 90_000);
    let environment: settings::Environment = serde_json::from_value(answer.body).unwrap();
    let mut tree = settings::Tree::from_environment(&environment).unwrap();
    let section: Result<Section, _> = tree.take_section("k89999");
    assert_eq!(section.unwrap().a.get("b"), Some(&89_999));
    let rendered = server.get("/member-api-default.properties").send().await.expect(StatusCode::OK);
    assert!(String::from_utf8_lossy(&rendered.bytes).contains("k89999.a.b: 89999"));
}

#[derive(serde::Deserialize, garde::Validate)]
struct Section {
    #[garde(skip)]
    a: std::collections::BTreeMap<String, u32>,
}
