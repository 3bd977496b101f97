//! What a member does with the account: signing up, changing it, closing it.
//!
//! | file | owns |
//! |---|---|
//! | `http/` | the routes |
//! | `sign_up`, `create_admin`, `change_password` | one operation each |
//! | `second_factor`, `operator_otp` | turning one-time passwords on and off, by the member and on the command line |
//! | `repeated_sign_up` | sign-ups that are repeated by their Idempotency-Key |
//! | `close_account` | deciding whether an account can be closed, and closing it |
//! | `closing` | the phases of a closing |
//! | `end_closing` | telling the other services whether the account is closed or stays open |
//! | `closing_worker` | finishing closings that were interrupted |
//! | `participants` | the other services that know members |
//! | `db` | the table of closings |

pub mod change_password;
pub mod close_account;
pub mod closing;
pub mod closing_worker;
pub mod create_admin;
pub mod db;
mod end_closing;
pub(crate) mod http;
pub mod operator_otp;
pub mod participants;
pub(crate) mod repeated_sign_up;
pub mod second_factor;
pub mod sign_up;
