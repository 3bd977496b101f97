//! Reading what a client sends, so that every fault of it is found and not only the first.
//!
//! serde stops at the first fault. So this fault is noted and replaced, and the rest is read again. The kind and the place of a
//! fault come from the calls of [`serde::de::Error`] ([`ReadError`](error::ReadError)), never from the text of a message,
//! because serde may change its texts.
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
