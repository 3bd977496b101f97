//! The data of an order of the floor.

use uuid::Uuid;

use crate::checkout::market::Offer;

/// The name of everything that is bought.
pub(super) const NAMES: &str = "딸기 생크림 케이크";

pub(super) struct OrderIds {
    pub(super) id: Uuid,
    pub(super) customer_id: Uuid,
    pub(super) key: String,
}

pub(super) fn total(offers: &[Offer]) -> i64 {
    offers.iter().map(|offer| offer.price).sum()
}

pub(super) fn rows(row: &str, count: usize) -> String {
    vec![row; count].join(", ")
}
