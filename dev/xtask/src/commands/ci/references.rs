//! Every file and every test that a document names must exist.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::files::tracked_files;

/// The names of the tests for the predecessor's faults begin with this. Documents name these tests.
const TEST: &str = "fault_";

/// The names in documents that do not exist, as `document: name`.
pub(super) fn dangling(checkout: &Path) -> anyhow::Result<Vec<String>> {
    let files = tracked_files(checkout)?;
    let mut sources = String::new();
    for path in files.iter().filter(|path| is_of_kind(path, "rs")) {
        // A file that was deleted and is not committed yet has no test.
        sources.push_str(&fs::read_to_string(checkout.join(path)).unwrap_or_default());
    }
    let mut dangling = Vec::new();
    for document in files.iter().filter(|path| is_of_kind(path, "md")) {
        let text = fs::read_to_string(checkout.join(document)).with_context(|| document.clone())?;
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        let broken_links = links(&text).filter(|link| !checkout.join(folder).join(link).exists());
        let broken_names = quoted(&text).filter(|name| !exists(name, &files, &sources));
        dangling.extend(broken_links.chain(broken_names).map(|name| format!("{document}: {name}")));
    }
    Ok(dangling)
}

/// Whether a word names an existing file or test, or neither a file nor a test. A file can be named by the end of its path.
fn exists(word: &str, files: &[String], sources: &str) -> bool {
    if word.starts_with(TEST) {
        return sources.contains(&format!("fn {word}("));
    }
    !is_of_kind(word, "rs") || files.iter().any(|file| file == word || file.ends_with(&format!("/{word}")))
}

fn is_of_kind(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|its| its == extension)
}

/// Words between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter(|word| !word.contains(' '))
}

/// The targets of links within the checkout, without their anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let paths = targets.map(|target| target.split('#').next().unwrap_or_default());
    paths.filter(|path| !path.is_empty() && !path.contains("://") && !path.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_can_be_named_by_the_end_of_its_path() {
        let files = ["order-api/src/shards.rs".to_owned()];
        for name in ["order-api/src/shards.rs", "src/shards.rs", "shards.rs", "cargo", "a/b"] {
            assert!(exists(name, &files, ""), "{name}");
        }
        assert!(!exists("hards.rs", &files, ""));
        assert!(!exists("order-api/src/shard.rs", &files, ""));
    }

    #[test]
    fn tests_are_named_in_full() {
        let sources = "async fn fault_07_a_retry_does_not_charge_twice() {}";
        assert!(exists("fault_07_a_retry_does_not_charge_twice", &[], sources));
        assert!(!exists("fault_07_a_retry", &[], sources));
    }

    #[test]
    fn links_within_the_checkout_are_followed() {
        let text = "[a](docs/a.md#part), [b](#here), [c](https://example.com/c.md) and `x.rs` or `y z.rs`";
        assert_eq!(links(text).collect::<Vec<_>>(), ["docs/a.md"]);
        assert_eq!(quoted(text).collect::<Vec<_>>(), ["x.rs"]);
    }
}
