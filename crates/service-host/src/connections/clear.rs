//! The answer to a client that speaks in the clear on an encrypted port. It would not understand the alert of a TLS server, and
//! might try for ever.

use std::io;
use std::sync::LazyLock;

use problem::{Code, Problem};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// The whole answer. It says nothing of the request, which is not read.
static ANSWER: LazyLock<String> = LazyLock::new(|| {
    let problem = Problem::new(Code::BadRequest).detail("this port is encrypted: ask it by https");
    let body = serde_json::to_string(problem.body()).unwrap_or_default();
    let (media_type, length) = (problem::MEDIA_TYPE, body.len());
    format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
});

pub(super) async fn refuse(mut socket: impl AsyncWrite + Unpin) -> io::Result<()> {
    socket.write_all(ANSWER.as_bytes()).await?;
    socket.shutdown().await
}
