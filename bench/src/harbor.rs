//! Whole listings of a Harbor whose requests cost what they cost a real one: against the cheapest plan, and against the walk of
//! the Flask service.

use crate::client::Connection;
use crate::measure::{RUNS, Row, median, memory, seconds};
use crate::walk;
use anyhow::{Result, ensure};
use image_service_tests::harbor::Role;
use image_service_tests::{Harbor, HarborBuilder, Node, NodeBuilder, Program, Version};
use serde_json::{Value, json};
use std::time::Instant;

const SECRET: &str = "secret";
/// Harbor's processors, which share the cost of all requests.
const PROCESSORS: f64 = 2.0;

/// A registry: projects, repositories of each, artifacts of each.
type Shape = (usize, usize, usize);

pub(crate) async fn measure(rows: &mut Vec<Row>) -> Result<()> {
    let large = (20, 100, 50);
    let (harbor, elapsed) = list(rows, large, Role::Robot).await?;
    let config = config(&harbor);
    let login = walk::login(&config)?;
    let walked = seconds(walk::artifacts(&harbor.url, &login)).await?;
    let from = format!("{elapsed:.1} s against {walked:.1} s");
    rows.push(Row::at_most(&format!("{}: of the Flask service's walk", name(large)), elapsed / walked, 0.65, "", from));
    for shape in [(200, 5, 1), (5, 1_000, 10), (10, 10, 1_000)] {
        list(rows, shape, Role::Robot).await?;
    }
    list(rows, (20, 20, 10), Role::User).await?;
    refresh(rows, large).await?;
    million(rows).await
}

/// Refreshes of kept rows: without a change, and with some.
async fn refresh(rows: &mut Vec<Row>, shape: Shape) -> Result<()> {
    let harbor = filled(shape, Role::Robot).start().await?;
    let program = start(&harbor, json!({}))?;
    let mut client = Connection::open(&program.address, None).await?.no_cache();
    client.get("/images").await?;
    harbor.take_costs();
    let mut first_bytes = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        first_bytes.push((client.first_byte("/images").await?.0 - begun).as_secs_f64() * 1000.0);
    }
    let requests = harbor.take_costs().total().count as f64 / RUNS as f64;
    let from = "of 100,000 artifacts in 2,000 repositories".to_owned();
    rows.push(Row::at_most("refresh, nothing changed: requests", requests, 4.0, "", from));
    let from = "Harbor answers at once, so that this is an upper bound of the time after its last answer".to_owned();
    rows.push(Row::at_most("refresh, nothing changed: first byte", median(first_bytes), 30.0, " ms", from));
    for number in 0..20 {
        harbor.push(&format!("project{number:03}/repository0042")).await;
    }
    let body = client.get("/images").await?;
    let listed: Value = serde_json::from_slice(&body)?;
    let listed = listed["harbor_images"].as_array().map_or(0, Vec::len);
    ensure!(listed == 100_020, "{listed} rows after 20 pushes");
    let requests = harbor.take_costs().total().count as f64;
    rows.push(Row::at_most("refresh, 20 of 2,000 repositories changed: requests", requests, 24.0, "", String::new()));
    Ok(())
}

/// A million kept artifacts, of which a few changed, in a program that starts anew.
async fn million(rows: &mut Vec<Row>) -> Result<()> {
    const CHANGES: usize = 10;
    let harbor = filled((100, 100, 100), Role::Robot).start().await?;
    // With the cache, a client joins the listing that begins with the program.
    let cache = json!({"state_dir": "state", "lifetime": 5});
    let kept = json!({"cache_config": cache, "harbor_config": {"listing_timeout": 600}});
    let node = node(&harbor, kept).build()?;
    let mut program = node.start()?;
    let first = Connection::open(&program.address, None).await?.get("/images").await?.len();
    ensure!(program.terminate().await?.success(), "the program ended badly");
    for number in 0..CHANGES {
        harbor.push(&format!("project{number:03}/repository0042")).await;
    }
    harbor.take_costs();
    let program = node.start()?;
    let mut length = 0;
    let elapsed = seconds(async {
        length = Connection::open(&program.address, None).await?.get("/images").await?.len();
        Ok(())
    })
    .await?;
    ensure!(length > first, "{length} bytes after {first}");
    let requests = harbor.take_costs().total().count;
    let from = format!("{requests} requests, {} MB", length / 1_000_000);
    let work = "a million kept artifacts, 10 repositories changed: answer";
    rows.push(Row::at_most(work, elapsed, 6.0, " s", from.clone()));
    let peak = memory(program.pid(), "VmHWM")?;
    rows.push(Row::at_most("a million kept artifacts: peak of the program", peak, 150.0, " MiB", from));
    Ok(())
}

fn filled((projects, repositories, artifacts): Shape, role: Role) -> HarborBuilder {
    Harbor::of(Version::V2_16).filled(projects, repositories, artifacts).account("list", SECRET, role)
}

fn node(harbor: &Harbor, more: Value) -> NodeBuilder {
    let quiet = json!({"app_config": {"log_level_app": "WARNING"}, "harbor_config": config(harbor)});
    Node::builder().no_images().config(quiet).config(more)
}

fn start(harbor: &Harbor, more: Value) -> Result<Program> {
    node(harbor, more).start()
}

fn name((projects, repositories, artifacts): Shape) -> String {
    format!("first listing of {projects} projects x {repositories} repositories x {artifacts} artifacts")
}

fn config(harbor: &Harbor) -> Value {
    json!({"url": harbor.url, "user": "list", "password": SECRET})
}

/// Lists it once with a program that has just begun, and returns how long that took.
async fn list(rows: &mut Vec<Row>, shape: Shape, role: Role) -> Result<(Harbor, f64)> {
    let (projects, repositories, artifacts) = shape;
    let with = if role == Role::User { ", with a password" } else { "" };
    let harbor = filled(shape, role).costs(1.0).start().await?;
    let cheapest = harbor.cheapest_plan(Some(("list", SECRET))).await?;
    let program = start(&harbor, json!({}))?;
    harbor.take_costs();
    let mut length = 0;
    let elapsed = seconds(async {
        let body = Connection::open(&program.address, None).await?.get("/images").await?;
        let images: Value = serde_json::from_slice(&body)?;
        length = images["harbor_images"].as_array().map_or(0, Vec::len);
        Ok(())
    })
    .await?;
    let expected = projects * repositories * artifacts;
    ensure!(length == expected, "{length} rows instead of {expected}");
    let spent = harbor.take_costs().total();
    let least = cheapest.as_secs_f64() / PROCESSORS;
    let from = format!(
        "{elapsed:.2} s against {least:.2} s; {} requests, {:.2} s of Harbor's time against {:.2} s",
        spent.count,
        spent.time.as_secs_f64(),
        cheapest.as_secs_f64(),
    );
    rows.push(Row::at_most(&format!("{}{with}: of the cheapest plan", name(shape)), elapsed / least, 1.2, "", from));
    Ok((harbor, elapsed))
}
