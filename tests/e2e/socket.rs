//! The CRI socket: large answers, and each way in which it goes wrong. The registry's rows arrive all the same.

use image_service_tests::{Cri, CriAnswer, CriImage, Harbor, ListImages, Node, Program, Version};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A node in mode `cri` with the socket `cri.sock` in its folder, and a Harbor with two rows.
struct Fixture {
    node: Node,
    _harbor: Harbor,
}

impl Fixture {
    async fn new(mode: &str) -> Self {
        let harbor = Harbor::of(Version::V2_12).repository("a/b", 2).start().await.unwrap();
        let node = Node::configured(&json!({})).unwrap();
        let endpoint = format!("unix://{}", node.path().join("cri.sock").display());
        let crictl = json!({"mode": mode, "endpoint": endpoint, "timeout": 1.0});
        node.configure(&json!({"crictl_config": crictl, "harbor_config": harbor.config()})).unwrap();
        Self { node, _harbor: harbor }
    }

    fn socket(&self) -> PathBuf {
        self.node.path().join("cri.sock")
    }

    async fn listed(&self) -> Value {
        self.node.start().unwrap().images().await.unwrap()
    }
}

/// The one error, which is of the node; Harbor's rows are there.
fn only_error(images: &Value) -> &str {
    assert_eq!(images["containerd_images"], json!([]));
    assert_eq!(images["harbor_images"].as_array().unwrap().len(), 2);
    assert_eq!(images["errors"].as_array().unwrap().len(), 1, "{images}");
    assert_eq!(images["errors"][0]["source"], "containerd");
    images["errors"][0]["error"].as_str().unwrap()
}

fn images(count: usize, tag_length: usize) -> ListImages {
    let image = |number| CriImage {
        id: format!("sha256:{number:064x}"),
        repo_tags: vec![format!("registry.example.com/team/app:{number:0tag_length$}")],
        size: number as u64,
    };
    ListImages { images: (0..count).map(image).collect() }
}

#[tokio::test]
async fn ten_thousand_images_in_nearly_16_mib_arrive() {
    let fixture = Fixture::new("cri").await;
    let images = images(10_000, 1500);
    let bytes = prost::Message::encoded_len(&images);
    assert!((15 << 20..16 << 20).contains(&bytes), "{bytes}");
    let _cri = Cri::start(&fixture.socket(), CriAnswer::Images(images)).unwrap();
    let listed = fixture.listed().await;
    assert_eq!(listed["errors"], json!([]));
    assert_eq!(listed["containerd_images"].as_array().unwrap().len(), 10_000);
    assert_eq!(listed["containerd_images"][9999]["size"], "10kB");
}

#[tokio::test]
async fn more_than_ten_thousand_images_are_one_error() {
    let fixture = Fixture::new("cri").await;
    let _cri = Cri::start(&fixture.socket(), CriAnswer::Images(images(10_001, 10))).unwrap();
    let images = fixture.listed().await;
    assert!(only_error(&images).contains("10001 images"), "{images}");
}

#[tokio::test]
async fn an_answer_of_more_than_16_mib_is_one_error() {
    let fixture = Fixture::new("cri").await;
    let _cri = Cri::start(&fixture.socket(), CriAnswer::Images(images(10_000, 1700))).unwrap();
    let images = fixture.listed().await;
    assert!(only_error(&images).contains("larger than 16777216 bytes"), "{images}");
}

#[tokio::test]
async fn an_absent_socket_is_named_with_what_to_do() {
    let fixture = Fixture::new("cri").await;
    let images = fixture.listed().await;
    let error = only_error(&images);
    assert!(error.contains(&*fixture.socket().to_string_lossy()), "{error}");
    assert!(error.contains("start the container runtime or set crictl_config.endpoint"), "{error}");
}

#[tokio::test]
async fn a_socket_that_may_not_be_opened_is_named_with_what_to_do() {
    let fixture = Fixture::new("cri").await;
    let _cri = Cri::start(&fixture.socket(), CriAnswer::Images(images(1, 1))).unwrap();
    std::fs::set_permissions(fixture.socket(), std::fs::Permissions::from_mode(0o600)).unwrap();
    if !rustix::process::geteuid().is_root() {
        // Its owner may open it; somebody else is needed, whom only root can be.
        std::fs::set_permissions(fixture.socket(), std::fs::Permissions::from_mode(0o000)).unwrap();
    }
    let images = fixture.node.start_as_nobody().unwrap().images().await.unwrap();
    let error = only_error(&images);
    assert!(error.contains("cri.sock may not be opened (permission denied)"), "{error}");
    assert!(error.contains("set crictl_config.mode to exec"), "{error}");
}

#[tokio::test]
async fn a_socket_that_never_answers_is_given_up_in_time() {
    let fixture = Fixture::new("cri").await;
    let _listener = std::os::unix::net::UnixListener::bind(fixture.socket()).unwrap();
    let images = fixture.listed().await;
    assert!(only_error(&images).contains("did not answer ListImages within 1 s"), "{images}");
}

#[tokio::test]
async fn a_service_without_cri_v1_is_told_from_a_runtime() {
    let fixture = Fixture::new("cri").await;
    let _cri = Cri::start(&fixture.socket(), CriAnswer::Status(12, "unknown service")).unwrap();
    let images = fixture.listed().await;
    let error = only_error(&images);
    assert!(error.contains("has no CRI v1 (unknown service)") && error.contains("containerd 1.6"), "{error}");
}

#[tokio::test]
async fn a_runtime_that_refuses_is_quoted() {
    let fixture = Fixture::new("cri").await;
    let _cri = Cri::start(&fixture.socket(), CriAnswer::Status(7, "not for you")).unwrap();
    let images = fixture.listed().await;
    assert!(only_error(&images).contains("refused ListImages (not for you)"), "{images}");
}

#[tokio::test]
async fn what_speaks_no_grpc_is_no_runtime() {
    for greeting in ["", "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"] {
        let fixture = Fixture::new("cri").await;
        let listener = tokio::net::UnixListener::bind(fixture.socket()).unwrap();
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, greeting.as_bytes()).await;
            }
        });
        let images = fixture.listed().await;
        assert!(only_error(&images).contains("did not answer ListImages as a container runtime does"), "{images}");
        server.abort();
    }
}

#[tokio::test]
async fn auto_asks_crictl_where_the_socket_cannot_be_opened() {
    let fixture = Fixture::new("auto").await;
    fixture.node.script("sudo", r#"echo '{"images":[{"id":"sha256:a24bb4013296f61e","repoTags":["a:1"]}]}'"#).unwrap();
    let images = fixture.listed().await;
    assert_eq!(images["containerd_images"][0]["repository"], "a");
    assert_eq!(images["errors"], json!([]));
}

#[tokio::test]
async fn auto_tells_both_what_crictl_said_and_which_socket_was_closed() {
    let fixture = Fixture::new("auto").await;
    fixture.node.script("sudo", "echo no runtime >&2; exit 3").unwrap();
    let images = fixture.listed().await;
    let error = only_error(&images);
    assert!(error.contains("no runtime") && error.contains(&*fixture.socket().to_string_lossy()), "{error}");
}

#[tokio::test]
async fn a_runtime_that_comes_back_is_asked_again() {
    let fixture = Fixture::new("cri").await;
    let program: Program = fixture.node.start().unwrap();
    assert!(only_error(&program.images().await.unwrap()).contains("there is no socket"));
    let _cri = Cri::start(&fixture.socket(), CriAnswer::Images(images(3, 1))).unwrap();
    assert_eq!(program.images().await.unwrap()["containerd_images"].as_array().unwrap().len(), 3);
}
