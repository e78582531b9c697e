//! TLS of the listener: what is spoken, whose certificates are taken, and that new ones count without a restart.

use crate::listing::{assert_says, node_rows};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use image_service_tests::{Authority, Node, Program, RawClient, eventually, http1, http2, skip};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A node with a certificate, and who signed it.
struct Fixture {
    node: Node,
    authority: Authority,
}

impl Fixture {
    /// With this in `access_config` besides, and this `limits_config`.
    fn new(more: Value, limits: Value) -> Self {
        let access = json!({"access_config": {"tls_certificate": "tls.crt", "tls_key": "tls.key"}});
        let more = json!({"access_config": more, "limits_config": limits});
        let node = Node::builder().some_images().config(access).config(more).build().unwrap();
        let fixture = Self { node, authority: Authority::new().unwrap() };
        fixture.renew();
        fixture.authority.write(&fixture.node.path("ca.pem")).unwrap();
        fixture
    }

    /// Issues a certificate and a key for the program.
    fn renew(&self) {
        self.authority
            .issue(&["localhost", "127.0.0.1"], &self.node.path("tls.crt"), &self.node.path("tls.key"))
            .unwrap();
    }

    fn client(&self, protocols: &[&str]) -> ClientConfig {
        self.authority.client(None, protocols).unwrap()
    }
}

async fn connect(program: &Program, client: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(program.address.trim_start_matches("https://")).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(client)).connect(name, stream).await
}

/// The answer to a request over HTTP/1.1.
async fn get(program: &Program, client: ClientConfig, path: &str, token: &str) -> std::io::Result<Response<Incoming>> {
    let stream = connect(program, client).await?;
    let mut sender = http1(stream).await.map_err(std::io::Error::other)?;
    let request = Request::get(path).header("host", "localhost").header("authorization", token);
    sender.send_request(request.body(Empty::new()).unwrap()).await.map_err(std::io::Error::other)
}

/// The certificate that the program shows.
async fn shown(program: &Program, client: ClientConfig) -> CertificateDer<'static> {
    let stream = connect(program, client).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test]
async fn http_2_and_http_1_1_are_spoken_over_tls() {
    let fixture = Fixture::new(json!({}), json!({}));
    let program = fixture.node.start().unwrap();
    assert!(program.address.starts_with("https://127.0.0.1:"), "{}", program.address);
    let answer = get(&program, fixture.client(&["http/1.1"]), "/images", "").await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=86400");
    let body = async |answer: Response<Incoming>| -> Bytes { answer.into_body().collect().await.unwrap().to_bytes() };
    let listing: Value = serde_json::from_slice(&body(answer).await).unwrap();
    assert_eq!(node_rows(&listing).len(), 3);

    let stream = connect(&program, fixture.client(&["h2", "http/1.1"])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, _) = http2(stream, 65_535).await.unwrap();
    let request = Request::get("https://localhost/images").body(Empty::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (http::StatusCode::OK, http::Version::HTTP_2));
    assert_eq!(serde_json::from_slice::<Value>(&body(answer).await).unwrap(), listing);
}

#[test]
fn curl_is_served_with_tls_1_2_and_newer_and_not_with_older() {
    let fixture = Fixture::new(json!({}), json!({}));
    let program = fixture.node.start().unwrap();
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "20", "--cacert"]).arg(fixture.node.path("ca.pem"));
        command.args(arguments).arg(format!("{}/images", program.address)).output()
    };
    let Ok(output) = curl(&["--tls-max", "1.2"]) else {
        skip("there is no curl").unwrap();
        return;
    };
    assert!(String::from_utf8_lossy(&output.stdout).contains("harbor_images"), "{output:?}");
    let output = curl(&["--tlsv1.3"]).unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("harbor_images"), "{output:?}");
    // SECLEVEL=0 has curl offer what it would not by itself.
    let output = curl(&["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"]).unwrap();
    assert!(!output.status.success(), "{output:?}");
}

