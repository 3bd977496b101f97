//! The cart: what a customer wants to buy.
//!
//! | file | owns |
//! |---|---|
//! | `http/` | the routes |
//! | `line` | a cart line, and an option as its store sells it |
//! | `comparison` | comparing a line with its option, and the messages about the differences |
//! | `version` | the version of a cart, by which a client says what its customer has seen |
//! | `view` | showing a cart |
//! | `change` | changing a cart |
//! | `acknowledge` | acknowledging messages |
//! | `redis/` | the carts in Redis: all Redis commands of this service |

pub mod acknowledge;
pub mod change;
pub mod comparison;
pub(crate) mod http;
pub mod line;
mod redis;
pub mod version;
pub mod view;

pub use self::redis::{Cart, Carts, CartsDown, NewLine, OrderedPieces, PutError};
