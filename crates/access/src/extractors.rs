//! The extractors by which a handler says who may call it.

use axum::extract::FromRequestParts;
use http::request::Parts;
use problem::{Problem, Undocumented};

use crate::{Principal, Role, Verifier};

impl Principal {
    /// Who is calling, whatever else they may call. It is for layers before the handler, whose extractor says the rest.
    pub async fn authenticate(parts: &mut Parts) -> Result<Self, Problem> {
        // A layer before the handler may have extracted it already.
        if let Some(principal) = parts.extensions.get::<Self>() {
            return Ok(*principal);
        }
        let verifier = Verifier::of(&parts.extensions)?;
        let principal = verifier.member(&parts.headers).await?;
        parts.extensions.insert(principal);
        Ok(principal)
    }
}

/// Whoever may call is told here what else is wrong with the request (see [`Undocumented`]).
impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let principal = Self::authenticate(parts).await?;
        Undocumented::check(&parts.extensions)?;
        Ok(principal)
    }
}

macro_rules! only {
    ($(#[$doc:meta] $name:ident),+) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub Principal);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
                let principal = Principal::authenticate(parts).await?.require(Role::$name)?;
                Undocumented::check(&parts.extensions)?;
                Ok(Self(principal))
            }
        }
    )+};
}

only! {
    /// A customer who is calling; 403 for every other role.
    Customer,
    /// A seller who is calling; 403 for every other role.
    Seller,
    /// An administrator who is calling; 403 for every other role.
    Admin
}
