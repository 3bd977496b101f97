use access::Seller;
use axum::extract::FromRequestParts;
use http::request::Parts;
use problem::Problem;

use super::etag::{IfMatch, if_none_match};
use crate::shared::SellerEdit;

/// The seller who is calling (403 for every other role), and the tags that the request's `If-Match` and
/// `If-None-Match` name.
impl<S: Send + Sync> FromRequestParts<S> for SellerEdit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Seller(seller) = Seller::from_request_parts(parts, state).await?;
        let Ok(IfMatch(expected)) = IfMatch::from_request_parts(parts, state).await;
        Ok(Self { seller: seller.member_id, expected, unwanted: if_none_match(&parts.headers) })
    }
}
