//! Where the program listens: at sockets that systemd's own tool opened and hands over, and at addresses of IPv6.

use crate::listing::assert_says;
use image_service_tests::{Node, NodeBuilder, RawClient, artifacts, command, eventually, skip};
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

fn node() -> NodeBuilder {
    Node::builder().some_images()
}

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
        let node = node().build().unwrap();
        let mut command = Command::new("systemd-socket-activate");
        for address in addresses {
            command.args(["--listen", address]);
        }
        command.arg(artifacts::program()).arg("serve").arg("--config").arg(node.config_file());
        command.stdout(Stdio::null()).stderr(Stdio::null());
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

/// A connection, as soon as somebody listens.
async fn connect(address: &str) -> TcpStream {
    eventually("somebody who listens", async || TcpStream::connect(address).await).await.unwrap()
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
    let stream = connect(&tcp).await;
    assert!(answer(stream).await.starts_with("HTTP/1.1 200"));
    assert!(answer(UnixStream::connect(&path).await.unwrap()).await.starts_with("HTTP/1.1 200"));
    assert!(answer(TcpStream::connect(&tcp).await.unwrap()).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn clients_wait_in_the_socket_while_the_program_starts() {
    let tcp = format!("127.0.0.1:{}", free_port());
    let Some(_activated) = Activated::at(&[&tcp]).await else { return };
    let first = connect(&tcp).await;
    let others = (0..20).map(|_| async { answer(TcpStream::connect(&tcp).await.unwrap()).await });
    for answer in futures::future::join_all(others).await {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(answer(first).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_file_that_is_handed_over_in_place_of_a_socket_is_refused() {
    // A process's own number has to be in LISTEN_PID, which a shell that becomes the program knows.
    let script = r#"exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" serve --demo"#;
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(artifacts::program());
    let refusal = command::run_command(command).await.unwrap();
    assert_says(&refusal.stderr, &["socket number 0 of LISTEN_FDS is no listening stream socket"]);
    assert_eq!(refusal.code, Some(2));
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
    let node = node().build().unwrap();
    let program = node.launch_at("[::1]:0").start().unwrap();
    assert!(program.address.starts_with("http://[::1]:"), "{}", program.address);
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
    drop(program);
    let program = node.launch_at("[::]:0").start().unwrap();
    let port = program.address.rsplit(':').next().unwrap();
    let mut client = RawClient::connect(&format!("127.0.0.1:{port}")).await.unwrap();
    client.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(client.head().await.unwrap().starts_with("HTTP/1.1 200"));
    program.await_log("can read the listing").await.unwrap();
}

#[tokio::test]
async fn an_ipv6_address_in_the_config_needs_no_brackets() {
    if !has_ipv6() {
        return;
    }
    for host in ["::1", "[::1]"] {
        let node = node().config(json!({"app_config": {"host": host, "port": 0}})).build().unwrap();
        let mut command = command::command();
        command.args(["serve", "--config"]).arg(node.config_file());
        let program = node.spawn(command).unwrap();
        assert_eq!(program.get("/healthz").await.unwrap().status(), 200, "{host}");
    }
}
