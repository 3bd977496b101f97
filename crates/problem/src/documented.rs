//! The layer that refuses what an operation's OpenAPI documentation does not know: a query where no parameter of the query is
//! documented, and a body where no body is. So no handler can pass over them in silence.
//!
//! A body that is refused is not read. Where the documentation has parameters of the query or a body, the handler's extractors
//! ([`Query`](crate::Query), [`Parameters`], [`Json`](crate::Json)) refuse what is unknown in them, together with every other
//! fault.
//!
//! Who may not call an operation is told that first. So where the documentation asks for a token, the refusal is handed to the
//! extractor of the caller ([`Undocumented`]).

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use garde::Validate;
use http::request::Parts;
use http::{Extensions, Method};
use serde::Deserialize;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, RefOr};

use crate::{Code, Parameters, Problem};

/// Routes that only services call. They are in no document.
const INTERNAL: &str = "/internal/";

/// What an operation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Takes {
    query: bool,
    body: bool,
    token: bool,
}

/// The operations of each path.
type Operations = HashMap<String, HashMap<Method, Takes>>;

/// Refuses requests to the routes of `router` that carry a query or a body of which `document` knows nothing. HEAD is the same
/// as GET. A route that is not in the document, as that of the document itself, takes nothing; internal routes are not looked
/// at.
pub fn only_documented<S: Clone + Send + Sync + 'static>(router: Router<S>, document: &OpenApi) -> Router<S> {
    let operations: Arc<Operations> = Arc::new(operations(document));
    router.layer(from_fn_with_state(operations, refuse_undocumented))
}

fn operations(document: &OpenApi) -> Operations {
    let of_path = |(path, item): (&String, &PathItem)| {
        let methods = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ];
        let known =
            methods.into_iter().filter_map(|(method, operation)| Some((method, takes(operation.as_ref()?))));
        (path.clone(), known.collect())
    };
    document.paths.paths.iter().map(of_path).collect()
}

fn takes(operation: &Operation) -> Takes {
    let mut parameters = operation.parameters.iter().flatten();
    Takes {
        query: parameters.any(is_of_the_query),
        body: operation.request_body.is_some(),
        token: operation.security.as_ref().is_some_and(|security| !security.is_empty()),
    }
}

fn is_of_the_query(parameter: &RefOr<Parameter>) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query)
}

async fn refuse_undocumented(
    State(operations): State<Arc<Operations>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(takes) = takes_of(&operations, &request) else { return next.run(request).await };
    let (mut parts, mut body) = request.into_parts();
    let refusal = match undocumented_query(takes, &parts) {
        Some(refusal) => Some(refusal),
        None if takes.body => None,
        None => undocumented_body(&mut body).await,
    };
    match refusal {
        None => {}
        Some(refusal) if takes.token => {
            body = Body::empty();
            parts.extensions.insert(Undocumented(refusal));
        }
        Some(refusal) => return refusal.into_response(),
    }
    next.run(Request::from_parts(parts, body)).await
}

/// What the operation takes; `None` for an unknown path or method, whose answer is another one, and for internal routes.
fn takes_of(operations: &Operations, request: &Request) -> Option<Takes> {
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    let method = if *request.method() == Method::HEAD { &Method::GET } else { request.method() };
    match operations.get(path) {
        Some(of_path) => of_path.get(method).copied(),
        None if path.starts_with(INTERNAL) => None,
        None => Some(Takes::default()),
    }
}

/// An operation without parameters of the query.
#[derive(Deserialize, Validate)]
struct NoParameters {}

fn undocumented_query(takes: Takes, parts: &Parts) -> Option<Problem> {
    let query = parts.uri.query().filter(|_| !takes.query)?;
    Parameters::parse(query).read::<NoParameters>().err()
}

/// Whether there is a body, of which at most the first bytes are read. A length of zero is no body, and so are chunks without
/// any content.
async fn undocumented_body(body: &mut Body) -> Option<Problem> {
    while !body.is_end_stream() {
        if body.size_hint().lower() > 0 {
            return Some(unexpected_body());
        }
        let frame = std::future::poll_fn(|context| std::pin::Pin::new(&mut *body).poll_frame(context)).await;
        match frame?.map(|frame| frame.into_data().unwrap_or_else(|_| Bytes::new())) {
            Ok(data) if data.is_empty() => {}
            Ok(_) => return Some(unexpected_body()),
            Err(_) => {
                return Some(Problem::new(Code::BadRequest).detail("the body could not be read to its end"));
            }
        }
    }
    None
}

fn unexpected_body() -> Problem {
    Problem::new(Code::BadRequest).detail("this operation takes no body: send it without one")
}

/// The refusal of a request that carries what its operation does not take. Whoever finds out who is calling answers with it,
/// once the caller may call.
#[derive(Clone, Debug)]
pub struct Undocumented(Problem);

