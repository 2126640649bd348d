//! The edge through a real socket, with a stand-in behind the door.

use super::{Cors, Door, Edge, TrustedProxies, serve};
use antiphon_gateway::{Answer, Credentials};
use antiphon_model::{Content, Error, Limits, Object, Request, Response, Result, Value};
use antiphon_services::cors::CorsRule;
use async_trait::async_trait;
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// Tells what it was asked; some services behave in their own way.
struct Echo {
    entered: Notify,
    released: Notify,
}

#[async_trait]
impl Door for Echo {
    async fn call(&self, mut request: Request, credentials: Credentials) -> Answer {
        let response = match request.service.as_str() {
            "panics" => panic!("as asked"),
            "missing" => Response::from(&Error::not_found("Could not find a service for missing")),
            "bytes" => {
                let content = Content::Bytes(request.content.clone());
                Response { content, content_type: Some("image/png".into()), ..Response::ok(Value::Null) }
            }
            "script" => {
                request.headers.insert("accept".into(), "application/xml".into());
                Response::ok(json!({"a": 1}))
            }
            "slow" => {
                self.entered.notify_one();
                self.released.notified().await;
                Response::ok(json!({"done": true}))
            }
            _ => Response::ok(json!({
                "verb": request.verb, "service": request.service, "resource": request.resource,
                "parameters": request.parameters, "payload": request.payload,
                "key": credentials.api_key, "token": credentials.session_token,
            })),
        };
        Answer { response, request }
    }

    async fn status(&self, credentials: &Credentials) -> Result<Option<Object>> {
        let is_admin = credentials.session_token.as_deref() == Some("admin");
        Ok(is_admin.then(|| Object::from_iter([("demo".to_owned(), Value::Bool(false))])))
    }

    fn is_set_up(&self) -> Result<bool> {
        Ok(true)
    }

    fn set_up(&self, _person: &Object) -> Result<()> {
        Err(Error::bad_request("This door has no accounts."))
    }
}

/// A running edge; it stops when told or dropped.
struct Running {
    address: std::net::SocketAddr,
    door: Arc<Echo>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<bool>,
}

