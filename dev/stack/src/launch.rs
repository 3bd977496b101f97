//! The command that starts a part.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The command of a part. It is used again for each restart.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) part: String,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
}

impl Launch {
    pub(crate) fn new(part: &str, program: &Path) -> Self {
        Self { part: part.to_owned(), program: program.to_owned(), args: Vec::new(), env: Vec::new() }
    }

    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn envs(mut self, env: &[(OsString, OsString)]) -> Self {
        self.env.extend_from_slice(env);
        self
    }
}
