//! An element of a page.

use super::webdriver::WebDriver;
use anyhow::Result;
use serde_json::{Value, json};

/// An element of a page, for as long as the page has it.
pub struct Element<'a> {
    driver: &'a WebDriver,
    id: String,
}

impl<'a> Element<'a> {
    pub(super) fn new(driver: &'a WebDriver, id: String) -> Self {
        Self { driver, id }
    }

    /// Its visible text.
    ///
    /// # Errors
    ///
    /// When the page has it no more.
    pub async fn text(&self) -> Result<String> {
        self.driver.text(&self.path("text")).await
    }

    /// A property, such as `value`, `checked` or `hidden`.
    ///
    /// # Errors
    ///
    /// When the page has it no more.
    pub async fn property(&self, name: &str) -> Result<Value> {
        self.driver.get(&self.path(&format!("property/{name}"))).await
    }

    /// An attribute; `None` where it has none of that name.
    ///
    /// # Errors
    ///
    /// When the page has it no more.
    pub async fn attribute(&self, name: &str) -> Result<Option<String>> {
        let value = self.driver.get(&self.path(&format!("attribute/{name}"))).await?;
        Ok(value.as_str().map(str::to_owned))
    }

    /// Clicks it.
    ///
    /// # Errors
    ///
    /// When it is hidden or covered.
    pub async fn click(&self) -> Result<()> {
        self.driver.post(&self.path("click"), json!({})).await.map(drop)
    }

    /// Types into it. Among the characters may be those of [`Key`](super::Key); one like `Key::Control` is held to the end.
    ///
    /// # Errors
    ///
    /// When it takes no text.
    pub async fn type_keys(&self, keys: &str) -> Result<()> {
        self.driver.post(&self.path("value"), json!({"text": keys})).await.map(drop)
    }

    fn path(&self, what: &str) -> String {
        format!("/element/{}/{what}", self.id)
    }
}
