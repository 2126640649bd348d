//! A connection whose request targets are percent-encoded where people leave it out: `filter=id>5` is what a hand
//! writes and many clients send, but the HTTP library refuses it without an explanation.
//!
//! Bytes pass straight into the reader's buffer and are looked at there, once. Only when one of them must be encoded
//! is the rest of that read copied, at most three times as large.

use super::framing::Framing;
use percent_encoding::percent_encode_byte;
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that encodes what request targets must not hold while it is read; everything else is unchanged.
pub struct TargetEncoder<S> {
    inner: S,
    framing: Framing,
    /// What an encoded read still has to deliver.
    pending: Vec<u8>,
    /// How much of that is delivered.
    delivered: usize,
}

impl<S> TargetEncoder<S> {
    /// Reads from this connection. After a head of more than `head_bytes` nothing is encoded any more.
    pub fn new(inner: S, head_bytes: usize) -> TargetEncoder<S> {
        TargetEncoder { inner, framing: Framing::new(head_bytes), pending: Vec::new(), delivered: 0 }
    }

    /// Encodes what was read after the first `start` bytes; what follows the first encoded byte is delivered anew.
    fn encode(&mut self, buffer: &mut ReadBuf<'_>, start: usize) {
        let read = &buffer.filled()[start..];
        let Some(first) = self.framing.scan(read) else { return };
        self.pending.extend_from_slice(percent_encode_byte(read[first]).as_bytes());
        let mut rest = &read[first + 1..];
        while let Some(next) = self.framing.scan(rest) {
            self.pending.extend_from_slice(&rest[..next]);
            self.pending.extend_from_slice(percent_encode_byte(rest[next]).as_bytes());
            rest = &rest[next + 1..];
        }
        self.pending.extend_from_slice(rest);
        buffer.set_filled(start + first);
    }

    fn deliver(&mut self, buffer: &mut ReadBuf<'_>) {
        let rest = &self.pending[self.delivered..];
        let length = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..length]);
        self.delivered += length;
        if self.delivered == self.pending.len() {
            // Gives the memory back: most connections never need it again.
            self.pending = Vec::new();
            self.delivered = 0;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TargetEncoder<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if self.pending.is_empty() {
            let start = buffer.filled().len();
            ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
            self.encode(buffer, start);
        }
        if !self.pending.is_empty() {
            self.deliver(buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TargetEncoder<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
