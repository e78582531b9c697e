//! From 1,000 rows to 100,000: the time for each row, and the memory.

use crate::client::Connection;
use crate::measure::{Row, alternate, memory};
use anyhow::{Result, ensure};
use image_service_tests::{Harbor, Node, Program, Version};
use serde_json::json;
use std::time::Instant;

/// Artifacts of a repository.
const ARTIFACTS: usize = 1000;

pub(crate) async fn measure(rows: &mut Vec<Row>) -> Result<()> {
    let (few, few_address) = start(1).await?;
    let (many, many_address) = start(100).await?;
    let on_few = || listing(few_address.clone(), 20);
    let on_many = || listing(many_address.clone(), 1);
    let [few_seconds, many_seconds] = alternate([&on_few, &on_many]).await?;
    let per_row = |seconds: f64, repositories: usize| seconds / (repositories * ARTIFACTS) as f64 * 1e6;
    let (few_micros, many_micros) = (per_row(few_seconds, 1), per_row(many_seconds, 100));
    rows.push(Row::at_most(
        "time for each row, of 100,000 against of 1,000",
        many_micros / few_micros,
        1.2,
        "",
        format!("{many_micros:.1} against {few_micros:.1} µs, including the Harbor double's part"),
    ));
    let peak = memory(many.1.pid(), "VmHWM")?;
    rows.push(Row::at_most("memory, peak of listings of 100,000 artifacts that are kept", peak, 100.0, " MiB", {
        "every request asks Harbor (no-cache), and each answer is kept".to_owned()
    }));
    drop((few, many));
    Ok(())
}

/// Starts the program on a Harbor with this many repositories, all in one project.
async fn start(repositories: usize) -> Result<((Harbor, Program), String)> {
    let mut harbor = Harbor::of(Version::V2_12);
    for number in 0..repositories {
        harbor = harbor.repository(&format!("project/repository{number:03}"), ARTIFACTS);
    }
    let harbor = harbor.start().await?;
    let quiet = json!({"app_config": {"log_level_app": "WARNING"}});
    let program = Node::builder().no_images().harbor(&harbor).cache_lifetime(3600).config(quiet).start()?;
    let images: serde_json::Value = program.get("/images").await?.json().await?;
    let listed = images["harbor_images"].as_array().map(Vec::len);
    ensure!(listed == Some(repositories * ARTIFACTS), "{listed:?} rows, errors {}", images["errors"]);
    let address = program.address.clone();
    Ok(((harbor, program), address))
}

/// Seconds of a listing, on average over this many.
async fn listing(address: String, times: u32) -> Result<f64> {
    let mut connection = Connection::open(&address, None).await?.no_cache();
    let begun = Instant::now();
    for _ in 0..times {
        connection.get("/images").await?;
    }
    Ok(begun.elapsed().as_secs_f64() / f64::from(times))
}
