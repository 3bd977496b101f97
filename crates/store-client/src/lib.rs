//! What other services ask of store-api, and the shapes on the wire.
//!
//! * Options as they are now: [`StoreClient::look_up`].
//! * Stock for an order: [`StoreClient::reserve`], then [`StoreClient::confirm`] or [`StoreClient::release`]. The
//!   order's id is the reservation's: asked again by the same id, after a lost reply or a crash, store-api gives the
//!   answer that it gave before and holds nothing twice.
//! * Stock that comes back of what was sold: [`StoreClient::restock`], by an id that the caller makes and keeps.

mod client;
mod option;
mod reservation;
mod restock;

pub use client::{ConfirmError, ReleaseError, ReserveError, RestockError, StoreClient};
pub use option::{DeletedOption, Gone, LookUpRequest, OptionOnSale, OptionsFound};
pub use reservation::{Reservation, ReservationLine, ReservationStatus, ReserveRequest, Shortage};
pub use restock::{Restock, RestockRequest};

/// The name by which the service is found and called.
pub const SERVICE: &str = "store-api";

/// The path on which options are looked up.
pub const LOOK_UP_PATH: &str = "/internal/options/lookup";

/// The path of reservations; one reservation is at its order's id below.
pub const RESERVATIONS_PATH: &str = "/internal/reservations";

/// The path of restocks; one restock is at its id below.
pub const RESTOCKS_PATH: &str = "/internal/restocks";

/// The member of an `OUT_OF_STOCK` problem that holds the [`Shortage`]s.
pub const SHORTAGES_MEMBER: &str = "shortages";
