//! Parsing, filtering and formatting of 100,000 rows: the components against the same logic without WebAssembly.

use crate::client::Connection;
use crate::measure::{Row, alternate, ms};
use anyhow::{Result, anyhow, ensure};
use bench_inventory::{PROJECTS, Registry, ignore_file, listing, node};
use image_model::limits::MAX_IMAGES;
use image_service_compositions::compose::compose;
use image_service_tests::{Node, component, test_component};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

pub(crate) async fn measure(rows: &mut Vec<Row>) -> Result<()> {
    let composition = compose("logic.wac", include_str!("../logic.wac"), |package| {
        let (namespace, name) = package.split_once(':').ok_or_else(|| anyhow!("{package} is no package"))?;
        let path = if namespace == "bench" { test_component(name) } else { component(name) };
        Ok(Some(std::fs::read(path)?))
    })?;
    let program = Node::builder()
        .file("logic.wasm", composition)
        .composition("logic.wasm")
        .ignore(&ignore_file(MAX_IMAGES))
        .config(json!({"app_config": {"log_level_app": "WARNING"}}))
        .start()?;
    let registry = Arc::new(Registry::new(PROJECTS));

    let native = native(&registry)?;
    let components = Connection::open(&program.address, None).await?.get("/images").await?;
    ensure!(
        native == components,
        "{} bytes natively, {} from components: not the same",
        native.len(),
        components.len()
    );

    let address = program.address.clone();
    let ours = || {
        let address = address.clone();
        async move {
            let mut connection = Connection::open(&address, None).await?;
            let begun = Instant::now();
            connection.get("/images").await?;
            Ok(begun.elapsed().as_secs_f64())
        }
    };
    let natively = || {
        let registry = Arc::clone(&registry);
        async move {
            let begun = Instant::now();
            let ignored = ignore_file(MAX_IMAGES);
            listing(node(MAX_IMAGES), &ignored, &registry, drop).map_err(anyhow::Error::msg)?;
            Ok(begun.elapsed().as_secs_f64())
        }
    };
    let [ours, natively] = alternate([&ours, &natively]).await?;
    let total = MAX_IMAGES + Registry::rows(PROJECTS);
    let work = format!("parse, filter, format {total} rows: components against native");
    rows.push(Row::at_most(&work, ours / natively, 1.5, "", format!("{} against {}", ms(ours), ms(natively))));
    Ok(())
}

/// The same answer from native code.
fn native(registry: &Registry) -> Result<Vec<u8>> {
    let mut answer = Vec::new();
    let ignored = ignore_file(MAX_IMAGES);
    listing(node(MAX_IMAGES), &ignored, registry, |piece| answer.extend(piece)).map_err(anyhow::Error::msg)?;
    Ok(answer)
}