#[tokio::test]
async fn the_cookie_of_a_login_over_tls_is_for_tls_only() {
    let fixture = Fixture::new(json!({"token_file": "tokens"}), json!({}));
    fixture.node.write("tokens", "a-token-of-the-test").unwrap();
    let program = fixture.node.start().unwrap();
    for (path, body) in [("/login", "token=a-token-of-the-test"), ("/logout", "")] {
        let mut stream = connect(&program, fixture.client(&["http/1.1"])).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}", body.len());
        let head = format!(
            "{head}\r\ncontent-type: application/x-www-form-urlencoded\r\naccept: text/html\r\nconnection: close"
        );
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let cookie = answer.lines().find(|line| line.starts_with("set-cookie: ")).unwrap();
        assert!(answer.starts_with("HTTP/1.1 303") && cookie.ends_with("; Secure"), "{answer}");
    }
}

#[tokio::test]
async fn tokens_are_asked_for_over_tls_too() {
    let fixture = Fixture::new(json!({"token_file": "tokens"}), json!({}));
    fixture.node.write("tokens", "a-token-of-the-test").unwrap();
    let program = fixture.node.start().unwrap();
    for (token, status) in [("", 401), ("Bearer a-token-of-the-test", 200)] {
        let answer = get(&program, fixture.client(&["http/1.1"]), "/images", token).await.unwrap();
        assert_eq!(answer.status(), status);
    }
}

/// A program that serves only clients with a certificate of one authority, and such a client.
struct WithClients {
    fixture: Fixture,
    program: Program,
    known: ClientConfig,
}

impl WithClients {
    fn new() -> Self {
        let fixture = Fixture::new(json!({"client_ca": "clients.pem"}), json!({}));
        let known = Self::trust_new_clients(&fixture);
        Self { program: fixture.node.start().unwrap(), fixture, known }
    }

    /// Makes another authority the one of the clients, and returns a client of it.
    fn trust_new_clients(fixture: &Fixture) -> ClientConfig {
        let clients = Authority::new().unwrap();
        clients.write(&fixture.node.path("clients.pem")).unwrap();
        Self::of(fixture, &clients)
    }

    fn of(fixture: &Fixture, authority: &Authority) -> ClientConfig {
        let (certificate, key) = (fixture.node.path("client.crt"), fixture.node.path("client.key"));
        authority.issue(&["a-client"], &certificate, &key).unwrap();
        fixture.authority.client(Some((&certificate, &key)), &["http/1.1"]).unwrap()
    }

    async fn is_served(&self, client: &ClientConfig) -> bool {
        get(&self.program, client.clone(), "/healthz", "").await.is_ok_and(|answer| answer.status() == 200)
    }
}

/// The status of the answer over this connection, and what it says of it.
async fn ask_again(open: &mut SendRequest<Empty<Bytes>>) -> (u16, Option<String>) {
    let request = Request::get("/healthz").header("host", "localhost").body(Empty::new()).unwrap();
    let answer = open.send_request(request).await.unwrap();
    let connection = answer.headers().get("connection").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), connection)
}

#[tokio::test]
async fn with_client_ca_only_clients_with_a_certificate_of_that_authority_are_served() {
    let served = WithClients::new();
    assert!(served.is_served(&served.known).await);
    let unknown = WithClients::of(&served.fixture, &Authority::new().unwrap());
    for client in [unknown, served.fixture.client(&["http/1.1"])] {
        assert!(get(&served.program, client, "/healthz", "").await.is_err());
    }
}

