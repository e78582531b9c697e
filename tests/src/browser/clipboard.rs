//! The clipboard of the browser, as a person finds it who pastes.

use super::{Browser, Key};
use anyhow::{Context, Result};
use serde_json::json;

impl Browser {
    /// The text of the clipboard. It is pasted in another tab, so the page and its focus stay as they are, and a page over plain HTTP
    /// can be tested too.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn clipboard(&self) -> Result<String> {
        let page = self.driver.get("/window").await?;
        let tab = self.driver.post("/window/new", json!({"type": "tab"})).await?;
        self.driver.post("/window", json!({"handle": tab["handle"]})).await?;
        let pasted = self.pasted().await;
        self.driver.delete("/window").await?;
        self.driver.post("/window", json!({"handle": page})).await?;
        pasted
    }

    async fn pasted(&self) -> Result<String> {
        self.open("data:text/html,<textarea></textarea>").await?;
        let area = self.find("textarea").await?;
        area.type_keys(&format!("{}v", char::from(Key::Control))).await?;
        Ok(area.property("value").await?.as_str().context("a textarea has a value")?.to_owned())
    }
}
