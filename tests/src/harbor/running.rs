//! A double that runs: its requests, and what tests do to it.

use super::account::Role;
use super::artifacts::Artifact;
use super::contents::Contents;
use super::cost::Costs;
use super::double::Double;
use super::fault::{Fault, Faults};
use super::listener::Accepted;
use super::outage::{Ongoing, Outage};
use super::plan;
use super::request::HarborRequest;
use super::timestamp::{Clock, Timestamp};
use super::version::{PASSWORD, USER};
use crate::wait::within_deadline;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The double. It ends with the test's runtime.
pub struct Harbor {
    /// Its address, with the path prefix if there is one.
    pub url: String,
    double: Arc<Double>,
    requests: watch::Receiver<Vec<HarborRequest>>,
    accepted: Accepted,
}

/// What a double held at a time, to go back to.
pub struct Backup(Contents);

/// How many of these have this in their path or query.
fn count(requests: &[HarborRequest], part: &str) -> usize {
    requests.iter().filter(|request| request.target.contains(part)).count()
}

/// The `harbor_config` of a program that lists the Harbor at this address, with the double's user and password.
pub fn config_for(url: &str) -> Value {
    json!({"url": url, "user": USER, "password": PASSWORD})
}

impl Harbor {
    pub(super) fn new(
        url: String,
        double: Arc<Double>,
        requests: watch::Receiver<Vec<HarborRequest>>,
        accepted: Accepted,
    ) -> Self {
        Self { url, double, requests, accepted }
    }

    /// The `harbor_config` of a program that lists it.
    pub fn config(&self) -> Value {
        config_for(&self.url)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<HarborRequest> {
        self.requests.borrow().clone()
    }

    /// How many requests had this in their path or query.
    pub fn count(&self, part: &str) -> usize {
        count(&self.requests.borrow(), part)
    }

    /// Waits until so many requests have had this in their path or query.
    ///
    /// # Errors
    ///
    /// When they do not come.
    pub async fn await_requests(&self, part: &str, expected: usize) -> Result<()> {
        let mut requests = self.requests.clone();
        let arrived = requests.wait_for(|requests| count(requests, part) >= expected);
        within_deadline(&format!("{expected} requests for {part}"), arrived).await??;
        Ok(())
    }

    /// How many connections it accepted; over TLS, those whose handshake was completed.
    pub fn connections(&self) -> usize {
        self.accepted.count()
    }

    /// From now on, goes wrong in this way and in no other; in none without one.
    pub fn set_fault(&self, fault: Option<(&'static str, Fault)>) {
        let mut faults = Faults::default();
        if let Some((part, fault)) = fault {
            faults.add(part, fault);
        }
        self.double.set_faults(faults);
    }

    /// From now on, this is down and nothing else; nothing without one.
    pub fn set_outage(&self, outage: Option<Outage>) {
        self.double.set_outage(outage.map(Ongoing::now));
    }

    /// What the requests cost since this was asked last. A request for which a fault has another answer costs nothing.
    pub fn take_costs(&self) -> Costs {
        self.double.take_costs()
    }

    /// When the head of its last answer was ready; `None` before the first.
    pub fn last_answer(&self) -> Option<Instant> {
        self.double.last_answer()
    }

    /// Time of Harbor's processors for the cheapest listing of all that this account sees; nobody without one. Like the
    /// costs, a real Harbor's time, whatever the scale. Two processors share it.
    ///
    /// # Errors
    ///
    /// When there is no such account.
    pub async fn cheapest_plan(&self, login: Option<(&str, &str)>) -> Result<Duration> {
        let contents = self.double.contents.lock().await;
        let caller = match login {
            None => contents.accounts.caller(None),
            Some((name, secret)) => contents.accounts.known(name, secret).context("no such account")?,
        };
        Ok(plan::cheapest(&contents, &caller))
    }

    /// Pushes the next numbered artifact to a repository, which is made if need be. Returns its digest.
    pub async fn push(&self, repository: &str) -> String {
        self.double.contents.lock().await.push(repository, None)
    }

    /// Pushes this artifact. Its tags move to it; its `pushed` is now.
    pub async fn push_artifact(&self, repository: &str, artifact: Artifact) -> String {
        self.double.contents.lock().await.push(repository, Some(artifact))
    }

    /// Pushes the next numbered artifact under this tag and no other.
    pub async fn push_tagged(&self, repository: &str, tag: &str) -> String {
        self.double.contents.lock().await.push_tagged(repository, tag)
    }

    /// Pushes the next numbered artifact as one that waited so long for its quota: its repository's `update_time` is older than
    /// its appearance (harbor#23789).
    pub async fn push_late(&self, repository: &str, waited: Duration) -> String {
        let mut contents = self.double.contents.lock().await;
        let stamp = contents.clock.now().minus(waited);
        contents.push_at(repository, None, stamp)
    }

    /// Keeps an artifact in a project that is a proxy cache, as its first pull does.
    pub async fn fill(&self, repository: &str, artifact: Artifact) -> String {
        self.double.contents.lock().await.fill(repository, artifact)
    }

    /// Pulls an artifact by tag or digest.
    pub async fn pull(&self, repository: &str, reference: &str) {
        self.double.contents.lock().await.pull(repository, reference);
    }

    /// Moves a tag to the artifact with this tag or digest, or adds it.
    pub async fn put_tag(&self, repository: &str, reference: &str, tag: &str) {
        self.double.contents.lock().await.put_tag(repository, reference, tag);
    }

    /// Deletes a tag.
    pub async fn delete_tag(&self, repository: &str, tag: &str) {
        self.double.contents.lock().await.delete_tag(repository, tag);
    }

    /// Deletes the artifact with this tag or digest.
    pub async fn delete_artifact(&self, repository: &str, reference: &str) {
        self.double.contents.lock().await.delete_artifact(repository, reference);
    }

    /// Deletes a repository.
    pub async fn delete_repository(&self, repository: &str) {
        self.double.contents.lock().await.remove(repository);
    }

    /// Makes a project, or changes whether it is public.
    pub async fn create_project(&self, name: &str, public: bool) {
        self.double.contents.lock().await.create_project(name, public);
    }

    /// Deletes a project with all that is in it.
    pub async fn delete_project(&self, name: &str) {
        self.double.contents.lock().await.delete_project(name);
    }

    /// Adds an account, or changes its secret and role.
    pub async fn set_account(&self, name: &str, secret: &str, role: Role) {
        self.double.contents.lock().await.accounts.set(name, secret, role);
    }

    /// Deletes an account.
    pub async fn delete_account(&self, name: &str) {
        self.double.contents.lock().await.accounts.delete(name);
    }

    /// Sets Harbor's clock.
    pub async fn set_clock(&self, time: Timestamp) {
        self.double.contents.lock().await.clock = Clock::showing(time);
    }

    /// What it holds now, to go back to.
    pub async fn backup(&self) -> Backup {
        Backup(self.double.contents.lock().await.clone())
    }

    /// Goes back to what it held, as a database that was restored.
    pub async fn restore(&self, backup: Backup) {
        *self.double.contents.lock().await = backup.0;
    }
}