#[tokio::test]
async fn clients_of_an_authority_that_counts_no_more_lose_their_open_connections_too() {
    let served = WithClients::new();
    let mut open = http1(connect(&served.program, served.known.clone()).await.unwrap()).await.unwrap();
    assert_eq!(ask_again(&mut open).await, (200, None));
    // A new certificate of the program changes nothing for its clients.
    served.fixture.renew();
    served.program.await_log("changed; the new content is in use").await.unwrap();
    assert_eq!(ask_again(&mut open).await, (200, None));
    let others = WithClients::trust_new_clients(&served.fixture);
    eventually("clients of the new authority are served", async || served.is_served(&others).await).await.unwrap();
    assert_eq!(ask_again(&mut open).await, (421, Some("close".to_owned())));
    assert!(!served.is_served(&served.known).await);
}

#[tokio::test]
async fn a_session_of_tls_is_taken_up_again_only_where_clients_need_no_certificate() {
    let kinds = async |program: &Program, client: ClientConfig| {
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut open = http1(connect(program, client.clone()).await.unwrap()).await.unwrap();
            assert_eq!(ask_again(&mut open).await.0, 200);
            let stream = connect(program, client.clone()).await.unwrap();
            kinds.push(stream.get_ref().1.handshake_kind().unwrap());
        }
        kinds
    };
    let served = WithClients::new();
    assert_eq!(kinds(&served.program, served.known.clone()).await, [HandshakeKind::Full; 2]);
    let fixture = Fixture::new(json!({}), json!({}));
    let program = fixture.node.start().unwrap();
    let open_to_all = kinds(&program, fixture.client(&["http/1.1"])).await;
    assert!(open_to_all.contains(&HandshakeKind::Resumed), "{open_to_all:?}");
}

#[tokio::test]
async fn a_client_without_its_certificate_reads_why_and_the_log_tells_it_once() {
    let served = WithClients::new();
    for _ in 0..3 {
        let refused = get(&served.program, served.fixture.client(&["http/1.1"]), "/healthz", "").await.unwrap_err();
        assert_says(&format!("{refused:?}"), &["CertificateRequired"]);
    }
    served.program.await_log("a client got no connection with TLS: ").await.unwrap();
    assert_eq!(served.program.log().matches("got no connection with TLS").count(), 1, "{}", served.program.log());
}

