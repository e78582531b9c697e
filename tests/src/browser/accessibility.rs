//! What axe-core finds wrong with a page for people who use it otherwise: by keyboard, by a screen reader, with weak eyes.

use super::Browser;
use crate::pip;
use anyhow::{Context, Result};
use serde::Deserialize;

/// A rule of axe-core that a page breaks.
#[derive(Clone, Debug, Deserialize)]
pub struct Violation {
    /// The rule, such as `color-contrast`.
    pub id: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: Option<String>,
    /// What the rule asks for.
    pub help: String,
    /// The elements.
    pub nodes: Vec<Node>,
}

/// An element that breaks a rule.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    /// Its HTML.
    pub html: String,
    /// What is wrong, and what would be right.
    #[serde(rename = "failureSummary")]
    pub summary: Option<String>,
}

impl Violation {
    /// Whether it keeps somebody from using the page.
    pub fn is_serious(&self) -> bool {
        self.impact.as_deref().is_some_and(|impact| impact == "serious" || impact == "critical")
    }
}

impl Browser {
    /// The rules that the page breaks now; `None` where axe-core can't be had, which is said on stderr.
    ///
    /// # Errors
    ///
    /// When axe-core can't be had although the environment variable `CI` is `true`, or fails.
    pub async fn violations(&self) -> Result<Option<Vec<Violation>>> {
        let Some(axe) = axe()? else { return Ok(None) };
        self.run(&axe, Vec::new()).await?;
        let results = self.run("return axe.run().then(({violations}) => violations)", Vec::new()).await?;
        Ok(Some(serde_json::from_value(results)?))
    }
}

/// The script of axe-core, in the version of `axe.txt`.
fn axe() -> Result<Option<String>> {
    let Some(folder) = pip::environment("axe", include_str!("../../axe.txt"))? else { return Ok(None) };
    let versions = std::fs::read_dir(folder.join("lib"))?;
    let files = versions.flatten().map(|version| version.path().join("site-packages/axe_playwright_python/axe.min.js"));
    let file = files.into_iter().find(|file| file.exists()).context("the package has no axe.min.js")?;
    Ok(Some(std::fs::read_to_string(file)?))
}
