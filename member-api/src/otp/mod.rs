//! One-time passwords, the second factor of a member (RFC 6238).
//!
//! | file | owns |
//! |---|---|
//! | `code` | what a member types |
//! | `secret` | the secret that codes are made of, and the codes of a moment |
//! | `keys` | sealing secrets for the database |
//! | `second_factor` | whether a member has one, and taking a code: each is accepted once |
//! | `db` | the table `one_time_passwords` |

pub mod db;
pub mod keys;
pub mod second_factor;

mod code;
mod secret;

pub use code::OtpCode;
pub use secret::OtpSecret;
