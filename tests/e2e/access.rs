//! Who may ask: bearer tokens, and scripts of web pages.

use http::Method;
use image_service_tests::{Harbor, Node, Program, Version, composition};
use reqwest::Response;
use serde_json::{Value, json};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A node with sample data and this `access_config`, which may name the file `tokens`.
fn node(access: Value) -> Node {
    let config = json!({"composition": composition("demo"), "access_config": access, "cache_config": {"lifetime": 60}});
    let node = Node::configured(&config).unwrap();
    let file = node.path().join("tokens");
    std::fs::write(&file, "# two\nfirst-token-of-two\n\nsecond-token-of-two\n").unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    node
}

/// A node whose answers are kept, and the Harbor that they come from.
async fn kept(access: Value) -> (Node, Harbor) {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let node = node(access.clone());
    let config = json!({
        "crictl_config": {"mode": "exec", "command": ["echo", r#"{"images": []}"#]},
        "harbor_config": harbor.config(),
        "access_config": access,
        "cache_config": {"lifetime": 60},
    });
    node.configure(&config).unwrap();
    (node, harbor)
}

async fn asked(program: &Program, path: &str, token: &str) -> Response {
    let headers = [("authorization", token)];
    program.request_with(Method::GET, path, if token.is_empty() { &[] } else { &headers }).await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn with_a_token_file_only_who_has_a_token_is_answered() {
    let node = node(json!({"token_file": "tokens"}));
    let program = node.start().unwrap();
    for token in ["", "Bearer wrong", "Bearer first-token", "Basic first-token-of-two", "Bearer # two"] {
        for path in ["/images", "//images", "/nothing", "/healthz/", "/v1/crictl/images"] {
            let answer = asked(&program, path, token).await;
            assert_eq!(answer.status(), 401, "{path} {token}");
            assert_eq!(header(&answer, "www-authenticate"), "Bearer");
            assert_eq!(header(&answer, "content-type"), "application/problem+json");
            let problem: Value = answer.json().await.unwrap();
            assert!(problem["detail"].as_str().unwrap().contains("access_config.token_file"), "{problem}");
        }
    }
    for token in ["Bearer first-token-of-two", "bearer second-token-of-two"] {
        let images: Value = asked(&program, "/images", token).await.json().await.unwrap();
        assert_eq!(images["harbor_images"].as_array().unwrap().len(), 5);
    }
}

#[tokio::test]
async fn health_is_told_without_a_token() {
    let node = node(json!({"token_file": "tokens"}));
    let program = node.start().unwrap();
    assert_eq!(asked(&program, "/healthz", "").await.status(), 200);
    assert_ne!(asked(&program, "/readyz", "").await.status(), 401);
}

#[tokio::test]
async fn answers_to_requests_with_a_token_are_kept_as_others_are() {
    let (node, _harbor) = kept(json!({"token_file": "tokens"})).await;
    let program = node.start().unwrap();
    asked(&program, "/images", "Bearer first-token-of-two").await.bytes().await.unwrap();
    let answer = asked(&program, "/images", "Bearer second-token-of-two").await;
    assert!(header(&answer, "cache-status").starts_with("image-service; hit"), "{answer:?}");
    assert_eq!(asked(&program, "/images", "").await.status(), 401, "kept answers are for those with tokens too");
}

#[tokio::test]
async fn new_tokens_count_as_soon_as_the_file_changes_and_a_broken_file_changes_nothing() {
    let node = node(json!({"token_file": "tokens"}));
    let file = node.path().join("tokens");
    let program = node.start_logging().unwrap();
    let status = async |token: &str| asked(&program, "/images", token).await.status();
    std::fs::write(&file, "not a token\n").unwrap();
    node.await_log("what was read before stays").await.unwrap();
    assert_eq!(status("Bearer first-token-of-two").await, 200);
    let hashed = hashed("third-token-of-three");
    std::fs::write(&file, &hashed).unwrap();
    node.await_log("changed and counts from now on").await.unwrap();
    assert_eq!(status("Bearer third-token-of-three").await, 200);
    assert_eq!(status("Bearer first-token-of-two").await, 401);
    assert_eq!(status(&format!("Bearer {hashed}")).await, 401, "the digest is no token");
    assert_eq!(node.log().matches("what was read before stays").count(), 1, "{}", node.log());
    assert!(!node.log().contains("not a token"), "{}", node.log());
}

/// The line of a token file that has its digest instead.
fn hashed(token: &str) -> String {
    let output = Command::new("sh").args(["-c", &format!("printf {token} | sha256sum")]).output().unwrap();
    format!("sha256:{}", &String::from_utf8(output.stdout).unwrap()[..64])
}

#[tokio::test]
async fn sighup_turns_tokens_on_and_refuses_a_broken_file() {
    let node = node(json!({}));
    let program = node.start_logging().unwrap();
    assert_eq!(asked(&program, "/images", "").await.status(), 200);
    node.configure(&json!({"composition": composition("demo"), "access_config": {"token_file": "nothing"}})).unwrap();
    program.hang_up().unwrap();
    node.await_log("nothing was changed").await.unwrap();
    assert!(node.log().contains("nothing can't be read"), "{}", node.log());
    assert_eq!(asked(&program, "/images", "").await.status(), 200);
    node.configure(&json!({"composition": composition("demo"), "access_config": {"token_file": "tokens"}})).unwrap();
    program.hang_up().unwrap();
    node.await_log("was read again").await.unwrap();
    assert_eq!(asked(&program, "/images", "").await.status(), 401);
}

#[tokio::test]
async fn the_node_api_has_tokens_of_its_own() {
    let config = json!({
        "access_config": {"token_file": "tokens"},
        "crictl_config": {"mode": "exec", "command": ["echo", r#"{"images": []}"#]},
        "node_api": {"enabled": true, "token_file": "node-tokens"},
    });
    let node = Node::configured(&config).unwrap();
    std::fs::write(node.path().join("tokens"), "token-for-everybody").unwrap();
    std::fs::write(node.path().join("node-tokens"), "token-for-node-api\nanother-for-node-api\n").unwrap();
    let program = node.start().unwrap();
    for (path, token, status) in [
        ("/v1/crictl/images", "Bearer token-for-node-api", 200),
        ("/v1/crictl/images", "Bearer another-for-node-api", 200),
        ("/v1/crictl/images", "Bearer token-for-everybody", 401),
        ("/images", "Bearer token-for-node-api", 401),
        ("/images", "Bearer token-for-everybody", 200),
    ] {
        assert_eq!(asked(&program, path, token).await.status(), status, "{path} {token}");
    }
}

#[tokio::test]
async fn every_answer_tells_browsers_to_make_no_more_of_it_than_data() {
    let (node, _harbor) = kept(json!({"token_file": "tokens"})).await;
    let program = node.start().unwrap();
    let token = "Bearer first-token-of-two";
    // The second answer is a kept one.
    for (path, token) in
        [("/images", token), ("/images", token), ("/nothing", token), ("/images", ""), ("/healthz", "")]
    {
        let answer = asked(&program, path, token).await;
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header(&answer, "content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{path}");
        for absent in ["strict-transport-security", "access-control-allow-origin", "server"] {
            assert_eq!(header(&answer, absent), "", "{path}");
        }
    }
}

#[tokio::test]
async fn scripts_of_listed_origins_may_read_answers_and_others_may_not() {
    let (node, _harbor) = kept(json!({"cors_origins": ["https://a.example", "https://b.example:8443"]})).await;
    let program = node.start().unwrap();
    for (origin, allowed) in [
        ("https://a.example", "https://a.example"),
        ("https://b.example:8443", "https://b.example:8443"),
        ("https://c.example", ""),
        ("https://a.example.evil", ""),
        ("null", ""),
    ] {
        // Also when the answer is a kept one.
        let answer = program.request_with(Method::GET, "/images", &[("origin", origin)]).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "access-control-allow-origin"), allowed, "{origin}");
        let exposed = header(&answer, "access-control-expose-headers");
        assert_eq!(exposed.contains("etag") && exposed.contains("cache-status"), !allowed.is_empty(), "{exposed}");
        assert!(answer.headers().get_all("vary").iter().any(|value| value == "origin"), "{answer:?}");
        assert_eq!(header(&answer, "access-control-allow-credentials"), "");
    }
    let answer = program.get("/images").await.unwrap();
    assert!(answer.headers().get_all("vary").iter().any(|value| value == "origin"), "caches have to know");
}

#[tokio::test]
async fn a_browsers_preflight_is_answered_without_a_token() {
    let node = node(json!({"token_file": "tokens", "cors_origins": ["https://a.example"]}));
    let program = node.start().unwrap();
    let preflight = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "authorization"),
        ];
        program.request_with(Method::OPTIONS, "/images", &headers).await.unwrap()
    };
    let answer = preflight("https://a.example").await;
    assert_eq!(answer.status(), 204);
    assert_eq!(header(&answer, "access-control-allow-origin"), "https://a.example");
    assert_eq!(header(&answer, "access-control-allow-methods"), "GET, HEAD");
    assert!(header(&answer, "access-control-allow-headers").contains("authorization"));
    assert_eq!(header(&answer, "vary"), "origin");
    let answer = preflight("https://b.example").await;
    assert_eq!((answer.status().as_u16(), header(&answer, "access-control-allow-origin")), (403, ""));
    let refused = program.request_with(Method::GET, "/images", &[("origin", "https://a.example")]).await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(header(&refused, "access-control-allow-origin"), "https://a.example", "a script sees why");
}

