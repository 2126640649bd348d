//! What is encoded and what is not, however the bytes arrive; and a real connection.

use super::super::target::TargetEncoder;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const HEAD_LIMIT: usize = 4096;

/// Delivers one chunk per read, or what of it fits.
struct Chunks(VecDeque<Vec<u8>>);

impl AsyncRead for Chunks {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if let Some(mut chunk) = self.0.pop_front() {
            let rest = chunk.split_off(chunk.len().min(buffer.remaining()));
            buffer.put_slice(&chunk);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What a reader with a buffer of `room` bytes sees of these chunks.
fn seen(chunks: impl IntoIterator<Item = Vec<u8>>, room: usize) -> Vec<u8> {
    let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
    let mut connection = TargetEncoder::new(Chunks(chunks), HEAD_LIMIT);
    let (mut out, mut space) = (Vec::new(), vec![0; room]);
    loop {
        let mut buffer = ReadBuf::new(&mut space);
        let read = Pin::new(&mut connection).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer);
        assert!(matches!(read, Poll::Ready(Ok(()))));
        if buffer.filled().is_empty() {
            return out;
        }
        out.extend_from_slice(buffer.filled());
    }
}

/// Asserts what becomes of a stream, wherever it is cut in two and however small the reader's buffer is.
fn assert_seen(stream: impl AsRef<[u8]>, expected: impl AsRef<[u8]>) {
    let (stream, expected) = (stream.as_ref(), expected.as_ref());
    for cut in 0..=stream.len() {
        for room in [1, 2, 7, 8192] {
            let out = seen([stream[..cut].to_vec(), stream[cut..].to_vec()], room);
            let (out, expected) = (String::from_utf8_lossy(&out), String::from_utf8_lossy(expected));
            assert_eq!(out, expected, "cut at {cut}, room for {room}");
        }
    }
}

fn assert_unchanged(stream: &str) {
    assert_seen(stream, stream);
}

#[test]
fn targets_are_encoded_and_nothing_else() {
    assert_seen(
        "GET /a`b?filter=(id>5)and(x<\"y\")&{z}|^~\\ HTTP/1.1\r\nHost: <a>\"b\"`c`\r\nX>: <\r\n\r\n",
        "GET /a%60b?filter=(id%3E5)and(x%3C%22y%22)&{z}|^~\\ HTTP/1.1\r\nHost: <a>\"b\"`c`\r\nX>: <\r\n\r\n",
    );
    assert_seen("GET /%3E?a=%>+'#! HTTP/1.0\n\n", "GET /%3E?a=%%3E+'#! HTTP/1.0\n\n");
    assert_seen("GET /ü HTTP/1.1\r\n\r\n", "GET /%C3%BC HTTP/1.1\r\n\r\n");
    assert_seen(b"GET /?\xFC HTTP/1.1\r\nX: \xFC\r\n\r\n", b"GET /?%FC HTTP/1.1\r\nX: \xFC\r\n\r\n");
}

#[test]
fn requests_follow_each_other_with_bodies_that_look_like_requests() {
    let body = "\r\n\r\nGET /x?a>b HTTP/1.1\r\n\r\n";
    let length = body.len();
    let head = format!("HTTP/1.1\r\nHost: t\r\ncontent-LENGTH:\t {length} \t\r\nAccept: */*\r\n\r\n");
    assert_seen(
        format!("POST /?1>0 {head}{body}\r\n\nGET /?2>0 HTTP/1.1\r\n\r\nPUT /?3>0 {head}{body}GET /?4>0 HTTP/1.1\r\n"),
        format!(
            "POST /?1%3E0 {head}{body}\r\n\nGET /?2%3E0 HTTP/1.1\r\n\r\nPUT /?3%3E0 {head}{body}GET /?4%3E0 HTTP/1.1\r\n"
        ),
    );
    let none = "HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
    assert_seen(format!("GET /> {none}GET /> {none}"), format!("GET /%3E {none}GET /%3E {none}"));
}

#[test]
fn framing_that_is_not_plain_ends_the_encoding() {
    for field in [
        "Transfer-Encoding: chunked",
        "TRANSFER-ENCODING:chunked",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Content-Length: 0\r\nContent-Length: 0",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 0, 0",
        "Content-Length: 0 0",
        "Content-Length: +0",
        "Content-Length: 0x0",
        "Content-Length:",
        "Content-Length: 18446744073709551616",
        "Content-Length : 0",
        " Content-Length: 0",
        ": 0",
        "Upgrade: h2c",
        "X: a\r\n folded",
        "X: a\rb",
        "X: a\0b",
        "no colon",
    ] {
        let rest = format!("HTTP/1.1\r\nHost: t\r\n{field}\r\n\r\nGET /> HTTP/1.1\r\n\r\n");
        assert_seen(format!("POST /> {rest}"), format!("POST /%3E {rest}"));
    }
    // Names that only begin like those, or are their beginnings, are plain.
    for field in ["Transfer-Encodings: a", "Content-Lengthy: x", "Upgrade-Insecure-Requests: 1", "Content: x"] {
        let rest = format!("HTTP/1.1\r\n{field}\r\n\r\n");
        assert_seen(format!("GET /> {rest}GET /> {rest}"), format!("GET /%3E {rest}GET /%3E {rest}"));
    }
}

#[test]
fn lines_that_are_no_plain_requests_end_the_encoding() {
    for line in [
        "CONNECT /",
        "connect /",
        "CONNECT t:80",
        "GET http://t/",
        "OPTIONS * HTTP/1.1\r\n\r\nGET /",
        "GET  /",
        " GET /",
        "\rGET /",
        "G>T /",
        "GET /\r",
        "GET /\t",
        "GET / HTTP/1.1",
        "GET /a\r\nGET /",
        "GET / HTTP/2.0\r\n\r\nGET /",
        "GET / HTTP/1.1 \r\n\r\nGET /",
        "GET / HTTP/1.1\rX\n\r\nGET /",
    ] {
        assert_unchanged(&format!("{line}> HTTP/1.1\r\n\r\nGET /> HTTP/1.1\r\n\r\n"));
    }
    assert_seen("CONNECTED /> HTTP/1.1\r\n\r\n", "CONNECTED /%3E HTTP/1.1\r\n\r\n");
}

#[test]
fn a_head_beyond_the_limit_ends_the_encoding() {
    let head = |length: usize| {
        let rest = " HTTP/1.1\r\n\r\n";
        format!("GET /{}{rest}", "x".repeat(length - "GET /".len() - rest.len()))
    };
    let next = |target: &str| format!("GET /{target} HTTP/1.1\r\n\r\n");
    for room in [1, 8192] {
        let longest = seen([(head(HEAD_LIMIT) + &next(">")).into_bytes()], room);
        assert_eq!(longest, (head(HEAD_LIMIT) + &next("%3E")).into_bytes());
        let longer = (head(HEAD_LIMIT + 1) + &next(">")).into_bytes();
        assert_eq!(seen([longer.clone()], room), longer);
    }
}

/// A text that needs encoding, and the text encoded by its definition.
fn target() -> impl Strategy<Value = (String, String)> {
    "/[a-z?&=%/\"<>`é{}|^\\\\'()+;,.]{0,24}".prop_map(|target| {
        let encode = |c: char| match c {
            '"' => "%22".to_owned(),
            '<' => "%3C".to_owned(),
            '>' => "%3E".to_owned(),
            '`' => "%60".to_owned(),
            'é' => "%C3%A9".to_owned(),
            other => other.to_string(),
        };
        let encoded = target.chars().map(encode).collect();
        (target, encoded)
    })
}

/// A request and what is to be seen of it.
fn request() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let field = "[a-zA-Z-]{1,20}: [a-z<>\" :`]{0,20}".prop_filter("decides about the body", |field| {
        let name = field.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !["content-length", "transfer-encoding", "upgrade"].contains(&name.as_str())
    });
    let body = prop_oneof![Just(String::new()), "(GET /x\\?a>b|[<>a\r\n]){1,20}"];
    let fields = prop::collection::vec(field, 0..4);
    let parts = (prop::sample::select(vec!["GET", "POST", "X"]), target(), fields, body, any::<bool>(), any::<bool>());
    parts.prop_map(|(method, (target, encoded), fields, body, has_returns, has_length)| {
        let end = if has_returns { "\r\n" } else { "\n" };
        let mut rest = format!(" HTTP/1.1{end}");
        for field in fields {
            rest += &(field + end);
        }
        if has_length || !body.is_empty() {
            rest += &format!("Content-Length: {}{end}", body.len());
        }
        rest += &format!("{end}{body}");
        (format!("{method} {target}{rest}").into_bytes(), format!("{method} {encoded}{rest}").into_bytes())
    })
}

