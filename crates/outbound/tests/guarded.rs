//! Calls to real servers on this machine: what is sent, what is read, and what is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use antiphon_model::{Headers, Limits, Object, OutboundSettings, Value, Verb, json};
use antiphon_outbound::{Answer, Call, Client, Failure, Guard};
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const LOCAL: [&str; 2] = ["127.0.0.1", "localhost"];

/// A call without anything.
fn call(address: impl Into<String>) -> Call {
    Call {
        verb: Verb::Get,
        address: address.into(),
        parameters: Object::new(),
        headers: Headers::new(),
        payload: Value::Null,
        options: Object::new(),
    }
}

fn options(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

fn client_with(settings: OutboundSettings, change: impl FnOnce(&mut Limits)) -> Client {
    let mut limits = Limits { outbound_connect_ms: 3000, outbound_total_ms: 5000, ..Limits::default() };
    change(&mut limits);
    Client::new(&settings, &limits).unwrap()
}

/// A client that may call this machine.
fn client() -> Client {
    client_with(OutboundSettings { allow: LOCAL.map(str::to_owned).to_vec(), ca_file: None }, |_| {})
}

fn local() -> Guard<'static> {
    Guard { hosts: Some(LOCAL.to_vec()), deadline: None }
}

async fn ask(call: Call) -> Result<Answer, Failure> {
    client().call(call, &local()).await
}

/// Reads a request: its head, and a body of the length that it tells.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        text.extend_from_slice(&chunk[..count]);
        let seen = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = seen.split_once("\r\n\r\n") else {
            if count == 0 {
                return seen;
            }
            continue;
        };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if count == 0 || body.len() >= length.unwrap_or(0) {
            return seen;
        }
    }
}

