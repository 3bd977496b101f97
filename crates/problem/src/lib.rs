//! Problems, the error answers of all services (RFC 9457), and everything that makes them.
//!
//! * [`Code`]: every kind of problem, with its status and its explanation.
//! * [`Problem`]: one occurrence of a problem.
//! * [`Json`], [`Query`], [`Path`]: extractors whose rejection is a problem. `Json` and `Query` report every fault at once.
//! * [`Parameters`]: a query string of which some parameters are read apart from the others.
//! * [`range`]: the rules of the two ends of a range.
//! * [`only_documented`]: the layer that refuses a query or a body where none is documented.
//! * [`Created`]: 201 with `Location`.
//! * [`refusals!`]: the refusals of an operation in its OpenAPI documentation.
//! * [`wrap`]: the layer around every router, so that every error of a service is a problem. It logs each 5xx once, with all its
//!   causes.
//!
//! With the feature `database`, an `sqlx::Error` becomes a problem by `?`: 503 if the database is unavailable, else 500.
//!
//! An operation has an error enum of its own with one `match` to [`Problem`]; [`respond!`] lets handlers return it.

mod body;
mod code;
#[cfg(feature = "database")]
mod database;
mod documented;
mod extract;
pub mod openapi;
pub mod range;
mod read;
mod wrap;

pub use body::{Body, Fault, MEDIA_TYPE, Problem};
pub use code::Code;
pub use documented::{Undocumented, only_documented};
pub use extract::{Created, Json, Path, Query};
pub use read::Parameters;
pub use wrap::{complete, method_not_allowed, not_found, wrap};

/// Lets a handler return the error of an operation, by the `From<E> for Problem` of the error.
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
