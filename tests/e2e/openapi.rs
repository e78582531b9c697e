//! /openapi.json, and whether the program does what it says there.

use http::Method;
use image_service_tests::{Harbor, Node, Program, Version, repository, schemathesis};
use serde_json::Value;
use std::process::Command;

const TOKEN: &str = "node-token";

async fn document(program: &Program) -> Value {
    let response = program.get("/openapi.json").await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    response.json().await.unwrap()
}

#[tokio::test]
async fn the_program_serves_its_description_and_a_304_to_whom_has_it() {
    let program = Program::demo().unwrap();
    let described = document(&program).await;
    assert_eq!(described["openapi"], "3.1.0");
    assert_eq!(described["info"]["version"], env!("CARGO_PKG_VERSION"));
    let tag = program.get("/openapi.json").await.unwrap().headers()["etag"].to_str().unwrap().to_owned();
    let again = program.request(Method::GET, "/openapi.json", &[("if-none-match", &tag)]).await.unwrap();
    assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
    assert_eq!(again.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn own_paths_refuse_other_methods_with_those_that_are_allowed() {
    let program = Program::demo().unwrap();
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/images"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"] {
            let response = program.request(method.parse().unwrap(), path, &[]).await.unwrap();
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
    let node = Node::builder().one_image().harbor(&harbor).node_api(TOKEN).cache_lifetime(1);
    let program = node.start().unwrap();
    let mut command = Command::new(schemathesis);
    command.arg("--config-file").arg(repository("tests/schemathesis.toml"));
    command.arg("run").arg(format!("{}/openapi.json", program.address)).env("NODE_TOKEN", TOKEN);
    command.current_dir(program.node().folder()).env("NO_COLOR", "1").env("PYTHONIOENCODING", "utf-8");
    let output = tokio::process::Command::from(command).kill_on_drop(true).output().await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(harbor.count("/artifacts") > 0, "the sources were asked");
}
