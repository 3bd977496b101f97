//! No file in a `src/` is too long.

use std::fs;
use std::path::Path;

use super::files::tracked_files;

const MOST_LINES: usize = 400;

/// The files that are too long, as `file: lines`.
pub(super) fn too_long(checkout: &Path) -> anyhow::Result<Vec<String>> {
    let files = tracked_files(checkout)?;
    // A file that was deleted and is not committed yet has no length.
    let texts = files.iter().filter_map(|file| Some((file, fs::read_to_string(checkout.join(file)).ok()?)));
    Ok(texts.filter(|(file, text)| is_too_long(file, text)).map(|(file, text)| show(file, &text)).collect())
}

fn is_too_long(file: &str, text: &str) -> bool {
    file.contains("/src/") && text.lines().count() > MOST_LINES
}

fn show(file: &str, text: &str) -> String {
    format!("{file}: {} lines", text.lines().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_400_lines_at_most() {
        assert!(!is_too_long("crates/money/src/lib.rs", &"line\n".repeat(400)));
        assert!(is_too_long("crates/money/src/lib.rs", &"line\n".repeat(401)));
        assert!(!is_too_long("Cargo.lock", &"line\n".repeat(401)));
    }
}
