//! The faults of settings, each with its key.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One wrong setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The dotted key: `database.max-connections`.
    pub key: String,
    /// What is wrong with it. It never contains the value, which may be a secret.
    pub problem: String,
    /// The property source that has set it, if one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.key, self.problem)?;
        match &self.origin {
            Some(origin) => write!(formatter, " (from {origin})"),
            None => Ok(()),
        }
    }
}

/// Why settings can't be used. It is shown with one fault in each line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    faults: Vec<Fault>,
}

impl SettingsError {
    /// An error with these faults, at least one.
    pub fn new(faults: Vec<Fault>) -> Self {
        Self { faults }
    }

    /// The faults, at least one.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl From<Fault> for SettingsError {
    fn from(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}