#[tokio::test]
async fn a_star_allows_all_origins() {
    let program = node(json!({"cors_origins": ["*"]})).start().unwrap();
    let answer = program.request_with(Method::GET, "/images", &[("origin", "https://any.example")]).await.unwrap();
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    assert!(!answer.headers().get_all("vary").iter().any(|value| value == "origin"));
}

#[tokio::test]
async fn who_listens_to_all_without_tokens_or_with_tokens_in_the_clear_is_warned() {
    for (listen, access, warned) in [
        ("0.0.0.0:0", json!({}), Some("may read what is listed")),
        ("0.0.0.0:0", json!({"token_file": "tokens"}), Some("unencrypted")),
        ("127.0.0.1:0", json!({}), None),
        ("127.0.0.1:0", json!({"token_file": "tokens"}), None),
    ] {
        let node = node(access);
        let program = node.start_listening(listen).unwrap();
        program.get("/healthz").await.unwrap();
        program.terminate().unwrap();
        match warned {
            Some(warning) => assert!(node.log().contains(warning), "{}", node.log()),
            None => assert!(!node.log().contains("access_config"), "{}", node.log()),
        }
    }
}

#[test]
fn check_tells_who_may_ask() {
    let report = |access: Value| {
        let node = node(access);
        std::fs::set_permissions(node.path().join("tokens"), Permissions::from_mode(0o644)).unwrap();
        let output = Command::new(Program::path()).args(["check", "--config"]).arg(node.config()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let off = report(json!({}));
    assert!(off.contains("off      access       without TLS and tokens, at 127.0.0.1 port 5375"), "{off}");
    let on = report(json!({"token_file": "tokens"}));
    assert!(on.contains("ok       access       who has the token may ask: 2 tokens in "), "{on}");
    assert!(on.contains("warning  access       ") && on.contains("may be read by everybody"), "{on}");
    let broken = report(json!({"token_file": "nothing"}));
    assert!(broken.contains("failed   access       access_config.token_file "), "{broken}");
}
