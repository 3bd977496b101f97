//! The cart: what a customer wants to buy.
//!
//! | file | owns |
//! |---|---|
//! | `http/` | the routes |
//! | `line` | a cart line, and an option as its store sells it |
//! | `comparison` | comparing a line with its option, and the messages about the differences |
//! | `view` | showing a cart |
//! | `change` | changing a cart |
//! | `redis/` | the carts in Redis: all Redis commands of this service |

pub mod change;
pub mod comparison;
pub(crate) mod http;
pub mod line;
mod redis;
pub mod view;

pub use self::redis::{Cart, Carts, CartsDown, NewLine, PutError};
