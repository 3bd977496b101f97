//! The settings of the gateway. Each key of `config/gateway.yml` is documented at its field.

mod compression;
mod limits;
mod of_table;
mod resilience;

use std::fmt;
use std::time::Duration;

use garde::Validate;
use redis_connection::RedisSettings;
use serde::{Deserialize, Serialize};
use service_host::Live;

pub use compression::CompressionSettings;
pub use limits::{LimitedBy, LimitsSettings, PolicySettings};
pub use of_table::TableSettings;
pub use resilience::{BreakerSettings, ConcurrencySettings, RetryBudgetSettings};

/// The settings of the gateway, besides those of every process. What a table is made of is [`TableSettings`].
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The services behind the gateway, by the names under which they register. `/docs` shows the API of each of them.
    #[garde(dive)]
    pub services: Live<ServiceNames>,
    /// The route table: what the gateway forwards. A path or method without an entry is not reachable.
    #[garde(dive)]
    pub routes: Live<RouteList>,
    /// How requests reach the services.
    #[serde(default)]
    #[garde(dive)]
    pub upstream: Live<UpstreamSettings>,
    /// How the gateway learns which sessions are revoked.
    #[serde(default)]
    #[garde(dive)]
    pub revocations: Live<RevocationsSettings>,
    /// The web pages of other origins that may call the API.
    #[serde(default)]
    #[garde(dive)]
    pub cors: Live<CorsSettings>,
    /// The address that clients use, as the services see it, and the proxies between them and the gateway.
    #[serde(default)]
    #[garde(dive)]
    pub public: Live<PublicSettings>,
    /// How many requests a client may send.
    #[serde(default)]
    #[garde(dive)]
    pub limits: Live<LimitsSettings>,
    /// The compression of answers.
    #[serde(default)]
    #[garde(dive)]
    pub compression: Live<CompressionSettings>,
    /// The Redis in which gateways count the requests of clients together. Without it, each gateway counts alone.
    #[serde(default)]
    #[garde(dive)]
    pub redis: Option<RedisSettings>,
}

/// The names of services.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub struct ServiceNames(#[garde(length(min = 1))] pub Vec<String>);

/// The entries of the route table.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub struct RouteList(#[garde(length(min = 1))] pub Vec<RouteSettings>);

/// One entry of the route table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RouteSettings {
    /// A path pattern: `{name}` matches one segment, `{*name}` at the end matches one or more. A pattern that ends in
    /// `/{*name}` needs another entry for the path before it.
    pub path: String,
    /// The methods. A method may be in one entry of a path only. GET includes HEAD.
    pub methods: Vec<Method>,
    /// The service that answers: one of `services`.
    pub service: String,
    /// Who may call.
    pub access: Access,
    /// Whether the gateway may send a request a second time if its answer was lost. Without it, only GET and HEAD are.
    pub repeatable: Option<Repeatable>,
    /// The host that a request must name: `shop.example`, or `*.shop.example` for all hosts below it. Without it, any. Entries of the
    /// same path and method are asked in their order.
    pub host: Option<String>,
    /// The header fields that a request must have.
    #[serde(default)]
    pub headers: Vec<HeaderPredicate>,
    /// The path with which the service gets the request. A segment `{name}` stands for what the parameter of `path` matched. Without
    /// it, the path of the client.
    pub rewrite: Option<String>,
    /// Milliseconds from the head of a request to the head of its answer. Without it, `server.request-timeout-ms`, and
    /// `upstream.first-byte-timeout-ms` for the service. If it is over before the service has had `upstream.try-timeout-ms` for its
    /// answer, that says nothing about the service: it opens no breaker, ejects no instance and makes no limit smaller.
    pub timeout_ms: Option<u64>,
    /// The largest body of a request, in bytes. Without it, `server.max-body-bytes`.
    pub max_body_bytes: Option<usize>,
    /// The limits on its requests: names of `limits.policies`.
    #[serde(default)]
    pub limits: Vec<String>,
    /// Whether its answers are compressed for clients that ask for it. Only for GET, and only for `access: public`.
    #[serde(default)]
    pub compress: bool,
}

/// A header field that a request must have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HeaderPredicate {
    /// The name of the field.
    pub name: String,
    /// The value of the field, or of one of the fields with this name.
    pub value: String,
}

