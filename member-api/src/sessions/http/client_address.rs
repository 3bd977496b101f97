//! The address of the client.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;

/// The address of the client as the gateway found it: the last one in `X-Forwarded-For`, which the gateway replaces. Without
/// the header, the peer of the connection. It is used only to slow down guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl ClientAddress {
    /// The address of the client who sent a request.
    pub(crate) fn of(parts: &Parts) -> Self {
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let forwarded = forwarded
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit(',').next())
            .and_then(|address| address.trim().parse().ok());
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        Self(forwarded.or(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn address(headers: &[&str]) -> Option<String> {
        let mut request = http::Request::builder();
        for value in headers {
            request = request.header("x-forwarded-for", *value);
        }
        let (mut parts, ()) = request
            .extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 5))))
            .body(())
            .unwrap()
            .into_parts();
        let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(&mut parts, &()).await;
        address.map(|address| address.to_string())
    }

    #[tokio::test]
    async fn the_last_address_of_the_header_is_used() {
        assert_eq!(address(&[]).await.as_deref(), Some("10.0.0.1"));
        assert_eq!(address(&["203.0.113.9"]).await.as_deref(), Some("203.0.113.9"));
        assert_eq!(address(&["1.2.3.4, 203.0.113.9"]).await.as_deref(), Some("203.0.113.9"));
        assert_eq!(address(&["1.2.3.4", "2001:db8::1"]).await.as_deref(), Some("2001:db8::1"));
        assert_eq!(address(&["nonsense"]).await.as_deref(), Some("10.0.0.1"));
    }
}
