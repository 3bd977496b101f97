//! Reading what a client sends, so that every fault of it is found and not only the first.
//!
//! serde stops at the first fault. So that one is noted and taken out of the way, and the rest is read again. What a fault
//! is, and where, comes from the calls of [`serde::de::Error`] ([`ReadError`](error::ReadError)), never from the text of a
//! message: the wording belongs to serde and may change.
//!
//! | file | owns |
//! |---|---|
//! | `body` | JSON bodies |
//! | `query` | query strings |
//! | `document` | parsing a body; members that stand twice |
//! | `json_value` | a parsed JSON document as a source of serde's data |
//! | `error` | what serde reports, as data |
//! | `rules` | the rules that a type states for itself (garde) |

mod body;
mod document;
mod error;
mod json_value;
mod query;
mod rules;

pub(crate) use body::read;
pub use query::Parameters;
