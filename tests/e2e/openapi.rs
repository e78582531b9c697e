//! /openapi.json, and whether the program does what it says there.

use image_service_tests::{Harbor, Node, Program, Version, schemathesis};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const IMAGES: &str = r#"{"images":[{"id":"sha256:a24bb4013296f61e","repoTags":["a:1"],"size":"7"}]}"#;
const TOKEN: &str = "node-token";

async fn document(program: &Program) -> Value {
    let response = program.get("/openapi.json").await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    response.json().await.unwrap()
}

#[tokio::test]
async fn the_program_serves_its_description_and_a_304_to_whom_has_it() {
    let program = Program::start(&["--demo"], None).unwrap();
    let described = document(&program).await;
    assert_eq!(described["openapi"], "3.1.0");
    assert_eq!(described["info"]["version"], env!("CARGO_PKG_VERSION"));
    let tag = program.get("/openapi.json").await.unwrap().headers()["etag"].to_str().unwrap().to_owned();
    let again = program.request_with(http::Method::GET, "/openapi.json", &[("if-none-match", &tag)]).await.unwrap();
    assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
    assert_eq!(again.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn own_paths_refuse_other_methods_with_those_that_are_allowed() {
    let program = Program::start(&["--demo"], None).unwrap();
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/images"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"] {
            let response = program.request(method.parse().unwrap(), path).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), &response.headers()["allow"]),
                (405, &"GET, HEAD".parse().unwrap()),
                "{method} {path}"
            );
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_program_does_what_its_description_says() {
    let Some(schemathesis) = schemathesis().unwrap() else { return };
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).repository("a/c", 3).start().await.unwrap();
    let node = Node::new(json!({})).unwrap();
    std::fs::write(node.path().join("token"), TOKEN).unwrap();
    node.configure(&json!({
        "crictl_config": {"mode": "exec", "command": ["echo", IMAGES]},
        "harbor_config": harbor.config(),
        "node_api": {"enabled": true, "token_file": "token"},
        "cache_config": {"lifetime": 1},
    }))
    .unwrap();
    let program = node.start().unwrap();
    let mut command = Command::new(schemathesis);
    command.arg("--config-file").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis.toml"));
    command.arg("run").arg(format!("{}/openapi.json", program.address)).env("NODE_TOKEN", TOKEN);
    command.current_dir(node.path()).env("NO_COLOR", "1").env("PYTHONIOENCODING", "utf-8");
    // Off this thread: the double answers on it.
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(harbor.count("/artifacts") > 0, "the sources were asked");
}
