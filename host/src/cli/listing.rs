//! The listing for commands: the answer of GET /images, without a socket.

use super::compositions::Compositions;
use super::config_file::Loaded;
use super::terminal::tell;
use crate::runtime::{Capabilities, Service};
use crate::sources::Lasting;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use image_model::protocol;
use image_service_config::{Config, Harbor};
use image_service_http::response::no_body;
use serde::Deserialize;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

/// The answer of GET /images.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    pub(super) containerd_images: Vec<NodeImage>,
    pub(super) harbor_images: Vec<RegistryImage>,
    pub(super) errors: Vec<Failure>,
}

impl Listing {
    /// What failed of Harbor.
    pub(super) fn failures_of_harbor(&self) -> impl Iterator<Item = &Failure> {
        self.errors.iter().filter(|failure| failure.source == protocol::HARBOR)
    }
}

/// A row of `containerd_images`.
#[derive(Debug, Deserialize)]
pub(super) struct NodeImage {
    pub(super) image_id: String,
    pub(super) repository: String,
    pub(super) size: String,
    pub(super) tag: String,
}

/// A row of `harbor_images`.
#[derive(Debug, Deserialize)]
pub(super) struct RegistryImage {
    pub(super) digest: String,
    pub(super) project: String,
    pub(super) repository: String,
    pub(super) size: String,
    pub(super) tag: String,
}

/// A row of `errors`.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) source: String,
    pub(super) repository: Option<String>,
    pub(super) error: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.repository {
            Some(repository) => write!(f, "{}: {repository}: {}", self.source, self.error),
            None => write!(f, "{}: {}", self.source, self.error),
        }
    }
}

/// The configuration for a program that lists once: what only its memory would keep is of no use to anybody.
pub(super) fn for_one_listing(mut config: Config) -> Config {
    if config.cache.state_dir.is_none() {
        config.harbor.full_listing_interval = 0;
    }
    config
}

/// The composition of a command that answers once, and the Harbor that it is configured for. Prints the warnings about the
/// configuration.
///
/// # Errors
///
/// When the composition can't be found or loaded.
pub(super) fn service(loaded: Loaded, is_demo: bool, compositions: &Compositions) -> Result<(Arc<Service>, Harbor)> {
    for warning in loaded.warnings {
        tell(format_args!("warning: {warning}"));
    }
    let composition = compositions.choose(is_demo, loaded.config.composition.as_deref(), &loaded.config)?;
    let on_stderr = Arc::new(|line: &str| tell(format_args!("warning: {line}")));
    let harbor = loaded.config.harbor.clone();
    let config = for_one_listing(loaded.config);
    let capabilities = Capabilities::new(config, &Arc::default(), &Lasting::default())?;
    Ok((Arc::new(Service::new(&composition, Arc::new(capabilities), on_stderr)?), harbor))
}

/// Prints an answer.
///
/// # Errors
///
/// When stdout does not take it.
pub(super) fn print(text: &[u8]) -> Result<()> {
    match io::stdout().lock().write_all(text) {
        // A reader such as `head` may close the pipe early.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("writing the answer"),
    }
}

/// Asks all sources. Returns the bytes of the answer, and the parsed listing. To want no Harbor is no failure: the item about it,
/// which old clients of the JSON know, is in the bytes only.
///
/// # Errors
///
/// When the composition itself failed.
pub(super) async fn ask(service: &Arc<Service>, harbor: &Harbor) -> Result<(Bytes, Listing)> {
    let body = get(service, "/images").await.context("listing the images")?;
    let mut listing: Listing =
        serde_json::from_slice(&body).context("the composition's answer to GET /images is not a listing")?;
    if harbor.is_off() {
        listing.errors.retain(|failure| failure.source != protocol::HARBOR || failure.error != protocol::HARBOR_OFF);
    }
    Ok((body, listing))
}

/// The composition's answer to a GET of this path.
///
/// # Errors
///
/// When the composition failed, or refused.
pub(super) async fn get(service: &Arc<Service>, path: &str) -> Result<Bytes> {
    let request = Request::get(format!("http://localhost{path}")).body(no_body())?;
    let response = Arc::clone(service).handle(request).await?;
    let status = response.status();
    if !status.is_success() {
        bail!("the composition answered {status} to GET {path}");
    }
    let body = response.into_body().collect().await.map_err(anyhow::Error::from_boxed)?;
    Ok(body.to_bytes())
}
