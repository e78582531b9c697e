//! Logins of browsers: a token once, a cookie from then on.

use crate::listing::{assert_says, node_rows};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use image_service_tests::{Client, Harbor, Node, NodeBuilder, Program, Response, Version, node_row, test_component};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

const TOKENS: &str = "first-token-of-two\nsecond-token-of-two\n";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const WITH_TOKEN: &str = r#"{"token": "first-token-of-two"}"#;
const WITH_WRONG_TOKEN: &str = r#"{"token": "no-token-of-two"}"#;

/// A node with one image that asks for tokens, and this `access_config` besides.
fn node(access: Value) -> NodeBuilder {
    let asks = json!({"access_config": {"token_file": "tokens"}});
    let node = Node::builder().one_image().file("tokens", TOKENS);
    node.config(asks).config(json!({"access_config": access}))
}

/// The answer to a request with this body and these headers.
async fn post(program: &Program, path: &str, body: &'static str, headers: &[(&str, &str)]) -> Response {
    let request = Request::post(format!("{}{path}", program.address));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Client::default().send(request.body(Full::from(body)).unwrap()).await.unwrap()
}

/// The answer to a login with this body.
async fn log_in(program: &Program, content_type: &str, body: &'static str) -> Response {
    post(program, "/login", body, &[("content-type", content_type)]).await
}

/// The cookie that an answer sets, as a browser sends it.
fn cookie(answer: &Response) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// The cookie of a login with this body.
pub(crate) async fn logged_in(program: &Program, body: &'static str) -> String {
    let answer = log_in(program, JSON, body).await;
    assert_eq!(answer.status(), 204);
    cookie(&answer)
}

/// The status of a request with this cookie.
async fn status(program: &Program, method: Method, path: &str, cookie: &str) -> StatusCode {
    program.request(method, path, &[("cookie", cookie)]).await.unwrap().status()
}

/// Asserts that this is a refusal whose detail has this part.
async fn assert_refused(answer: Response, status: u16, part: &str) {
    assert_eq!((answer.status().as_u16(), answer.header("set-cookie")), (status, ""), "{part}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{part}");
    let problem: Value = answer.json().await.unwrap();
    assert_says(problem["detail"].as_str().unwrap(), &[part]);
}

#[tokio::test]
async fn a_script_gives_a_token_once_and_its_browser_reads_from_then_on() {
    let program = node(json!({})).start().unwrap();
    let answer = log_in(&program, "Application/JSON; charset=utf-8", WITH_TOKEN).await;
    assert_eq!((answer.status().as_u16(), answer.header("cache-control")), (204, "no-store"));
    let set = answer.header("set-cookie").to_owned();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"), "{set}");
    let cookie = cookie(&answer);
    let images = program.request(Method::GET, "/images", &[("cookie", &cookie)]).await.unwrap();
    assert_eq!(node_rows(&images.json().await.unwrap()), [node_row()]);
    for (method, path, expected) in [
        (Method::HEAD, "/images", 200),
        (Method::GET, "/openapi.json", 200),
        (Method::GET, "/nothing", 404),
        (Method::POST, "/images", 401),
        (Method::GET, "/metrics", 401),
        (Method::GET, "/v1/crictl/images", 401),
    ] {
        assert_eq!(status(&program, method.clone(), path, &cookie).await, expected, "{method} {path}");
    }
    assert_eq!(status(&program, Method::GET, "/images", "theme=dark").await, 401);
}

