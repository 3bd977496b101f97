//! Calls through the gateway, as any REST client makes them.

use anyhow::{Context as _, bail};
use serde_json::Value;
use ureq::http::{Method, Request};

/// A client of the gateway.
pub(super) struct Api {
    agent: ureq::Agent,
    gateway: String,
}

/// One call.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) idempotency_key: Option<&'a str>,
    pub(super) body: Option<Value>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    /// Whether it repeats the answer to an earlier try.
    pub(super) replayed: bool,
}

impl<'a> Call<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, token: None, idempotency_key: None, body: None }
    }

    pub(super) fn put(path: &'a str) -> Self {
        Self { method: Method::PUT, ..Self::get(path) }
    }

    pub(super) fn delete(path: &'a str) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    pub(super) fn post(path: &'a str, body: Value) -> Self {
        Self { method: Method::POST, path, token: None, idempotency_key: None, body: Some(body) }
    }

    pub(super) fn patch(path: &'a str, body: Value) -> Self {
        Self { method: Method::PATCH, ..Self::post(path, body) }
    }

    pub(super) fn bearer(mut self, token: &'a str) -> Self {
        self.token = Some(token);
        self
    }

    pub(super) fn key(mut self, idempotency_key: &'a str) -> Self {
        self.idempotency_key = Some(idempotency_key);
        self
    }
}

impl Answer {
    /// The code of a problem: `OUT_OF_STOCK`.
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Api {
    pub(super) fn new(gateway: &str) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { agent, gateway: gateway.to_owned() }
    }

    /// Makes a call. Every write has a key, so that the gateway can repeat it if its answer is lost.
    pub(super) fn call(&self, call: Call<'_>) -> anyhow::Result<Answer> {
        let what = format!("{} {}", call.method, call.path);
        let is_write = [Method::POST, Method::PATCH].contains(&call.method);
        let key = call.idempotency_key.map(str::to_owned);
        let key = key.or_else(|| is_write.then(|| format!("{:032x}", rand::random::<u128>())));
        let mut request =
            Request::builder().method(call.method).uri(format!("{}{}", self.gateway, call.path));
        if let Some(token) = call.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = call.body.map(|body| body.to_string()).unwrap_or_default();
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(body).with_context(|| format!("writing {what}"))?;
        let mut response = self.agent.run(request).with_context(|| what.clone())?;
        let text = response.body_mut().read_to_string().with_context(|| format!("reading {what}"))?;
        Ok(Answer {
            status: response.status().as_u16(),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
            replayed: response.headers().contains_key("idempotency-replayed"),
        })
    }

    /// Makes a call that must succeed. Gives the body of the answer.
    pub(super) fn succeed(&self, call: Call<'_>) -> anyhow::Result<Value> {
        let what = format!("{} {}", call.method, call.path);
        let answer = self.call(call)?;
        if !(200..300).contains(&answer.status) {
            bail!("{what} was answered {} {}", answer.status, answer.body);
        }
        Ok(answer.body)
    }
}
