//! Sealed values.

mod keyring;
mod opened;
mod posted;

pub mod spring;

pub use keyring::{Keyring, KeyringError, OpenTextError};
pub(crate) use posted::{ToSeal, sealed_text, text};
