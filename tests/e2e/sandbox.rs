//! A component that tries to get out: each way is refused, told in the log, and counted.

use http::{Method, Request};
use http_body_util::{BodyExt, Empty};
use image_service_tests::{
    Fault, Harbor, HarborBuilder, Node, OtherServer, Program, RawClient, Version, http2, test_component,
};
use tokio::net::TcpStream;

/// A component that asks for what a test tells it to, on a node with a Harbor.
pub(crate) struct Escaping {
    harbor: Harbor,
    pub(crate) program: Program,
}

impl Escaping {
    async fn new() -> Self {
        Self::with(Harbor::of(Version::V2_12)).await
    }

    pub(crate) async fn with(harbor: HarborBuilder) -> Self {
        let harbor = harbor.repository("a/b", 3).start().await.unwrap();
        let program = Node::builder().composition(test_component("escapes")).harbor(&harbor).start().unwrap();
        Self { harbor, program }
    }

    /// Where Harbor is, without a scheme.
    fn authority(&self) -> String {
        self.harbor.url.trim_start_matches("http://").to_owned()
    }

    /// Has it ask for this; what it got, in words.
    pub(crate) async fn asks(&self, told: &[(&str, &str)]) -> String {
        let authority = self.authority();
        let mut headers = vec![("ask-authority", authority.as_str())];
        if told.iter().any(|(name, _)| *name == "ask-authority") {
            headers.clear();
        }
        headers.extend(told);
        let response = self.program.request(Method::GET, "/ask", &headers).await.unwrap();
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }

    /// Asserts that it is refused, and that Harbor gets nothing.
    async fn is_refused(&self, told: &[(&str, &str)]) {
        let answer = self.asks(told).await;
        assert!(answer.starts_with("refused: "), "{told:?}: {answer}");
        assert_eq!(self.harbor.requests().len(), 0, "{told:?}");
    }

    /// Asserts that so many refusals were counted for this reason, and that the log has these words.
    async fn was_told(&self, reason: &str, count: usize, words: &str) {
        let sample = format!("image_service_refused_total{{reason=\"{reason}\"}}");
        self.program.await_sample(&sample, count as f64).await.unwrap();
        self.program.await_log(words).await.unwrap();
    }
}

#[tokio::test]
async fn what_it_may_ask_for_is_answered_so_the_refusals_mean_something() {
    let escaping = Escaping::new().await;
    assert_eq!(escaping.asks(&[]).await, "answered 200");
    assert_eq!(escaping.harbor.requests().len(), 1);
}

#[tokio::test]
async fn it_sees_no_environment_and_no_arguments() {
    let escaping = Escaping::new().await;
    let told = escaping.program.get("/environment").await.unwrap().text().await.unwrap();
    assert_eq!(told, "variables [], arguments []");
}

#[tokio::test]
async fn it_does_not_learn_the_name_that_its_client_asked_for_so_answers_are_for_all_names() {
    let escaping = Escaping::new().await;
    let address = &escaping.program.address;
    for (target, host) in [("/asked", "one.example"), ("http://another.example/asked", "another.example")] {
        let mut client = RawClient::connect(address).await.unwrap();
        client.send(&format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")).await.unwrap();
        let answer = String::from_utf8(client.end().await.1).unwrap();
        assert!(answer.contains("/asked of None"), "{target}: {answer}");
    }
    let stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let (mut client, _connection) = http2(stream, 65_535).await.unwrap();
    let request = Request::get("http://a-third.example/asked").body(Empty::new()).unwrap();
    let body = client.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "/asked of None");
}