#[tokio::test]
async fn a_form_leads_to_the_page_after_a_right_token_and_a_wrong_one() {
    let program = node(json!({})).start().unwrap();
    let form = [("content-type", FORM), ("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let answer = post(&program, "/login", "token=second-token-of-two", &form).await;
    assert_eq!((answer.status().as_u16(), answer.header("location")), (303, "/"));
    assert_eq!(status(&program, Method::GET, "/images", &cookie(&answer)).await, 200);
    let answer = post(&program, "/login", "token=wrong", &form).await;
    assert_eq!((answer.status().as_u16(), answer.header("location")), (303, "/?login=failed"));
    assert_eq!(answer.header("set-cookie"), "");
    // A script that sends a form reads the status.
    assert_eq!(log_in(&program, FORM, "token=second-token-of-two").await.status(), 204);
    assert_refused(log_in(&program, FORM, "token=wrong").await, 401, "is not in access_config.token_file").await;
}

#[tokio::test]
async fn what_is_no_login_is_refused_with_what_to_do() {
    let program = node(json!({})).start().unwrap();
    let long: &str = Box::leak(format!("token={}", "a".repeat(2000)).into_boxed_str());
    for (content_type, body, status, part) in [
        (JSON, WITH_WRONG_TOKEN, 401, "is not in access_config.token_file"),
        (JSON, r#"{"token": "first-token"}"#, 401, "is not in access_config.token_file"),
        (JSON, r#"{"token": ""}"#, 401, "is not in access_config.token_file"),
        (JSON, "token=first-token-of-two", 400, "send token=TOKEN as a form"),
        (FORM, "password=first-token-of-two", 400, "send token=TOKEN as a form"),
        (FORM, long, 413, "at most 1024 bytes"),
        ("text/plain", WITH_TOKEN, 415, "application/json"),
    ] {
        assert_refused(log_in(&program, content_type, body).await, status, part).await;
    }
    for path in ["/login", "/logout"] {
        let answer = program.get(path).await.unwrap();
        assert_eq!(answer.header("allow"), "POST", "{path}");
        assert_refused(answer, 405, "Use POST").await;
    }
    // No token counts in an address.
    assert_refused(post(&program, "/login?token=first-token-of-two", "", &[]).await, 415, "application/json").await;
}

#[tokio::test]
async fn an_answer_that_is_not_marked_as_open_to_all_is_kept_back() {
    let node = node(json!({})).composition(test_component("misbehaving"));
    let program = node.start().unwrap();
    let cookie = logged_in(&program, WITH_TOKEN).await;
    for path in ["/", "/assets/page.js"] {
        assert_refused(program.get(path).await.unwrap(), 401, "the cookie of POST /login").await;
        assert_eq!(status(&program, Method::GET, path, &cookie).await, 200, "{path}");
    }
}

#[tokio::test]
async fn without_a_token_file_there_is_no_login() {
    let program = Program::demo().unwrap();
    for path in ["/login", "/logout"] {
        let answer = post(&program, path, WITH_TOKEN, &[("content-type", JSON)]).await;
        assert_refused(answer, 404, "access_config.token_file is not set").await;
    }
}

#[tokio::test]
async fn a_forged_or_cut_cookie_opens_nothing() {
    let program = node(json!({})).start().unwrap();
    let cookie = logged_in(&program, WITH_TOKEN).await;
    let (name, value) = cookie.split_once('=').unwrap();
    let (_, sealed) = value.split_once('.').unwrap();
    let cut = &cookie[..cookie.len() - 2];
    for forged in [cut, name, &format!("{name}=9999999999.{sealed}"), &format!("{name}=first-token-of-two")] {
        assert_eq!(status(&program, Method::GET, "/images", forged).await, 401, "{forged}");
    }
}

#[tokio::test]
async fn a_token_that_leaves_the_file_ends_its_sessions_and_no_others() {
    let program = node(json!({})).start().unwrap();
    let first = logged_in(&program, WITH_TOKEN).await;
    let second = logged_in(&program, r#"{"token": "second-token-of-two"}"#).await;
    program.node().write("tokens", "second-token-of-two\nthird-token-of-three\n").unwrap();
    program.await_log("the new content is in use").await.unwrap();
    assert_eq!(status(&program, Method::GET, "/images", &first).await, 401);
    assert_eq!(status(&program, Method::GET, "/images", &second).await, 200);
}

#[tokio::test]
async fn another_program_with_the_same_token_takes_the_cookie() {
    let one = node(json!({})).start().unwrap();
    let digest = format!("sha256:{:x}", Sha256::digest("first-token-of-two"));
    let other = node(json!({})).file("tokens", digest).start().unwrap();
    let cookie = logged_in(&one, WITH_TOKEN).await;
    assert_eq!(status(&other, Method::GET, "/images", &cookie).await, 200);
}

#[tokio::test]
async fn a_logout_ends_the_session_in_this_browser() {
    let program = node(json!({})).start().unwrap();
    let script = post(&program, "/logout", "", &[]).await;
    let form = post(&program, "/logout", "", &[("content-type", FORM), ("accept", "text/html")]).await;
    assert_eq!((script.status().as_u16(), form.status().as_u16(), form.header("location")), (204, 303, "/"));
    for answer in [script, form] {
        assert_says(answer.header("set-cookie"), &["image-service-session=;", "Path=/", "Max-Age=0"]);
    }
}

#[tokio::test]
async fn pages_of_other_origins_neither_log_in_nor_read() {
    let program = node(json!({"cors_origins": ["https://a.example"]})).start().unwrap();
    let cookie = logged_in(&program, WITH_TOKEN).await;
    let foreign = [
        ("origin", "https://a.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for header in foreign {
        for path in ["/login", "/logout"] {
            let answer = post(&program, path, WITH_TOKEN, &[("content-type", JSON), header]).await;
            assert_refused(answer, 403, "another origin").await;
        }
        let answer = program.request(Method::GET, "/images", &[("cookie", &cookie), header]).await.unwrap();
        assert_eq!(answer.status(), 401, "{header:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    for header in [("origin", program.address.as_str()), ("sec-fetch-site", "same-origin")] {
        let answer = post(&program, "/login", WITH_TOKEN, &[("content-type", JSON), header]).await;
        assert_eq!(answer.status(), 204, "{header:?}");
        let answer = program.request(Method::GET, "/images", &[("cookie", &cookie), header]).await.unwrap();
        assert_eq!(answer.status(), 200, "{header:?}");
    }
}

#[tokio::test]
async fn answers_to_sessions_are_kept_here_and_in_no_cache_that_others_share() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let asks = json!({"access_config": {"token_file": "tokens"}});
    let node = Node::builder().no_images().harbor(&harbor).file("tokens", TOKENS).config(asks).cache_lifetime(60);
    let program = node.start().unwrap();
    let cookie = logged_in(&program, WITH_TOKEN).await;
    // The listing that began with the program may have ended already.
    for expected in ["image-service; ", "hit"] {
        let answer = program.request(Method::GET, "/images", &[("cookie", &cookie)]).await.unwrap();
        assert_says(answer.header("cache-status"), &[expected]);
        let all =
            |name: &str| answer.headers().get_all(name).iter().any(|value| value == "private" || value == "cookie");
        assert!(all("cache-control") && all("vary"), "{answer:?}");
        answer.bytes().await.unwrap();
    }
}

#[tokio::test]
async fn after_ten_failures_in_a_minute_a_client_waits_and_another_does_not() {
    let program = node(json!({})).start().unwrap();
    for _ in 0..10 {
        assert_eq!(log_in(&program, JSON, WITH_WRONG_TOKEN).await.status(), 401);
    }
    let answer = log_in(&program, JSON, WITH_TOKEN).await;
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_refused(answer, 429, "Too many logins failed").await;
    assert_eq!(log_in(&program, FORM, "token=first-token-of-two").await.status(), 429);
    let other = from_another_address(&program, WITH_TOKEN).await;
    assert!(other.starts_with("HTTP/1.1 204"), "{other}");
    let bearer = [("authorization", "Bearer first-token-of-two")];
    let metrics = program.request(Method::GET, "/metrics", &bearer).await.unwrap().text().await.unwrap();
    for (outcome, count) in [("failure", 10), ("throttled", 2), ("success", 1)] {
        assert_says(&metrics, &[&format!("image_service_logins_total{{outcome=\"{outcome}\"}} {count}\n")]);
    }
}

/// The answer to a login by another client of this machine.
async fn from_another_address(program: &Program, body: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let address: SocketAddr = program.address.trim_start_matches("http://").parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let length = body.len();
    let head = format!("POST /login HTTP/1.1\r\nhost: {address}\r\ncontent-type: {JSON}\r\ncontent-length: {length}");
    stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn no_log_shows_a_token_or_a_cookie() {
    let logs =
        json!({"app_config": {"log_level_app": "NOTSET", "log_level_file_handler": "NOTSET", "log_file": "app.log"}});
    let mut program = node(json!({})).config(logs).start().unwrap();
    let cookie = logged_in(&program, WITH_TOKEN).await;
    log_in(&program, JSON, WITH_WRONG_TOKEN).await;
    log_in(&program, FORM, "token=another-wrong-token").await;
    assert_eq!(status(&program, Method::GET, "/images", &cookie).await, 200);
    program.await_log("a login from 127.0.0.1 failed").await.unwrap();
    program.terminate().await.unwrap();
    let log = program.log() + program.node().read("app.log").as_str();
    assert_says(&log, &["/login"]);
    let (_, sealed) = cookie.split_once('.').unwrap();
    for secret in ["first-token", "no-token-of-two", "another-wrong", sealed, &sealed[24..60]] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
