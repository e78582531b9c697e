//! A real Chromium, headless, driven by WebDriver: Debian's `chromium` and `chromium-driver`, unpacked below the target folder.
//!
//! - `install`: the programs and the fonts;
//! - `process`: chromedriver and all that it starts;
//! - `webdriver`: what is said to chromedriver; `element`, `keys`: an element of a page, and keys;
//! - `emulation`: what the page takes its surroundings for, and screenshots;
//! - `reports`: what the browser found wrong with the page;
//! - `clipboard`, `accessibility`.
//!
//! Names that end in `.test` lead to 127.0.0.1, and no page reaches beyond this machine. A page of 127.0.0.1 counts as secure, as
//! over TLS; one of a name that ends in `.test` is a page over plain HTTP.

mod accessibility;
mod clipboard;
mod element;
mod emulation;
mod install;
mod keys;
mod process;
mod reports;
mod webdriver;

pub use accessibility::Violation;
pub use element::Element;
pub use emulation::Media;
pub use keys::Key;
pub use reports::Report;

use crate::wait::{DEADLINE, eventually};
use anyhow::{Context, Result};
use install::Chromium;
use process::Chromedriver;
use serde_json::{Value, json};
use webdriver::WebDriver;

/// A Chromium with one window. It ends when this is dropped, also when the test panics.
pub struct Browser {
    driver: WebDriver,
    process: Chromedriver,
}

impl Browser {
    /// Starts one, with a profile of its own; `None` where there is none to be had, which is said on stderr.
    ///
    /// # Errors
    ///
    /// When it does not start, or none is to be had although the environment variable `CI` is `true`.
    pub async fn start() -> Result<Option<Self>> {
        let Some(chromium) = Chromium::fetch()? else { return Ok(None) };
        let process = Chromedriver::start(&chromium).await?;
        let begun = WebDriver::begin(&process.url, capabilities(&chromium, &process)).await;
        let driver = begun.with_context(|| process.log())?;
        Ok(Some(Self { driver, process }))
    }

    /// Opens an address, and waits until the page is loaded.
    ///
    /// # Errors
    ///
    /// When nobody answers there.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.driver.post("/url", json!({"url": url})).await.with_context(|| format!("opening {url}")).map(drop)
    }

    /// Goes back, as the button does.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn back(&self) -> Result<()> {
        self.driver.post("/back", json!({})).await.map(drop)
    }

    /// The address of the page.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn url(&self) -> Result<String> {
        self.driver.text("/url").await
    }

    /// The title of the page.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn title(&self) -> Result<String> {
        self.driver.text("/title").await
    }

    /// Waits for the first element of a CSS selector.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn find(&self, selector: &str) -> Result<Element<'_>> {
        eventually(selector, async || self.all(selector).await.ok()?.into_iter().next()).await
    }

    /// All elements of a CSS selector, as they are now.
    ///
    /// # Errors
    ///
    /// When it is no selector.
    pub async fn all(&self, selector: &str) -> Result<Vec<Element<'_>>> {
        let found = self.driver.elements(selector).await?;
        Ok(found.into_iter().map(|id| Element::new(&self.driver, id)).collect())
    }

    /// The visible text of the first element of a CSS selector.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn text(&self, selector: &str) -> Result<String> {
        self.find(selector).await?.text().await
    }

    /// Waits until an element can be clicked, and clicks it.
    ///
    /// # Errors
    ///
    /// When it is not there, hidden or covered.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let click = async || self.find(selector).await?.click().await;
        eventually(&format!("a click on {selector}"), click).await
    }

    /// Types into an element, which gets the focus.
    ///
    /// # Errors
    ///
    /// When it is not there, or takes no text.
    pub async fn type_into(&self, selector: &str, text: &str) -> Result<()> {
        self.find(selector).await?.type_keys(text).await
    }

    /// Presses a key, such as `Key::Down` or `'/'`, on whatever has the focus.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn press(&self, key: impl Into<char>) -> Result<()> {
        self.press_all(&[key.into()]).await
    }

    /// Presses a key while another is held, such as `Key::Tab` with `Key::Shift`.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn press_with(&self, held: Key, key: impl Into<char>) -> Result<()> {
        self.press_all(&[held.into(), key.into()]).await
    }

    /// Presses keys one after the other, and releases the last one first.
    async fn press_all(&self, keys: &[char]) -> Result<()> {
        let down = keys.iter().map(|key| json!({"type": "keyDown", "value": key}));
        let up = keys.iter().rev().map(|key| json!({"type": "keyUp", "value": key}));
        let actions = down.chain(up).collect::<Vec<_>>();
        let keyboard = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.driver.post("/actions", keyboard).await.map(drop)
    }

    /// What a script returns in the page; of a promise, what it becomes. The page's policy (CSP) does not hold for it.
    ///
    /// # Errors
    ///
    /// When it throws.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        let body = json!({"script": script, "args": arguments});
        self.driver.post("/execute/sync", body).await
    }

    /// Waits until an expression is true in the page.
    ///
    /// # Errors
    ///
    /// When it never is; with the page's text instead.
    pub async fn until(&self, expression: &str) -> Result<()> {
        let script = format!("return Boolean({expression})");
        let holds = async || self.run(&script, Vec::new()).await.ok() == Some(Value::Bool(true));
        match eventually(expression, holds).await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(self.text("html").await?)),
        }
    }

    /// The folder of its profile, which names its processes.
    pub fn folder(&self) -> String {
        self.process.folder().to_string_lossy().into_owned()
    }

    /// A command of the Chrome DevTools Protocol.
    ///
    /// # Errors
    ///
    /// When Chromium refuses it.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Result<Value> {
        let body = json!({"cmd": method, "params": parameters});
        self.driver.post("/goog/cdp/execute", body).await.with_context(|| method.to_owned())
    }
}

/// What a session asks chromedriver for.
fn capabilities(chromium: &Chromium, process: &Chromedriver) -> Value {
    let arguments = [
        "--headless",
        // Root can't have the sandbox, nor can containers; all pages are the tests' own.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-breakpad",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--password-store=basic",
        "--lang=en-US",
        // The same pixels on each machine.
        "--force-color-profile=srgb",
        "--font-render-hinting=none",
        "--disable-lcd-text",
        "--window-size=1280,800",
        "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ];
    let profile = format!("--user-data-dir={}", process.folder().join("profile").display());
    let arguments: Vec<&str> = arguments.into_iter().chain([profile.as_str()]).collect();
    json!({
        "browserName": "chrome",
        "acceptInsecureCerts": true,
        "timeouts": {"script": DEADLINE.as_secs() * 1000, "pageLoad": DEADLINE.as_secs() * 1000},
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {"binary": chromium.browser(), "args": arguments},
    })
}
