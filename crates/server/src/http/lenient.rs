//! A connection that forgives request lines with characters which must be percent-encoded, but which people type.
//!
//! `filter=id>5` is what a hand writes and what many clients send as it is; the HTTP library refuses such a line without an
//! explanation. So those characters are encoded on their way in. Bodies and header fields pass untouched: to know where
//! the next request line begins, the length of every head and body is followed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Characters that the library refuses in a URL.
const FORGIVEN: &[u8] = b"\"<>`";
/// How much of a header field is looked at; more than the two fields of interest need.
const FIELD_BYTES: usize = 64;

/// Where in its stream of requests a client is.
#[derive(Debug, PartialEq)]
enum Place {
    /// In a request line, or in empty lines before it.
    Line { is_empty: bool },
    /// In the header; holds the beginning of the current field, and what is known of the body.
    Header { field: Vec<u8>, body: u64, is_chunked: bool },
    /// In a body with so many bytes to come.
    Body(u64),
    /// After a chunked body began: the next request line can't be found, so nothing is forgiven any more.
    Unknown,
}

/// Follows the places of a client's stream.
#[derive(Debug)]
struct Follower(Place);

impl Follower {
    /// Follows these bytes and returns them with what must be encoded; none when nothing must be.
    fn follow(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut encoded: Option<Vec<u8>> = None;
        let mut index = 0;
        while let Some(byte) = bytes.get(index).copied() {
            let mut length = 1;
            match &mut self.0 {
                Place::Unknown => length = bytes.len() - index,
                Place::Body(rest) => {
                    length = usize::try_from(*rest).unwrap_or(usize::MAX).min(bytes.len() - index);
                    *rest -= length as u64;
                    if *rest == 0 {
                        self.0 = Place::Line { is_empty: true };
                    }
                }
                Place::Line { is_empty } if FORGIVEN.contains(&byte) => {
                    *is_empty = false;
                    let out = encoded.get_or_insert_with(|| bytes[..index].to_vec());
                    out.extend_from_slice(format!("%{byte:02X}").as_bytes());
                    index += 1;
                    continue;
                }
                Place::Line { is_empty: false } if byte == b'\n' => {
                    self.0 = Place::Header { field: Vec::new(), body: 0, is_chunked: false };
                }
                Place::Line { is_empty } => *is_empty &= matches!(byte, b'\r' | b'\n'),
                Place::Header { field, body, is_chunked } => {
                    if byte != b'\n' {
                        if byte != b'\r' && field.len() < FIELD_BYTES {
                            field.push(byte);
                        }
                    } else if !field.is_empty() {
                        read_field(field, body, is_chunked);
                        field.clear();
                    } else if *is_chunked {
                        self.0 = Place::Unknown;
                    } else if *body > 0 {
                        self.0 = Place::Body(*body);
                    } else {
                        self.0 = Place::Line { is_empty: true };
                    }
                }
            }
            if let Some(out) = &mut encoded {
                out.extend_from_slice(&bytes[index..index + length]);
            }
            index += length;
        }
        encoded
    }
}

/// Takes the length of the body from a header field that tells it.
fn read_field(field: &[u8], body: &mut u64, is_chunked: &mut bool) {
    let text = String::from_utf8_lossy(field).to_ascii_lowercase();
    match text.split_once(':') {
        Some(("content-length", length)) => *body = length.trim().parse().unwrap_or(0),
        Some(("transfer-encoding", _)) => *is_chunked = true,
        _ => {}
    }
}

/// A connection whose request lines are repaired while they are read.
pub struct Lenient<S> {
    inner: S,
    follower: Follower,
    /// Repaired bytes that did not fit into the reader's buffer.
    pending: Vec<u8>,
    /// How many of them have been handed out.
    taken: usize,
}

impl<S> Lenient<S> {
    /// Reads from this connection.
    pub fn new(inner: S) -> Lenient<S> {
        let follower = Follower(Place::Line { is_empty: true });
        Lenient { inner, follower, pending: Vec::new(), taken: 0 }
    }

    fn hand_out(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = buffer.remaining().min(self.pending.len() - self.taken);
        buffer.put_slice(&self.pending[self.taken..self.taken + length]);
        self.taken += length;
        if self.taken == self.pending.len() {
            self.pending.clear();
            self.taken = 0;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lenient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.pending.is_empty() {
            let start = buffer.filled().len();
            ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
            if let Some(repaired) = self.follower.follow(&buffer.filled()[start..]) {
                buffer.set_filled(start);
                self.pending = repaired;
            }
        }
        if !self.pending.is_empty() {
            self.hand_out(buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lenient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    /// What comes out when the bytes come in parts of this size.
    fn repaired(text: &str, part: usize) -> String {
        let mut follower = Follower(Place::Line { is_empty: true });
        let parts = text.as_bytes().chunks(part);
        let out: Vec<u8> = parts.flat_map(|part| follower.follow(part).unwrap_or_else(|| part.to_vec())).collect();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_request_lines_are_repaired_however_the_bytes_arrive() {
        let head = "Host: <a>\r\nContent-Length: 9\r\n\r\n";
        let body = "\r\nGET /<>";
        let rest = "HTTP/1.1\r\nX: \"<\"\r\n\r\n\r\n";
        let text = format!("POST /a?x>5 HTTP/1.1\r\n{head}{body}GET /`\" {rest}PUT /<\r\n");
        let expected = format!("POST /a?x%3E5 HTTP/1.1\r\n{head}{body}GET /%60%22 {rest}PUT /%3C\r\n");
        for part in [1, 2, 3, 7, 1000] {
            assert_eq!(repaired(&text, part), expected, "in parts of {part}");
        }
    }

    #[test]
    fn after_a_chunked_body_nothing_is_touched() {
        let text =
            "POST /> HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<>\"\r\n0\r\n\r\nGET /> HTTP/1.1\r\n\r\n";
        assert_eq!(repaired(text, 5), text.replacen("/>", "/%3E", 1));
    }

    #[tokio::test]
    async fn a_small_buffer_gets_the_repaired_line_piece_by_piece() {
        let line = &b"GET /?filter=id>5&x=<\"y\"> HTTP/1.1\r\n\r\n"[..];
        let mut lenient = Lenient::new(line);
        let (mut out, mut buffer) = (Vec::new(), [0; 3]);
        loop {
            match lenient.read(&mut buffer).await.unwrap() {
                0 => break,
                length => out.extend_from_slice(&buffer[..length]),
            }
        }
        assert_eq!(out, b"GET /?filter=id%3E5&x=%3C%22y%22%3E HTTP/1.1\r\n\r\n");
    }
}
