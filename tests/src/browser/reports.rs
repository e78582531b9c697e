//! What the browser found wrong with a page: errors of scripts, of the network, and of the page's policy (CSP).

use super::Browser;
use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::json;

/// A line of the browser's console.
#[derive(Clone, Debug, Deserialize)]
pub struct Report {
    /// `SEVERE`, `WARNING`, `INFO` or `DEBUG`.
    pub level: String,
    /// What found it: `console-api`, `javascript`, `network`, `security`, …
    pub source: String,
    /// Where, and what.
    pub message: String,
}

impl Report {
    /// Whether something is wrong.
    pub fn is_error(&self) -> bool {
        self.level == "SEVERE"
    }

    /// Whether the page did what its Content-Security-Policy forbids.
    pub fn is_of_policy(&self) -> bool {
        self.message.contains("Content Security Policy")
    }
}

impl Browser {
    /// What came since the last call.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn reports(&self) -> Result<Vec<Report>> {
        let entries = self.driver.post("/se/log", json!({"type": "browser"})).await?;
        Ok(serde_json::from_value(entries)?)
    }

    /// Asserts that no error and no breach of the page's policy came since the last call, but for errors whose message has one of
    /// these parts: a test that lets an answer fail expects Chromium to say so.
    ///
    /// # Errors
    ///
    /// When one came; with all of them.
    pub async fn assert_quiet(&self, expected: &[&str]) -> Result<()> {
        let mut reports = self.reports().await?;
        reports.retain(|report| report.is_error() || report.is_of_policy());
        reports.retain(|report| !expected.iter().any(|part| report.message.contains(part)));
        ensure!(reports.is_empty(), "the browser reports {reports:#?}");
        Ok(())
    }
}
