//! Deliveries to other services.

pub mod db;
pub(crate) mod deliver;
pub mod delivery;
