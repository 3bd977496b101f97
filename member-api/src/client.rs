//! The client of a request: its address, and the program that it says it is.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header;
use http::request::Parts;

/// Who has sent a request, as far as that can be seen without a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The address as the gateway found it: the last one in `X-Forwarded-For`, which the gateway replaces. Without the header,
    /// the peer of the connection.
    pub address: Option<IpAddr>,
    /// What the client says of itself. It can say anything, so nothing is decided by it.
    pub user_agent: Option<UserAgent>,
}

/// The name of a program, as members are shown it: the visible ASCII characters of `User-Agent`, at most 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent(String);

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl Client {
    /// The client who sent a request.
    pub fn of(parts: &Parts) -> Self {
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let forwarded = forwarded
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit(',').next())
            .and_then(|address| address.trim().parse().ok());
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        let user_agent = parts.headers.get(header::USER_AGENT);
        Self {
            address: forwarded.or(peer),
            user_agent: user_agent.and_then(|value| UserAgent::from_bytes(value.as_bytes())),
        }
    }

    /// The address as it is stored and shown. An IPv4 address has one form, also if it came as an IPv6 one.
    pub fn address_text(&self) -> Option<String> {
        self.address.map(|address| address.to_canonical().to_string())
    }

    /// The program as it is stored and shown.
    pub fn user_agent_text(&self) -> Option<&str> {
        self.user_agent.as_ref().map(|user_agent| user_agent.0.as_str())
    }
}

impl UserAgent {
    /// The longest that is kept, in characters.
    pub const MAX: usize = 200;

    /// What is visible of the bytes of a header; `None` if nothing is. Other characters could hide or turn around what stands
    /// beside them, and no program needs them (RFC 9110, 10.1.5).
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let visible = bytes.iter().filter(|byte| matches!(byte, b' '..=b'~')).map(|byte| char::from(*byte));
        let text: String = visible.skip_while(|character| *character == ' ').take(Self::MAX).collect();
        let text = text.trim_end();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn client(headers: &[(&str, &[u8])]) -> Client {
        let mut request = http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request
            .extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 5))))
            .body(())
            .unwrap()
            .into_parts();
        let Ok(client) = Client::from_request_parts(&mut parts, &()).await;
        client
    }

    #[tokio::test]
    async fn the_last_address_of_the_header_is_used() {
        let address = async |headers: &[&str]| {
            let headers: Vec<_> = headers.iter().map(|value| ("x-forwarded-for", value.as_bytes())).collect();
            client(&headers).await.address_text()
        };
        assert_eq!(address(&[]).await.as_deref(), Some("10.0.0.1"));
        assert_eq!(address(&["203.0.113.9"]).await.as_deref(), Some("203.0.113.9"));
        assert_eq!(address(&["1.2.3.4, 203.0.113.9"]).await.as_deref(), Some("203.0.113.9"));
        assert_eq!(address(&["1.2.3.4", "2001:db8::1"]).await.as_deref(), Some("2001:db8::1"));
        assert_eq!(address(&["nonsense"]).await.as_deref(), Some("10.0.0.1"));
        assert_eq!(address(&["::ffff:203.0.113.9"]).await.as_deref(), Some("203.0.113.9"));
    }

    #[tokio::test]
    async fn a_user_agent_is_bounded_and_shows_nothing_but_visible_ascii() {
        let user_agent =
            async |value: &[u8]| client(&[("user-agent", value)]).await.user_agent_text().map(str::to_owned);
        assert_eq!(user_agent(b"Mozilla/5.0 (X11)").await.as_deref(), Some("Mozilla/5.0 (X11)"));
        assert_eq!(user_agent("a\u{202E}b\u{200B}\t달".as_bytes()).await.as_deref(), Some("ab"));
        assert_eq!(user_agent(b"  ").await, None);
        assert_eq!(user_agent(b"\xff\xfe").await, None);
        assert_eq!(user_agent(&[b'a'; 5_000]).await.map(|text| text.len()), Some(UserAgent::MAX));
        assert_eq!(client(&[]).await.user_agent, None);
    }
}
