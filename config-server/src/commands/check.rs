//! `config-server check DIR`: are the settings files good?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::repository::{File, Repository, ScanError};

/// Why settings files can't be served.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The directories can't be read.
    #[error("the directories can't be read")]
    Unreadable(#[from] ScanError),
    /// Files can't be used. Each has a line of its own.
    #[error("{broken} of {files} settings files can't be used:\n{report}")]
    Broken {
        /// How many can't be used.
        broken: usize,
        /// How many settings files there are.
        files: usize,
        /// The reasons, and the warnings.
        report: String,
    },
}

/// Reads all files as the server does, and returns the warnings.
pub(super) fn check(directories: Vec<PathBuf>) -> Result<String, CheckError> {
    let repository = Repository::new(directories);
    let snapshot = repository.read()?;
    let mut report = String::new();
    let (mut settings, mut broken) = (0, 0);
    for (path, file) in snapshot.files() {
        settings += usize::from(file.is_settings);
        broken += usize::from(file.is_settings && file.loaded.is_err());
        describe(&mut report, path, file);
    }
    if broken > 0 {
        return Err(CheckError::Broken { broken, files: settings, report });
    }
    let _ = write!(report, "{settings} settings files can be used");
    Ok(report)
}

fn describe(report: &mut String, path: &str, file: &File) {
    // Writing to a string can't fail.
    match &file.loaded {
        Err(error) => {
            let kind = if file.is_settings { "error" } else { "warning: it is not served" };
            let _ = writeln!(report, "{path}: {kind}: {}", telemetry::chain(error));
        }
        Ok(loaded) => {
            for surprise in loaded.documents.iter().flat_map(|document| &document.surprises) {
                let (written, served) = (&surprise.written, &surprise.served);
                let _ = writeln!(
                    report,
                    "{path}:{}: warning: {written} is served as {served}; write '{written}' for the text",
                    surprise.origin
                );
            }
        }
    }
    if Path::new(path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml")) {
        let _ = writeln!(report, "{path}: warning: Spring reads XML as settings, this server does not");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn surprising_values_are_named_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let text = "a: yes\nb: 0755\nc: 1:30\nd: 1e3\ne: 1.10\nf: true\ng: 7\nh: '0755'\ni: 0.5\nj: TRUE\n";
        fs::write(folder.path().join("shop.yml"), text).unwrap();

        let report = check(vec![folder.path().to_owned()]).unwrap();

        let warnings: Vec<&str> = report.lines().filter_map(|line| line.split("warning: ").nth(1)).collect();
        let named: Vec<&str> = warnings.iter().filter_map(|warning| warning.split(';').next()).collect();
        assert_eq!(
            named,
            [
                "yes is served as true",
                "0755 is served as 493",
                "1:30 is served as 90",
                "1e3 is served as 1000.0",
                "1.10 is served as 1.1"
            ]
        );
        assert!(report.contains("shop.yml:1:4:"), "{report}");
        assert!(report.ends_with("1 settings files can be used"), "{report}");
    }

    #[test]
    fn every_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("a.yml", "a: ["), ("b.properties", "a=\\u12"), ("c.yml", "a: 1")] {
            fs::write(folder.path().join(name), text).unwrap();
        }

        let error = check(vec![folder.path().to_owned()]).unwrap_err().to_string();

        assert!(error.starts_with("2 of 3 settings files can't be used"), "{error}");
        assert!(error.contains("a.yml: error:") && error.contains("b.properties: error:"), "{error}");
    }

    #[test]
    fn a_missing_directory_is_an_error() {
        let error = check(vec![PathBuf::from("/nowhere")]).unwrap_err();

        assert!(telemetry::chain(&error).contains("/nowhere"), "{error}");
    }
}
