//! Whatever is in the files, in the names of a request and in a sealed value: it is served or refused, and nothing else is read.
//!
//! The files are pieces of real ones, cut, joined and damaged at random places. The number of cases is bounded; with
//! `PROPTEST_CASES` there are more.

use std::fs;
use std::sync::LazyLock;

use axum::http::{StatusCode, Uri};
use config_server::environment::{Environments, Query};
use config_server::repository::git::GitRepository;
use config_server::repository::{Files, Repository};
use config_server::sealing::Keyring;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use testkit::Answer;

use crate::git::settings;
use crate::git_origin::Origin;
use crate::harness::Harness;

/// Real files: those of the cases that a Spring server has answered.
static CORPUS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let mut corpus = Vec::new();
    for text in [include_str!("../protocol/cases.json"), include_str!("../protocol/recorded.json")] {
        let cases: Value = serde_json::from_str(text).unwrap();
        for case in cases.as_array().unwrap() {
            for (name, content) in case["files"].as_object().unwrap() {
                let extension = name.rsplit('.').next().unwrap();
                if ["yml", "yaml", "properties"].contains(&extension) {
                    corpus.push((extension.to_owned(), content.as_str().unwrap().as_bytes().to_vec()));
                }
            }
        }
    }
    corpus
});

/// What is put into a file, besides pieces of other files.
const DAMAGE: [&[u8]; 30] = [
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\r",
    b"\t",
    b"\n",
    b"---\n",
    b"#---\n",
    b"...\n",
    b"&a ",
    b"*a",
    b"<<: *a",
    b"? ",
    b"- ",
    b"[",
    b"{",
    b"}",
    b"!!binary ",
    b"!!set ",
    b"|2+\n",
    b"'",
    b"\"",
    b"\\u",
    b"${",
    b"}",
    b"{cipher}",
    b"spring.config.activate.on-profile: ",
    b"spring.config.import: ",
    b"a[99999999999]: ",
];

/// A file made of the beginning of one, the end of another, and damage.
fn damaged() -> impl Strategy<Value = (String, Vec<u8>)> {
    let damage = prop::collection::vec((any::<Index>(), any::<Index>(), any::<bool>()), 0..6);
    ((any::<Index>(), any::<Index>()), (any::<Index>(), any::<Index>()), damage).prop_map(
        |((first, end), (second, begin), damage)| {
            let (extension, first) = &CORPUS[first.index(CORPUS.len())];
            let (_, second) = &CORPUS[second.index(CORPUS.len())];
            let mut content = first[..end.index(first.len() + 1)].to_vec();
            content.extend(&second[begin.index(second.len() + 1)..]);
            for (place, what, replaces) in damage {
                let what = DAMAGE[what.index(DAMAGE.len())];
                let place = place.index(content.len() + 1);
                let end = if replaces { content.len().min(place + what.len()) } else { place };
                content.splice(place..end, what.iter().copied());
            }
            (extension.clone(), content)
        },
    )
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Nothing of a file is served that the caller may not read.
fn has_stolen(answer: &Answer) -> bool {
    String::from_utf8_lossy(&answer.bytes).contains("stolen")
}

/// A server with secrets beside its directories, and in the files of another application.
fn with_secrets() -> Harness {
    let server = Harness::new();
    server.write("secret.yml", "a: stolen");
    server.write("secret/member-api.yml", "a: stolen");
    server.write("base/store-api.yml", "a: stolen");
    server.write("base/store-api/secret.txt", "stolen");
    server.write("base/.hidden/member-api.yml", "a: stolen");
    server
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.min(1_000), ..ProptestConfig::default() })]

    /// A broken file is named, and every rendering of a good one is given or refused with a reason.
    #[test]
    fn any_file_is_served_or_refused_with_a_reason((extension, content) in damaged()) {
        let server = with_secrets();
        fs::write(server.path(&format!("base/member-api.{extension}")), &content).unwrap();
        block_on(async {
            let settings = server.get("/member-api/dev").send().await;
            let is_broken = settings.status == StatusCode::INTERNAL_SERVER_ERROR;
            prop_assert!(is_broken || settings.status == StatusCode::OK, "{}", settings.status);
            if is_broken {
                let detail = settings.body["detail"].as_str().unwrap_or_default();
                prop_assert!(detail.contains("can't be used"), "{detail}");
            }
            for path in ["-dev.yml", "-dev.json", "-dev.properties", "-prod.json?resolvePlaceholders=false"] {
                let rendered = server.get(&format!("/member-api{path}")).send().await;
                let reason = rendered.body["detail"].as_str().unwrap_or_default();
                prop_assert!(rendered.status == StatusCode::OK || !reason.is_empty(), "{path}: {}", rendered.status);
                prop_assert!(!has_stolen(&rendered), "{path}");
            }
            prop_assert!(!has_stolen(&settings));
            Ok(())
        })?;
    }

    /// A file that a placeholder fills in is given or refused.
    #[test]
    fn any_plain_file_is_given(content in "([ab.:{}$\\\\\n é]|\\$\\{a|\\$\\{a:|\\$\\{b|\\}){0,40}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let server = with_secrets();
        server.write("base/member-api.yml", "a: ${b}\nb: '${c:${a}}'\n");
        fs::write(server.path("base/text.txt"), &content).unwrap();
        fs::write(server.path("base/bytes.txt"), &bytes).unwrap();
        block_on(async {
            for path in ["text.txt", "bytes.txt"] {
                let answer = server.get(&format!("/member-api/dev/master/{path}")).send().await;
                let reason = answer.body["detail"].as_str().unwrap_or_default();
                prop_assert!(answer.status == StatusCode::OK || !reason.is_empty(), "{path}: {}", answer.status);
            }
            let octets = server.get("/member-api/dev/master/bytes.txt").header("accept", "application/octet-stream");
            prop_assert_eq!(octets.send().await.bytes, bytes.clone());
            Ok(())
        })?;
    }

    /// No name, in whatever place of a path, leads out of the directories or to another application.
    #[test]
    fn no_name_leads_out(
        names in prop::collection::vec("(\\.\\.|\\.|\\(_\\)|%2e|%2f|%5c|%00|,|master|secret|member-api|store-api|\\.hidden|[a-z\\\\:*~-]){1,5}", 3),
        file in "(\\.\\./|%2e%2e/|\\(_\\)|/|secret|\\.yml|\\.txt|store-api|member-api|\\.hidden|,){0,6}",
    ) {
        let server = with_secrets();
        server.write("base/member-api.yml", "a: own");
        let [first, second, third] = [&names[0], &names[1], &names[2]];
        for path in [
            format!("/member-api/{second}/{third}"),
            format!("/member-api,{first}/{second}/{third}"),
            format!("/{first}/member-api-{second}.yml"),
            format!("/member-api/{second}/{third}/{file}"),
            format!("/member-api/{second}/{file}?useDefaultLabel"),
        ] {
            if path.parse::<Uri>().is_err() {
                continue;
            }
            let answer = block_on(server.get(&path).send());
            prop_assert!(!answer.status.is_server_error(), "{path}: {}", answer.status);
            prop_assert!(!has_stolen(&answer), "{path}");
        }
    }
}

