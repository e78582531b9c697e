//! The shared cache: when an answer is given again, when the sources are asked, and what tells a client.

use crate::registry::{assert_rows, numbered};
use futures::StreamExt;
use http::{HeaderMap, Method};
use image_service_tests::{Fault, Harbor, Node, Program, Version, composition};
use serde_json::{Value, json};
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// A node with so many images, which counts how often it is asked, with this `cache_config`.
struct Counted {
    node: Node,
    program: Program,
    harbor: Harbor,
}

fn images(count: usize) -> String {
    let image =
        |number| json!({"id": format!("sha256:{number:064x}"), "repoTags": [format!("app:v{number:05}")], "size": "1"});
    json!({"images": (0..count).map(image).collect::<Vec<_>>()}).to_string()
}

impl Counted {
    async fn start(count: usize, cache: Value) -> Self {
        // Without any, "Harbor configuration incomplete" would be an error, and the answer kept for a second only.
        let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
        Self::with_harbor(count, cache, harbor)
    }

    fn with_harbor(count: usize, cache: Value, harbor: Harbor) -> Self {
        let node = Node::new(json!({})).unwrap();
        std::fs::write(node.path().join("images.json"), images(count)).unwrap();
        let folder = node.path().display();
        let script = format!("echo asked >> {folder}/asked; cat {folder}/images.json");
        let crictl = json!({"mode": "exec", "command": ["sh", "-c", script]});
        node.configure(&json!({"crictl_config": crictl, "cache_config": cache, "harbor_config": harbor.config()}))
            .unwrap();
        let program = node.start().unwrap();
        Self { node, program, harbor }
    }

    /// How often crictl ran.
    fn asked(&self) -> usize {
        self.node.read("asked").lines().count()
    }

    /// Gives the node so many images from now on.
    fn change(&self, count: usize) {
        std::fs::write(self.node.path().join("images.json"), images(count)).unwrap();
    }

    async fn get(&self, headers: &[(&str, &str)]) -> Answer {
        self.request(Method::GET, headers).await
    }

