//! Hosts that are not ours: the stock host always, and the program `wasmtime` where it is on PATH.

use crate::stock_host::StockHost;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Serves a component until it is dropped.
pub struct ForeignHost {
    /// What it is, for messages.
    pub name: &'static str,
    /// Where it listens, such as `http://127.0.0.1:40123`.
    pub address: String,
    _serving: Serving,
}

/// What ends the serving when it is dropped.
enum Serving {
    Stock(#[expect(dead_code, reason = "held to be dropped")] StockHost),
    Process(Child),
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Self::Process(child) = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl ForeignHost {
    /// Serves the component of this file with these environment variables under each host that there is, which is said on
    /// stderr.
    ///
    /// # Errors
    ///
    /// When one of them does not start.
    pub async fn each(component: &Path, environment: &[(&str, &str)]) -> Result<Vec<Self>> {
        let stock = StockHost::start(component, environment).await?;
        let mut hosts =
            vec![Self { name: "the stock host", address: stock.address.clone(), _serving: Serving::Stock(stock) }];
        hosts.extend(wasmtime(component, environment)?);
        #[allow(clippy::print_stderr, reason = "whoever runs the tests has to see what they ran on")]
        for host in &hosts {
            eprintln!("{} runs under {}", component.display(), host.name);
        }
        Ok(hosts)
    }

    /// The answer to GET /images; its status has to be 200.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub async fn images(&self) -> Result<String> {
        let response = reqwest::get(format!("{}/images", self.address)).await?.error_for_status()?;
        response.text().await.context("reading the answer")
    }
}

/// `wasmtime serve` of version 46 or later, where it is on PATH.
fn wasmtime(component: &Path, environment: &[(&str, &str)]) -> Result<Option<ForeignHost>> {
    let Ok(version) = Command::new("wasmtime").arg("--version").output() else { return Ok(None) };
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let major = version.split([' ', '.']).nth(1).and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 46) {
        return Ok(None);
    }
    let mut command = Command::new("wasmtime");
    command.args(["serve", "-Scli,p3", "-Wcomponent-model-async", "--addr", "127.0.0.1:0"]);
    for (name, value) in environment {
        command.arg("--env").arg(format!("{name}={value}"));
    }
    let mut child = command.arg(component).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut stderr = BufReader::new(child.stderr.take().context("its stderr is piped")?);
    let mut said = String::new();
    while stderr.read_line(&mut said)? > 0 {
        if let Some((_, address)) = said.lines().last().and_then(|line| line.split_once("Serving HTTP on ")) {
            let address = address.trim_end_matches('/').to_owned();
            // It has to be able to go on writing.
            std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
            let _serving = Serving::Process(child);
            return Ok(Some(ForeignHost { name: "the program wasmtime", address, _serving }));
        }
    }
    let _ = child.wait();
    bail!("wasmtime serve ended: {said}")
}
