//! `cargo xtask docs`: the documents that are generated from the sources, each by a module of its own.

mod settings;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

/// A document of the checkout, and what generates it.
struct Document {
    path: &'static str,
    generate: fn(&Path) -> anyhow::Result<String>,
}

const DOCUMENTS: [Document; 1] = [Document { path: "docs/settings.md", generate: settings::generate }];

/// Writes every document that differs from the sources.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let checkout = stack::checkout();
    for document in &DOCUMENTS {
        let outcome = if document.write(checkout)? { "was updated" } else { "is up to date" };
        println!("{} {outcome}", document.path);
    }
    Ok(ExitCode::SUCCESS)
}

/// The documents that differ from the sources.
pub(crate) fn stale() -> anyhow::Result<Vec<&'static str>> {
    let mut stale = Vec::new();
    for document in &DOCUMENTS {
        if document.fresh_text(stack::checkout())?.is_some() {
            stale.push(document.path);
        }
    }
    Ok(stale)
}

impl Document {
    /// Writes it if it differs from the sources. True if it did.
    fn write(&self, checkout: &Path) -> anyhow::Result<bool> {
        let Some(text) = self.fresh_text(checkout)? else { return Ok(false) };
        fs::write(checkout.join(self.path), text).with_context(|| format!("writing {}", self.path))?;
        Ok(true)
    }

    /// Its text, if that differs from the file.
    fn fresh_text(&self, checkout: &Path) -> anyhow::Result<Option<String>> {
        let text = (self.generate)(checkout).with_context(|| format!("{} can't be generated", self.path))?;
        // A file that is missing or is not text differs, too.
        let on_disk = fs::read_to_string(checkout.join(self.path)).ok();
        Ok((on_disk.as_ref() != Some(&text)).then_some(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_stale_until_it_is_written_and_after_a_change() {
        let checkout = tempfile::tempdir().unwrap();
        let document = Document { path: "settings.md", generate: |_| Ok("all of them".to_owned()) };

        assert!(document.write(checkout.path()).unwrap(), "it is missing");
        assert_eq!(document.fresh_text(checkout.path()).unwrap(), None);

        fs::write(checkout.path().join("settings.md"), "some of them").unwrap();
        assert_eq!(document.fresh_text(checkout.path()).unwrap().as_deref(), Some("all of them"));
    }
}
