//! The least HTTP/1.1 client that measures honestly: one kept-alive connection, no allocation per exchange.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for an answer; a server that needs longer is broken, not slow.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
/// Largest answer: the calls of the set-up answer with lists of a few hundred names.
const ANSWER_BYTES: usize = 4 << 20;
const FIRST_BUFFER: usize = 16 << 10;

/// One connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer; the body lives until the next exchange.
#[derive(Debug)]
pub struct Answer<'c> {
    /// The HTTP status.
    pub status: u16,
    /// The body, all of it.
    pub body: &'c [u8],
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WAIT))?;
        Ok(Client { stream, buffer: vec![0; FIRST_BUFFER] })
    }

    /// Sends a whole request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer has no length, or more than 4 MiB.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        let head = loop {
            filled += self.read_some(filled)?;
            if let Some(end) = end_of_head(&self.buffer[..filled]) {
                break end;
            }
        };
        let (status, length) = parse_head(&self.buffer[..head])?;
        let end = head + length;
        if end > ANSWER_BYTES {
            return Err(malformed("the answer is too large"));
        }
        if end > self.buffer.len() {
            self.buffer.resize(end, 0);
        }
        while filled < end {
            filled += self.read_some(filled)?;
        }
        if filled > end {
            return Err(malformed("bytes follow the answer"));
        }
        Ok(Answer { status, body: &self.buffer[head..end] })
    }

    fn read_some(&mut self, filled: usize) -> io::Result<usize> {
        if filled == self.buffer.len() {
            if filled >= ANSWER_BYTES {
                return Err(malformed("the answer's head is too large"));
            }
            self.buffer.resize(filled * 2, 0);
        }
        match self.stream.read(&mut self.buffer[filled..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }
}

/// A request's bytes, ready to be sent many times. `headers` are whole lines without their ends.
pub fn request(verb: &str, target: &str, headers: &[String], body: Option<&[u8]>) -> Vec<u8> {
    let mut text = format!("{verb} {target} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if let Some(body) = body {
        text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body.unwrap_or_default());
    bytes
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|start| start + 4)
}

fn parse_head(head: &[u8]) -> io::Result<(u16, usize)> {
    let text = std::str::from_utf8(head).map_err(|_| malformed("the answer's head is no text"))?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    match (status, length) {
        (Some(status), Some(length)) => Ok((status, length)),
        (None, _) => Err(malformed("no status in the answer")),
        (_, None) => Err(malformed("no Content-Length in the answer")),
    }
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_gives_status_and_length() {
        let (status, length) = parse_head(b"HTTP/1.1 404 Not Found\r\ncontent-LENGTH: 17\r\nx: y\r\n\r\n").unwrap();
        assert_eq!((status, length), (404, 17));
    }

    #[test]
    fn a_head_without_a_length_is_refused() {
        assert!(parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_carries_its_headers_and_the_length_of_its_body() {
        let bytes = request("PATCH", "/x", &["A: b".to_owned()], Some(b"{}"));
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("PATCH /x HTTP/1.1\r\n"));
        assert!(text.contains("\r\nA: b\r\n"));
        assert!(text.ends_with("Content-Length: 2\r\n\r\n{}"));
    }
}