/// Takes a minute. Runs beside another test that does, see `operators_files`.
pub(crate) async fn clients_are_served_for_a_minute_after_their_authority_is_gone() {
    let served = WithClients::new();
    let mut open = http1(connect(&served.program, served.known.clone()).await.unwrap()).await.unwrap();
    let authority = std::fs::read(served.fixture.node.path("clients.pem")).unwrap();
    let begun = Instant::now();
    std::fs::remove_file(served.fixture.node.path("clients.pem")).unwrap();
    served.program.await_log("grants nothing any more").await.unwrap();
    while begun.elapsed() < Duration::from_secs(50) {
        assert!(served.is_served(&served.known).await, "{:?}", begun.elapsed());
        assert_eq!(ask_again(&mut open).await, (200, None));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // A connection that is idle for longer than header_timeout would end for that.
    loop {
        match ask_again(&mut open).await {
            (200, None) => assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed()),
            ended => break assert_eq!(ended, (421, Some("close".to_owned()))),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(!served.is_served(&served.known).await);
    std::fs::write(served.fixture.node.path("clients.pem"), authority).unwrap();
    eventually("it is back", async || served.is_served(&served.known).await).await.unwrap();
}

#[tokio::test]
async fn a_new_certificate_counts_as_soon_as_its_files_change_and_a_broken_one_changes_nothing() {
    let fixture = Fixture::new(json!({"token_file": "tokens"}), json!({}));
    fixture.node.write("tokens", "a-first-token-of-the-test").unwrap();
    let program = fixture.node.start().unwrap();
    let client = || fixture.client(&["http/1.1"]);
    let first = shown(&program, client()).await;
    // A connection that is open stays open.
    let stream = connect(&program, client()).await.unwrap();
    let mut open = http1(stream).await.unwrap();

    let key = std::fs::read(fixture.node.path("tls.key")).unwrap();
    fixture.renew();
    let new_key = std::fs::read(fixture.node.path("tls.key")).unwrap();
    std::fs::write(fixture.node.path("tls.key"), key).unwrap();
    program.await_log("the old content stays in use").await.unwrap();
    assert_says(&program.log(), &["can't be used together"]);
    assert_eq!(shown(&program, client()).await, first);
    // The program looks at the tokens each time that it has looked at the certificate, and takes new ones at its second look.
    fixture.node.write("tokens", "a-token-of-the-test").unwrap();
    program.await_log("tokens changed; the new content is in use").await.unwrap();
    assert_eq!(program.log().matches("the old content stays in use").count(), 1, "{}", program.log());

    std::fs::write(fixture.node.path("tls.key"), new_key).unwrap();
    let renewed = async || shown(&program, client()).await != first;
    eventually("the new certificate", renewed).await.unwrap();
    let request =
        Request::get("/images").header("host", "localhost").header("authorization", "Bearer a-token-of-the-test");
    assert_eq!(open.send_request(request.body(Empty::new()).unwrap()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn sighup_reads_the_certificate_again_and_refuses_a_broken_one() {
    let fixture = Fixture::new(json!({}), json!({}));
    let program = fixture.node.start().unwrap();
    let client = || fixture.client(&["http/1.1"]);
    let first = shown(&program, client()).await;
    std::fs::write(fixture.node.path("tls.crt"), "no certificate").unwrap();
    program.reload_in_vain().await.unwrap();
    assert_says(&program.log(), &["tls.crt holds no certificate in PEM"]);
    assert_eq!(shown(&program, client()).await, first);
    fixture.renew();
    program.reload().await.unwrap();
    assert_ne!(shown(&program, client()).await, first);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up_after_header_timeout() {
    let fixture = Fixture::new(json!({}), json!({"header_timeout": 0.5}));
    let program = fixture.node.start().unwrap();
    for beginning in [&b""[..], b"\x16\x03\x01\x02\0"] {
        let mut client = RawClient::connect(&program.address).await.unwrap();
        client.send(beginning).await.unwrap();
        let (elapsed, _) = client.end().await;
        assert!(elapsed > Duration::from_millis(450) && elapsed < Duration::from_secs(4), "{elapsed:?}");
    }
    let mut client = RawClient::connect(&program.address).await.unwrap();
    client.send("GET /images HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let (_, bytes) = client.end().await;
    assert!(!bytes.starts_with(b"HTTP"), "nothing is answered in the clear");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_at_the_start() {
    for (access, expected) in [
        (json!({"tls_certificate": "nothing", "tls_key": "tls.key"}), "access_config.tls_certificate"),
        (json!({"tls_certificate": "tls.crt", "tls_key": "tls.crt"}), "access_config.tls_key"),
        (json!({"tls_certificate": "tls.crt", "tls_key": "other.key"}), "can't be used together"),
        (json!({"client_ca": "tls.key"}), "access_config.client_ca"),
        (json!({"tls_key": ""}), "access_config.tls_certificate has no tls_key"),
    ] {
        let fixture = Fixture::new(access, json!({}));
        fixture.authority.issue(&["x"], &fixture.node.path("other.crt"), &fixture.node.path("other.key")).unwrap();
        let refusal = fixture.node.launch().refusal().await.unwrap();
        assert_says(&refusal.stderr, &[expected]);
        assert_eq!(refusal.code, Some(2));
    }
}

#[tokio::test]
async fn a_client_that_never_begins_its_handshake_gives_way_to_another() {
    let fixture = Fixture::new(json!({}), json!({"max_connections": 1, "header_timeout": 600}));
    let program = fixture.node.start().unwrap();
    let mut silent = RawClient::connect(&program.address).await.unwrap();
    let _other = connect(&program, fixture.client(&[])).await.unwrap();
    assert!(silent.end().await.0 < Duration::from_secs(4));
}