/// Cuts bytes into pieces of these lengths, over and over.
fn cut(bytes: &[u8], lengths: &[usize]) -> Vec<Vec<u8>> {
    let (mut rest, mut pieces) = (bytes, Vec::new());
    for length in lengths.iter().cycle() {
        let (piece, after) = rest.split_at((*length).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    pieces
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..40, 1..6)
}

proptest! {
    #[test]
    fn requests_come_out_as_defined_however_they_are_cut(
        requests in prop::collection::vec(request(), 1..5), lengths in lengths(), room in 1usize..64,
    ) {
        let (sent, expected): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
        prop_assert_eq!(seen(cut(&sent.concat(), &lengths), room), expected.concat());
    }

    #[test]
    fn any_bytes_come_out_the_same_however_they_are_cut(
        bytes in prop::collection::vec(prop::sample::select(&b"GET /<\xE9> HTTP/1.1\r\n\r\n\nContent-Length: 3\r\n"[..]), 0..80),
        lengths in lengths(), room in 1usize..64,
    ) {
        prop_assert_eq!(seen(cut(&bytes, &lengths), room), seen([bytes], 8192));
    }

    #[test]
    fn from_chunked_bodies_on_nothing_changes(
        (before, expected) in request(), after in prop::collection::vec(any::<u8>(), 0..80), lengths in lengths(),
    ) {
        let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let sent = [&before[..], head, &after].concat();
        prop_assert_eq!(seen(cut(&sent, &lengths), 64), [&expected[..], head, &after].concat());
    }
}

/// Answers with the target and the body as they were understood.
async fn echo(request: hyper::Request<Incoming>) -> Result<hyper::Response<Full<Bytes>>, hyper::Error> {
    let target = request.uri().to_string();
    let body = request.into_body().collect().await?.to_bytes();
    Ok(hyper::Response::new(Full::new(Bytes::from(format!("[{target}|{}]", String::from_utf8_lossy(&body))))))
}

#[tokio::test]
async fn calls_on_one_connection_are_understood_by_the_http_library() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let connection = TokioIo::new(TargetEncoder::new(stream, HEAD_LIMIT));
        http1::Builder::new().serve_connection(connection, service_fn(echo)).await.unwrap();
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = "GET /x?a>b HTTP/1.1\r\n\r\n";
    let post = format!("POST /?n<1 HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let last = "GET /`last`?filter=name=\"é\" HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    let calls = format!("GET /todo?filter=id>5 HTTP/1.1\r\nHost: t\r\n\r\n{post}{last}");
    stream.write_all(calls.as_bytes()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    for answer in ["[/todo?filter=id%3E5|]", &format!("[/?n%3C1|{body}]"), "[/%60last%60?filter=name=%22%C3%A9%22|]"] {
        assert!(answers.contains(answer), "{answer} is missing in: {answers}");
    }
}