/// When a request may be sent a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Repeatable {
    /// If it carries an `Idempotency-Key`, which the service honours on this route. Only for POST and PATCH.
    #[serde(rename = "by-key")]
    ByKey,
}

/// A method that a route can list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads. It includes HEAD.
    Get,
    /// Creates something, or starts an action.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Access {
    /// Everybody, without a token.
    #[serde(rename = "public")]
    Public,
    /// Every member who is signed in.
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
    /// How long an instance may take to accept a connection. Then another instance is tried.
    #[garde(range(min = 1))]
    pub connect_timeout_ms: u64,
    /// How long a service may take from the end of a request to the first byte of its answer, on whatever instances it is tried.
    #[garde(range(min = 1))]
    pub first_byte_timeout_ms: u64,
    /// How long one instance may take for that before another one is tried, if the request may be repeated. An instance that
    /// answers no request at all for this time is ejected.
    #[garde(range(min = 1))]
    pub try_timeout_ms: u64,
    /// How long a service may send nothing in the middle of its answer. Then the answer is cut off.
    #[garde(range(min = 1))]
    pub answer_idle_timeout_ms: u64,
    /// How long an unused connection is kept. It must be shorter than `server.first-byte-timeout-ms` and
    /// `server.idle-timeout-ms` of the services. Otherwise a service could close a connection while a request is being sent
    /// on it.
    #[garde(range(min = 1))]
    pub idle_timeout_ms: u64,
    /// How many unused connections to each instance are kept.
    #[garde(range(min = 1))]
    pub idle_connections: usize,
    /// How many instances are tried for a request if none of them can be reached.
    #[garde(range(min = 1, max = 10))]
    pub connect_tries: usize,
    /// The value of `Retry-After` while a service has no instance, or has more requests than it can answer in time.
    #[garde(range(min = 1))]
    pub retry_after_seconds: u64,
    /// How many requests may be sent a second time.
    #[garde(dive)]
    pub retry_budget: RetryBudgetSettings,
    /// The circuit breaker of each service.
    #[garde(dive)]
    pub breaker: BreakerSettings,
    /// How many requests each service has at once.
    #[garde(dive)]
    pub concurrency: ConcurrencySettings,
}

impl Default for UpstreamSettings {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 1_000,
            first_byte_timeout_ms: 15_000,
            try_timeout_ms: 2_000,
            answer_idle_timeout_ms: 15_000,
            idle_timeout_ms: 4_000,
            idle_connections: 128,
            connect_tries: 3,
            retry_after_seconds: 1,
            retry_budget: RetryBudgetSettings::default(),
            breaker: BreakerSettings::default(),
            concurrency: ConcurrencySettings::default(),
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

    /// See [`Self::try_timeout_ms`].
    pub fn try_timeout(&self) -> Duration {
        Duration::from_millis(self.try_timeout_ms)
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

/// How the gateway learns which sessions are revoked.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RevocationsSettings {
    /// The time between two requests to member-api. The gateway knows a revocation after this time at most, or a second
    /// later if an instance of member-api hangs.
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

/// The web pages of other origins that may call the API.
#[derive(Clone, Debug, Default, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CorsSettings {
    /// Origins as browsers send them, for example `https://shop.example`. If it is empty, no other origin may call the API.
    #[garde(inner(custom(crate::origin::check)))]
    pub allowed_origins: Vec<String>,
}

/// The address that clients use, as the services see it, and the proxies between them and the gateway.
#[derive(Clone, Debug, Default, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PublicSettings {
    /// `https` if a proxy in front of the gateway terminates TLS. It is the value of `X-Forwarded-Proto`, which is `https` anyway on
    /// an encrypted connection (`server.tls`).
    #[garde(skip)]
    pub scheme: Scheme,
    /// The networks of the proxies in front of the gateway, for example `10.0.0.0/8`; an address alone is one. Only what these
    /// proxies say in `X-Forwarded-For` or `Forwarded` about the client's address is believed. If it is empty, the client is
    /// the peer of the connection: behind a proxy, all clients then share one limit on wrong passwords.
    #[garde(inner(custom(crate::client_address::check)))]
    pub trusted_proxies: Vec<String>,
}

/// The scheme of the address that clients use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Clients connect to the gateway directly.
    #[default]
    Http,
    /// A proxy in front of the gateway terminates TLS.
    Https,
}

impl Scheme {
    /// The value of `X-Forwarded-Proto`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
