//! Rules: how much can be charged at once.

use garde::Validate;
use garde::error::Path;
use money::Won;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// 1,000 to 10,000,000 won.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64, minimum = 1_000, maximum = 10_000_000, example = 50_000)]
pub struct ChargeAmount(Won);

impl ChargeAmount {
    const MIN: Won = Won::new(1_000);
    const MAX: Won = Won::new(10_000_000);

    /// The amount in won.
    pub const fn won(self) -> Won {
        self.0
    }
}

impl Validate for ChargeAmount {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut garde::Report) {
        if !(Self::MIN..=Self::MAX).contains(&self.0) {
            let rule = format!("must be {} to {} won", Self::MIN.get(), Self::MAX.get());
            report.append(parent(), garde::Error::new(rule));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_are_valid_and_everything_outside_is_not() {
        let is_good = |won| ChargeAmount(Won::new(won)).validate().is_ok();
        assert!([1_000, 1_001, 10_000_000].into_iter().all(is_good));
        assert!(![i64::MIN, -1_000, 0, 999, 10_000_001, i64::MAX].into_iter().any(is_good));
    }
}
