//! A connection whose other end must take what is sent: an answer that nobody reads would keep its memory and its place among
//! the connections for ever.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A connection that fails when none of what is sent was taken for too long; everything else is unchanged.
pub struct Patience<S> {
    inner: S,
    limit: Duration,
    /// Runs while the other end takes nothing.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Patience<S> {
    /// Waits this long for the other end.
    pub fn new(inner: S, limit: Duration) -> Patience<S> {
        Patience { inner, limit, timer: None }
    }

    fn limited<T>(&mut self, context: &mut Context<'_>, outcome: Poll<Result<T>>) -> Poll<Result<T>> {
        if outcome.is_ready() {
            self.timer = None;
            return outcome;
        }
        let limit = self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(Error::from(ErrorKind::TimedOut))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.limited(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.limited(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(context);
        self.limited(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn what_nobody_takes_ends_the_connection() {
        let (near, far) = duplex(16);
        let mut near = Patience::new(near, Duration::from_millis(20));
        near.write_all(&[1; 16]).await.unwrap();
        assert_eq!(near.write_all(&[2; 16]).await.unwrap_err().kind(), ErrorKind::TimedOut);
        drop(far);
    }

    #[tokio::test]
    async fn what_is_taken_arrives_whole() {
        let (near, mut far) = duplex(16);
        let mut near = Patience::new(near, Duration::from_secs(60));
        let sender = tokio::spawn(async move { near.write_all(&[7; 10_000]).await });
        let mut taken = Vec::new();
        far.read_to_end(&mut taken).await.unwrap();
        sender.await.unwrap().unwrap();
        assert_eq!(taken, [7; 10_000]);
    }
}
