//! What a feature implements to make its deliveries.

use std::error::Error;

use futures::future::BoxFuture;
use uuid::Uuid;

use super::delivery::Kind;

/// Why a delivery failed. It is tried again.
pub type HandlerError = Box<dyn Error + Send + Sync>;

/// Makes the deliveries of one kind. `S` is the state of the service.
pub trait Handler<S>: Send + Sync {
    /// The kind.
    fn kind(&self) -> Kind;

    /// Makes the delivery for `subject_id`. This may happen more than once, and must take effect once.
    fn deliver<'a>(&'a self, state: &'a S, subject_id: Uuid) -> BoxFuture<'a, Result<(), HandlerError>>;
}
