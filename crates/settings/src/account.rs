//! The account with which a process uses a server.

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;

/// The name of an account.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub struct Username(#[garde(length(min = 1))] pub String);

/// The password of an account.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(transparent)]
pub struct Password(#[garde(skip)] pub SecretString);