    async fn request(&self, method: Method, headers: &[(&str, &str)]) -> Answer {
        let response = self.program.request_with(method, "/images", headers).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    /// Asks until the answer comes from what is kept: an answer is kept a moment after its last byte was sent.
    async fn hit(&self) -> Answer {
        for _ in 0..500 {
            let answer = self.get(&[]).await;
            if answer.cache_status().contains("hit") {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("no answer is ever kept");
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn cache_status(&self) -> &str {
        self.header("cache-status").unwrap()
    }

    fn rows(&self) -> usize {
        let images: Value = serde_json::from_slice(&self.body).unwrap();
        images["containerd_images"].as_array().unwrap().len()
    }

    /// The body without its coding.
    fn decoded(&self) -> Vec<u8> {
        let mut decoded = Vec::new();
        match self.header("content-encoding") {
            None => return self.body.clone(),
            Some("gzip") => flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut decoded).unwrap(),
            Some("zstd") => {
                zstd::stream::read::Decoder::new(&self.body[..]).unwrap().read_to_end(&mut decoded).unwrap()
            }
            Some(other) => panic!("an unknown coding: {other}"),
        };
        decoded
    }
}

#[tokio::test]
async fn a_fresh_answer_is_given_again_and_no_source_is_asked() {
    let counted = Counted::start(3, json!({"lifetime": 60})).await;
    let first = counted.get(&[]).await;
    assert_eq!(first.cache_status(), "image-service; fwd=uri-miss");
    assert_eq!(first.header("cache-control"), Some("max-age=60, stale-while-revalidate=60"));
    let second = counted.hit().await;
    assert!(second.cache_status().starts_with("image-service; hit; ttl="), "{}", second.cache_status());
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("content-type"), Some("application/json"));
    assert_eq!(second.header("content-length"), Some(first.body.len().to_string().as_str()));
    assert_eq!(second.header("age"), Some("0"));
    assert!(second.header("etag").is_some());
    assert_eq!(counted.asked(), 1);
}

#[tokio::test]
async fn a_kept_answer_grows_old() {
    let counted = Counted::start(3, json!({"lifetime": 60})).await;
    counted.hit().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let age: u64 = counted.get(&[]).await.header("age").unwrap().parse().unwrap();
    assert!(age >= 1);
}

#[tokio::test]
async fn an_edit_of_the_ignore_file_counts_from_the_next_request_on() {
    let counted = Counted::start(3, json!({"lifetime": 60})).await;
    assert_eq!(counted.hit().await.rows(), 3);
    counted.node.ignore(&format!("{:013x}\n", 0)).unwrap();
    let answer = counted.get(&[]).await;
    assert_eq!(answer.cache_status(), "image-service; fwd=stale");
    // All three ids begin with the same 13 zeros.
    assert_eq!(answer.rows(), 0);
}

#[tokio::test]
async fn an_old_answer_is_given_while_a_new_one_is_fetched() {
    let counted = Counted::start(3, json!({"lifetime": 1, "stale_while_revalidate": 60})).await;
    assert_eq!(counted.hit().await.rows(), 3);
    counted.change(4);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let old = counted.get(&[]).await;
    assert_eq!(old.rows(), 3);
    assert!(old.cache_status().contains("hit; ttl=-1"), "{}", old.cache_status());
    for _ in 0..500 {
        if counted.get(&[]).await.rows() == 4 {
            assert_eq!(counted.asked(), 2);
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("no new answer came");
}

#[tokio::test]
async fn an_old_answer_is_not_given_where_that_is_off() {
    let counted = Counted::start(3, json!({"lifetime": 1, "stale_while_revalidate": 0})).await;
    assert_eq!(counted.hit().await.rows(), 3);
    counted.change(4);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let answer = counted.get(&[]).await;
    assert_eq!((answer.rows(), answer.cache_status()), (4, "image-service; fwd=stale"));
}

#[tokio::test]
async fn many_clients_at_once_are_answered_by_one_listing() {
    let permits = Arc::new(Semaphore::new(0));
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250);
    let harbor = harbor.fault("/systeminfo", Fault::Held(Arc::clone(&permits))).start().await.unwrap();
    let counted = Counted::with_harbor(3, json!({"lifetime": 60}), harbor);
    let clients = futures::future::join_all((0..50).map(|_| counted.get(&[])));
    let release = async {
        counted.harbor.wait_for("/systeminfo", 1).await.unwrap();
        // Time for the others to ask as well.
        tokio::time::sleep(Duration::from_millis(300)).await;
        permits.add_permits(1);
    };
    let (answers, ()) = tokio::join!(clients, release);
    for answer in &answers {
        assert_eq!(answer.body, answers[0].body);
    }
    assert_rows(&serde_json::from_slice(&answers[0].body).unwrap(), &numbered("a/b", 250));
    let collapsed = answers.iter().filter(|answer| answer.cache_status().ends_with("; collapsed")).count();
    assert_eq!((counted.asked(), counted.harbor.count("/systeminfo"), collapsed), (1, 1, 49));
}

#[tokio::test]
async fn the_first_answer_streams_to_all_who_ask_while_it_is_being_kept() {
    let permits = Arc::new(Semaphore::new(0));
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3);
    let harbor = harbor.fault("/systeminfo", Fault::Held(Arc::clone(&permits))).start().await.unwrap();
    // More rows than one chunk holds.
    let counted = Counted::with_harbor(1000, json!({"lifetime": 60}), harbor);
    let open = async |coding| {
        let headers = [("accept-encoding", coding)];
        counted.program.request_with(Method::GET, "/images", &headers).await.unwrap().bytes_stream()
    };
    let mut streams = [open("identity").await, open("gzip").await, open("zstd").await];
    for stream in &mut streams {
        assert!(!stream.next().await.unwrap().unwrap().is_empty(), "Harbor has not answered yet");
    }
    assert_eq!(counted.asked(), 1);
    permits.add_permits(1);
    for stream in streams {
        assert!(stream.all(async |chunk| chunk.is_ok()).await);
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_takes_nothing_from_the_others() {
    let permits = Arc::new(Semaphore::new(0));
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3);
    let harbor = harbor.fault("/systeminfo", Fault::Held(Arc::clone(&permits))).start().await.unwrap();
    let counted = Counted::with_harbor(3, json!({"lifetime": 60}), harbor);
    let first = tokio::time::timeout(Duration::from_millis(500), counted.get(&[])).await;
    assert!(first.is_err(), "Harbor has not answered yet");
    let release = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        permits.add_permits(1);
    };
    let (second, ()) = tokio::join!(counted.get(&[]), release);
    assert_rows(&serde_json::from_slice(&second.body).unwrap(), &numbered("a/b", 3));
    assert_eq!(counted.asked(), 1);
}

#[tokio::test]
async fn an_answer_that_may_not_be_kept_is_for_one_client_only() {
    // The demonstration does not say how long its listing is good.
    let program = Program::start(&["--demo"], None).unwrap();
    let answers = futures::future::join_all((0..20).map(|_| program.get("/images"))).await;
    for answer in answers {
        let status = answer.unwrap().headers()["cache-status"].to_str().unwrap().to_owned();
        assert_eq!(status, "image-service; fwd=uri-miss");
    }
}

#[tokio::test]
async fn no_cache_asks_the_sources_and_what_comes_is_kept_for_the_others() {
    let counted = Counted::start(3, json!({"lifetime": 60})).await;
    assert_eq!(counted.hit().await.rows(), 3);
    counted.change(4);
    for (name, value) in [("cache-control", "no-cache"), ("pragma", "no-cache"), ("cache-control", "max-age=0")] {
        let answer = counted.get(&[(name, value)]).await;
        assert_eq!((answer.rows(), answer.cache_status()), (4, "image-service; fwd=request"), "{name}: {value}");
        counted.hit().await;
    }
    assert_eq!((counted.hit().await.rows(), counted.asked()), (4, 4));
}

#[tokio::test]
async fn what_must_not_be_stored_or_has_a_login_goes_by_the_cache() {
    let counted = Counted::start(3, json!({"lifetime": 60})).await;
    for (name, value) in [("cache-control", "no-store"), ("authorization", "Bearer x")] {
        let answer = counted.get(&[(name, value)]).await;
        assert_eq!(answer.cache_status(), "image-service; fwd=bypass");
    }
    assert_eq!(counted.get(&[]).await.cache_status(), "image-service; fwd=uri-miss");
}

#[tokio::test]
async fn only_if_cached_asks_no_source() {
    let counted = Counted::start(3, json!({"lifetime": 60})).await;
    let only = [("cache-control", "only-if-cached")];
    assert_eq!((counted.get(&only).await.status, counted.asked()), (504, 0));
    let kept = counted.hit().await;
    let answer = counted.get(&only).await;
    assert_eq!((answer.status, answer.body), (200, kept.body));
}

#[tokio::test]
async fn head_tells_what_is_kept() {
    let counted = Counted::start(3, json!({"lifetime": 60})).await;
    let kept = counted.hit().await;
    let head = counted.request(Method::HEAD, &[]).await;
    for name in ["etag", "content-length", "content-type", "cache-control"] {
        assert_eq!(head.header(name), kept.header(name), "{name}");
    }
    assert_eq!((head.status, head.body.len(), counted.asked()), (200, 0, 1));
}

#[tokio::test]
async fn a_client_that_has_the_bytes_gets_304_fresh_or_fetched_anew() {
    let counted = Counted::start(300, json!({"lifetime": 60})).await;
    let kept = counted.hit().await;
    let tag = kept.header("etag").unwrap();
    let weak = format!("\"other\", W/{tag}");
    for headers in [
        &[("if-none-match", tag)][..],
        &[("if-none-match", weak.as_str())],
        &[("if-none-match", "*")],
        &[("if-none-match", tag), ("cache-control", "no-cache")],
    ] {
        let answer = counted.get(headers).await;
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{headers:?}");
        assert_eq!(answer.header("etag"), Some(tag));
        assert_eq!(answer.header("content-length"), None);
        assert!(answer.header("cache-control").is_some());
    }
    // The same bytes in another coding are another representation.
    let other = counted.get(&[("if-none-match", tag), ("accept-encoding", "gzip")]).await;
    assert_eq!(other.status, 200);
    let gzip = counted.get(&[("if-none-match", other.header("etag").unwrap()), ("accept-encoding", "gzip")]).await;
    assert_eq!(gzip.status, 304);
    counted.change(301);
    let changed = counted.get(&[("if-none-match", tag), ("cache-control", "no-cache")]).await;
    assert_eq!((changed.status, changed.rows()), (200, 301));
}

#[tokio::test]
async fn the_same_bytes_come_with_and_without_cache_reuse_coding_and_machine_code_of_the_build() {
    let without = Counted::start(2000, json!({"lifetime": 0})).await;
    let expected = without.get(&[]).await;
    assert_eq!((expected.header("cache-status"), expected.header("cache-control")), (None, None));
    assert_eq!(expected.rows(), 2000);
    for _ in 0..20 {
        // The same instance answers again.
        assert!(without.get(&[]).await.body == expected.body);
    }
    let program = Program::start(
        &[
            "--config",
            without.node.config().to_str().unwrap(),
            // Compiled when it starts.
            "--composition",
            composition("native").to_str().unwrap(),
        ],
        None,
    );
    assert!(program.unwrap().get("/images").await.unwrap().bytes().await.unwrap() == expected.body);
    for coding in ["identity", "gzip", "zstd", "gzip, deflate, br, zstd"] {
        let counted = Counted::start(2000, json!({"lifetime": 60})).await;
        let headers = [("accept-encoding", coding)];
        let first = counted.get(&headers).await;
        counted.hit().await;
        let again = counted.get(&headers).await;
        assert!(first.decoded() == expected.body && again.decoded() == expected.body, "{coding}");
        assert_eq!(again.header("content-length"), Some(again.body.len().to_string().as_str()), "{coding}");
        assert_eq!(first.header("vary"), Some("accept-encoding"));
        assert_eq!(first.header("content-encoding").is_none(), coding == "identity");
        assert!(coding == "identity" || again.body.len() * 4 < expected.body.len());
    }
}

#[tokio::test]
async fn an_answer_with_errors_is_kept_for_a_second_at_most() {
    let harbor = Harbor::of(Version::V2_12).fault("/", Fault::Status(500)).start().await.unwrap();
    let counted = Counted::with_harbor(3, json!({"lifetime": 60}), harbor);
    assert_eq!(counted.hit().await.header("cache-control"), Some("max-age=1"));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(counted.get(&[]).await.cache_status(), "image-service; fwd=stale");
}

#[tokio::test]
async fn what_is_larger_than_the_cache_is_answered_whole_and_not_kept() {
    let counted = Counted::start(5000, json!({"lifetime": 60, "max_bytes": 20_000})).await;
    let answers = futures::future::join_all((0..8).map(|_| counted.get(&[("accept-encoding", "gzip")]))).await;
    let plain = counted.get(&[]).await;
    assert_eq!(plain.rows(), 5000);
    for answer in answers {
        assert!(answer.decoded() == plain.body);
    }
    assert_eq!(counted.get(&[]).await.cache_status(), "image-service; fwd=uri-miss");
}

#[tokio::test]
async fn what_was_not_asked_for_the_longest_makes_room() {
    let counted = Counted::start(100, json!({"lifetime": 60, "max_bytes": 60_000})).await;
    let status = async |path: &str| {
        let response = counted.program.get(path).await.unwrap();
        let status = response.headers()["cache-status"].to_str().unwrap().to_owned();
        response.bytes().await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        status
    };
    // Each takes about 15,000 bytes.
    for number in 0..10 {
        assert!(status(&format!("/images?{number}")).await.contains("uri-miss"));
    }
    assert!(status("/images?9").await.contains("hit"));
    assert!(status("/images?0").await.contains("uri-miss"));
}
