//! What `config/gateway.yml` may say. Every key is documented on its field.

use std::fmt;
use std::time::Duration;

use garde::Validate;
use serde::Deserialize;

/// The gateway's own sections, beside those that every process has.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct Settings {
    /// The services behind the gateway, by the names under which they register. Each has a definition under `/docs`.
    #[garde(length(min = 1))]
    pub services: Vec<String>,
    /// What is passed on. A path or method that no entry lists does not exist outside.
    #[garde(length(min = 1))]
    pub routes: Vec<RouteSettings>,
    /// How requests reach the services.
    #[serde(default)]
    #[garde(dive)]
    pub upstream: UpstreamSettings,
    /// How the gateway learns which sessions have ended before their time.
    #[serde(default)]
    #[garde(dive)]
    pub revocations: RevocationsSettings,
    /// Which web pages of other origins may call the API.
    #[serde(default)]
    #[garde(dive)]
    pub cors: CorsSettings,
    /// What the services are told about the address that clients use.
    #[serde(default)]
    pub public: PublicSettings,
}

/// One entry of the route table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RouteSettings {
    /// A path pattern: `{name}` stands for one segment, `{*name}` at the end for one or more. A pattern that ends in
    /// `/{*name}` needs an entry for the path before it as well.
    pub path: String,
    /// The methods, each in one entry of a path only. GET also allows HEAD.
    pub methods: Vec<Method>,
    /// Who answers: one of `services`.
    pub service: String,
    /// Who may call.
    pub access: Access,
}

/// A method that a route can list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads; HEAD comes with it.
    Get,
    /// Makes something, or does something.
    Post,
    /// Sets something.
    Put,
    /// Changes a part of something.
    Patch,
    /// Removes something.
    Delete,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        })
    }
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Access {
    /// Everybody; nobody is asked who they are.
    #[serde(rename = "public")]
    Public,
    /// Any signed-in member.
    #[serde(rename = "any")]
    Any,
    /// A customer.
    #[serde(rename = "CUSTOMER")]
    Customer,
    /// A seller.
    #[serde(rename = "SELLER")]
    Seller,
    /// An administrator.
    #[serde(rename = "ADMIN")]
    Admin,
}

/// How requests reach the services.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct UpstreamSettings {
    /// How long one instance may take to accept a connection before another one is tried.
    #[garde(range(min = 1))]
    pub connect_timeout_ms: u64,
    /// How long a service may take from the end of a request to the first byte of its answer.
    #[garde(range(min = 1))]
    pub first_byte_timeout_ms: u64,
    /// How long a service may be silent in the middle of its answer. Then the answer breaks off.
    #[garde(range(min = 1))]
    pub answer_idle_timeout_ms: u64,
    /// How long an unused connection is kept. Must be shorter than the services' `server.first-byte-timeout-ms` and
    /// `server.header-read-timeout-ms`, so that it is never they who close it, just as a request sets out on it.
    #[garde(range(min = 1))]
    pub idle_timeout_ms: u64,
    /// How many unused connections are kept to each instance.
    #[garde(range(min = 1))]
    pub idle_connections: usize,
    /// How many instances are tried for a request that none of them has received.
    #[garde(range(min = 1, max = 10))]
    pub connect_tries: usize,
    /// What `Retry-After` says while a service has no instance.
    #[garde(range(min = 1))]
    pub retry_after_seconds: u64,
}

impl Default for UpstreamSettings {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 1_000,
            first_byte_timeout_ms: 15_000,
            answer_idle_timeout_ms: 15_000,
            idle_timeout_ms: 4_000,
            idle_connections: 128,
            connect_tries: 3,
            retry_after_seconds: 1,
        }
    }
}

impl UpstreamSettings {
    /// See [`Self::connect_timeout_ms`].
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// See [`Self::first_byte_timeout_ms`].
    pub fn first_byte_timeout(&self) -> Duration {
        Duration::from_millis(self.first_byte_timeout_ms)
    }

    /// See [`Self::answer_idle_timeout_ms`].
    pub fn answer_idle_timeout(&self) -> Duration {
        Duration::from_millis(self.answer_idle_timeout_ms)
    }

    /// See [`Self::idle_timeout_ms`].
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// See [`Self::retry_after_seconds`].
    pub fn retry_after(&self) -> Duration {
        Duration::from_secs(self.retry_after_seconds)
    }
}

/// How the gateway learns which sessions have ended before their time.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RevocationsSettings {
    /// How often member-api is asked. A session's end is known here so much later at most, and another second later where
    /// an instance of member-api stands still.
    #[garde(range(min = 50, max = 900))]
    pub interval_ms: u64,
}

impl Default for RevocationsSettings {
    fn default() -> Self {
        Self { interval_ms: 500 }
    }
}

impl RevocationsSettings {
    /// See [`Self::interval_ms`].
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }
}

/// Which web pages of other origins may call the API.
#[derive(Clone, Debug, Default, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CorsSettings {
    /// Origins as browsers send them, for example `https://shop.example`. Empty: none.
    #[garde(inner(custom(crate::cors::check_origin)))]
    pub allowed_origins: Vec<String>,
}

/// What the services are told about the address that clients use.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PublicSettings {
    /// `https` where TLS ends before the gateway. It becomes `X-Forwarded-Proto`.
    pub scheme: Scheme,
}

/// The scheme of the address that clients use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Clients reach the gateway itself.
    #[default]
    Http,
    /// TLS ends before the gateway.
    Https,
}

impl Scheme {
    /// As in `X-Forwarded-Proto`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
