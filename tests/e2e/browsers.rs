//! Scripts of web pages: who may read answers, and the headers that keep browsers from doing more with them.

use http::Method;
use image_service_tests::{Harbor, Node, Program, Response, Version};
use serde_json::{Value, json};

/// A program that keeps answers, with this `access_config`, and the Harbor that it lists.
async fn keeping(access: Value) -> (Program, Harbor) {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let node = Node::builder().no_images().harbor(&harbor).file("tokens", "token-of-this-test").cache_lifetime(60);
    (node.config(json!({"access_config": access})).start().unwrap(), harbor)
}

/// A program with this `access_config`.
fn start(access: Value) -> Program {
    let node = Node::builder().some_images().file("tokens", "token-of-this-test");
    node.config(json!({"access_config": access})).start().unwrap()
}

/// The answer to a request by a script of this origin.
async fn from(program: &Program, origin: &str) -> Response {
    program.request(Method::GET, "/images", &[("origin", origin)]).await.unwrap()
}

fn varies_by_origin(answer: &Response) -> bool {
    answer.headers().get_all("vary").iter().any(|value| value == "origin")
}

#[tokio::test]
async fn every_answer_tells_browsers_to_treat_it_as_data_only() {
    let (program, _harbor) = keeping(json!({"token_file": "tokens"})).await;
    let token = [("authorization", "Bearer token-of-this-test")];
    // The second answer is a kept one.
    for (path, headers) in
        [("/images", &token[..]), ("/images", &token), ("/nothing", &token), ("/images", &[]), ("/healthz", &[])]
    {
        let answer = program.request(Method::GET, path, headers).await.unwrap();
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{path}");
        for absent in ["strict-transport-security", "access-control-allow-origin", "server"] {
            assert_eq!(answer.header(absent), "", "{path}");
        }
    }
}

#[tokio::test]
async fn scripts_of_listed_origins_may_read_answers_and_others_may_not() {
    let (program, _harbor) = keeping(json!({"cors_origins": ["https://a.example", "https://b.example:8443"]})).await;
    for (origin, allowed) in [
        ("https://a.example", "https://a.example"),
        ("https://b.example:8443", "https://b.example:8443"),
        ("https://c.example", ""),
        ("https://a.example.evil", ""),
        ("null", ""),
    ] {
        // Also when the answer is a kept one.
        let answer = from(&program, origin).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed.contains("etag") && exposed.contains("cache-status"), !allowed.is_empty(), "{exposed}");
        assert!(varies_by_origin(&answer), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    assert!(varies_by_origin(&program.get("/images").await.unwrap()), "caches have to know");
}

#[tokio::test]
async fn a_browsers_preflight_is_answered_without_a_token() {
    let program = start(json!({"token_file": "tokens", "cors_origins": ["https://a.example"]}));
    let preflight = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "authorization"),
        ];
        program.request(Method::OPTIONS, "/images", &headers).await.unwrap()
    };
    let answer = preflight("https://a.example").await;
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.header("access-control-allow-origin"), "https://a.example");
    assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD");
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    assert_eq!(answer.header("vary"), "origin");
    let answer = preflight("https://b.example").await;
    assert_eq!((answer.status().as_u16(), answer.header("access-control-allow-origin")), (403, ""));
    let refused = from(&program, "https://a.example").await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.header("access-control-allow-origin"), "https://a.example", "a script sees why");
}

#[tokio::test]
async fn a_star_allows_all_origins() {
    let program = start(json!({"cors_origins": ["*"]}));
    let answer = from(&program, "https://any.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(!varies_by_origin(&answer));
}
