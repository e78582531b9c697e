//! Requests per second over 32 connections: the demonstration, a component that does nothing, a kept answer, and a server
//! without components.

use crate::client::Connection;
use crate::measure::{Row, alternate};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use image_service_tests::{Harbor, Node, Version, composition, test_component};
use serde_json::json;
use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 32;
/// How long one measurement runs.
const DURATION: Duration = Duration::from_millis(1500);

pub(crate) async fn measure(rows: &mut Vec<Row>) -> Result<()> {
    // These compositions have no cache.
    let start = |component: PathBuf| {
        let quiet = json!({"app_config": {"log_level_app": "WARNING"}});
        Node::builder().composition(component).config(quiet).start()
    };
    let demo = start(composition("demo"))?;
    let length = demo.get("/images").await?.bytes().await?.len();
    let hello = start(test_component("hello"))?;
    let (bare, bare_address) = start_bare(length)?;
    let (demo_address, hello_address) = (demo.address.clone(), hello.address.clone());
    let path = format!("/{length}");
    let on_demo = || rate(demo_address.clone(), "/images".to_owned());
    let on_hello = || rate(hello_address.clone(), path.clone());
    let on_bare = || rate(bare_address.clone(), path.clone());
    let [demo_rate, hello_rate, bare_rate] = alternate([&on_demo, &on_hello, &on_bare]).await?;
    drop(bare);
    drop((demo, hello));
    let from = |a: f64, b: f64| format!("{a:.0} against {b:.0} requests a second of {length} bytes");
    rows.push(Row::at_least(
        "demo composition without I/O: of hello",
        demo_rate / hello_rate,
        0.7,
        from(demo_rate, hello_rate),
    ));
    rows.push(Row::at_least(
        "hello, a component that does nothing: of bare",
        hello_rate / bare_rate,
        0.25,
        from(hello_rate, bare_rate),
    ));
    cached(rows).await
}

/// A listing that the cache keeps and serves again and again, with and without a log line for each request.
async fn cached(rows: &mut Vec<Row>) -> Result<()> {
    let harbor = Harbor::of(Version::V2_12).repository("project/repository", 15).start().await?;
    let node = |level: &str| {
        let log = json!({"app_config": {"log_level_app": level}});
        Node::builder().no_images().harbor(&harbor).cache_lifetime(3600).config(log)
    };
    let (quiet, logging) = (node("WARNING").start()?, node("INFO").start()?);
    let length = quiet.get("/images").await?.bytes().await?.len();
    let (bare, bare_address) = start_bare(length)?;
    let (quiet_address, logging_address) = (quiet.address.clone(), logging.address.clone());
    let on_quiet = || rate(quiet_address.clone(), "/images".to_owned());
    let on_logging = || rate(logging_address.clone(), "/images".to_owned());
    let on_bare = || rate(bare_address.clone(), "/images".to_owned());
    let [quiet_rate, logging_rate, bare_rate] = alternate([&on_quiet, &on_logging, &on_bare]).await?;
    drop(bare);
    let asked = harbor.count("/systeminfo");
    ensure!(asked == 2, "Harbor was asked {asked} times by two programs, so that answers were not kept");
    let from = |rate: f64| format!("{rate:.0} against {bare_rate:.0} requests a second of {length} bytes");
    rows.push(Row::at_least("a kept answer: of bare", quiet_rate / bare_rate, 0.85, from(quiet_rate)));
    let work = "a kept answer, with a line of the log for each: of bare";
    rows.push(Row::at_least(work, logging_rate / bare_rate, 0.85, from(logging_rate)));
    Ok(())
}

/// Requests a second.
async fn rate(address: String, path: String) -> Result<f64> {
    let begun = Instant::now();
    let workers = (0..CONNECTIONS).map(|_| {
        let (address, path) = (address.clone(), path.clone());
        tokio::spawn(async move {
            let mut connection = Connection::open(&address, None).await?;
            let mut count = 0u32;
            while begun.elapsed() < DURATION {
                connection.get(&path).await?;
                count += 1;
            }
            Ok::<_, anyhow::Error>(count)
        })
    });
    let mut total = 0;
    for count in futures::future::join_all(workers).await {
        total += count??;
    }
    Ok(f64::from(total) / begun.elapsed().as_secs_f64())
}

/// The reference server in its own process, which ends when this is dropped.
struct ReferenceServer(Child);

impl Drop for ReferenceServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_bare(length: usize) -> Result<(ReferenceServer, String)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["bare", &length.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the reference server")?;
    let mut address = String::new();
    BufReader::new(child.stdout.take().context("its output is piped")?).read_line(&mut address)?;
    Ok((ReferenceServer(child), address.trim().to_owned()))
}

/// Serves a body of this many bytes at any path, and prints the address.
pub(crate) async fn bare(length: usize) -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let body = Bytes::from(vec![b'x'; length]);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        let answer = service_fn(move |_: Request<Incoming>| {
            let response = Response::new(Full::new(body.clone()));
            async move { Ok::<_, Infallible>(response) }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}