impl Undocumented {
    /// Answers with the refusal, if the request has one.
    pub fn check(extensions: &Extensions) -> Result<(), Problem> {
        extensions.get::<Self>().map_or(Ok(()), |refused| Err(refused.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use futures::stream;
    use http::{Request, StatusCode};
    use tower::ServiceExt;
    use utoipa::openapi::path::{OperationBuilder, ParameterBuilder};
    use utoipa::openapi::request_body::RequestBody;
    use utoipa::openapi::security::SecurityRequirement;
    use utoipa::openapi::{HttpMethod, OpenApiBuilder, PathsBuilder};

    use super::*;

    fn document() -> OpenApi {
        let query = ParameterBuilder::new().name("limit").parameter_in(ParameterIn::Query).build();
        let path = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).build();
        let token = SecurityRequirement::new("bearer", Vec::<String>::new());
        let plain = || OperationBuilder::new().parameter(path.clone());
        let item = |method, operation: OperationBuilder| PathItem::new(method, operation.build());
        let mut things = item(HttpMethod::Get, OperationBuilder::new().parameter(query));
        things.post = Some(OperationBuilder::new().request_body(Some(RequestBody::new())).build());
        let mut thing = item(HttpMethod::Get, plain());
        thing.delete = Some(plain().build());
        let own = item(HttpMethod::Get, OperationBuilder::new().security(token));
        let paths = PathsBuilder::new().path("/things", things).path("/things/{id}", thing).path("/own", own);
        OpenApiBuilder::new().paths(paths).build()
    }

    /// A handler of someone who has called rightly, and what is left of the body.
    async fn own(request: axum::extract::Request) -> Result<String, Problem> {
        if !request.headers().contains_key("authorization") {
            return Err(Problem::new(Code::Unauthenticated));
        }
        Undocumented::check(request.extensions())?;
        Ok(String::new())
    }

    async fn answer(request: Request<Body>) -> (StatusCode, Vec<String>) {
        let things = get(async || "all").post(async |body: Bytes| body);
        let router = Router::new()
            .route("/things", things)
            .route("/things/{id}", get(async || "one").delete(async || "gone"))
            .route("/own", get(own))
            .route("/openapi.json", get(async || "document"))
            .route("/internal/things", post(async |body: Bytes| body));
        let response = only_documented(router, &document()).oneshot(request).await.unwrap();
        let errors = response.extensions().get::<Problem>().map(|problem| problem.body().errors.clone());
        let pointers = errors.into_iter().flatten().map(|fault| fault.pointer);
        (response.status(), pointers.collect())
    }

    fn request(method: &str, path: &str) -> Request<Body> {
        Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
    }

    fn with_body(method: &str, path: &str, body: Body) -> Request<Body> {
        Request::builder().method(method).uri(path).body(body).unwrap()
    }

    #[tokio::test]
    async fn a_query_is_refused_where_none_is_documented_with_each_of_its_parameters() {
        for method in ["GET", "HEAD", "DELETE"] {
            let refused = answer(request(method, "/things/1?foo=1&b%2Fr&%FF=1")).await;
            let pointers = ["/\u{fffd}", "/foo", "/b~1r"].map(str::to_owned);
            assert_eq!(refused, (StatusCode::BAD_REQUEST, pointers.to_vec()), "{method}");
            for path in ["/things/1", "/things/1?", "/things/1?&"] {
                assert_eq!(answer(request(method, path)).await.0, StatusCode::OK, "{method} {path}");
            }
        }
        assert_eq!(answer(request("GET", "/things?limit=1")).await.0, StatusCode::OK, "its handler reads it");
        assert_eq!(answer(request("POST", "/things?limit=1")).await.0, StatusCode::BAD_REQUEST);
        assert_eq!(answer(request("GET", "/openapi.json?x=1")).await.0, StatusCode::BAD_REQUEST);
        assert_eq!(answer(request("POST", "/internal/things?x=1")).await.0, StatusCode::OK);
        assert_eq!(answer(request("GET", "/nothing?x=1")).await.0, StatusCode::NOT_FOUND);
        assert_eq!(answer(request("PUT", "/things/1?x=1")).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn a_body_is_refused_where_none_is_documented() {
        for (method, path) in [("GET", "/things"), ("DELETE", "/things/1"), ("HEAD", "/things/1")] {
            let refused = answer(with_body(method, path, "{}".into())).await;
            assert_eq!(refused.0, StatusCode::BAD_REQUEST, "{method} {path}");
            let no_chunks = Body::from_stream(stream::empty::<Result<Bytes, std::io::Error>>());
            assert_eq!(answer(with_body(method, path, no_chunks)).await.0, StatusCode::OK, "{method} {path}");
        }
        assert_eq!(answer(with_body("POST", "/things", "{}".into())).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_refused_body_is_read_no_further_than_its_first_bytes() {
        let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{")) });
        let body = Body::from_stream(futures::StreamExt::chain(first, stream::pending()));
        assert_eq!(answer(with_body("DELETE", "/things/1", body)).await.0, StatusCode::BAD_REQUEST);
        let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut off")) });
        let broken = answer(with_body("DELETE", "/things/1", Body::from_stream(broken))).await;
        assert_eq!(broken.0, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn who_may_not_call_is_told_that_first() {
        assert_eq!(answer(request("GET", "/own?foo=1")).await.0, StatusCode::UNAUTHORIZED);
        let mut called = with_body("GET", "/own", "{}".into());
        called.headers_mut().insert("authorization", http::HeaderValue::from_static("x"));
        assert_eq!(answer(called).await.0, StatusCode::BAD_REQUEST);
    }
}
