//! A proxy as organisations have them: it opens tunnels (CONNECT), and passes requests with whole addresses on.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A proxy, on a port of its own. It ends with the test's runtime.
pub struct ConnectProxy {
    /// Its address, such as `127.0.0.1:40123`.
    pub address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What a proxy does.
#[derive(Clone, Default)]
pub struct ConnectProxyRules {
    /// The login that it wants, as `USER:PASSWORD`.
    pub login: Option<&'static str>,
    /// The status and reason with which it refuses all requests.
    pub refusal: Option<&'static str>,
}

impl ConnectProxy {
    /// Leads each request to the server with this URL, whatever host it names: the proxy resolves names, not the client.
    ///
    /// # Errors
    ///
    /// When no port is free or the URL has no address.
    pub async fn before(server: &str, rules: ConnectProxyRules) -> Result<Self> {
        let server = server.rsplit('/').next().unwrap_or_default().parse()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, server, rules.clone(), Arc::clone(&all)));
            }
        });
        Ok(Self { address, seen })
    }

    /// The first line of each connection, such as `CONNECT harbor.test:443 HTTP/1.1`.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn connection(
    mut client: TcpStream,
    server: SocketAddr,
    rules: ConnectProxyRules,
    seen: Arc<Mutex<Vec<String>>>,
) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let first = text.lines().next().unwrap_or_default().to_owned();
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(first.clone());
    let login = rules.login.map(|login| format!("proxy-authorization: basic {}", STANDARD.encode(login)));
    let knows = login.is_none_or(|login| text.lines().any(|line| line.eq_ignore_ascii_case(&login)));
    let refusal = if knows { rules.refusal } else { Some("407 Proxy Authentication Required") };
    if let Some(refusal) = refusal {
        client.write_all(format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await?;
        return Ok(());
    }
    let mut server = TcpStream::connect(server).await?;
    if first.starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    } else {
        server.write_all(&head).await?;
    }
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
