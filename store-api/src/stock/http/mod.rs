//! The internal routes of reservations and restocks.

pub(crate) mod reservations;
pub(crate) mod restocks;
