//! Whole listings of a Harbor whose requests cost what they cost a real one: against the cheapest plan, and against the walk of
//! the Flask service.

use crate::client::Connection;
use crate::measure::{Row, seconds};
use crate::walk;
use anyhow::{Result, ensure};
use image_service_tests::harbor::Role;
use image_service_tests::{Harbor, HarborBuilder, Node, NodeBuilder, Program, Version};
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "secret";
/// Harbor's processors, which share the cost of all requests.
const PROCESSORS: f64 = 2.0;

/// A registry: projects, repositories of each, artifacts of each.
pub(crate) type Shape = (usize, usize, usize);

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
    Ok(())
}

pub(crate) fn filled((projects, repositories, artifacts): Shape, role: Role) -> HarborBuilder {
    Harbor::of(Version::V2_16).filled(projects, repositories, artifacts).account("list", SECRET, role)
}

pub(crate) fn node(harbor: &Harbor, more: Value) -> NodeBuilder {
    let quiet = json!({"app_config": {"log_level_app": "WARNING"}, "harbor_config": config(harbor)});
    Node::builder().no_images().config(quiet).config(more)
}

fn start(harbor: &Harbor, more: Value) -> Result<Program> {
    node(harbor, more).start()
}

fn name((projects, repositories, artifacts): Shape) -> String {
    format!("first listing of {projects} projects x {repositories} repositories x {artifacts} artifacts")
}

pub(crate) fn config(harbor: &Harbor) -> Value {
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
