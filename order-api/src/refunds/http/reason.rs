//! The reason for a change of an order line.

use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

/// A body with a reason.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Reason)]
pub(crate) struct ReasonBody {
    /// The reason, 1 to 500 characters.
    #[garde(length(chars, max = 500), custom(not_blank))]
    #[schema(min_length = 1, max_length = 500, example = "도착했을 때 케이크가 무너져 있었어요")]
    reason: String,
}

impl ReasonBody {
    /// The reason, without leading and trailing space.
    pub(crate) fn text(&self) -> String {
        self.reason.trim().to_owned()
    }
}

fn not_blank(reason: &str, (): &()) -> garde::Result {
    if reason.trim().is_empty() { Err(garde::Error::new("must not be blank")) } else { Ok(()) }
}