#[tokio::test]
async fn it_can_not_have_the_host_hold_more_answers_than_its_memory_takes() {
    let large = format!("\"{}\"", "x".repeat(20 << 20));
    let harbor = Harbor::of(Version::V2_12).fault("/large", Fault::Json(large.into())).fault("/small", Fault::NoRows);
    let escaping = Escaping::with(harbor).await;
    escaping.asks(&[]).await;
    let before = escaping.program.usage().unwrap().resident;
    let hoards = async |path: &str| {
        let authority = escaping.authority();
        let told = [("ask-path", path), ("ask-times", "150"), ("ask-authority", authority.as_str())];
        escaping.program.request(Method::GET, "/hoard", &told).await.unwrap().text().await.unwrap()
    };
    assert_eq!(hoards("/large").await, "3 answers");
    let peak = escaping.program.peak_memory().unwrap() - before;
    assert!(peak < 300 * 1024, "{peak} kB");
    assert_eq!(hoards("/small").await, "96 answers", "the others wait until some are read");
    assert_eq!(escaping.asks(&[]).await, "answered 200", "another request has an instance of its own");
}

#[tokio::test]
async fn other_destinations_are_refused_without_a_connection() {
    let escaping = Escaping::new().await;
    let other = OtherServer::new().unwrap();
    let elsewhere = other.url().unwrap().replace("http://", "");
    let port = escaping.authority().rsplit_once(':').unwrap().1.to_owned();
    let destinations = [
        elsewhere.clone(),
        "169.254.169.254".to_owned(),
        "169.254.169.254:80".to_owned(),
        "[fd00:ec2::254]".to_owned(),
        "metadata.google.internal".to_owned(),
        "0.0.0.0".to_owned(),
        "[::1]".to_owned(),
        "127.0.0.1".to_owned(),
        "127.0.0.1:1".to_owned(),
        // Names that resolve to where Harbor is, as one that rebinds does: only Harbor's own name is looked up.
        format!("localhost:{port}"),
        format!("127.0.0.1.nip.io:{port}"),
        // Other ways to write Harbor's own address, which another reader could take for something else.
        format!("2130706433:{port}"),
        format!("0177.0.0.1:{port}"),
        format!("127.1:{port}"),
        format!("127.0.0.1.:{port}"),
    ];
    for destination in &destinations {
        escaping.is_refused(&[("ask-authority", destination)]).await;
    }
    assert!(!other.was_contacted().unwrap());
    escaping.was_told("destination", destinations.len(), "169.254.169.254").await;
}

#[tokio::test]
async fn another_scheme_is_another_destination() {
    let escaping = Escaping::new().await;
    for scheme in ["https", "ftp", "file", "unix"] {
        escaping.is_refused(&[("ask-scheme", scheme)]).await;
    }
    assert_eq!(escaping.harbor.connections(), 0);
}

#[tokio::test]
async fn an_address_that_reads_in_two_ways_is_refused() {
    let escaping = Escaping::new().await;
    let other = OtherServer::new().unwrap();
    let (own, elsewhere) = (escaping.authority(), other.url().unwrap().replace("http://", ""));
    for authority in [
        format!("{own}@{elsewhere}"),
        format!("{elsewhere}@{own}"),
        format!("user:password@{own}"),
        format!("{own}\\@{elsewhere}"),
        format!("{own}#@{elsewhere}"),
        format!("{own}/@{elsewhere}"),
        format!("{own}, {elsewhere}"),
        format!("{own} {elsewhere}"),
    ] {
        escaping.is_refused(&[("ask-authority", &authority)]).await;
    }
    assert!(!other.was_contacted().unwrap());
}

#[tokio::test]
async fn a_path_can_not_name_another_host_or_begin_another_request() {
    let escaping = Escaping::new().await;
    let other = OtherServer::new().unwrap();
    let elsewhere = other.url().unwrap();
    for path in [
        elsewhere.as_str(),
        "/x HTTP/1.1%0D%0AHost: evil%0D%0A%0D%0AGET /y",
        "/x y",
        "x",
        "LONG",
        "@evil.example/",
        ":1/x",
    ] {
        let answer = escaping.asks(&[("ask-path", path)]).await;
        assert!(answer.starts_with("refused: ") || answer == "answered 404", "{path:?}: {answer}");
    }
    // Two slashes at the beginning of a path are a path.
    let doubled = format!("//{}", elsewhere.replace("http://", ""));
    escaping.asks(&[("ask-path", &doubled)]).await;
    assert!(!other.was_contacted().unwrap());
    for request in escaping.harbor.requests() {
        assert_eq!(request.headers["host"], escaping.authority().as_str(), "{request:?}");
        assert!(!request.target.contains(' ') && request.target.len() < 1000, "{request:?}");
    }
}

