//! The real program: `serve` as a process on a free port.

use crate::client::{Client, Response};
use crate::command::command;
use crate::node::Node;
use crate::prometheus::Metrics;
use crate::wait::eventually;
use anyhow::{Context, Result, bail};
use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// What the log says of a configuration that the program has read again and uses.
const RELOADED: &str = "has read the configuration again";
/// What it says of one that does not count.
const RELOAD_FAILED: &str = "nothing was changed";

/// `image-service serve`, under way. It ends when this is dropped.
pub struct Program {
    child: Child,
    /// Where it listens, such as `http://127.0.0.1:40123`.
    pub address: String,
    client: Client,
    node: Node,
}

/// What a process has of the system.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Open files and sockets.
    pub descriptors: usize,
    /// Kilobytes of addresses, most of them reserved only.
    pub addresses: u64,
    /// Kilobytes of memory.
    pub resident: u64,
}

impl Program {
    /// Starts `serve --demo`.
    ///
    /// # Errors
    ///
    /// When the program is not built or ends at once.
    pub fn demo() -> Result<Self> {
        let mut command = command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--demo"]);
        Node::builder().build()?.spawn(command)
    }

    /// Starts what this command runs, which has to be the program with `serve`.
    pub(crate) fn spawn(mut command: Command, node: Node) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {command:?}; `cargo xtask build` makes the program"))?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Some(address) = line.split_whitespace().nth(2) else {
            bail!("the program ended at once: {}\n{}", child.wait()?, node.log());
        };
        Ok(Self { child, address: address.to_owned(), client: Client::default(), node })
    }

    /// The node on which it runs.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to stderr so far.
    pub fn log(&self) -> String {
        self.node.log()
    }

    /// Waits until it has written this to stderr.
    ///
    /// # Errors
    ///
    /// When it does not; with all that it wrote instead.
    pub async fn await_log(&self, part: &str) -> Result<()> {
        self.await_log_times(part, 1).await
    }

    async fn await_log_times(&self, part: &str, count: usize) -> Result<()> {
        let logged = async || self.log().matches(part).count() >= count;
        eventually(&format!("{part:?} in the log"), logged).await.with_context(|| self.log())
    }

    /// Gets a path.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Result<Response> {
        self.request(Method::GET, path, &[]).await
    }

    /// Asks for a path with this method and these headers.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn request(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Result<Response> {
        self.client.request(method, &format!("{}{path}", self.address), headers).await
    }

    /// The listing; its status has to be 200.
    ///
    /// # Errors
    ///
    /// When it is not, or the body is no JSON.
    pub async fn images(&self) -> Result<Value> {
        self.get("/images").await?.error_for_status()?.json().await
    }

    /// The listing as text; its status has to be 200.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub async fn images_text(&self) -> Result<String> {
        self.get("/images").await?.error_for_status()?.text().await
    }

    /// What `/metrics` says now.
    ///
    /// # Errors
    ///
    /// When it says no metrics.
    pub async fn metrics(&self) -> Result<Metrics> {
        Metrics::read(self.get("/metrics").await?.error_for_status()?.text().await?)
    }

    /// Waits until a sample of `/metrics` has this value: the program counts a request after the last byte of its answer.
    ///
    /// # Errors
    ///
    /// When it never has; with all samples instead.
    pub async fn await_sample(&self, sample: &str, value: f64) -> Result<Metrics> {
        let look = async || self.metrics().await.ok().filter(|metrics| metrics.get(sample) == Some(value));
        match eventually(&format!("{sample} {value}"), look).await {
            Err(error) => Err(error.context(self.metrics().await?.text)),
            metrics => metrics,
        }
    }

    /// Kilobytes of memory that it had at its peak.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn peak_memory(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Kilobytes of memory that it has now, without files that are in memory.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn anonymous_memory(&self) -> Result<u64> {
        self.status("RssAnon:")
    }

    /// What it has of the system now.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn usage(&self) -> Result<Usage> {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", self.pid()))?.count();
        Ok(Usage { descriptors, addresses: self.status("VmSize:")?, resident: self.status("VmRSS:")? })
    }

    /// The time for which processors worked for it.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn processor_time(&self) -> Result<Duration> {
        let nanoseconds = std::fs::read_dir(format!("/proc/{}/task", self.pid()))?.map(|thread| {
            let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            Ok(text.split(' ').next().context("a number in schedstat")?.parse::<u64>()?)
        });
        Ok(Duration::from_nanos(nanoseconds.sum::<Result<u64>>()?))
    }

    /// A number of kilobytes that the system tells of it.
    fn status(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let value = status.lines().find_map(|line| line.strip_prefix(name)).context("a number in status")?;
        Ok(value.trim().trim_end_matches(" kB").parse()?)
    }

    /// Sends SIGHUP, and waits until the new configuration counts.
    ///
    /// # Errors
    ///
    /// When it never does.
    pub async fn reload(&self) -> Result<()> {
        self.hang_up_until(RELOADED).await
    }

    /// Sends SIGHUP, and waits until the program has refused the new configuration.
    ///
    /// # Errors
    ///
    /// When it never does.
    pub async fn reload_in_vain(&self) -> Result<()> {
        self.hang_up_until(RELOAD_FAILED).await
    }

    async fn hang_up_until(&self, logged: &str) -> Result<()> {
        let before = self.log().matches(logged).count();
        self.signal(Signal::HUP)?;
        self.await_log_times(logged, before + 1).await
    }

    /// Sends SIGHUP, and does not wait.
    ///
    /// # Errors
    ///
    /// When the program has ended already.
    pub fn hang_up(&self) -> Result<()> {
        self.signal(Signal::HUP)
    }

    /// Sends SIGINT, as Ctrl-C does, and does not wait.
    ///
    /// # Errors
    ///
    /// When the program has ended already.
    pub fn interrupt(&self) -> Result<()> {
        self.signal(Signal::INT)
    }

    /// Sends SIGTERM, and waits for the end.
    ///
    /// # Errors
    ///
    /// When the program does not end.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended().await
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// When the program does not end.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        eventually("the program's end", async || self.child.try_wait().ok().flatten()).await
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            #[allow(clippy::print_stderr, reason = "whoever looks for the cause of a failure has to see it")]
            {
                eprintln!("the log of process {}:\n{}", self.child.id(), self.log());
            }
        }
    }
}
