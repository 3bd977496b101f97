//! Sealed values.

mod keyring;

pub mod spring;

pub use keyring::{Keyring, KeyringError, OpenTextError};
