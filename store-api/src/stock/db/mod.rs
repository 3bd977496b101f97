//! SQL over the tables `reservations`, `reservation_lines` and `restocks`, and over the stock columns of `options`.

pub mod reservations;
pub mod restocks;
pub mod stock;
