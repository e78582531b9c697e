//! A session of WebDriver (W3C), as chromedriver speaks it: JSON over HTTP.
//!
//! By hand on purpose: `thirtyfour` turns on `serde_json/preserve_order`, which would change the order of keys in the program's own
//! answers, as cargo gives a crate the same features for all; `fantoccini` brings 50 crates, among them `webdriver` under MPL-2.0.

use crate::client::Client;
use anyhow::{Context, Result, bail};
use http::{Method, Request};
use serde_json::{Value, json};

/// The key of an element's id in JSON (WebDriver, section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session: one browser.
pub(super) struct WebDriver {
    client: Client,
    /// Its address, such as `http://127.0.0.1:40123/session/1a2b`.
    url: String,
}

impl WebDriver {
    /// Begins a session at a chromedriver.
    pub(super) async fn begin(driver: &str, capabilities: Value) -> Result<Self> {
        let mut session = Self { client: Client::default(), url: format!("{driver}/session") };
        let begun = session.post("", json!({"capabilities": {"alwaysMatch": capabilities}})).await?;
        let id = begun["sessionId"].as_str().context("a new session has an id")?;
        session.url = format!("{}/{id}", session.url);
        Ok(session)
    }

    /// Asks for something.
    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// Commands something.
    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Ends something.
    pub(super) async fn delete(&self, path: &str) -> Result<Value> {
        self.send(Method::DELETE, path, None).await
    }

    /// Asks for a text.
    pub(super) async fn text(&self, path: &str) -> Result<String> {
        let answer = self.get(path).await?;
        Ok(answer.as_str().with_context(|| format!("{path} is no text: {answer}"))?.to_owned())
    }

    /// The ids of all elements of a CSS selector.
    pub(super) async fn elements(&self, selector: &str) -> Result<Vec<String>> {
        let found = self.post("/elements", json!({"using": "css selector", "value": selector})).await?;
        let found = found.as_array().context("elements are a list")?;
        found.iter().map(|element| Ok(element[ELEMENT].as_str().context("an element has an id")?.to_owned())).collect()
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let what = format!("{method} {path}");
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url)).body(body.into())?;
        let mut answer: Value = self.client.send(request).await?.json().await?;
        // A failure has an object with an error and its message.
        if let Some(error) = answer["value"]["error"].as_str() {
            let message = answer["value"]["message"].as_str().unwrap_or_default();
            bail!("{what}: {error}: {}", message.lines().next().unwrap_or_default());
        }
        Ok(answer["value"].take())
    }
}
