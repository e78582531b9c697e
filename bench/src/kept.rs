//! Rows that are kept: what a refresh costs where nothing, or little, changed, and what a query of them costs.

use crate::client::Connection;
use crate::harbor::{Shape, filled, node};
use crate::measure::{RUNS, Row, median, memory, ms, seconds};
use anyhow::{Context, Result, ensure};
use image_service_tests::harbor::Role;
use serde_json::{Value, json};
use std::time::Instant;

/// 100,000 artifacts.
const LARGE: Shape = (20, 100, 50);

pub(crate) async fn measure(rows: &mut Vec<Row>) -> Result<()> {
    refresh(rows, LARGE).await?;
    query(rows, LARGE).await?;
    million(rows).await
}

/// Refreshes of kept rows: without a change, and with some.
async fn refresh(rows: &mut Vec<Row>, shape: Shape) -> Result<()> {
    let harbor = filled(shape, Role::Robot).start().await?;
    let program = node(&harbor, json!({})).start()?;
    let mut client = Connection::open(&program.address, None).await?.no_cache();
    client.get("/images").await?;
    harbor.take_costs();
    let (mut after_answer, mut after_request) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let begun = Instant::now();
        let first_byte = client.first_byte("/images").await?.0;
        let answered = harbor.last_answer().context("an answer of Harbor")?;
        after_answer.push((first_byte - answered).as_secs_f64());
        after_request.push((first_byte - begun).as_secs_f64());
    }
    let requests = harbor.take_costs().total().count as f64 / RUNS as f64;
    let from = "of 100,000 artifacts in 2,000 repositories".to_owned();
    rows.push(Row::at_most("refresh, nothing changed: requests", requests, 4.0, "", from));
    let from = format!("{} after the client's request; Harbor answers at once", ms(median(after_request)));
    let work = "refresh, nothing changed: first byte after Harbor's last answer";
    rows.push(Row::at_most(work, median(after_answer) * 1000.0, 30.0, " ms", from));
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

/// Queries of kept rows, and the comparison that they need once.
async fn query(rows: &mut Vec<Row>, shape: Shape) -> Result<()> {
    const IMAGES: usize = 500;
    let harbor = filled(shape, Role::Robot).costs(1.0).start().await?;
    let no_image = json!({"images": []}).to_string();
    let program = node(&harbor, json!({"cache_config": {"lifetime": 600}})).images(no_image).start()?;
    let mut client = Connection::open(&program.address, None).await?;
    let listing = seconds(client.get("/images")).await?;

    // The node has what Harbor has.
    let page = client.get(&format!("/inventory?verdict=on_no_node&limit={IMAGES}")).await?;
    let page: Value = serde_json::from_slice(&page)?;
    let images = page["images"].as_array().context("images")?.iter().enumerate().map(image);
    program.node().write("images.json", json!({"images": images.collect::<Vec<_>>()}).to_string())?;
    let mut compared = Vec::new();
    for number in 0..RUNS {
        // A change makes the comparison anew.
        harbor.push(&format!("project{number:03}/repository0042")).await;
        let mut anew = Connection::open(&program.address, None).await?.no_cache();
        let begun = Instant::now();
        let answer = anew.get("/compare?limit=1").await?;
        compared.push(begun.elapsed().as_secs_f64());
        let answer: Value = serde_json::from_slice(&answer)?;
        ensure!(answer["counts"]["in_sync"] == IMAGES, "{}", answer["counts"]);
    }
    let compared = median(compared);
    let from =
        format!("{compared:.2} s for asking what changed, reading the kept rows and comparing, against {listing:.2} s");
    let work = "verdicts over 100,000 artifacts and 500 node images: share of the listing's time";
    rows.push(Row::at_most(work, compared / listing, 0.1, "", from));

    let (mut written, mut queried, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    let mut all = Connection::open(&program.address, None).await?.no_cache();
    for number in 0..RUNS {
        written.push(seconds(all.get("/images")).await?);
        // Each is another query, so that no kept answer serves it.
        let path = format!("/inventory?q=repository+{number:03}&sort=size&order=desc&limit=100");
        let begun = Instant::now();
        let tag = client.entity_tag(&path).await?.context("an entity tag")?;
        queried.push(begun.elapsed().as_secs_f64());
        repeated.push(seconds(client.unchanged(&path, &tag)).await?);
    }
    let (written, queried, repeated) = (median(written), median(queried), median(repeated));
    let from = format!("{} against {} for all 100,000 kept rows", ms(queried), ms(written));
    rows.push(Row::at_most("query of a kept listing: of writing all rows", queried / written, 0.2, "", from));
    let from = ms(repeated);
    rows.push(Row::at_most("the same query again: of writing all rows", repeated / written, 0.05, "", from));
    Ok(())
}

/// An image of a row that is in Harbor, as crictl writes it.
fn image((number, row): (usize, &Value)) -> Value {
    let reference = row["reference"].as_str().unwrap_or_default();
    let repository = row["repository"].as_str().unwrap_or_default();
    let digest = row["harbor"]["digest"].as_str().unwrap_or_default();
    json!({
        "id": format!("sha256:{number:064x}"),
        "repoTags": [reference],
        "repoDigests": [format!("{repository}@{digest}")],
        "size": "1000000",
    })
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
