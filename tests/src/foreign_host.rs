//! Hosts that are not ours: the stock host always, and the programs `wasmtime` and `spin` where they are on PATH.

use crate::client::Client;
use crate::stock_host::{self, StockHost};
use crate::wait::eventually;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for a process that was asked to end.
const END_TIMEOUT: Duration = Duration::from_secs(10);

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
            end(child);
        }
    }
}

/// Ends a process as a service manager does. `spin up` has a child of its own, which it ends on SIGTERM, and which would outlive
/// it after SIGKILL.
fn end(child: &mut Child) {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let asked = id.is_some_and(|id| kill_process(id, Signal::TERM).is_ok());
    let deadline = Instant::now() + END_TIMEOUT;
    while asked && Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
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

    /// Serves `spin.toml` with these variables under `spin` of version 4 or later; `None` where it is not on PATH, which is
    /// said on stderr.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub async fn spin(variables: &[(&str, &str)]) -> Result<Option<Self>> {
        if major_version("spin").is_none_or(|major| major < 4) {
            #[allow(clippy::print_stderr, reason = "whoever runs the tests has to see that one was left out")]
            {
                eprintln!("left out: there is no spin 4 or later on PATH");
            }
            return Ok(None);
        }
        // It does not tell which port it took, so one is chosen that was free a moment ago.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let state = crate::target().join("spin-state");
        let mut command = Command::new("spin");
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
        command.args(["up", "--from", "spin.toml", "--listen", &address, "--state-dir"]).arg(state);
        command.envs(variables.iter().map(|(name, value)| (format!("SPIN_VARIABLE_{}", name.to_uppercase()), value)));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let serving = Serving::Process(child);
        let address = format!("http://{address}");
        let client = Client::default();
        eventually("spin's first answer", async || client.get(&address).await).await?;
        Ok(Some(Self { name: "spin", address, _serving: serving }))
    }

    /// The answer to GET /images; its status has to be 200.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub async fn images(&self) -> Result<String> {
        stock_host::images(&self.address).await
    }
}

/// The first number of a program's version; `None` where it is not on PATH.
fn major_version(program: &str) -> Option<u32> {
    let said = Command::new(program).arg("--version").output().ok()?;
    String::from_utf8_lossy(&said.stdout).split([' ', '.']).nth(1)?.parse().ok()
}

/// `wasmtime serve` of version 46 or later, where it is on PATH.
fn wasmtime(component: &Path, environment: &[(&str, &str)]) -> Result<Option<ForeignHost>> {
    if major_version("wasmtime").is_none_or(|major| major < 46) {
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
