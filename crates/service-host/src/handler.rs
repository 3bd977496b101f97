//! Who answers a request: the front of the service, if it has one that knows the request, or else its router.

use std::convert::Infallible;

use access::Verifier;
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use tower::Service;

use crate::app::Routes;
use crate::front::{Client, Enclosure, Front};
use crate::router;
use crate::settings::Server;

/// Answers all requests of a process.
pub(crate) struct Handler {
    router: Router,
    front: Option<(Box<dyn Front>, Enclosure)>,
}

impl Handler {
    /// Puts a service and the host's layers together.
    pub(crate) fn new(routes: Routes, verifier: Verifier, settings: &Server) -> Self {
        let Routes { router, is_public, forwards_bodies, around, front } = routes;
        let enclosure = Enclosure::new(verifier.clone(), settings);
        let router = router::assemble(router, is_public, forwards_bodies, around, verifier, settings);
        Self { router, front: front.map(|front| (front, enclosure)) }
    }

    /// Answers a request of this client.
    pub(crate) async fn answer(&self, request: Request, client: Client) -> Response {
        let mut request = match &self.front {
            Some((front, enclosure)) => match front.answer(request, client, enclosure) {
                Ok(answer) => return answer.await,
                Err(request) => request,
            },
            None => request,
        };
        request.extensions_mut().insert(ConnectInfo(client.address));
        request.extensions_mut().insert(client);
        let answered: Result<Response, Infallible> = self.router.clone().call(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

impl From<Router> for Handler {
    /// A router as it is, with no layers around it.
    fn from(router: Router) -> Self {
        Self { router, front: None }
    }
}
