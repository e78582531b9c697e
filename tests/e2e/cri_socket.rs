//! The CRI socket: large answers, and each way in which it goes wrong. The registry's rows arrive all the same.

use crate::listing::{assert_says, node_rows, only_node_error};
use image_service_tests::{Cri, CriAnswer, Harbor, ListImages, Node, Version, fixture, node_row};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A node whose runtime would have the socket `cri.sock` in the node's folder, and a Harbor with two rows.
struct Fixture {
    node: Node,
    _harbor: Harbor,
}

impl Fixture {
    /// In this mode of `crictl_config`. crictl is this shell script.
    async fn new(mode: &str, crictl: &str) -> Self {
        let harbor = Harbor::of(Version::V2_12).repository("a/b", 2).start().await.unwrap();
        let node = Node::builder().runtime(mode, "{node}/cri.sock").harbor(&harbor).crictl_program(crictl);
        Self { node: node.config(json!({"crictl_config": {"timeout": 1.0}})).build().unwrap(), _harbor: harbor }
    }

    /// In mode `cri`.
    async fn cri() -> Self {
        Self::new("cri", "exit 1").await
    }

    fn socket(&self) -> PathBuf {
        self.node.path("cri.sock")
    }

    /// The runtime, with this answer.
    fn runtime(&self, answer: CriAnswer) -> Cri {
        Cri::start(&self.socket(), answer).unwrap()
    }

    async fn listed(&self) -> Value {
        self.node.start().unwrap().images().await.unwrap()
    }

    /// The error of a listing, which is of the node. Harbor's rows are there.
    async fn error(&self) -> String {
        only_node_error(&self.listed().await, 2).to_owned()
    }
}

fn images(count: usize, tag_length: usize) -> CriAnswer {
    CriAnswer::Images(ListImages::numbered(count, tag_length))
}

#[tokio::test]
async fn ten_thousand_images_in_nearly_16_mib_arrive() {
    let fixture = Fixture::cri().await;
    let images = ListImages::numbered(10_000, 1500);
    let bytes = prost::Message::encoded_len(&images);
    assert!((15 << 20..16 << 20).contains(&bytes), "{bytes}");
    let _cri = fixture.runtime(CriAnswer::Images(images));
    let listed = fixture.listed().await;
    assert_eq!(listed["errors"], json!([]));
    assert_eq!((node_rows(&listed).len(), &node_rows(&listed)[9999]["size"]), (10_000, &json!("10kB")));
}

#[tokio::test]
async fn more_than_ten_thousand_images_are_one_error() {
    let fixture = Fixture::cri().await;
    let _cri = fixture.runtime(images(10_001, 10));
    assert_says(&fixture.error().await, &["more than the 10000 images"]);
}

#[tokio::test]
async fn an_answer_of_more_than_16_mib_is_one_error() {
    let fixture = Fixture::cri().await;
    let _cri = fixture.runtime(images(10_000, 1700));
    assert_says(&fixture.error().await, &["larger than 16777216 bytes"]);
}

#[tokio::test]
async fn an_absent_socket_is_named_with_what_to_do() {
    let fixture = Fixture::cri().await;
    let error = fixture.error().await;
    let socket = fixture.socket();
    assert_says(&error, &[&socket.to_string_lossy(), "start the container runtime or set crictl_config.endpoint"]);
}

#[tokio::test]
async fn a_socket_that_may_not_be_opened_is_named_with_what_to_do() {
    let fixture = Fixture::cri().await;
    let _cri = fixture.runtime(images(1, 1));
    // Where root runs the tests, the program runs as nobody; else it runs as the owner, who may not either.
    let mode = if rustix::process::geteuid().is_root() { 0o600 } else { 0o000 };
    fixture.node.set_mode("cri.sock", mode).unwrap();
    let images = fixture.node.launch().start_as_nobody().unwrap().images().await.unwrap();
    let mode = format!("with mode {mode:04o}; only ");
    assert_says(
        only_node_error(&images, 2),
        &["cri.sock may not be opened by this program, which runs as ", "(permission denied): it belongs to ", &mode],
    );
}

#[tokio::test]
async fn a_socket_that_never_answers_is_given_up_in_time() {
    let fixture = Fixture::cri().await;
    let _listener = std::os::unix::net::UnixListener::bind(fixture.socket()).unwrap();
    assert_says(&fixture.error().await, &["did not answer ListImages within 1 s"]);
}

#[tokio::test]
async fn a_service_without_the_cri_is_told_from_a_runtime() {
    let fixture = Fixture::cri().await;
    let _cri = fixture.runtime(CriAnswer::Status(12, "unknown service"));
    let error = fixture.error().await;
    assert_says(&error, &["has no CRI, neither v1 nor v1alpha2 (unknown service)", "Docker's containerd"]);
}

#[tokio::test]
async fn a_runtime_that_refuses_is_quoted() {
    let fixture = Fixture::cri().await;
    let _cri = fixture.runtime(CriAnswer::Status(7, "not for you"));
    assert_says(&fixture.error().await, &["refused ListImages (not for you)"]);
}

#[tokio::test]
async fn a_server_that_speaks_no_grpc_is_no_runtime() {
    for greeting in ["", "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"] {
        let fixture = Fixture::cri().await;
        let listener = tokio::net::UnixListener::bind(fixture.socket()).unwrap();
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, greeting.as_bytes()).await;
            }
        });
        assert_says(&fixture.error().await, &["did not answer ListImages as a container runtime does"]);
        server.abort();
    }
}

#[tokio::test]
async fn auto_asks_crictl_where_the_socket_cannot_be_opened() {
    let fixture = Fixture::new("auto", &format!("cat {}", fixture("one-image.json").display())).await;
    let images = fixture.listed().await;
    assert_eq!(node_rows(&images), [node_row()]);
    assert_eq!(images["errors"], json!([]));
}

#[tokio::test]
async fn auto_tells_both_what_crictl_said_and_which_socket_was_closed() {
    let fixture = Fixture::new("auto", "echo no runtime >&2; exit 3").await;
    let error = fixture.error().await;
    assert_says(&error, &["no runtime", &fixture.socket().to_string_lossy()]);
}

#[tokio::test]
async fn a_runtime_that_comes_back_is_asked_again() {
    let fixture = Fixture::cri().await;
    let program = fixture.node.start().unwrap();
    assert_says(only_node_error(&program.images().await.unwrap(), 2), &["there is no socket"]);
    let _cri = fixture.runtime(images(3, 1));
    assert_eq!(node_rows(&program.images().await.unwrap()).len(), 3);
}

#[tokio::test]
async fn a_runtime_that_only_speaks_v1alpha2_is_listed() {
    let fixture = Fixture::cri().await;
    let _cri = fixture.runtime(CriAnswer::Alpha(ListImages::numbered(3, 1)));
    let listed = fixture.listed().await;
    assert_eq!((node_rows(&listed).len(), &listed["errors"]), (3, &json!([])));
}

#[tokio::test]
async fn an_error_of_the_runtime_is_told_as_such() {
    let fixture = Fixture::cri().await;
    let _cri = fixture.runtime(CriAnswer::Status(2, "failed to list images: metadata.db is broken"));
    let error = fixture.error().await;
    assert_says(&error, &["answered ListImages with an error (Unknown: failed to list images: metadata.db is broken)"]);
    assert!(!error.contains("is that its socket"), "{error}");
}
