//! The client of store-api for other services, with the types of requests and answers.
//!
//! * [`StoreClient::look_up`] gives the current state of options.
//! * [`StoreClient::reserve`], then [`StoreClient::confirm`] or [`StoreClient::release`], for the stock of an order. The
//!   reservation has the id of the order. If the caller asks again by the same id, after a lost reply or a crash, store-api gives
//!   the same answer again and reserves nothing twice.
//! * [`StoreClient::restock`] puts sold stock back on sale, by an id that the caller makes and stores.

mod client;
mod option;
mod reservation;
mod restock;

pub use client::{ConfirmError, ReleaseError, ReserveError, RestockError, StoreClient};
pub use option::{DeletedOption, Gone, LookUpRequest, OptionOnSale, OptionsFound};
pub use reservation::{Reservation, ReservationLine, ReservationStatus, ReserveRequest, Shortage};
pub use restock::{Restock, RestockRequest};

/// The name of the service.
pub const SERVICE: &str = "store-api";

/// The path at which options are looked up.
pub const LOOK_UP_PATH: &str = "/internal/options/lookup";

/// The path of reservations. Each is at the id of its order below it.
pub const RESERVATIONS_PATH: &str = "/internal/reservations";

/// The path of restocks. Each is at its id below it.
pub const RESTOCKS_PATH: &str = "/internal/restocks";

/// The member of an `OUT_OF_STOCK` problem with the [`Shortage`]s.
pub const SHORTAGES_MEMBER: &str = "shortages";
