//! Who sends the requests of a guarded route.

use std::sync::Arc;

use access::Principal;
use axum::body::Bytes;
use axum::extract::Request;
use futures::future::BoxFuture;
use http::request::Parts;
use problem::Problem;
use uuid::Uuid;

/// Who sends requests.
#[derive(Clone)]
pub(crate) enum Sender {
    /// Members who are signed in.
    Member,
    /// Clients who are not.
    Anonymous(Arc<dyn Anonymous>),
}

/// What is to be known of requests without a signed-in member.
pub trait Anonymous: Send + Sync + 'static {
    /// An id of the client, which is no id of a member. A key belongs to it.
    fn id(&self, parts: &Parts) -> Uuid;

    /// What of a body may be hashed into its fingerprint: all but its secrets. `None` if it can't be read.
    fn without_secrets(&self, body: &Bytes) -> Option<Bytes>;

    /// Admits the repetition of a request that took effect: by its secrets, which the fingerprint does not have. `made` is the id
    /// of the first request's [`Claim`](crate::Claim).
    fn admit(&self, repetition: Request, made: Uuid) -> BoxFuture<'_, Result<(), Problem>>;
}

impl Sender {
    pub(crate) async fn id(&self, parts: &mut Parts) -> Result<Uuid, Problem> {
        match self {
            Self::Member => Ok(Principal::authenticate(parts).await?.member_id.0),
            Self::Anonymous(anonymous) => Ok(anonymous.id(parts)),
        }
    }

    pub(crate) fn without_secrets(&self, body: &Bytes) -> Option<Bytes> {
        match self {
            Self::Member => Some(body.clone()),
            Self::Anonymous(anonymous) => anonymous.without_secrets(body),
        }
    }

    /// Admits the repetition of a request that took effect. `repetition` is asked for only where it is looked at.
    pub(crate) async fn admit(
        &self,
        repetition: impl FnOnce() -> Request,
        made: Uuid,
    ) -> Result<(), Problem> {
        match self {
            Self::Member => Ok(()),
            Self::Anonymous(anonymous) => anonymous.admit(repetition(), made).await,
        }
    }

    /// Whether a key is looked up before its request runs: running it would be much dearer than the look.
    pub(crate) const fn looks_first(&self) -> bool {
        matches!(self, Self::Anonymous(_))
    }
}
