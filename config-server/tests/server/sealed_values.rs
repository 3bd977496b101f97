//! Sealed values that were cut off, exchanged or damaged, in our format and in both of Spring's.

use std::fs;

use axum::http::StatusCode;
use config_server::environment::{Environments, Query};
use config_server::repository::Repository;
use config_server::sealing::Keyring;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use sealing::OpeningKey;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Harness, OPERATOR};
use crate::moved::{RSA_OPENED, Rsa, SYMMETRIC, SYMMETRIC_OPENED};
use crate::spring_repository::spring_keys;

/// A server's files and keys, and a value that the keys open, in each format. All without `{cipher}`.
struct Sealed {
    folder: TempDir,
    repository: Repository,
    environments: Environments,
    ours: String,
    /// Another value of the same key, as long.
    other: String,
    rsa: Rsa,
}

impl Sealed {
    fn new() -> Self {
        let key = OpeningKey::generate("dalkom".parse().unwrap());
        let seal = |value: &str| key.sealing_key().seal(value).unwrap().unmarked();
        let (ours, other) = (seal("hunter2"), seal("hunter3"));
        let rsa = Rsa::example();
        let keyring = Keyring::new(vec![key]).unwrap().with_spring(spring_keys(&rsa));
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::new(vec![folder.path().to_owned()]);
        let environments = Environments::new(repository.clone(), keyring);
        Self { folder, repository, environments, ours, other, rsa }
    }

    /// All values with what they open to.
    fn all(&self) -> [(&str, &'static str); 3] {
        [(&self.ours, "hunter2"), (SYMMETRIC, SYMMETRIC_OPENED), (&self.rsa.sealed, RSA_OPENED)]
    }

    /// What is served for a list of sealed values. `None`: the value is not opened.
    fn served(&self, sealed: &[String]) -> Vec<Option<String>> {
        let lines = sealed.iter().enumerate();
        let lines = lines.map(|(number, text)| format!("v{number}={{cipher}}{}\n", escaped(text)));
        fs::write(self.folder.path().join("shop.properties"), lines.collect::<String>()).unwrap();
        self.repository.refresh().unwrap();
        let environment = self.environments.read(&Query::new("shop", "default", None).unwrap()).unwrap();
        let source = &environment.property_sources[0].source;
        assert_eq!(source.len(), sealed.len());
        (0..sealed.len())
            .map(|number| {
                let opened = source.get(&format!("v{number}"));
                let mark = source.get(&format!("invalid.v{number}"));
                assert!(opened.is_some() != mark.is_some_and(|mark| *mark == json!("<n/a>")), "{number}");
                opened.map(|value| value.as_str().unwrap().to_owned())
            })
            .collect()
    }
}

/// A text as it can stand in a properties file.
fn escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

#[test]
fn a_value_that_is_cut_off_is_not_opened() {
    let sealed = Sealed::new();
    for (text, opened) in sealed.all() {
        let all: Vec<String> = (1..=text.len()).map(|length| text[..length].to_owned()).collect();

        let mut served = sealed.served(&all);

        assert_eq!(served.pop().unwrap().as_deref(), Some(opened));
        for (text, value) in all.iter().zip(served) {
            assert_eq!(value, None, "{text}");
        }
    }
}

#[test]
fn parts_of_two_values_are_not_opened_together() {
    let sealed = Sealed::new();
    let (ours, other) = (&sealed.ours, &sealed.other);
    assert_eq!(ours.len(), other.len());
    let name = "{key:dalkom}".len();
    let exchanged: Vec<String> = (name + 8..ours.len() - 8)
        .flat_map(|place| {
            [
                format!("{}{}", &ours[..place], &other[place..]),
                format!("{}{}", &other[..place], &ours[place..]),
            ]
        })
        .collect();
    for value in sealed.served(&exchanged) {
        assert_eq!(value, None);
    }
    // A value of one format under the name of another.
    let rsa = &sealed.rsa.sealed;
    let renamed = [
        format!("{{key:dalkom}}{SYMMETRIC}"),
        format!("{{key:dalkom}}{rsa}"),
        ours.replace("{key:dalkom}", "{key:other}"),
        ours.replace("{key:dalkom}", &format!("{{key:{}}}", sealed.rsa.alias)),
        ours.replace("{key:dalkom}", ""),
    ];
    for (text, value) in renamed.iter().zip(sealed.served(&renamed)) {
        assert_eq!(value, None, "{text}");
    }
}

/// One to three damages at random places.
fn damage(text: &str, places: &[(Index, u8, char)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (place, kind, char) in places {
        let place = place.index(chars.len().max(1));
        match kind % 3 {
            0 if place < chars.len() => chars[place] = *char,
            1 if place < chars.len() => drop(chars.remove(place)),
            _ => chars.insert(place.min(chars.len()), *char),
        }
    }
    chars.into_iter().collect()
}

/// Our format is authenticated: whatever is changed, nobody is given another value. Spring's two formats are not, so a damaged value
/// may give other characters; it is never more than a value.
#[test]
fn a_damaged_value_is_never_opened_to_another_one() {
    let sealed = Sealed::new();
    let places = |char| prop::collection::vec((any::<Index>(), any::<u8>(), char), 1..4);
    let anything = places(any::<char>().boxed());
    let similar = places("[0-9a-fA-F=+/{}]".prop_map(|text| text.chars().next().unwrap()).boxed());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
    runner
        .run(&(anything, similar), |(anything, similar)| {
            let damaged: Vec<String> = sealed
                .all()
                .iter()
                .flat_map(|(text, _)| [damage(text, &anything), damage(text, &similar)])
                .collect();
            let served = sealed.served(&damaged);
            for value in &served[..2] {
                prop_assert!(value.as_deref().is_none_or(|value| value == "hunter2"), "{:?}", damaged);
            }
            Ok(())
        })
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The operator is given a value or a refusal, whatever is sent.
    #[test]
    fn whatever_is_to_be_opened_is_opened_or_refused(
        text in "(\\{cipher\\}|\\{key:[a-z]{0,9}\\}|\\{secret:x\\}|\\{plain\\}|[0-9a-f]{32}|[A-Za-z0-9+/]{4}|=|%|&|\\PC){0,12}",
        bytes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let server = Harness::with_keys(vec![OpeningKey::generate("dalkom".parse().unwrap())]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for body in [text.into_bytes(), bytes] {
            for (path, media_type) in [("/decrypt", "text/plain"), ("/decrypt", "application/x-www-form-urlencoded"), ("/encrypt", "text/plain")] {
                let request = server.client.post(path).header("authorization", OPERATOR).bytes(media_type, body.clone());
                let answer = runtime.block_on(request.send());
                prop_assert!(
                    matches!(answer.status, StatusCode::OK | StatusCode::BAD_REQUEST),
                    "{path} {:?}: {}", body, answer.status
                );
            }
        }
    }
}
