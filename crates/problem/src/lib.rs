//! The error body, and everything that leads to one.
//!
//! * [`Code`]: every kind of problem, with its status and its explanation.
//! * [`Problem`]: one occurrence; RFC 9457 on the wire.
//! * [`Json`], [`Query`], [`Path`]: extractors whose rejection is a problem. `Json` reports every fault at once.
//! * [`Created`]: 201 with `Location`.
//! * [`refusals!`]: the refusals of an operation in its OpenAPI documentation.
//! * [`wrap`]: what every router is wrapped in, so that no other error shape ever leaves a service.
//!
//! An operation has an error enum of its own with one `match` to [`Problem`]; [`respond!`] lets handlers return it.

mod body;
mod code;
mod extract;
mod faults;
pub mod openapi;
mod wrap;

pub use body::{Body, Fault, MEDIA_TYPE, Problem};
pub use code::Code;
pub use extract::{Created, Json, Path, Query};
pub use wrap::{complete, method_not_allowed, not_found, wrap};

/// Lets a handler return an operation's error, by the error's one `From<E> for Problem`.
#[macro_export]
macro_rules! respond {
    ($($error:ty),+ $(,)?) => {$(
        impl ::axum::response::IntoResponse for $error {
            fn into_response(self) -> ::axum::response::Response {
                ::axum::response::IntoResponse::into_response($crate::Problem::from(self))
            }
        }
    )+};
}