async fn start(limits: Limits) -> Running {
    let door = Arc::new(Echo { entered: Notify::new(), released: Notify::new() });
    let edge = Arc::new(Edge::new(
        door.clone(),
        Cors::new(Arc::default(), CorsRule::of_origins(&["http://page.example".into()], &limits).ok()),
        TrustedProxies::default(),
        limits.clone(),
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(async move {
        serve(listener, edge, &limits, async {
            stopped.await.ok();
        })
        .await
    });
    Running { address, door, stop, server }
}

impl Running {
    /// Sends a request as it is and reads until the server closes.
    async fn exchange(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    async fn send(&self, line: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}");
        self.exchange(&format!("{head}\r\n{body}")).await
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn body(answer: &str) -> Value {
    let text = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {answer}"))
}

#[tokio::test]
async fn a_call_goes_through_the_door_and_back() {
    let server = start(Limits::default()).await;
    let headers = "X-HTTP-Method: GET\r\nContent-Type: application/json\r\nX-DreamFactory-Api-Key: k\r\nAuthorization: Bearer t\r\n";
    let answer = server.send("POST /api/v2/db/_table/todo/?fields=id", headers, r#"{"filter":"id=1"}"#).await;
    assert_eq!(status(&answer), "200");
    assert_eq!(
        body(&answer),
        json!({
            "verb": "GET", "service": "db", "resource": "_table/todo/",
            "parameters": {"fields": "id", "filter": "id=1"}, "payload": {"filter": "id=1"}, "key": "k", "token": "t",
        })
    );
}

#[tokio::test]
async fn characters_that_people_type_need_no_encoding() {
    let server = start(Limits::default()).await;
    let answer = server.send("GET /api/v2/db/_table/\"a\"?filter=(id>5)and(id<9)and{x}=`y`|^", "", "").await;
    let call = body(&answer);
    assert_eq!(call["resource"], "_table/\"a\"");
    assert_eq!(call["parameters"], json!({"filter": "(id>5)and(id<9)and{x}=`y`|^"}));
}

#[tokio::test]
async fn every_failure_is_an_envelope() {
    let server = start(Limits { body_bytes: 10, ..Limits::default() }).await;
    let json_type = "Content-Type: application/json\r\n";
    for (line, headers, content, expected) in [
        ("GET /api/v2/missing", "", "", "404"),
        ("GET /api/v2/panics", "", "", "500"),
        ("GET /nosuch/path", "", "", "404"),
        ("POST /nosuch/path", "", "", "405"),
        ("TRACE /api/v2/db", "", "", "405"),
        ("GET /api/v2/files/%2e%2e/x", "", "", "400"),
        ("GET /api/v2/db/a%00b", "", "", "400"),
        ("POST /api/v2/db", json_type, "{bad", "400"),
        ("POST /api/v2/db", json_type, "[1,2,3,4,5,6]", "413"),
    ] {
        let answer = server.send(line, headers, content).await;
        assert_eq!(status(&answer), expected, "{line}: {answer}");
        let error = &body(&answer)["error"];
        assert_eq!(error["status_code"].to_string(), expected, "{line}");
        assert!(error["message"].is_string() && error.get("context").is_some() && error.get("code").is_some());
    }
    assert!(server.send("GET /api/v2/db", "", "").await.starts_with("HTTP/1.1 200"), "it lives on after a panic");
}

#[tokio::test]
async fn a_body_without_length_is_cut_off_at_the_limit() {
    let server = start(Limits { body_bytes: 10, ..Limits::default() }).await;
    let head = "POST /api/v2/bytes HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let within = server.exchange(&format!("{head}a\r\n0123456789\r\n0\r\n\r\n")).await;
    assert!(within.ends_with("\r\n\r\n0123456789") && within.contains("content-type: image/png"), "{within}");
    let beyond = server.exchange(&format!("{head}b\r\n01234567890\r\n0\r\n\r\n")).await;
    assert_eq!(status(&beyond), "413");
    assert!(beyond.contains("10 bytes"), "{beyond}");
    let announced = "POST /api/v2/db HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\n\r\n";
    let refused = server.exchange(announced).await;
    assert!(refused.starts_with("HTTP/1.1 413") && refused.contains("connection: close"), "{refused}");
}

#[tokio::test]
async fn head_options_and_the_pages() {
    let server = start(Limits::default()).await;
    let head = server.send("HEAD /api/v2/db", "", "").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    let options = server.send("OPTIONS /api/v2/db", "", "").await;
    assert!(options.starts_with("HTTP/1.1 200") && options.contains("allow: GET, HEAD, POST"), "{options}");
    assert_eq!(body(&server.send("GET /status", "", "").await)["status"], "ok");
    assert_eq!(body(&server.send("GET /", "", "").await)["api"], "/api/v2");
    assert!(server.send("GET /", "Accept: text/html,*/*;q=0.8\r\n", "").await.contains("<h1>Antiphon is running"));
}

#[tokio::test]
async fn the_request_that_scripts_left_decides_the_format() {
    let server = start(Limits::default()).await;
    let answer = server.send("GET /api/v2/script", "Accept: application/json\r\n", "").await;
    assert!(answer.contains("content-type: application/xml") && answer.contains("<dfapi>\n\t<a>1</a>"), "{answer}");
}

#[tokio::test]
async fn pages_of_allowed_origins_read_errors_too() {
    let server = start(Limits::default()).await;
    let answer = server.send("GET /api/v2/missing", "Origin: http://page.example\r\n", "").await;
    assert!(answer.contains("access-control-allow-origin: http://page.example"), "{answer}");
    let preflight = "Origin: http://page.example\r\nAccess-Control-Request-Method: PUT\r\n";
    assert_eq!(status(&server.send("OPTIONS /api/v2/db", preflight, "").await), "204");
}

#[tokio::test]
async fn oversized_headers_and_trickled_bodies_end() {
    let limits = Limits { header_bytes: 8192, request_read_ms: 100, ..Limits::default() };
    let server = start(limits).await;
    let long = format!("X-Long: {}\r\n", "x".repeat(9000));
    let refused = server.send("GET /api/v2/db", &long, "").await;
    assert_eq!(status(&refused), "431");
    assert!(body(&refused)["error"]["message"].to_string().contains("header_bytes"), "{refused}");
    let absurd = format!("X-Long: {}\r\n", "x".repeat(40_000));
    assert_eq!(status(&server.send("GET /api/v2/db", &absurd, "").await), "431");
    let trickle = "POST /api/v2/db HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 5\r\n\r\nab";
    assert_eq!(status(&server.exchange(trickle).await), "408");
}

#[tokio::test]
async fn a_shutdown_lets_calls_in_flight_finish() {
    let Running { address, door, stop, server } = start(Limits::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /api/v2/slow HTTP/1.1\r\nHost: t\r\n\r\n").await.unwrap();
    door.entered.notified().await;
    stop.send(()).unwrap();
    // The listener is closed before the wait for the call begins.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.is_finished());
    door.released.notify_one();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("{\"done\":true}"), "{answer}");
    assert!(server.await.unwrap(), "every call finished in time");
}

#[tokio::test]
async fn a_call_goes_on_without_its_client_and_takes_up_room() {
    let Running { address, door, stop, server } = start(Limits { connections: 1, ..Limits::default() }).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /api/v2/slow HTTP/1.1\r\nHost: t\r\n\r\n").await.unwrap();
    door.entered.notified().await;
    drop(stream);
    let mut next = TcpStream::connect(address).await.unwrap();
    next.write_all(b"GET /api/v2/db HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    next.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "503");
    stop.send(()).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.is_finished(), "the call without a client is waited for");
    door.released.notify_one();
    assert!(server.await.unwrap());
}
