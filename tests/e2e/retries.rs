//! Requests to Harbor that are tried again: when, how often, and what that costs.

use crate::registry::{assert_rows, listed, node_row, numbered, only_error, started};
use image_service_tests::{Fault, Harbor, HarborBuilder, Version};
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn two_repositories() -> HarborBuilder {
    Harbor::of(Version::V2_8).repository("a/b", 3).repository("a/c", 3)
}

fn all_rows() -> Vec<String> {
    [numbered("a/b", 3), numbered("a/c", 3)].concat()
}

/// What happens so many times before all is well.
fn times(count: usize, fault: Fault) -> Fault {
    Fault::Times(count, Box::new(fault))
}

async fn harbor(part: &'static str, fault: Fault) -> Harbor {
    two_repositories().fault(part, fault).start().await.unwrap()
}

fn with(harbor: &Harbor, key: &str, value: Value) -> Value {
    let mut config = harbor.config();
    config[key] = value;
    config
}

/// Asserts that the listing is whole.
fn assert_whole(images: &Value) {
    assert_eq!(images["errors"], json!([]));
    assert_rows(images, &all_rows());
}

#[tokio::test]
async fn what_passes_costs_nothing() {
    for fault in [
        Fault::Reset,
        Fault::BrokenOff,
        Fault::Status(429),
        Fault::Status(502),
        Fault::Status(503),
        Fault::Status(504),
        Fault::Busy(0),
    ] {
        for part in ["/systeminfo", "/projects?", "/b/artifacts"] {
            let harbor = harbor(part, times(2, fault.clone())).await;
            assert_whole(&listed(&harbor.config()).await);
            assert_eq!(harbor.count(part), 3, "{fault:?} at {part}");
        }
    }
}

#[tokio::test]
async fn what_does_not_pass_is_asked_once() {
    for fault in [
        Fault::Status(400),
        Fault::Status(401),
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(500),
        Fault::Html,
        Fault::Moved("http://127.0.0.1:1".to_owned()),
    ] {
        let harbor = harbor("/projects?", fault.clone()).await;
        only_error(&listed(&harbor.config()).await);
        assert_eq!(harbor.count("/projects?"), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_wait_that_harbor_asks_for_is_kept() {
    let soon = Fault::BusyUntil(SystemTime::now() + Duration::from_secs(3));
    for (fault, least) in [(Fault::Busy(1), 1), (soon, 1)] {
        let harbor = harbor("/projects?", times(1, fault)).await;
        let started = Instant::now();
        assert_whole(&listed(&harbor.config()).await);
        assert!(started.elapsed() >= Duration::from_secs(least), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_wait_that_does_not_fit_is_told_at_once() {
    let harbor = harbor("/projects?", Fault::Busy(60)).await;
    let started = Instant::now();
    let images = listed(&with(&harbor, "timeout", json!(20))).await;
    assert!(only_error(&images).contains("try again after 60 s"), "{images}");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(harbor.count("/projects?"), 1);
}

#[tokio::test]
async fn retries_can_be_turned_off() {
    let harbor = harbor("/projects?", Fault::Status(503)).await;
    only_error(&listed(&with(&harbor, "retries", json!(0))).await);
    assert_eq!(harbor.count("/projects?"), 1);
}

#[tokio::test]
async fn the_listing_of_a_dead_harbor_ends_soon() {
    let harbor = harbor("/", Fault::Reset).await;
    let started = Instant::now();
    let images = listed(&harbor.config()).await;
    assert!(only_error(&images).contains("(tried 4 times)"), "{images}");
    assert_eq!(harbor.asked().len(), 4);
    // Waits of 1.75 s at most, and the program's start.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_harbor_that_dies_in_mid_listing_is_given_up_soon() {
    let mut builder = Harbor::of(Version::V2_8).fault("/artifacts", Fault::Reset);
    for number in 0..100 {
        builder = builder.repository(&format!("a/r{number:02}"), 1);
    }
    let harbor = builder.start().await.unwrap();
    let started = Instant::now();
    let images = listed(&harbor.config()).await;
    let errors = images["errors"].as_array().unwrap();
    assert!(errors.last().unwrap()["error"].as_str().unwrap().contains("Harbor stopped answering"), "{images}");
    // Those that were under way when the third was given up, each tried four times.
    assert!(harbor.count("/artifacts") <= 4 * 10, "{}", harbor.count("/artifacts"));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn many_requests_while_harbor_is_down_are_not_multiplied() {
    let harbor = harbor("/", Fault::Reset).await;
    let (_node, program) = started(&with(&harbor, "max_concurrency", json!(2)));
    let all = futures::future::join_all((0..40).map(|_| program.images())).await;
    assert!(all.iter().all(|images| images.as_ref().unwrap()["containerd_images"] == json!([node_row()])));
    // Each asks once; without a bound there would be 160.
    let asked = harbor.asked().len();
    assert!((40..80).contains(&asked), "{asked}");
}

#[tokio::test]
async fn who_waits_between_tries_is_in_nobodys_way() {
    let harbor = harbor("/b/artifacts", times(1, Fault::Busy(3))).await;
    let mut config = harbor.config();
    config["max_concurrency"] = json!(8);
    let image = json!({"mode": "exec", "command": ["echo", "{\"images\": []}"]});
    let config = json!({
        "crictl_config": image, "harbor_config": config, "limits_config": {"max_upstream_requests": 1},
    });
    let node = image_service_tests::Node::configured(&config).unwrap();
    let program = node.start().unwrap();
    let others = async {
        harbor.wait_for("/b/artifacts", 1).await.unwrap();
        tokio::time::timeout(Duration::from_secs(2), harbor.wait_for("/c/artifacts", 1)).await.unwrap().unwrap();
    };
    let (images, ()) = tokio::join!(program.images(), others);
    assert_eq!(images.unwrap()["errors"], json!([]));
}

/// Answers one request on each connection, and closes it when the next one comes, as a server may that had it open for
/// long enough.
async fn closes_kept_connections(listener: TcpListener) {
    async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await?;
        let body = match String::from_utf8_lossy(&head[..read]).contains("/systeminfo") {
            true => "{\"harbor_version\": \"v2.12.0\"}",
            false => "[]",
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.read(&mut head).await.map(|_| ())
    }
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream));
    }
}

#[tokio::test]
async fn a_kept_connection_that_harbor_closes_never_shows() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(closes_kept_connections(listener));
    let (_node, program) = started(&json!({"url": url, "user": "robot$ci", "password": "s3cret"}));
    for _ in 0..5 {
        assert_eq!(program.images().await.unwrap()["errors"], json!([]));
    }
}

#[tokio::test]
async fn an_answer_that_stalls_or_trickles_is_one_error_in_bounded_time() {
    for fault in [Fault::Stall, Fault::Trickle] {
        let harbor = harbor("/b/artifacts", fault).await;
        let started = Instant::now();
        let images = listed(&with(&harbor, "timeout", json!(2))).await;
        assert_rows(&images, &numbered("a/c", 3));
        assert!(only_error(&images).contains("no complete answer within 2 s"), "{images}");
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    }
}
