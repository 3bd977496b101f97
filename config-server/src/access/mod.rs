//! Who may read what: the passwords of applications, and the files that belong to them.

mod credentials;
mod ownership;

pub use credentials::{Credentials, CredentialsError};
pub(crate) use ownership::Ownership;
