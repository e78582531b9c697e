//! Renders the page for page/dev.mjs: the question and the handler's answer as JSON on stdin, the HTML on stdout.

use serde::Deserialize;
use std::io::{Read, Write};

#[derive(Deserialize)]
struct Input {
    title: String,
    subtitle: String,
    query: String,
    status: u16,
    answer: String,
    login: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let Input { title, subtitle, query, status, answer, login } = serde_json::from_str(&text)?;
    let settings = [("page-title", title), ("page-subtitle", subtitle)];
    let setting = |key: &str| settings.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone());
    let html = page::render(setting, &query, login.as_bytes(), status, answer.into_bytes());
    std::io::stdout().write_all(html.as_bytes())?;
    Ok(())
}
