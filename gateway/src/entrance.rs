//! The front of the gateway: finds the route of a request.
//!
//! What it does not know goes to the router: the gateway's own pages, methods that a path does not have, and paths that do not
//! exist.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http;
use axum::response::Response;
use service_host::{Enclosure, Front, FrontAnswer};
use tower::{Layer, Service, service_fn};
use tower_http::cors::CorsLayer;

use crate::endpoint::Endpoint;
use crate::limits::Limits;
use crate::revocations::Revocations;
use crate::routes::{Route, Routes};
use crate::settings::{Method, Settings};
use crate::upstream::Upstreams;

/// All routes. It is made as a whole, and never changed.
pub(crate) struct Entrance {
    endpoints: matchit::Router<HashMap<http::Method, Arc<Endpoint>>>,
    cors: Option<CorsLayer>,
}

impl Entrance {
    pub(crate) fn new(
        table: &Routes,
        upstreams: &Upstreams,
        revocations: &Revocations,
        limits: &Limits,
        settings: &Settings,
        cors: Option<CorsLayer>,
    ) -> Self {
        let mut endpoints = matchit::Router::new();
        for (pattern, routes) in table.iter() {
            let of_route = |route: &Route| {
                let upstream =
                    upstreams.get(&route.service).expect("the route table names only known services");
                let (route, public) = (route.clone(), &settings.public);
                methods(&route.methods).into_iter().map(move |method| {
                    let endpoint = Endpoint::new(
                        label(&method),
                        pattern,
                        &route,
                        Arc::clone(&upstream),
                        revocations,
                        limits,
                        public,
                    );
                    (method, Arc::new(endpoint))
                })
            };
            let by_method = routes.iter().flat_map(of_route).collect();
            endpoints.insert(pattern, by_method).expect("the route table has been checked");
        }
        Self { endpoints, cors }
    }

    fn find(&self, request: &Request) -> Option<&Arc<Endpoint>> {
        self.endpoints.at(request.uri().path()).ok()?.value.get(request.method())
    }
}

impl Front for Entrance {
    fn answer(
        &self,
        request: Request,
        client: SocketAddr,
        enclosure: &Enclosure,
    ) -> Result<FrontAnswer, Request> {
        let Some(endpoint) = self.find(&request) else { return Err(request) };
        let (endpoint, enclosure) = (Arc::clone(endpoint), enclosure.clone());
        let Some(cors) = &self.cors else {
            return Ok(Box::pin(async move { endpoint.answer(request, client.ip(), &enclosure).await }));
        };
        let mut allowed = cors.layer(service_fn(move |request| {
            let (endpoint, enclosure) = (Arc::clone(&endpoint), enclosure.clone());
            async move {
                Ok::<Response, std::convert::Infallible>(
                    endpoint.answer(request, client.ip(), &enclosure).await,
                )
            }
        }));
        let answer = allowed.call(request);
        Ok(Box::pin(async move { answer.await.unwrap_or_else(|never| match never {}) }))
    }
}

/// The methods of HTTP that a route answers.
pub(crate) fn methods(listed: &[Method]) -> Vec<http::Method> {
    let of = |method: &Method| match method {
        Method::Get => vec![http::Method::GET, http::Method::HEAD],
        Method::Post => vec![http::Method::POST],
        Method::Put => vec![http::Method::PUT],
        Method::Patch => vec![http::Method::PATCH],
        Method::Delete => vec![http::Method::DELETE],
    };
    listed.iter().flat_map(of).collect()
}

fn label(method: &http::Method) -> &'static str {
    match *method {
        http::Method::GET => "GET",
        http::Method::HEAD => "HEAD",
        http::Method::POST => "POST",
        http::Method::PUT => "PUT",
        http::Method::PATCH => "PATCH",
        _ => "DELETE",
    }
}
