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

use axum::http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::body::AttemptBody;
use super::connection::PatientConnection;
use super::failure::ConnectError;

/// A connection on which one request after the other is sent.
pub(super) struct Lane {
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
        Ok(Self { sender, connection: Some(Box::new(connection)), host })
    }

    /// Sends a request. Returns when the head of its answer has come.
    pub(super) async fn exchange(
        &mut self,
        mut request: Request<AttemptBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<AttemptBody>>> {
        request.headers_mut().insert(header::HOST, self.host.clone());
        // What the instance has done to a kept connection meanwhile shows here.
        poll_fn(|context| {
            self.drive(context);
            Poll::Ready(())
        })
        .await;
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            drive(&mut self.connection, context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// Does what the connection has to do.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) {
        drive(&mut self.connection, context);
    }

    /// Whether it waits for the next request.
    pub(super) fn is_ready(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
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
