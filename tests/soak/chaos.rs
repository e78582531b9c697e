//! What goes wrong around the program, one thing after another.

use anyhow::{Context, Result};
use image_service_tests::{Fault, Harbor, Node, Program, Proxy, Version, Way, Wire};
use serde_json::{Value, json};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long each thing goes wrong, and how long all is well between two.
const WRONG: Duration = Duration::from_secs(3);
const WELL: Duration = Duration::from_secs(2);

/// The program and all that is around it.
pub(crate) struct Chaos {
    pub(crate) program: Program,
    node: Node,
    harbor: Harbor,
    proxy: Proxy,
    events: Cell<usize>,
}

#[derive(Clone, Copy)]
enum Event {
    /// Harbor answers like this.
    Harbor(fn() -> Fault),
    /// The network to Harbor is like this.
    Network(Way, Wire),
    /// The container runtime's program does this.
    Crictl(&'static str),
    Reload,
    /// A config.json that can't be read, and the signal to read it.
    BadReload,
    IgnoreFile,
}

const EVENTS: &[Event] = &[
    Event::Harbor(|| Fault::Status(500)),
    Event::Network(Way::Back, Wire::Reset(100)),
    Event::Crictl("hang"),
    Event::Reload,
    Event::Harbor(|| Fault::Silent),
    Event::Network(Way::Back, Wire::Garbage),
    Event::Crictl("fail"),
    Event::BadReload,
    Event::Harbor(|| Fault::BrokenOff),
    Event::Network(Way::Back, Wire::Slow(Duration::from_millis(200))),
    Event::IgnoreFile,
    Event::Harbor(|| Fault::Html),
    Event::Network(Way::There, Wire::Stall(10)),
    Event::Crictl("garbage"),
    Event::Reload,
    Event::Harbor(|| Fault::Busy(1)),
    Event::Network(Way::Back, Wire::Truncate(150)),
    Event::Crictl("flood"),
    Event::Harbor(|| Fault::MovedInACircle),
];

const CRICTL: &str = "case $(cat mode) in \
    hang) sleep 60 & wait;; \
    fail) echo 'FATA no runtime' >&2; exit 1;; \
    garbage) echo 'Segmentation what?';; \
    flood) head -c 30000000 /dev/zero;; \
    *) cat images.json;; \
    esac";

impl Chaos {
    pub(crate) async fn start() -> Result<Self> {
        let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).repository("a/c", 30).repository("d/e", 1500);
        let harbor = harbor.start().await?;
        let proxy = Proxy::before(&harbor.url).await?;
        let node = Node::new(json!({}))?;
        let image = |number| json!({"id": format!("sha256:{number:064x}"), "repoTags": [format!("app:v{number}")], "size": "1"});
        let images = json!({"images": (0..300).map(image).collect::<Vec<_>>()});
        std::fs::write(node.path().join("images.json"), images.to_string())?;
        std::fs::write(node.path().join("mode"), "ok")?;
        node.configure(&Self::config(&node, &harbor, &proxy))?;
        let program = node.start_logging()?;
        Ok(Self { program, node, harbor, proxy, events: Cell::new(0) })
    }

    fn config(node: &Node, harbor: &Harbor, proxy: &Proxy) -> Value {
        let mut harbor = harbor.config();
        harbor["url"] = json!(proxy.url);
        harbor["timeout"] = json!(1.5);
        let command = format!("cd {} && {CRICTL}", node.path().display());
        json!({
            "crictl_config": {"mode": "exec", "command": ["sh", "-c", command], "timeout": 1.5},
            "harbor_config": harbor,
            "cache_config": {"lifetime": 1},
            "app_config": {"response_timeout": 5, "log_level_app": "ERROR"},
        })
    }

    /// How much went wrong so far.
    pub(crate) fn events(&self) -> usize {
        self.events.get()
    }

    /// One thing after another, for so long.
    pub(crate) async fn rage(&self, duration: Duration) -> Result<()> {
        let begun = Instant::now();
        for event in EVENTS.iter().cycle().skip(self.events.get() % EVENTS.len()) {
            if begun.elapsed() > duration {
                break;
            }
            self.begin(*event).with_context(|| format!("event {}", self.events.get()))?;
            self.events.set(self.events.get() + 1);
            tokio::time::sleep(WRONG).await;
            self.recover()?;
            tokio::time::sleep(WELL).await;
        }
        self.recover()
    }

    fn begin(&self, event: Event) -> Result<()> {
        match event {
            Event::Harbor(fault) => self.harbor.go_wrong(Some(("/", fault()))),
            Event::Network(way, wire) => self.proxy.set(way, wire),
            Event::Crictl(mode) => std::fs::write(self.node.path().join("mode"), mode)?,
            Event::Reload => self.program.hang_up()?,
            Event::BadReload => {
                std::fs::write(self.node.config(), "{\"app_config\": 1}")?;
                self.program.hang_up()?;
            }
            Event::IgnoreFile => self.node.ignore(&format!("{:064x}\n", self.events.get()))?,
        }
        Ok(())
    }

    fn recover(&self) -> Result<()> {
        self.harbor.go_wrong(None);
        self.proxy.set(Way::There, Wire::Clean);
        self.proxy.set(Way::Back, Wire::Clean);
        std::fs::write(self.node.path().join("mode"), "ok")?;
        self.node.configure(&Self::config(&self.node, &self.harbor, &self.proxy))
    }

    /// Waits until the sources are answered without an error again.
    pub(crate) async fn settle(&self) -> Result<()> {
        let begun = Instant::now();
        while self.program.images().await?["errors"] != json!([]) {
            anyhow::ensure!(begun.elapsed() < Duration::from_secs(60), "the sources are well, the listing is not");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(())
    }
}
