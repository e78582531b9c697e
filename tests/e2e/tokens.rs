//! Bearer tokens: who may ask.

use crate::listing::{assert_says, node_rows};
use http::Method;
use image_service_tests::{Harbor, Node, NodeBuilder, Program, Response, Version};
use serde_json::{Value, json};
use std::process::Command;

const TOKENS: &str = "# two\nfirst-token-of-two\n\nsecond-token-of-two\n";

/// A node with sample data and the file `tokens`, which this `access_config` may name.
fn node(access: Value) -> NodeBuilder {
    Node::builder().some_images().file("tokens", TOKENS).config(json!({"access_config": access}))
}

/// The answer to a request with this value of `Authorization`, or with none.
async fn ask(program: &Program, path: &str, authorization: &str) -> Response {
    let headers = [("authorization", authorization)];
    program.request(Method::GET, path, if authorization.is_empty() { &[] } else { &headers }).await.unwrap()
}

#[tokio::test]
async fn with_a_token_file_only_clients_with_a_token_are_answered() {
    let program = node(json!({"token_file": "tokens"})).start().unwrap();
    for token in ["", "Bearer wrong", "Bearer first-token", "Basic first-token-of-two", "Bearer # two"] {
        for path in ["/images", "//images", "/nothing", "/healthz/", "/v1/crictl/images"] {
            let answer = ask(&program, path, token).await;
            assert_eq!(answer.status(), 401, "{path} {token}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            let problem: Value = answer.json().await.unwrap();
            assert_says(problem["detail"].as_str().unwrap(), &["access_config.token_file"]);
        }
    }
    for token in ["Bearer first-token-of-two", "bearer second-token-of-two"] {
        let images: Value = ask(&program, "/images", token).await.json().await.unwrap();
        assert_eq!(node_rows(&images).len(), 3);
    }
}

#[tokio::test]
async fn health_is_told_without_a_token() {
    let program = node(json!({"token_file": "tokens"})).start().unwrap();
    assert_eq!(ask(&program, "/healthz", "").await.status(), 200);
    assert_ne!(ask(&program, "/readyz", "").await.status(), 401);
}

#[tokio::test]
async fn answers_to_requests_with_a_token_are_kept_as_others_are() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let access = json!({"access_config": {"token_file": "tokens"}});
    let node = Node::builder().no_images().harbor(&harbor).file("tokens", TOKENS).config(access).cache_lifetime(60);
    let program = node.start().unwrap();
    ask(&program, "/images", "Bearer first-token-of-two").await.bytes().await.unwrap();
    let answer = ask(&program, "/images", "Bearer second-token-of-two").await;
    assert!(answer.header("cache-status").starts_with("image-service; hit"), "{answer:?}");
    assert_eq!(ask(&program, "/images", "").await.status(), 401, "kept answers are for those with tokens too");
}

#[tokio::test]
async fn new_tokens_count_as_soon_as_the_file_changes_and_a_broken_file_changes_nothing() {
    let program = node(json!({"token_file": "tokens"})).start().unwrap();
    let node = program.node();
    let status = async |token: &str| ask(&program, "/images", token).await.status();
    node.write("tokens", "not a token\n").unwrap();
    program.await_log("the old content stays in use").await.unwrap();
    assert_eq!(status("Bearer first-token-of-two").await, 200);
    let hashed = hashed("third-token-of-three");
    node.write("tokens", &hashed).unwrap();
    program.await_log("the new content is in use").await.unwrap();
    assert_eq!(status("Bearer third-token-of-three").await, 200);
    assert_eq!(status("Bearer first-token-of-two").await, 401);
    assert_eq!(status(&format!("Bearer {hashed}")).await, 401, "the digest is no token");
    let log = program.log();
    assert_eq!(log.matches("the old content stays in use").count(), 1, "{log}");
    assert!(!log.contains("not a token"), "{log}");
}

/// The line of a token file that has the digest in place of the token.
fn hashed(token: &str) -> String {
    let output = Command::new("sh").args(["-c", &format!("printf {token} | sha256sum")]).output().unwrap();
    format!("sha256:{}", &String::from_utf8(output.stdout).unwrap()[..64])
}

#[tokio::test]
async fn sighup_turns_tokens_on_and_refuses_a_broken_file() {
    let program = node(json!({})).start().unwrap();
    let token_file = |name: &str| program.node().configure(json!({"access_config": {"token_file": name}})).unwrap();
    assert_eq!(ask(&program, "/images", "").await.status(), 200);
    token_file("nothing");
    program.reload_in_vain().await.unwrap();
    assert_says(&program.log(), &["nothing can't be read"]);
    assert_eq!(ask(&program, "/images", "").await.status(), 200);
    token_file("tokens");
    program.reload().await.unwrap();
    assert_eq!(ask(&program, "/images", "").await.status(), 401);
}

#[tokio::test]
async fn the_node_api_has_tokens_of_its_own() {
    let program = Node::builder()
        .no_images()
        .file("tokens", "token-for-everybody")
        .node_api("token-for-node-api\nanother-for-node-api\n")
        .config(json!({"access_config": {"token_file": "tokens"}}))
        .start()
        .unwrap();
    for (path, token, status) in [
        ("/v1/crictl/images", "Bearer token-for-node-api", 200),
        ("/v1/crictl/images", "Bearer another-for-node-api", 200),
        ("/v1/crictl/images", "Bearer token-for-everybody", 401),
        ("/images", "Bearer token-for-node-api", 401),
        ("/images", "Bearer token-for-everybody", 200),
    ] {
        assert_eq!(ask(&program, path, token).await.status(), status, "{path} {token}");
    }
}

#[tokio::test]
async fn a_listener_for_everybody_without_tokens_and_tokens_without_tls_are_warned_about() {
    for (listen, access, warned) in [
        ("0.0.0.0:0", json!({}), Some("can read the listing")),
        ("0.0.0.0:0", json!({"token_file": "tokens"}), Some("unencrypted")),
        ("127.0.0.1:0", json!({}), None),
        ("127.0.0.1:0", json!({"token_file": "tokens"}), None),
    ] {
        let node = node(access).build().unwrap();
        let mut program = node.launch_at(listen).start().unwrap();
        program.get("/healthz").await.unwrap();
        program.terminate().await.unwrap();
        match warned {
            Some(warning) => assert_says(&program.log(), &[warning]),
            None => assert!(!program.log().contains("access_config"), "{}", program.log()),
        }
    }
}

#[tokio::test]
async fn check_tells_who_may_ask() {
    let report = async |access: Value| {
        let node = node(access).build().unwrap();
        node.set_mode("tokens", 0o644).unwrap();
        node.run(&["check"]).await.unwrap().stdout
    };
    let off = report(json!({})).await;
    assert_says(&off, &["off      access       without TLS and tokens, at 127.0.0.1 port 5375"]);
    let on = report(json!({"token_file": "tokens"})).await;
    assert_says(&on, &["ok       access       clients need a token: 2 tokens in "]);
    assert_says(&on, &["warning  access       ", "every user of this machine can read it"]);
    let broken = report(json!({"token_file": "nothing"})).await;
    assert_says(&broken, &["failed   access       access_config.token_file "]);
}
