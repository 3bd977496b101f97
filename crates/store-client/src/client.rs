//! The client.

use problem::{Code, Problem};
use serde::Deserialize;
use service_client::{CallError, ServiceClient};
use uuid::Uuid;

use crate::{
    LOOK_UP_PATH, LookUpRequest, OptionsFound, RESERVATIONS_PATH, RESTOCKS_PATH, Reservation, ReserveRequest,
    Restock, RestockRequest, SHORTAGES_MEMBER, Shortage,
};

/// Calls store-api. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StoreClient {
    client: ServiceClient,
}

/// Why nothing was reserved.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// The stock of at least one line is too small. Nothing is reserved.
    #[error("there is not enough in stock")]
    OutOfStock(Vec<Shortage>),
    /// The reservation would have expired already. Nothing is reserved.
    #[error("the reservation would have expired already")]
    Expired,
    /// The order has a reservation with other lines, or its reservation was released. Nothing more is reserved.
    #[error("the order's reservation has other lines or was released")]
    Mismatch,
    /// The result is not known: ask again by the same order id.
    #[error("store-api gave no answer to a reservation")]
    Unknown(#[source] CallError),
}

/// Why a reservation was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// The pieces are back on sale: reserve again, or pay the money back.
    #[error("the reservation has expired")]
    Expired,
    /// Nothing was ever reserved for this order.
    #[error("there is no reservation")]
    NotFound,
    /// The result is not known: ask again by the same order id.
    #[error("store-api gave no answer to a confirmation")]
    Unknown(#[source] CallError),
}

/// Why a reservation was not released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The pieces are sold.
    #[error("the reservation was confirmed")]
    Confirmed,
    /// The result is not known: ask again by the same order id.
    #[error("store-api gave no answer to a release")]
    Unknown(#[source] CallError),
}

/// Why nothing was put back on sale.
#[derive(Debug, thiserror::Error)]
pub enum RestockError {
    /// The order did not buy this option.
    #[error("the order did not buy this option")]
    NotSold,
    /// The id belongs to another restock, or more pieces would come back than the order has bought.
    #[error("the restock's id belongs to another one, or it is more than was sold")]
    Mismatch,
    /// The result is not known: ask again by the same id.
    #[error("store-api gave no answer to a restock")]
    Unknown(#[source] CallError),
}

impl StoreClient {
    /// A client that calls store-api through `client`, which must be for [`crate::SERVICE`].
    pub fn new(client: ServiceClient) -> Self {
        Self { client }
    }

    /// The current state of these options, of at most 100 at once.
    pub async fn look_up(&self, option_ids: Vec<Uuid>) -> Result<OptionsFound, CallError> {
        self.client.post(LOOK_UP_PATH, &LookUpRequest { option_ids }).await
    }

    /// Reserves stock for an order: every line or nothing.
    pub async fn reserve(
        &self,
        order_id: Uuid,
        request: &ReserveRequest,
    ) -> Result<Reservation, ReserveError> {
        let path = format!("{RESERVATIONS_PATH}/{order_id}");
        self.client.put(&path, request).await.map_err(|error| match error.code() {
            Some(Code::OutOfStock) => {
                ReserveError::OutOfStock(error.refusal().map(shortages).unwrap_or_default())
            }
            Some(Code::ReservationExpired) => ReserveError::Expired,
            Some(Code::ReservationMismatch) => ReserveError::Mismatch,
            _ => ReserveError::Unknown(error),
        })
    }

    /// Turns the reserved stock of an order into sold stock.
    pub async fn confirm(&self, order_id: Uuid) -> Result<Reservation, ConfirmError> {
        let path = format!("{RESERVATIONS_PATH}/{order_id}/confirm");
        self.client.post(&path, &()).await.map_err(|error| match error.code() {
            Some(Code::ReservationExpired) => ConfirmError::Expired,
            Some(Code::NotFound) => ConfirmError::NotFound,
            _ => ConfirmError::Unknown(error),
        })
    }

    /// Puts the reserved stock of an order back on sale. From now on nothing can be reserved for the order: a request that
    /// arrives later is refused.
    pub async fn release(&self, order_id: Uuid) -> Result<Reservation, ReleaseError> {
        let path = format!("{RESERVATIONS_PATH}/{order_id}/release");
        self.client.post(&path, &()).await.map_err(|error| match error.code() {
            Some(Code::ReservationConfirmed) => ReleaseError::Confirmed,
            _ => ReleaseError::Unknown(error),
        })
    }

    /// Puts pieces that an order has bought back on sale, at most once for each id.
    pub async fn restock(&self, id: Uuid, request: &RestockRequest) -> Result<Restock, RestockError> {
        self.client.post(&format!("{RESTOCKS_PATH}/{id}"), request).await.map_err(|error| {
            match error.code() {
                Some(Code::NotFound) => RestockError::NotSold,
                Some(Code::RestockMismatch) => RestockError::Mismatch,
                _ => RestockError::Unknown(error),
            }
        })
    }
}

fn shortages(problem: &Problem) -> Vec<Shortage> {
    problem
        .body()
        .extra
        .get(SHORTAGES_MEMBER)
        .and_then(|found| Vec::deserialize(found).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortages_are_read_from_the_problem_that_store_api_makes() {
        let missing = Shortage { option_id: Uuid::from_u128(7), wanted: 3, available: 1 };
        let problem = Problem::new(Code::OutOfStock).extra(SHORTAGES_MEMBER, &[missing]);
        let sent = serde_json::to_vec(problem.body()).expect("it can be written");
        let read: Problem = serde_json::from_slice(&sent).expect("it can be read");
        assert_eq!(shortages(&read), [missing]);
        assert_eq!(shortages(&Problem::new(Code::OutOfStock)), []);
    }
}
