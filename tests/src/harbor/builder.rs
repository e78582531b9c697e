//! A double that is not started yet.

use super::account::Role;
use super::artifacts::Artifacts;
use super::contents::Contents;
use super::double::{Double, Settings};
use super::fault::{Fault, Faults};
use super::listener::Listener;
use super::processors::Processors;
use super::running::Harbor;
use super::timestamp::{Clock, Timestamp};
use super::version::Version;
use crate::server::serve_connection;
use crate::timing;
use anyhow::Result;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A double that is not started yet. It knows the robot [`USER`](super::USER), which sees all projects.
#[must_use]
pub struct HarborBuilder {
    contents: Contents,
    faults: Faults,
    settings: Settings,
    tls: Option<rustls::ServerConfig>,
}

impl Harbor {
    /// An empty Harbor of this version.
    pub fn of(version: Version) -> HarborBuilder {
        HarborBuilder::of(Contents::new(version))
    }
}

impl HarborBuilder {
    pub(super) fn of(contents: Contents) -> Self {
        Self { contents, faults: Faults::default(), settings: Settings::default(), tls: None }
    }

    /// Adds a repository, named with its project, to what the double holds: a number of artifacts, or just these.
    pub fn repository(mut self, name: &str, artifacts: impl Into<Artifacts>) -> Self {
        self.contents.add(name, &artifacts.into());
        self
    }

    /// Adds so many repositories `a/r00`, `a/r01`, …, with so many artifacts each.
    pub fn repositories(self, count: usize, artifacts: usize) -> Self {
        (0..count).fold(self, |harbor, number| harbor.repository(&format!("a/r{number:02}"), artifacts))
    }

    /// Adds so many projects `project000`, …, with so many repositories `repository0000`, … each, with so many artifacts each.
    pub fn filled(self, projects: usize, repositories: usize, artifacts: usize) -> Self {
        (0..projects).fold(self, |harbor, project| {
            (0..repositories).fold(harbor, |harbor, repository| {
                harbor.repository(&format!("project{project:03}/repository{repository:04}"), artifacts)
            })
        })
    }

    /// Adds an empty project. Projects get their ids in the order in which they are named first.
    pub fn with_project(mut self, name: &str) -> Self {
        self.contents.founded(name);
        self
    }

    /// Hides a project from those who are not logged in.
    pub fn private(mut self, project: &str) -> Self {
        self.contents.founded(project).public = false;
        self
    }

    /// Makes a project a proxy cache of a registry.
    pub fn proxy_cache(mut self, project: &str) -> Self {
        self.contents.founded(project).registry = Some(1);
        self
    }

    /// Adds an account.
    pub fn account(mut self, name: &str, secret: &str, role: Role) -> Self {
        self.contents.accounts.set(name, secret, role);
        self
    }

    /// Says that people log in so, such as `oidc_auth`; without, `db_auth`.
    pub fn auth_mode(mut self, mode: &'static str) -> Self {
        self.contents.auth_mode = mode;
        self
    }

    /// Sets Harbor's clock, which is the machine's otherwise.
    pub fn clock(mut self, time: Timestamp) -> Self {
        self.contents.clock = Clock::showing(time);
        self
    }

    /// Lets each request take the time that it costs a real Harbor on two cores, times this scale: 1 for a real one's time.
    /// [`Harbor::take_costs`] tells the costs whether or not they are waited for.
    pub fn costs(mut self, scale: f64) -> Self {
        self.settings.processors = Some(Processors::new(scale));
        self
    }

    /// Goes wrong in this way wherever path and query of a request have `part` in them. The first that fits counts.
    pub fn fault(mut self, part: &'static str, fault: Fault) -> Self {
        self.faults.add(part, fault);
        self
    }

    /// Stands behind a proxy that puts it below this path, such as `/registry`, and has nothing elsewhere.
    pub fn prefix(mut self, prefix: &'static str) -> Self {
        self.settings.prefix = prefix;
        self
    }

    /// Answers without the nginx that stands before Harbor as it is installed. It decodes each path once, so a repository whose
    /// name was encoded only once is another path then.
    pub fn without_nginx(mut self) -> Self {
        self.settings.behind_nginx = false;
        self
    }

    /// Speaks TLS with this certificate.
    pub fn tls(mut self, config: rustls::ServerConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Waits so long before each answer.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.settings.latency = latency;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(mut self) -> Result<Harbor> {
        timing::measure_this_test();
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let listener = Listener::bind(self.tls, self.faults.reset()).await?;
        let url = format!("{scheme}://{}{}", listener.address()?, self.settings.prefix);
        let accepted = listener.accepted();
        let (received, requests) = watch::channel(Vec::new());
        self.contents.settle();
        let double = Arc::new(Double::new(self.contents, self.faults, self.settings, received));
        let serving = Arc::clone(&double);
        tokio::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let double = Arc::clone(&serving);
                serve_connection(stream, move |request| {
                    let double = Arc::clone(&double);
                    async move { Ok::<_, Infallible>(double.reply(&request).await) }
                });
            }
        });
        Ok(Harbor::new(url, double, requests, accepted))
    }
}
