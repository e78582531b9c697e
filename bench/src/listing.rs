//! A whole listing of a node and of Harbor: by our program, by the requests of the Flask service, and by requests alone.

use crate::client::Connection;
use crate::measure::{Row, alternate, ms, seconds};
use crate::walk;
use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use http::HeaderValue;
use image_service_tests::{Containerd, Harbor, Node, Version, oci};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

const PROJECTS: usize = 20;
const REPOSITORIES: usize = 20;
const ARTIFACTS: usize = 10;
/// Harbor's delay before each response.
const LATENCY: Duration = Duration::from_millis(5);
/// Requests to Harbor at a time: the program's default.
const CONCURRENCY: usize = 8;

pub(crate) async fn measure(rows: &mut Vec<Row>) -> Result<()> {
    let containerd = Containerd::start().await?.context("the bench needs a containerd")?;
    let image = oci::Image::new(b"one")?;
    let names: Vec<String> = (0..30).map(|number| format!("registry.example.com/team/app{number}:v1")).collect();
    containerd.import(&names.iter().map(|name| (name.as_str(), &image)).collect::<Vec<_>>())?;
    let containerd = Arc::new(containerd);
    compare(rows, Version::V2_12, "2.12", 25.0, &containerd).await?;
    compare(rows, Version::V2_8, "2.8", 6.0, &containerd).await
}

async fn compare(
    rows: &mut Vec<Row>,
    version: Version,
    name: &str,
    target: f64,
    containerd: &Arc<Containerd>,
) -> Result<()> {
    let mut harbor = Harbor::of(version).latency(LATENCY);
    for project in 0..PROJECTS {
        for repository in 0..REPOSITORIES {
            harbor = harbor.repository(&format!("project{project:02}/repository{repository:02}"), ARTIFACTS);
        }
    }
    let harbor = harbor.start().await?;
    let quiet = json!({"app_config": {"log_level_app": "WARNING"}});
    let program = Node::builder().runtime("cri", containerd.socket()).harbor(&harbor).config(quiet).start()?;
    let expected = PROJECTS * REPOSITORIES * ARTIFACTS;
    let listed = program.images().await?["harbor_images"].as_array().map(Vec::len);
    ensure!(listed == Some(expected), "{listed:?} rows instead of {expected}");
    let plan: Arc<Vec<String>> = Arc::new(harbor.requests().into_iter().map(|request| request.target).collect());
    let login = walk::login(&harbor.config())?;

    let address = program.address.clone();
    let ours = || {
        let address = address.clone();
        async move { seconds(async { Connection::open(&address, None).await?.get("/images").await }).await }
    };
    let url = harbor.url.clone();
    let sequential = || {
        let (url, login, containerd) = (url.clone(), login.clone(), Arc::clone(containerd));
        async move { seconds(sequential(url, login, containerd, expected)).await }
    };
    let connections: Vec<Connection> =
        stream::iter(0..CONCURRENCY).then(|_| Connection::open(&harbor.url, Some(login.clone()))).try_collect().await?;
    let connections = Arc::new(connections.into_iter().map(Mutex::new).collect::<Vec<_>>());
    let limit = || {
        let (plan, connections) = (Arc::clone(&plan), Arc::clone(&connections));
        async move { seconds(limit(plan, connections)).await }
    };
    let [ours, sequential, limit] = alternate([&ours, &sequential, &limit]).await?;
    let work = format!("full listing, Harbor {name}, {} requests: times faster than sequential", plan.len());
    rows.push(Row::at_least(&work, sequential / ours, target, format!("{} against {}", ms(sequential), ms(ours))));
    let work = format!("full listing, Harbor {name}: against limit");
    rows.push(Row::at_most(&work, ours / limit, 1.3, "", format!("{} against {}", ms(ours), ms(limit))));
    Ok(())
}

/// What the Flask service does: a process for the node, then a walk through Harbor.
async fn sequential(url: String, login: HeaderValue, containerd: Arc<Containerd>, expected: usize) -> Result<()> {
    tokio::task::spawn_blocking(move || containerd.ctr(&["images", "list"])).await??;
    let found = walk::artifacts(&url, &login).await?;
    ensure!(found == expected, "{found} artifacts instead of {expected}");
    Ok(())
}

/// Sends our program's requests with the same concurrency over open connections, and drops the bodies. No request waits
/// for the result of another, so this is a lower bound.
async fn limit(plan: Arc<Vec<String>>, connections: Arc<Vec<Mutex<Connection>>>) -> Result<()> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let workers = connections.iter().map(async |connection| {
        let mut connection = connection.lock().await;
        while let Some(target) = plan.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            connection.get(target).await?;
        }
        Ok::<_, anyhow::Error>(())
    });
    futures::future::try_join_all(workers).await?;
    Ok(())
}
