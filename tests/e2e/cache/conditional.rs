//! What clients ask of the cache: `Cache-Control`, `If-None-Match`, HEAD and codings.

use super::Cached;
use http::Method;
use image_service_tests::composition;
use serde_json::json;

#[tokio::test]
async fn no_cache_asks_the_sources_and_keeps_the_new_answer_for_others() {
    let cached = Cached::start(3, json!({"lifetime": 60})).await;
    assert_eq!(cached.hit().await.rows(), 3);
    cached.change(4);
    for (name, value) in [("cache-control", "no-cache"), ("pragma", "no-cache"), ("cache-control", "max-age=0")] {
        let answer = cached.get(&[(name, value)]).await;
        assert_eq!((answer.rows(), answer.cache_status()), (4, "image-service; fwd=request"), "{name}: {value}");
        cached.hit().await;
    }
    assert_eq!((cached.hit().await.rows(), cached.listings()), (4, 4));
}

#[tokio::test]
async fn a_request_that_must_not_be_stored_or_has_a_login_bypasses_the_cache() {
    let cached = Cached::start(3, json!({"lifetime": 60})).await;
    for (name, value) in [("cache-control", "no-store"), ("authorization", "Bearer x")] {
        let answer = cached.get(&[(name, value)]).await;
        assert_eq!(answer.cache_status(), "image-service; fwd=bypass");
    }
    assert_eq!(cached.get(&[]).await.cache_status(), "image-service; fwd=uri-miss");
}

#[tokio::test]
async fn only_if_cached_asks_no_source() {
    let cached = Cached::start(3, json!({"lifetime": 60})).await;
    let only = [("cache-control", "only-if-cached")];
    assert_eq!((cached.get(&only).await.status, cached.listings()), (504, 0));
    let kept = cached.hit().await;
    let answer = cached.get(&only).await;
    assert_eq!((answer.status, answer.body), (200, kept.body));
}

#[tokio::test]
async fn head_has_the_headers_of_the_kept_answer() {
    let cached = Cached::start(3, json!({"lifetime": 60})).await;
    let kept = cached.hit().await;
    let head = cached.request(Method::HEAD, &[]).await;
    for name in ["etag", "content-length", "content-type", "cache-control"] {
        assert_eq!(head.header(name), kept.header(name), "{name}");
    }
    assert_eq!((head.status, head.body.len(), cached.listings()), (200, 0, 1));
}

#[tokio::test]
async fn a_client_that_has_the_bytes_gets_304_fresh_or_fetched_anew() {
    let cached = Cached::start(300, json!({"lifetime": 60})).await;
    let kept = cached.hit().await;
    let tag = kept.header("etag").unwrap();
    let weak = format!("\"other\", W/{tag}");
    for headers in [
        &[("if-none-match", tag)][..],
        &[("if-none-match", weak.as_str())],
        &[("if-none-match", "*")],
        &[("if-none-match", tag), ("cache-control", "no-cache")],
    ] {
        let answer = cached.get(headers).await;
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{headers:?}");
        assert_eq!(answer.header("etag"), Some(tag));
        assert_eq!(answer.header("content-length"), None);
        assert!(answer.header("cache-control").is_some());
    }
    // The same bytes in another coding are another representation.
    let other = cached.get(&[("if-none-match", tag), ("accept-encoding", "gzip")]).await;
    assert_eq!(other.status, 200);
    let gzip = cached.get(&[("if-none-match", other.header("etag").unwrap()), ("accept-encoding", "gzip")]).await;
    assert_eq!(gzip.status, 304);
    cached.change(301);
    let changed = cached.get(&[("if-none-match", tag), ("cache-control", "no-cache")]).await;
    assert_eq!((changed.status, changed.rows()), (200, 301));
}

#[tokio::test]
async fn the_same_bytes_come_with_and_without_cache_reuse_coding_and_machine_code_of_the_build() {
    let without = Cached::start(2000, json!({"lifetime": 0})).await;
    let expected = without.get(&[]).await;
    assert_eq!((expected.header("cache-status"), expected.header("cache-control")), (None, None));
    assert_eq!(expected.rows(), 2000);
    for _ in 0..20 {
        // The same instance answers again.
        assert!(without.get(&[]).await.body == expected.body);
    }
    // The program compiles a composition that it is given when it starts.
    let compiled = without.program.node().launch().argument("--composition").argument(composition("native"));
    assert!(compiled.start().unwrap().get("/images").await.unwrap().bytes().await.unwrap() == expected.body);
    for coding in ["identity", "gzip", "zstd", "gzip, deflate, br, zstd"] {
        let cached = Cached::start(2000, json!({"lifetime": 60})).await;
        let headers = [("accept-encoding", coding)];
        let first = cached.get(&headers).await;
        cached.hit().await;
        let again = cached.get(&headers).await;
        assert!(first.decoded() == expected.body && again.decoded() == expected.body, "{coding}");
        assert_eq!(again.header("content-length"), Some(again.body.len().to_string().as_str()), "{coding}");
        assert_eq!(first.header("vary"), Some("accept-encoding"));
        assert_eq!(first.header("content-encoding").is_none(), coding == "identity");
        assert!(coding == "identity" || again.body.len() * 4 < expected.body.len());
    }
}
