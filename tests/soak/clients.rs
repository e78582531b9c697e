//! Clients of all kinds: decent ones, and those that hang up, dawdle or talk nonsense.

use anyhow::{Result, ensure};
use http::Method;
use image_service_tests::{Client, RawClient, within_deadline};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many answers of each kind the clients got.
#[derive(Default)]
pub(crate) struct AnswerCounts(BTreeMap<String, usize>);

impl fmt::Display for AnswerCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.0.iter().map(|(what, count)| format!("{count} × {what}")).collect();
        f.write_str(&counts.join(", "))
    }
}

/// Clients under way.
pub(crate) struct Clients {
    stop: watch::Sender<bool>,
    tasks: JoinSet<Result<AnswerCounts>>,
}

impl Clients {
    pub(crate) fn start(address: &str) -> Self {
        let (stop, stopped) = watch::channel(false);
        let address: Arc<str> = address.into();
        let mut tasks = JoinSet::new();
        for (path, no_cache, pause) in [
            ("/images", false, 20),
            ("/images", false, 50),
            ("/images", true, 200),
            ("//images", true, 300),
            ("/nowhere", false, 100),
            ("/healthz", false, 100),
            ("/metrics", false, 500),
        ] {
            let asking = decent(Arc::clone(&address), path, no_cache, Duration::from_millis(pause), stopped.clone());
            tasks.spawn(asking);
        }
        for kind in [Rude::HangsUp, Rude::Dawdles, Rude::Babbles, Rude::LeavesUnread] {
            tasks.spawn(rude(Arc::clone(&address), kind, stopped.clone()));
        }
        Self { stop, tasks }
    }

    /// Stops them; what they got.
    pub(crate) async fn stop(mut self) -> Result<AnswerCounts> {
        self.stop.send_replace(true);
        let mut all = AnswerCounts::default();
        while let Some(counts) = self.tasks.join_next().await {
            for (what, count) in counts??.0 {
                *all.0.entry(what).or_default() += count;
            }
        }
        Ok(all)
    }
}

/// Asks again and again; every answer has to be whole and make sense.
async fn decent(
    address: Arc<str>,
    path: &'static str,
    no_cache: bool,
    pause: Duration,
    stopped: watch::Receiver<bool>,
) -> Result<AnswerCounts> {
    let client = Client::default();
    let mut counts = AnswerCounts::default();
    while !*stopped.borrow() {
        let headers: &[_] = if no_cache { &[("cache-control", "no-cache")] } else { &[] };
        let ask = async {
            let response = client.request(Method::GET, &format!("{address}{path}"), headers).await?;
            anyhow::Ok((response.status().as_u16(), response.bytes().await?))
        };
        let (status, bytes) = within_deadline(path, ask).await??;
        if path.ends_with("images") && status == 200 {
            let images: Value = serde_json::from_slice(&bytes)?;
            let lists = ["containerd_images", "harbor_images", "errors"];
            ensure!(lists.iter().all(|list| images[list].is_array()), "{images}");
        }
        ensure!(matches!(status, 200 | 404 | 503 | 504), "{path} was answered {status}");
        *counts.0.entry(format!("{path} {status}")).or_default() += 1;
        tokio::time::sleep(pause).await;
    }
    Ok(counts)
}

#[derive(Clone, Copy)]
enum Rude {
    /// Goes away when the answer begins.
    HangsUp,
    /// Reads a byte at a time, and goes away some seconds later.
    Dawdles,
    /// Speaks no HTTP.
    Babbles,
    /// Asks 127 times over HTTP/2, on each of a hundred connections, and reads no answer.
    LeavesUnread,
}

async fn rude(address: Arc<str>, kind: Rude, stopped: watch::Receiver<bool>) -> Result<AnswerCounts> {
    let mut count = 0;
    while !*stopped.borrow() {
        if let Rude::LeavesUnread = kind {
            leave_unread(&address).await;
            count += 1;
            continue;
        }
        let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await?;
        // Whatever the program does with these connections is right, as long as it does not keep them.
        let _ = talk(&mut stream, kind).await;
        count += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(AnswerCounts(BTreeMap::from([("rude".to_owned(), count)])))
}

/// Leaves answers unread for a second. The program may end the connections, or accept no more.
async fn leave_unread(address: &str) {
    let mut clients = Vec::new();
    for _ in 0..100 {
        let connected = tokio::time::timeout(Duration::from_millis(200), RawClient::http2(address)).await;
        if let Ok(Ok(mut client)) = connected {
            let _ = client.leave_unread(127, "/images").await;
            clients.push(client);
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
}

async fn talk(stream: &mut TcpStream, kind: Rude) -> std::io::Result<()> {
    let request = b"GET /images HTTP/1.1\r\nHost: x\r\nCache-Control: no-cache\r\n\r\n";
    let mut byte = [0];
    match kind {
        Rude::HangsUp => {
            stream.write_all(request).await?;
            stream.read_exact(&mut byte).await?;
        }
        Rude::Dawdles => {
            stream.write_all(request).await?;
            for _ in 0..20 {
                stream.read_exact(&mut byte).await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Rude::Babbles => {
            stream.write_all(&[0xff; 300]).await?;
            stream.read_exact(&mut byte).await?;
        }
        // It has connections of its own.
        Rude::LeavesUnread => {}
    }
    Ok(())
}
