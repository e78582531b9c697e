//! Sockets that were opened by somebody else: systemd's own tool hands them over. And addresses of IPv6.

use image_service_tests::{Node, Program, Raw, skip};
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// systemd-socket-activate, which starts the program when the first client comes; ended by its process id.
struct Activated {
    child: Child,
    _node: Node,
}

impl Activated {
    /// Listens at these addresses; nothing where there is no such tool.
    async fn at(addresses: &[&str]) -> Option<Self> {
        if Command::new("systemd-socket-activate").arg("--version").stdout(Stdio::null()).status().is_err() {
            skip("there is no systemd-socket-activate").unwrap();
            return None;
        }
        let node = Node::configured(&json!({"composition": image_service_tests::composition("demo")})).unwrap();
        let mut command = Command::new("systemd-socket-activate");
        for address in addresses {
            command.args(["--listen", address]);
        }
        command.arg(Program::path()).arg("serve").arg("--config").arg(node.config()).stdout(Stdio::null());
        Some(Self { child: command.spawn().unwrap(), _node: node })
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer to GET /healthz over any stream.
async fn answer(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin) -> String {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// Tries until somebody listens.
async fn until<T, E>(connect: impl AsyncFn() -> Result<T, E>) -> T {
    for _ in 0..1000 {
        if let Ok(stream) = connect().await {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody listens");
}

/// A port that is free, most likely.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn sockets_that_systemd_hands_over_are_served_tcp_and_unix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image-service.sock");
    let tcp = format!("127.0.0.1:{}", free_port());
    let Some(_activated) = Activated::at(&[&tcp, path.to_str().unwrap()]).await else { return };
    let stream = until(async || TcpStream::connect(&tcp).await).await;
    assert!(answer(stream).await.starts_with("HTTP/1.1 200"));
    assert!(answer(UnixStream::connect(&path).await.unwrap()).await.starts_with("HTTP/1.1 200"));
    assert!(answer(TcpStream::connect(&tcp).await.unwrap()).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn clients_wait_in_the_socket_while_the_program_starts() {
    let tcp = format!("127.0.0.1:{}", free_port());
    let Some(_activated) = Activated::at(&[&tcp]).await else { return };
    let first = until(async || TcpStream::connect(&tcp).await).await;
    let others = (0..20).map(|_| async { answer(TcpStream::connect(&tcp).await.unwrap()).await });
    for answer in futures::future::join_all(others).await {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(answer(first).await.starts_with("HTTP/1.1 200"));
}

#[test]
fn what_was_handed_over_and_is_no_socket_is_refused() {
    // A process's own number has to be in LISTEN_PID, which a shell that becomes the program knows.
    let script = r#"exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" serve --demo"#;
    let output = Command::new("sh").args(["-c", script]).arg(Program::path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("socket number 0 of LISTEN_FDS is no listening stream socket"), "{stderr}");
    assert_eq!(output.status.code(), Some(2));
}

/// Whether this machine has IPv6.
fn has_ipv6() -> bool {
    let has = Path::new("/proc/net/if_inet6").exists() && TcpListener::bind("[::1]:0").is_ok();
    if !has {
        skip("there is no IPv6").unwrap();
    }
    has
}

#[tokio::test]
async fn ipv6_is_listened_on_and_its_any_address_takes_ipv4_too() {
    if !has_ipv6() {
        return;
    }
    let node = Node::configured(&json!({"composition": image_service_tests::composition("demo")})).unwrap();
    let program = node.start_listening("[::1]:0").unwrap();
    assert!(program.address.starts_with("http://[::1]:"), "{}", program.address);
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
    drop(program);
    let program = node.start_listening("[::]:0").unwrap();
    let port = program.address.rsplit(':').next().unwrap();
    let mut client = Raw::connect(&format!("127.0.0.1:{port}")).await.unwrap();
    client.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(client.head().await.unwrap().starts_with("HTTP/1.1 200"));
    node.await_log("may read what is listed").await.unwrap();
}

#[tokio::test]
async fn an_ipv6_address_in_the_config_needs_no_brackets() {
    if !has_ipv6() {
        return;
    }
    for host in ["::1", "[::1]"] {
        let app = json!({"host": host, "port": 0});
        let config = json!({"composition": image_service_tests::composition("demo"), "app_config": app});
        let node = Node::configured(&config).unwrap();
        let mut command = Command::new(Program::path());
        command.args(["serve", "--config"]).arg(node.config());
        let program = Program::spawn(command).unwrap();
        assert_eq!(program.get("/healthz").await.unwrap().status(), 200, "{host}");
    }
}
