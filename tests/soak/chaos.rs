//! What goes wrong around the program, one thing after another.

use anyhow::{Context, Result};
use image_service_tests::{
    Direction, Fault, Harbor, NetworkFault, Node, Program, Proxy, Version, eventually, numbered_images,
};
use serde_json::json;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long each thing goes wrong, and how long all is well between two.
const WRONG: Duration = Duration::from_secs(3);
const WELL: Duration = Duration::from_secs(2);
/// Before a measurement. No event ends this wait: the measurement itself shows what the program still holds.
const CALM: Duration = Duration::from_secs(5);

/// The program and all that is around it.
pub(crate) struct Chaos {
    pub(crate) program: Program,
    /// The text of config.json that is right.
    config: String,
    harbor: Harbor,
    proxy: Proxy,
    events: Cell<usize>,
}

/// The memory that the program has: the limit of the manifests in deploy/.
pub(crate) const MEMORY: u64 = 256 * 1024 * 1024;

#[derive(Clone, Copy)]
enum Event {
    /// Harbor answers like this.
    Harbor(fn() -> Fault),
    /// The network to Harbor is like this.
    Network(Direction, NetworkFault),
    /// The container runtime's program does this.
    Crictl(&'static str),
    Reload,
    /// A config.json that can't be read, and the signal to read it.
    BadReload,
    IgnoreFile,
}

const EVENTS: &[Event] = &[
    Event::Harbor(|| Fault::Status(500)),
    Event::Network(Direction::ToClient, NetworkFault::Reset(100)),
    Event::Crictl("hang"),
    Event::Reload,
    Event::Harbor(|| Fault::Silent),
    Event::Network(Direction::ToClient, NetworkFault::Garbage),
    Event::Crictl("fail"),
    Event::BadReload,
    Event::Harbor(|| Fault::BrokenOff),
    Event::Network(Direction::ToClient, NetworkFault::Slow(Duration::from_millis(200))),
    Event::IgnoreFile,
    Event::Harbor(|| Fault::Html),
    Event::Network(Direction::ToServer, NetworkFault::Stall(10)),
    Event::Crictl("garbage"),
    Event::Reload,
    Event::Harbor(|| Fault::RetryAfter(1)),
    Event::Network(Direction::ToClient, NetworkFault::Truncate(150)),
    Event::Crictl("flood"),
    Event::Harbor(|| Fault::RedirectLoop),
];

impl Chaos {
    pub(crate) async fn start() -> Result<Self> {
        let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).repository("a/c", 30).repository("d/e", 1500);
        let harbor = harbor.start().await?;
        let proxy = Proxy::before(&harbor.url).await?;
        let program = Node::builder()
            .file("images.json", numbered_images(300))
            .file("mode", "ok")
            .crictl_script(include_str!("crictl.sh"))
            .harbor(&harbor)
            .config(json!({
                "crictl_config": {"timeout": 1.5},
                "harbor_config": {"url": proxy.url, "timeout": 1.5},
                "cache_config": {"lifetime": 1},
                "app_config": {"response_timeout": 5, "log_level_app": "ERROR"},
                "limits_config": {"max_total_memory": MEMORY / 8 * 7},
            }))
            .start()?;
        let config = program.node().read("config.json");
        Ok(Self { program, config, harbor, proxy, events: Cell::new(0) })
    }

    /// How many things went wrong so far.
    pub(crate) fn events(&self) -> usize {
        self.events.get()
    }

    /// Lets one thing after another go wrong, for so long.
    pub(crate) async fn run(&self, duration: Duration) -> Result<()> {
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
            Event::Harbor(fault) => self.harbor.set_fault(Some(("/", fault()))),
            Event::Network(direction, fault) => self.proxy.set(direction, fault),
            Event::Crictl(mode) => self.node().write("mode", mode)?,
            Event::Reload => self.program.hang_up()?,
            Event::BadReload => {
                self.node().write("config.json", "{\"app_config\": 1}")?;
                self.program.hang_up()?;
            }
            Event::IgnoreFile => self.node().ignore(&format!("{:064x}\n", self.events.get()))?,
        }
        Ok(())
    }

    fn recover(&self) -> Result<()> {
        self.harbor.set_fault(None);
        self.proxy.set(Direction::ToServer, NetworkFault::None);
        self.proxy.set(Direction::ToClient, NetworkFault::None);
        self.node().write("mode", "ok")?;
        self.node().write("config.json", &self.config)
    }

    fn node(&self) -> &Node {
        self.program.node()
    }

    /// Waits until a listing has no error again.
    pub(crate) async fn settle(&self) -> Result<()> {
        let whole = async || self.program.images().await.is_ok_and(|images| images["errors"] == json!([]));
        eventually("a listing without errors, now that the sources are well", whole).await?;
        tokio::time::sleep(CALM).await;
        Ok(())
    }
}