/// A server that answers each connection with what `answer` makes of the request; it gives its port.
async fn serve(answer: impl Fn(String) -> Vec<u8> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let request = read_request(&mut stream).await;
                let _ = stream.write_all(&answer(request)).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

fn ok(kind: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A server that answers with the request that it was sent.
async fn echo() -> u16 {
    serve(|request| ok("text/plain", &request)).await
}

fn text(answer: &Answer) -> &str {
    answer.content.as_str().unwrap()
}

#[tokio::test]
async fn what_the_script_says_is_sent_and_nothing_else() {
    let port = echo().await;
    let answer = ask(Call {
        verb: Verb::Post,
        parameters: options(json!({ "q": "a b&c", "list": [1, 2] })),
        headers: Headers::from_iter([("x-mine".to_owned(), "1".to_owned()), ("host".to_owned(), "evil".to_owned())]),
        payload: json!({ "a": 1 }),
        ..call(format!("http://127.0.0.1:{port}/path?x=1#part"))
    })
    .await
    .unwrap();
    let mut lines: Vec<&str> = text(&answer).lines().collect();
    assert_eq!(lines.remove(0), "POST /path?x=1&q=a+b%26c&list%5B0%5D=1&list%5B1%5D=2 HTTP/1.1");
    lines.sort_unstable();
    let agent = concat!("user-agent: antiphon/", env!("CARGO_PKG_VERSION"));
    let host = format!("host: 127.0.0.1:{port}");
    let expected = [
        "",
        "accept-encoding: identity",
        "accept: */*",
        "content-length: 7",
        "content-type: application/json",
        &host,
        agent,
        "x-mine: 1",
        "{\"a\":1}",
    ];
    assert_eq!(lines, expected);
    assert_eq!(answer.notes, ["the header 'host' is not the script's to set"]);
}

#[tokio::test]
async fn options_of_curl_mean_what_they_mean_there() {
    let port = echo().await;
    let sent = |given: Value| async move {
        let answer = ask(Call { options: options(given), ..call(format!("http://127.0.0.1:{port}/")) }).await.unwrap();
        (text(&answer).to_owned(), answer.notes)
    };
    for (given, line) in [
        (json!({ "CURLOPT_USERPWD": "ann:secret" }), "authorization: Basic YW5uOnNlY3JldA=="),
        (json!({ "10005": "ann:secret" }), "authorization: Basic YW5uOnNlY3JldA=="),
        (json!({ "CURLOPT_USERNAME": "ann", "CURLOPT_PASSWORD": "secret" }), "authorization: Basic YW5uOnNlY3JldA=="),
        (json!({ "CURLOPT_XOAUTH2_BEARER": "t" }), "authorization: Bearer t"),
        (json!({ "CURLOPT_USERAGENT": "mine" }), "user-agent: mine"),
        (json!({ "CURLOPT_HTTPHEADER": ["X-A: 1", "X-B:2"] }), "x-b: 2"),
        (json!({ "CURLOPT_COOKIE": "a=1" }), "cookie: a=1"),
        (json!({ "CURLOPT_CUSTOMREQUEST": "PURGE" }), "PURGE / HTTP/1.1"),
        (json!({ "CURLOPT_POSTFIELDS": { "a": "1 2", "b": [3] } }), "a=1+2&b%5B0%5D=3"),
        (json!({ "CURLOPT_POSTFIELDS": "a=1" }), "content-type: application/x-www-form-urlencoded"),
    ] {
        let (request, notes) = sent(given.clone()).await;
        assert!(request.lines().any(|sent| sent == line), "{given}: {request}");
        assert!(notes.is_empty(), "{notes:?}");
    }
    let (_, notes) = sent(json!({ "CURLOPT_PROXY": "evil:1", "CURLOPT_RETURNTRANSFER": true })).await;
    assert_eq!(notes, ["the option 'CURLOPT_PROXY' is not supported"]);
    for given in [json!({ "CURLOPT_SSL_VERIFYPEER": false }), json!({ "64": 0 })] {
        let refused = ask(Call { options: options(given), ..call(format!("http://127.0.0.1:{port}/")) }).await;
        assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
    }
    let with_user = ask(call(format!("http://ann:se%63ret@127.0.0.1:{port}/"))).await.unwrap();
    assert!(text(&with_user).contains("Basic YW5uOnNlY3JldA=="), "{with_user:?}");
}

#[tokio::test]
async fn answers_are_read_by_their_type() {
    let port = serve(|request| match request.split(' ').nth(1) {
        Some("/json") => ok("application/problem+json; charset=utf-8", "{\"a\":[1]}"),
        Some("/broken") => ok("application/json", "{\"a\":"),
        Some("/xml") => ok("application/xml", "<a/>"),
        Some("/bytes") => b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe".to_vec(),
        Some("/teapot") => b"HTTP/1.1 418 Teapot\r\nx-a: 1\r\nx-a: 2\r\n\r\nshort and stout".to_vec(),
        _ => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
    })
    .await;
    let content =
        |path: &'static str| async move { ask(call(format!("http://127.0.0.1:{port}{path}"))).await.unwrap() };
    assert_eq!(content("/json").await.content, json!({ "a": [1] }));
    assert_eq!(content("/broken").await.content, json!("{\"a\":"));
    assert_eq!(content("/xml").await.content, json!("<a/>"));
    assert_eq!(content("/none").await.content, json!(null));
    let bytes = content("/bytes").await;
    assert_eq!((bytes.content, &*bytes.headers["content-transfer-encoding"]), (json!("//4="), "base64"));
    let teapot = content("/teapot").await;
    assert_eq!((teapot.status, teapot.content, &*teapot.headers["x-a"]), (418, json!("short and stout"), "1, 2"));
}

#[tokio::test]
async fn private_addresses_are_refused_in_whatever_clothes() {
    let port = echo().await;
    let guard = Guard { hosts: Some(vec!["*.nip.example", "localhost"]), deadline: None };
    let closed = client_with(OutboundSettings::default(), |_| {});
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "10.0.0.1",
        "[fe80::1]",
        "[64:ff9b::7f00:1]",
        "１２７.0.0.1",
    ] {
        let address = format!("http://{host}:{port}/");
        for guard in [&Guard::default(), &guard] {
            let refused = closed.call(call(&address), guard).await;
            assert!(matches!(refused, Err(Failure::Refused(_))), "{address}: {refused:?}");
        }
        // Allowed by the server alone is not enough, and named by the script alone isn't either.
        let refused = client().call(call(&address), &Guard::default()).await;
        assert!(matches!(refused, Err(Failure::Refused(_))), "{address}: {refused:?}");
    }
    for address in ["http://[fe80::1%25eth0]/", "http://", "http:///x", "nothing"] {
        let wrong = closed.call(call(address), &Guard::default()).await;
        assert!(matches!(wrong, Err(Failure::Invalid(_) | Failure::Broken(_))), "{address}: {wrong:?}");
    }
    for address in
        ["file:///etc/passwd", "ftp://1.1.1.1/", "gopher://1.1.1.1:70/", "http://1.1.1.1:22/", "https://8.8.8.8:25/"]
    {
        let refused = closed.call(call(address), &Guard::default()).await;
        assert!(matches!(refused, Err(Failure::Refused(_))), "{address}: {refused:?}");
    }
    let elsewhere = client().call(call("http://1.1.1.1/"), &local()).await;
    assert!(matches!(elsewhere, Err(Failure::Refused(message)) if message.contains("'hosts'")));
    assert!(ask(call(format!("http://localhost:{port}/"))).await.is_ok());
}

#[tokio::test]
async fn redirects_are_followed_and_checked() {
    let other = echo().await;
    let port = serve(move |request| {
        let to = match request.split(' ').nth(1).unwrap_or_default() {
            "/inside" => "http://169.254.169.254/latest/meta-data".to_owned(),
            "/file" => "file:///etc/passwd".to_owned(),
            "/loop" => "/loop".to_owned(),
            "/keep" => {
                return format!("HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:{other}/there\r\n\r\n").into_bytes();
            }
            "/away" => format!("http://127.0.0.1:{other}/there"),
            "/near" => "/there".to_owned(),
            _ => return ok("text/plain", &request),
        };
        format!("HTTP/1.1 302 Go\r\nlocation: {to}\r\ncontent-length: 4\r\n\r\ngone").into_bytes()
    })
    .await;
    let with_secrets = |path: &str| Call {
        verb: Verb::Post,
        payload: json!({ "a": 1 }),
        headers: Headers::from_iter([("x-api-key".to_owned(), "key".to_owned())]),
        options: options(json!({ "CURLOPT_USERPWD": "ann:secret", "CURLOPT_COOKIE": "c" })),
        ..call(format!("http://127.0.0.1:{port}{path}"))
    };
    for (path, message) in [("/inside", "private"), ("/file", "http and https"), ("/loop", "too often")] {
        let failure = ask(call(format!("http://127.0.0.1:{port}{path}"))).await.unwrap_err();
        assert!(
            failure.to_string().contains(message) || failure.to_string().contains("does not name"),
            "{path}: {failure}"
        );
    }
    let near = ask(with_secrets("/near")).await.unwrap();
    assert!(
        text(&near).starts_with("GET /there ")
            && text(&near).contains("authorization")
            && text(&near).contains("x-api-key")
    );
    let away = ask(with_secrets("/away")).await.unwrap();
    assert!(text(&away).starts_with("GET /there "), "{away:?}");
    for secret in ["authorization", "cookie", "x-api-key", "content-type"] {
        assert!(!text(&away).contains(secret), "{secret}: {away:?}");
    }
    let kept = ask(with_secrets("/keep")).await.unwrap();
    assert!(text(&kept).starts_with("POST /there ") && text(&kept).ends_with("{\"a\":1}"), "{kept:?}");
    let stay = ask(Call { options: options(json!({ "CURLOPT_FOLLOWLOCATION": false })), ..with_secrets("/away") })
        .await
        .unwrap();
    assert_eq!((stay.status, stay.content), (302, json!("gone")));
}

#[tokio::test]
async fn servers_that_never_end_are_left() {
    let endless = serve_raw(b"HTTP/1.1 200 OK\r\n\r\n", b"data").await;
    let head = serve_raw(b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n").await;
    let silent = serve_raw(b"", b"").await;
    let chunks = serve_raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\na\r\n").await;
    let small = client_with(OutboundSettings { allow: vec!["127.0.0.1".into()], ca_file: None }, |limits| {
        limits.outbound_response_bytes = 100_000;
        limits.outbound_header_bytes = 16 << 10;
    });
    let timeout = options(json!({ "CURLOPT_TIMEOUT_MS": 300 }));
    for (port, message) in
        [(endless, "more than 100000 bytes"), (chunks, "more than 100000 bytes"), (head, "within the limits")]
    {
        let failure = small.call(call(format!("http://127.0.0.1:{port}/")), &local()).await.unwrap_err();
        assert!(failure.to_string().contains(message), "{failure}");
    }
    let late = small.call(Call { options: timeout, ..call(format!("http://127.0.0.1:{silent}/")) }, &local()).await;
    assert!(matches!(late, Err(Failure::Late(_))), "{late:?}");
    let guard = Guard { deadline: Some(Instant::now() + Duration::from_millis(200)), ..local() };
    let late = small.call(call(format!("http://127.0.0.1:{silent}/")), &guard).await;
    assert!(matches!(late, Err(Failure::Late(_))), "{late:?}");
    let told = serve(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n".to_vec()).await;
    let failure = small.call(call(format!("http://127.0.0.1:{told}/")), &local()).await.unwrap_err();
    assert!(failure.to_string().contains("more than"), "{failure}");
    let packed =
        serve(|_| b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00".to_vec())
            .await;
    let failure = small.call(call(format!("http://127.0.0.1:{packed}/")), &local()).await.unwrap_err();
    assert!(failure.to_string().contains("packed"), "{failure}");
    let garbage = serve(|_| b"SSH-2.0-OpenSSH\r\n".to_vec()).await;
    let failure = small.call(call(format!("http://127.0.0.1:{garbage}/")), &local()).await.unwrap_err();
    assert_eq!(failure.status(), 502);
}

/// A server that sends `first`, then `then` for ever; or nothing, and holds the line.
async fn serve_raw(first: &'static [u8], then: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(first).await;
                let many = then.repeat(1000);
                while !many.is_empty() && stream.write_all(&many).await.is_ok() {}
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn only_so_many_calls_are_under_way() {
    let port = serve_raw(b"", b"").await;
    let one = client_with(OutboundSettings { allow: vec!["127.0.0.1".into()], ca_file: None }, |limits| {
        limits.outbound_concurrency = 1;
    });
    let guard = local();
    let first = one.call(call(format!("http://127.0.0.1:{port}/")), &guard);
    let second = async {
        tokio::task::yield_now().await;
        one.call(call(format!("http://127.0.0.1:{port}/")), &guard).await
    };
    tokio::select! {
        biased;
        first = first => panic!("{first:?}"),
        second = second => assert_eq!(second, Err(Failure::Busy)),
    }
}

/// A server with a certificate for `localhost`, and the authority that it is from.
async fn serve_tls() -> (u16, String) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let request = read_request(&mut stream).await;
                let _ = stream.write_all(&ok("text/plain", &request)).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (port, cert.pem())
}

#[tokio::test]
async fn certificates_are_verified_against_the_authorities_of_the_settings() {
    let (port, authority) = serve_tls().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.as_bytes()).unwrap();
    let allow = LOCAL.map(str::to_owned).to_vec();
    let trusting = client_with(OutboundSettings { allow, ca_file: Some(file.path().to_owned()) }, |_| {});
    let answer = trusting.call(call(format!("https://localhost:{port}/a")), &local()).await.unwrap();
    assert!(text(&answer).starts_with("GET /a HTTP/1.1"), "{answer:?}");
    let wrong_name = trusting.call(call(format!("https://127.0.0.1:{port}/")), &local()).await.unwrap_err();
    let unknown = ask(call(format!("https://localhost:{port}/"))).await.unwrap_err();
    for failure in [wrong_name, unknown] {
        assert!(failure.to_string().contains("certificate"), "{failure}");
    }
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let limits = Limits::default();
    let wrong = OutboundSettings { allow: vec!["http://x".into()], ca_file: None };
    assert!(Client::new(&wrong, &limits).err().unwrap().to_string().contains("outbound.allow"));
    let missing = OutboundSettings { allow: Vec::new(), ca_file: Some("no/such/file.pem".into()) };
    assert!(Client::new(&missing, &limits).is_err());
}
