//! What a page takes its surroundings for: size, colours, motion, scripts, network; and what it looks like.

use super::Browser;
use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use std::path::Path;

/// What a person prefers, as media queries tell a page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Media {
    /// Dark colours.
    pub dark: bool,
    /// Few movements.
    pub reduced_motion: bool,
}

impl Browser {
    /// Gives the page a viewport of this size, however small, with so many pixels of the screen for one of CSS.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn resize(&self, width: u32, height: u32, scale: f64) -> Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await.map(drop)
    }

    /// Tells pages what a person prefers.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn prefer(&self, media: Media) -> Result<()> {
        let colours = if media.dark { "dark" } else { "light" };
        let motion = if media.reduced_motion { "reduce" } else { "no-preference" };
        let features = json!([
            {"name": "prefers-color-scheme", "value": colours},
            {"name": "prefers-reduced-motion", "value": motion},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await.map(drop)
    }

    /// Lets pages run scripts, or not. [`run`](Self::run) works all the same.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn allow_scripts(&self, allowed: bool) -> Result<()> {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({"value": !allowed})).await.map(drop)
    }

    /// Connects pages to the network, or not.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn connect(&self, connected: bool) -> Result<()> {
        self.devtools("Network.enable", json!({})).await?;
        let conditions = json!({"offline": !connected, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.devtools("Network.emulateNetworkConditions", conditions).await.map(drop)
    }

    /// A picture of the viewport, as PNG, without scroll bars.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn picture(&self) -> Result<Vec<u8>> {
        self.devtools("Emulation.setScrollbarsHidden", json!({"hidden": true})).await?;
        let picture = self.devtools("Page.captureScreenshot", json!({"format": "png"})).await?;
        self.devtools("Emulation.setScrollbarsHidden", json!({"hidden": false})).await?;
        Ok(BASE64_STANDARD.decode(picture["data"].as_str().context("Chromium gave no picture")?)?)
    }

    /// Writes a picture of the viewport into a file.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub async fn save_picture(&self, path: &Path) -> Result<()> {
        let picture = self.picture().await?;
        std::fs::write(path, picture).with_context(|| format!("writing {}", path.display()))
    }
}