#[tokio::test]
async fn harbor_is_only_read() {
    let escaping = Escaping::new().await;
    let methods = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND"];
    for method in methods {
        escaping.is_refused(&[("ask-method", method)]).await;
    }
    escaping.was_told("method", methods.len(), "DELETE").await;
    let answer = escaping.asks(&[("ask-body", "a body that GET does not have")]).await;
    assert_eq!(answer, "answered 200");
    let requests = escaping.harbor.requests();
    assert!(
        !requests[0].headers.contains_key("content-length") && !requests[0].headers.contains_key("transfer-encoding")
    );
}

#[tokio::test]
async fn headers_that_frame_forward_or_log_in_never_leave() {
    let escaping = Escaping::new().await;
    let headers = [
        "authorization: Basic ZXZpbDpldmls",
        "proxy-authorization: Basic ZXZpbDpldmls",
        "cookie: sid=1",
        "forwarded: for=127.0.0.1;host=evil",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: evil.example",
        "x-original-url: /admin",
        "x-http-method-override: DELETE",
        "host: evil.example",
        "connection: close, authorization",
        "keep-alive: timeout=1",
        "te: trailers",
        "trailer: x",
        "upgrade: websocket",
        "transfer-encoding: chunked",
        "content-length: 5",
        "expect: 100-continue",
        "http2-settings: AAMAAABkAAQAAP__",
        "via: 1.1 evil",
    ];
    let mut answered = 0;
    for header in headers {
        let answer = escaping.asks(&[("ask-header", header)]).await;
        assert!(answer == "answered 200" || answer.starts_with("refused: headers"), "{header}: {answer}");
        answered += usize::from(answer == "answered 200");
    }
    let own = escaping.harbor.config();
    let (user, password) = (own["user"].as_str().unwrap(), own["password"].as_str().unwrap());
    for request in escaping.harbor.requests() {
        for (name, value) in &request.headers {
            let expected = ["host", "accept", "accept-encoding", "authorization", "traceparent", "user-agent"];
            assert!(expected.contains(&name.as_str()), "{name}: {value:?} was sent");
        }
        assert_eq!(request.headers["host"], escaping.authority().as_str());
        assert!(
            !request.login().unwrap().contains("ZXZpb"),
            "the login is {user}'s, with {} characters",
            password.len()
        );
    }
    assert!(answered > 5, "some pass WASI's own rules: {answered}");
    escaping.was_told("header", answered, "x-forwarded-host").await;
}

#[tokio::test]
async fn a_line_break_in_a_header_is_no_header() {
    let escaping = Escaping::new().await;
    for header in ["accept: a%0D%0Ax-evil: 1", "accept%0D%0Ax-evil: 1", "x evil: 1", ": 1"] {
        escaping.is_refused(&[("ask-header", header)]).await;
    }
}

#[tokio::test]
async fn absurd_lengths_are_refused() {
    let escaping = Escaping::new().await;
    let long = format!("accept: {}", "a".repeat(9_000));
    escaping.is_refused(&[("ask-header", &long)]).await;
    let path = format!("/api/v2.0/{}", "a".repeat(9_000));
    escaping.is_refused(&[("ask-path", &path)]).await;
    escaping.was_told("length", 2, "refused to a component").await;
}

#[tokio::test]
async fn a_redirect_does_not_take_the_login_elsewhere() {
    let other = OtherServer::new().unwrap();
    let escaping = Escaping::with(Harbor::of(Version::V2_12).fault("/", Fault::RedirectTo(other.url().unwrap()))).await;
    let answer = escaping.asks(&[]).await;
    assert!(answer.contains("not the configured Harbor"), "{answer}");
    assert!(!other.was_contacted().unwrap());
    escaping.was_told("redirect", 1, &other.url().unwrap()).await;
}
