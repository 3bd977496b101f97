//! The socket of a connection to a service.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection that still reads the answer after sending the request has failed.
///
/// A service may answer before it has read the whole body, and close the connection. Then sending fails, and hyper would not
/// read the answer that has arrived. So this discards what can't be sent, and reports no error. Reading then gives the answer,
/// or the end of the connection.
pub(super) struct PatientConnection {
    stream: TokioIo<TcpStream>,
    is_broken: bool,
}

impl PatientConnection {
    pub(super) fn new(stream: TokioIo<TcpStream>) -> Self {
        Self { stream, is_broken: false }
    }

    /// How much counts as sent.
    fn sent(&mut self, result: io::Result<usize>, length: usize) -> usize {
        self.is_broken |= result.is_err();
        result.unwrap_or(length)
    }
}

impl Read for PatientConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for PatientConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken {
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        polled.map(|result| Ok(self.sent(result, bytes.len())))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        if self.is_broken {
            return Poll::Ready(Ok(length));
        }
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        polled.map(|result| Ok(self.sent(result, length)))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_broken {
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        polled.map(|result| {
            self.is_broken |= result.is_err();
            Ok(())
        })
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
