//! A connection to an instance, and the exchange on it.
//!
//! hyper's connection is a future of its own. Most programs spawn it as a task, which wakes the task of the request, and is
//! woken by it, several times for each request. Here whoever uses the connection polls it: the request until the head of the
//! answer has come, and then the body of the answer.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderValue, Request, Response, header};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::body::AttemptBody;
use super::connection::PatientConnection;
use super::failure::ConnectError;
use super::waking::Waking;

/// A connection on which one request after the other is sent.
pub(super) struct Lane {
    waking: Waking,
    sender: SendRequest<AttemptBody>,
    /// `None` when it has ended, or when a task of its own polls it.
    connection: Option<Box<Connection<PatientConnection, AttemptBody>>>,
    /// The instance as a header value.
    host: HeaderValue,
}

impl Lane {
    /// Connects to an instance.
    pub(super) async fn open(address: SocketAddr, limit: Duration) -> Result<Self, ConnectError> {
        let stream = tokio::time::timeout(limit, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let io = PatientConnection::new(TokioIo::new(stream));
        let (sender, connection) = http1::handshake(io).await?;
        let host = HeaderValue::try_from(address.to_string()).expect("an address is visible ASCII");
        Ok(Self { waking: Waking::new(), sender, connection: Some(Box::new(connection)), host })
    }

    /// Sends a request. Returns when the head of its answer has come. hyper looks first what the instance has done to a kept
    /// connection meanwhile, and gives the request back if that was closed.
    pub(super) async fn exchange(
        &mut self,
        mut request: Request<AttemptBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<AttemptBody>>> {
        request.headers_mut().insert(header::HOST, self.host.clone());
        let Self { waking, sender, connection, .. } = self;
        let mut answer = pin!(waking.before_driving(|| sender.try_send_request(request)));
        poll_fn(|context| {
            waking.drive(context, |context| {
                drive(connection, context);
                answer.as_mut().poll(context)
            })
        })
        .await
    }

    /// Reads the next part of an answer.
    pub(super) fn poll_answer(
        &mut self,
        answer: &mut Incoming,
        context: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { waking, connection, .. } = self;
        waking.drive(context, |context| {
            // Asked first, hyper knows that somebody wants the bytes, and reads them.
            let polled = Pin::new(&mut *answer).poll_frame(context);
            if polled.is_ready() {
                return polled;
            }
            drive(connection, context);
            Pin::new(&mut *answer).poll_frame(context)
        })
    }

    /// Does what is left to do after an answer.
    pub(super) fn finish(&mut self, context: &Context<'_>) {
        let Self { waking, connection, .. } = self;
        let _: Poll<()> = waking.drive(context, |context| {
            drive(connection, context);
            Poll::Pending
        });
    }

    /// Whether it waits for the next request.
    pub(super) fn is_ready(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
    }

    /// Nobody waits for it any more.
    pub(super) fn rest(&self) {
        self.waking.forget_task();
    }

    /// Lets a task do what the connection has to do. It is for an answer that has come before the end of its request: the client
    /// may go on sending, and read nothing until it has sent everything.
    pub(super) fn spawn(&mut self) {
        if let Some(connection) = self.connection.take() {
            tokio::spawn(async move {
                // Its error is that of the body of the answer, too.
                let _ = connection.await;
            });
        }
    }
}

fn drive(
    connection: &mut Option<Box<Connection<PatientConnection, AttemptBody>>>,
    context: &mut Context<'_>,
) {
    let has_ended = connection.as_mut().is_some_and(|running| Pin::new(running).poll(context).is_ready());
    if has_ended {
        // Whoever waits for an answer gets the reason.
        *connection = None;
    }
}
