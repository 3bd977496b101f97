//! Who may read what: the passwords of applications and of the operator, and the files that belong to them.

mod credentials;
mod ownership;
mod reload;

pub(crate) use credentials::Caller;
pub use credentials::{Credentials, CredentialsError};
pub(crate) use ownership::Ownership;
pub(crate) use reload::CredentialsFile;
