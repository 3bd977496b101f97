//! Who is calling: tokens, roles, and the extractors that ask for them.
//!
//! There are two kinds of token, both JWTs signed with Ed25519 (`alg` EdDSA). They have different types (`typ`), issuers and
//! keys, so that neither is accepted in place of the other:
//!
//! | | user token | service token |
//! |---|---|---|
//! | `typ` | `at+jwt` (RFC 9068) | `service+jwt` |
//! | `iss` | the setting `access.issuer` | the calling service's name |
//! | `aud` | the setting `access.audience` | the called service's name |
//! | signed by | member-api's signing keys, published as a JWKS | the calling service's own key |
//! | verified with | the JWKS ([`UserKeys`]) | the setting `access.service-keys` ([`ServiceKeys`]) |
//! | lives | 15 minutes | a minute |
//!
//! The gateway verifies a user's token and passes it on; each service verifies it again. A handler says who may call it by
//! what it extracts: [`Principal`], [`Customer`], [`Seller`] or [`Admin`]. Internal routes are wrapped in [`only_services`].
//! All of them read the [`Verifier`] that `service-host` puts into every request.

mod authorization;
mod extractors;
mod from_settings;
mod internal_routes;
mod jwt;
mod openapi;
mod principal;
mod service;
mod settings;
mod signing_key;
mod user;
mod verified;
mod verifier;

pub use crate::settings::{AccessError, PublicKeys, ServiceSigningKey, Settings};
pub use extractors::{Admin, Customer, Seller};
pub use internal_routes::only_services;
pub use jwt::TokenError;
pub use openapi::BearerToken;
pub use principal::{MemberId, Principal, Role};
pub use service::{ServiceKeys, ServiceTokens};
pub use signing_key::{KeyError, SigningKey};
pub use user::{Jwk, Jwks, UserKeys, UserTokens};
pub use verifier::Verifier;
