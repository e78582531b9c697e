//! The walk of the Flask service through Harbor: one request after another, each on its own connection.

use crate::client::Connection;
use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use serde_json::Value;

/// The `Authorization` of a `harbor_config`.
pub(crate) fn login(config: &Value) -> Result<HeaderValue> {
    let text = |key: &str| config[key].as_str().unwrap_or_default().to_owned();
    let pair = BASE64_STANDARD.encode(format!("{}:{}", text("user"), text("password")));
    Ok(HeaderValue::from_str(&format!("Basic {pair}"))?)
}

/// Reads projects, their repositories, and their artifacts, and returns the number of these.
pub(crate) async fn artifacts(url: &str, login: &HeaderValue) -> Result<usize> {
    let list = async |path: &str| -> Result<Vec<Value>> {
        let mut all = Vec::new();
        for page in 1.. {
            let path = format!("/api/v2.0{path}?page={page}&page_size=100");
            let body = Connection::open(url, Some(login.clone())).await?.get(&path).await?;
            let rows: Vec<Value> = serde_json::from_slice(&body)?;
            let last = rows.len() < 100;
            all.extend(rows);
            if last {
                break;
            }
        }
        Ok(all)
    };
    let mut found = 0;
    for project in list("/projects").await? {
        let project = project["name"].as_str().context("a project's name")?;
        for repository in list(&format!("/projects/{project}/repositories")).await? {
            let repository = repository["name"].as_str().context("a repository's name")?;
            let name = repository.split_once('/').context("a repository in a project")?.1.to_owned();
            found += list(&format!("/projects/{project}/repositories/{name}/artifacts")).await?.len();
        }
    }
    Ok(found)
}
