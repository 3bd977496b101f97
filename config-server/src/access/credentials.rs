//! The passwords of the applications and of the operator. Each application has its own password, and reads only its own
//! settings. The operator seals and opens values, and reads no settings.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::names::{Name, NameError};

type PasswordDigest = [u8; 32];

/// The entry of the operator. No application can have this name.
const OPERATOR: &str = "operator";

/// The entry of who may say that a git repository has changed. No application can have this name.
const MONITOR: &str = "monitor";

/// The passwords of the applications and of the operator.
///
/// They are long and random, so a plain digest is enough to hide them. All digests have the same length, so comparing them
/// takes the same time for every password.
pub struct Credentials {
    digests: BTreeMap<Name, PasswordDigest>,
    operator: Option<PasswordDigest>,
    monitor: Option<PasswordDigest>,
}

/// Who has shown a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// An application.
    Application(Name),
    /// The operator.
    Operator,
    /// A webhook of a git repository.
    Monitor,
}

/// Shows the names of the applications, and no digest.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.digests.keys()).finish()
    }
}

/// Why the credentials file can't be used.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// The file can't be read.
    #[error("the credentials can't be read from {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file is not a YAML map of texts.
    #[error("{} must contain one `application: password` a line", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The cause. It never shows lines of the file.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// A name in the file is not a valid name of an application.
    #[error("`{name}` is not a valid name of an application")]
    Name {
        /// The name.
        name: String,
        /// The cause.
        #[source]
        source: NameError,
    },
    /// An application has an empty password.
    #[error("the password of `{0}` is empty")]
    EmptyPassword(Name),
}

impl Credentials {
    /// Takes the passwords of applications. The name `operator` is the operator's, and `monitor` that of webhooks.
    pub fn new(passwords: impl IntoIterator<Item = (Name, SecretString)>) -> Result<Self, CredentialsError> {
        let mut digests = BTreeMap::new();
        let (mut operator, mut monitor) = (None, None);
        for (application, password) in passwords {
            if password.expose_secret().is_empty() {
                return Err(CredentialsError::EmptyPassword(application));
            }
            let digest = digest(password.expose_secret());
            match application.as_str() {
                OPERATOR => operator = Some(digest),
                MONITOR => monitor = Some(digest),
                _ => drop(digests.insert(application, digest)),
            }
        }
        Ok(Self { digests, operator, monitor })
    }

    /// Reads a YAML file of `application: password`.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let text = fs::read_to_string(path)
            .map_err(|source| CredentialsError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Reads the content of the file at `path`.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, CredentialsError> {
        let options = serde_saphyr::options! { with_snippet: false };
        let passwords: BTreeMap<String, SecretString> = serde_saphyr::from_str_with_options(text, options)
            .map_err(|source| CredentialsError::Format { path: path.to_owned(), source: Box::new(source) })?;
        let named = passwords.into_iter().map(|(name, password)| match Name::try_from(name.clone()) {
            Ok(application) => Ok((application, password)),
            Err(source) => Err(CredentialsError::Name { name, source }),
        });
        Self::new(named.collect::<Result<Vec<_>, _>>()?)
    }

    /// The names of the applications.
    pub(crate) fn applications(&self) -> impl Iterator<Item = &Name> {
        self.digests.keys()
    }

    /// Returns who has this name and password.
    pub(crate) fn authenticate(&self, user: &str, password: &str) -> Option<Caller> {
        // An unknown user takes the same time: a digest is made and compared, too.
        let presented = digest(password);
        let name = Name::try_from(user.to_owned()).ok()?;
        let (caller, expected) = match name.as_str() {
            OPERATOR => (Caller::Operator, self.operator),
            MONITOR => (Caller::Monitor, self.monitor),
            _ => {
                let expected = self.digests.get(&name).copied();
                (Caller::Application(name), expected)
            }
        };
        let matches = presented.ct_eq(&expected.unwrap_or_default());
        Some(caller).filter(|_| expected.is_some() && bool::from(matches))
    }
}

fn digest(password: &str) -> PasswordDigest {
    Sha256::digest(password.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Credentials, CredentialsError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        Credentials::read(file.path())
    }

    fn name(caller: Option<Caller>) -> String {
        match caller {
            Some(Caller::Application(name)) => name.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_operator_is_no_application() {
        let credentials = read("operator: first\nshop: second\n").unwrap();

        assert_eq!(credentials.authenticate("operator", "first"), Some(Caller::Operator));
        assert_eq!(credentials.authenticate("operator", "second"), None);
        assert_eq!(credentials.applications().map(Name::as_str).collect::<Vec<_>>(), ["shop"]);
        assert_eq!(read("shop: x").unwrap().authenticate("operator", ""), None);
        let webhook = read("monitor: third").unwrap();
        assert_eq!(webhook.authenticate("monitor", "third"), Some(Caller::Monitor));
        assert_eq!(webhook.applications().count(), 0);
    }

    #[test]
    fn only_the_right_password_of_the_right_application_is_accepted() {
        let credentials = read("member-api: first\nstore-api: \"1234\"\n").unwrap();

        assert_eq!(name(credentials.authenticate("member-api", "first")), "member-api");
        assert_eq!(name(credentials.authenticate("store-api", "1234")), "store-api");
        for (user, password) in [
            ("member-api", "1234"),
            ("member-api", "firs"),
            ("member-api", "first "),
            ("member-api", ""),
            ("nobody", "first"),
            ("nobody", ""),
            ("", ""),
            ("../x", "first"),
        ] {
            assert_eq!(credentials.authenticate(user, password), None, "{user}:{password}");
        }
    }

    #[test]
    fn an_invalid_credentials_file_is_refused() {
        assert!(matches!(read("member-api: [a]"), Err(CredentialsError::Format { .. })));
        assert!(matches!(read("member-api: a\nmember-api: b"), Err(CredentialsError::Format { .. })));
        assert!(matches!(read("a/b: x"), Err(CredentialsError::Name { .. })));
        assert!(matches!(read("member-api: ''"), Err(CredentialsError::EmptyPassword(_))));
        assert!(matches!(Credentials::read(Path::new("/nowhere")), Err(CredentialsError::Read { .. })));
    }
}