/// A location in which every name of a request has a place.
fn in_placeholders(root: &std::path::Path) -> Files {
    let locations = ["{application}", "x-{profile}/{label}", "{label}/{application}", "{label}"];
    let repository =
        Repository::new(locations.iter().map(|location| root.join("files").join(location)).collect());
    repository.refresh().unwrap();
    repository.into()
}

#[test]
fn no_name_in_the_path_of_a_location_leads_out() {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in [
        ("secret.yml", "a: stolen"),
        ("application.yml", "a: stolen"),
        ("other/application.yml", "a: stolen"),
        ("files/.git/application.yml", "a: stolen"),
        ("files/shop/application.yml", "a: own"),
    ] {
        fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
        fs::write(root.path().join(path), content).unwrap();
    }
    let environments = Environments::new(in_placeholders(root.path()), Keyring::default());
    let name = "(\\.\\.|\\.|/|\\(_\\)|\\.git|other|shop|files|secret|,|~|\\\\|\0|[a-z]){1,6}";
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(2_000));
    runner
        .run(&(name, name, name), |(application, profile, label)| {
            let Ok(query) = Query::new(&application, &profile, Some(&label)) else { return Ok(()) };
            if let Ok(environment) = environments.read(&query) {
                let text = serde_json::to_string(&environment).unwrap();
                prop_assert!(!text.contains("stolen"), "{text}");
            }
            Ok(())
        })
        .unwrap();
    let own = environments.read(&Query::new("shop", "default", None).unwrap()).unwrap();
    assert!(serde_json::to_string(&own).unwrap().contains("own"));
}

#[test]
fn no_label_of_a_git_repository_leads_to_what_no_branch_or_tag_has() {
    let origin = Origin::new();
    let good = origin.commit(&[("shop.yml", "a: own")]);
    let removed = origin.commit(&[("shop.yml", "a: stolen")]);
    origin.git(&["reset", "--quiet", "--hard", &good]);
    origin.git(&["tag", "v1"]);
    origin.write("shop.yml", "a: stolen");
    origin.git(&["stash", "--quiet"]);
    let repository = GitRepository::new(settings(&format!("file://{}", origin.path().display())));
    repository.refresh(&false.into()).unwrap();
    let environments = Environments::new(repository, Keyring::default());
    let label = format!(
        "(main|v1|{good}|{}|{removed}|{}|stash|refs/|heads/|tags/|remotes/|origin/|HEAD|FETCH_HEAD|@|\\^|~1|\\{{0\\}}|\\{{upstream\\}}|:/own|:shop\\.yml|\\.\\.|-|\\(_\\)|,){{1,4}}",
        &good[..7],
        &removed[..8],
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(3_000));
    runner
        .run(&label.as_str(), |label| {
            let Ok(query) = Query::new("shop", "default", Some(&label)) else { return Ok(()) };
            if let Ok(environment) = environments.read(&query) {
                prop_assert_eq!(&environment.version, &Some(good.clone()), "{}", label);
                prop_assert_eq!(&environment.property_sources[0].source["a"], "own");
            }
            Ok(())
        })
        .unwrap();
}
