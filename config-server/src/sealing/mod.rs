//! Sealed values.

mod keyring;

pub use keyring::{Keyring, KeyringError, OpenTextError};
