//! Requests to Harbor that are tried again: when, how often, and what that costs.

use crate::listing::{assert_rows, assert_whole, list, node_rows, numbered, only_harbor_error, start, with};
use image_service_tests::harbor::config_for;
use image_service_tests::{Fault, Harbor, HarborBuilder, Node, Version, node_row};
use serde_json::json;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn two_repositories() -> HarborBuilder {
    Harbor::of(Version::V2_8).repository("a/b", 3).repository("a/c", 3)
}

fn all_rows() -> Vec<String> {
    [numbered("a/b", 3), numbered("a/c", 3)].concat()
}

/// This fault for so many requests, and none after them.
fn times(count: usize, fault: Fault) -> Fault {
    Fault::Times(count, Box::new(fault))
}

async fn harbor(part: &'static str, fault: Fault) -> Harbor {
    two_repositories().fault(part, fault).start().await.unwrap()
}

#[tokio::test]
async fn a_fault_that_passes_costs_nothing() {
    for fault in [
        Fault::Reset,
        Fault::BrokenOff,
        Fault::Status(429),
        Fault::Status(502),
        Fault::Status(503),
        Fault::Status(504),
        Fault::RetryAfter(0),
    ] {
        for part in ["/systeminfo", "/projects?", "/b/artifacts"] {
            let harbor = harbor(part, times(2, fault.clone())).await;
            assert_whole(&list(harbor.config()).await, &all_rows());
            assert_eq!(harbor.count(part), 3, "{fault:?} at {part}");
        }
    }
}

#[tokio::test]
async fn the_program_sends_a_request_once_where_another_try_would_end_the_same() {
    for fault in [
        Fault::Status(400),
        Fault::Status(403),
        Fault::Status(404),
        Fault::Html,
        Fault::RedirectTo("http://127.0.0.1:1".to_owned()),
    ] {
        let harbor = harbor("/projects?", fault.clone()).await;
        only_harbor_error(&list(harbor.config()).await);
        assert_eq!(harbor.count("/projects?"), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_refusal_after_the_login_counted_and_an_error_of_the_database_are_asked_again_a_bounded_number_of_times() {
    for (status, asked) in [(401, 2), (500, 3)] {
        let harbor = harbor("/projects?", Fault::Status(status)).await;
        only_harbor_error(&list(harbor.config()).await);
        assert_eq!(harbor.count("/projects?"), asked, "{status}");
    }
}

#[tokio::test]
async fn a_harbor_that_starts_behind_its_proxy_is_waited_for() {
    use image_service_tests::harbor::Outage;
    let harbor = two_repositories().start().await.unwrap();
    harbor.set_outage(Some(Outage::Restarting(Duration::from_secs(3))));
    assert_whole(&list(harbor.config()).await, &all_rows());
}

#[tokio::test]
async fn the_program_waits_as_long_as_harbor_asks_it_to() {
    let soon = || Fault::RetryAt(SystemTime::now() + Duration::from_secs(3));
    for fault in [&(|| Fault::RetryAfter(1)) as &dyn Fn() -> Fault, &soon] {
        let fault = fault();
        let harbor = harbor("/projects?", times(1, fault)).await;
        let started = Instant::now();
        assert_whole(&list(harbor.config()).await, &all_rows());
        assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_wait_longer_than_the_timeout_is_an_error_at_once() {
    let harbor = harbor("/projects?", Fault::RetryAfter(60)).await;
    let started = Instant::now();
    let images = list(with(harbor.config(), "timeout", 20)).await;
    assert!(only_harbor_error(&images).contains("try again after 60 s"), "{images}");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(harbor.count("/projects?"), 1);
}

#[tokio::test]
async fn retries_can_be_turned_off() {
    let harbor = harbor("/projects?", Fault::Status(503)).await;
    only_harbor_error(&list(with(harbor.config(), "retries", 0)).await);
    assert_eq!(harbor.count("/projects?"), 1);
}

#[tokio::test]
async fn the_listing_of_a_dead_harbor_ends_soon() {
    let harbor = harbor("/", Fault::Reset).await;
    let started = Instant::now();
    let images = list(harbor.config()).await;
    assert!(only_harbor_error(&images).contains("(tried 4 times)"), "{images}");
    assert_eq!(harbor.requests().len(), 4);
    // Waits of 1.75 s at most, and the program's start.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_harbor_that_dies_in_mid_listing_is_given_up_soon() {
    let harbor = Harbor::of(Version::V2_8).repositories(100, 1).fault("/artifacts", Fault::Reset);
    let harbor = harbor.start().await.unwrap();
    let started = Instant::now();
    let images = list(harbor.config()).await;
    let errors = images["errors"].as_array().unwrap();
    assert!(errors.last().unwrap()["error"].as_str().unwrap().contains("Harbor stopped answering"), "{images}");
    // Those that were under way when the third was given up, each tried four times.
    assert!(harbor.count("/artifacts") <= 4 * 10, "{}", harbor.count("/artifacts"));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn many_requests_while_harbor_is_down_are_not_multiplied() {
    let harbor = harbor("/", Fault::Reset).await;
    let program = start(with(harbor.config(), "max_concurrency", 2));
    let all = futures::future::join_all((0..40).map(|_| program.images())).await;
    assert!(all.iter().all(|images| node_rows(images.as_ref().unwrap()) == [node_row()]));
    // Each asks once; without a bound there would be 160.
    let asked = harbor.requests().len();
    assert!((40..80).contains(&asked), "{asked}");
}

#[tokio::test]
async fn a_request_that_waits_for_its_next_try_does_not_keep_others_waiting() {
    let harbor = harbor("/b/artifacts", times(1, Fault::RetryAfter(2))).await;
    let one_at_a_time = json!({"limits_config": {"max_upstream_requests": 1}});
    let program = Node::builder().no_images().harbor(&harbor).config(one_at_a_time).start().unwrap();
    let others = async {
        harbor.await_requests("/b/artifacts", 1).await.unwrap();
        let begun = Instant::now();
        harbor.await_requests("/c/artifacts", 1).await.unwrap();
        begun.elapsed()
    };
    let (images, others) = tokio::join!(program.images(), others);
    assert_whole(&images.unwrap(), &all_rows());
    assert!(others < Duration::from_millis(1500), "{others:?}");
}

/// Answers one request on each connection, and closes it when the next one comes, as a server may that had it open for
/// long enough.
async fn closes_kept_connections(listener: TcpListener) {
    async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await?;
        let body = match String::from_utf8_lossy(&head[..read]).contains("/systeminfo") {
            true => "{\"harbor_version\": \"v2.12.0\", \"registry_url\": \"h\"}",
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
    let program = start(config_for(&url));
    for _ in 0..5 {
        assert_eq!(program.images().await.unwrap()["errors"], json!([]));
    }
}

#[tokio::test]
async fn an_answer_that_stalls_or_trickles_is_one_error_in_bounded_time() {
    for fault in [Fault::Stall, Fault::Trickle(Duration::from_millis(500))] {
        let harbor = harbor("/b/artifacts", fault).await;
        let started = Instant::now();
        let images = list(with(harbor.config(), "timeout", 1)).await;
        assert_rows(&images, &numbered("a/c", 3));
        assert!(only_harbor_error(&images).contains("no complete answer within 1 s"), "{images}");
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    }
}
