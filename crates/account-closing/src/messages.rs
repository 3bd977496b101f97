//! The requests and answers on the wire.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::Open;

/// A request of one attempt to close an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Numbered {
    /// The number of the attempt. It only grows.
    #[garde(range(min = 1, max = i64::MAX as u64))]
    pub number: u64,
}

/// What a participant has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// What is open.
    pub open: Vec<Open>,
}

/// The answer to marking a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Marked {
    /// Whether the member is marked by this attempt. Otherwise the attempt was given up, or a later one has begun.
    pub is_marked: bool,
    /// What is open. It is only looked for if the member is marked.
    pub open: Vec<Open>,
}

/// A request to remove the personal data of a closed account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForgetRequest {
    /// What is shown in place of the member's name.
    #[garde(length(chars, max = 50), custom(visible_text::line))]
    pub placeholder: String,
}
