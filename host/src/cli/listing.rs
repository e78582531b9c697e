//! The answers of the composition for commands, without a socket: of GET /images, and others as they arrive.
//!
//! - `rows`: the rows of the answer, and who takes them; `reader`: reads them; `arriving`: the bytes on their way.

mod arriving;
mod reader;
mod rows;

pub(super) use arriving::Arriving;
pub(super) use rows::{Failure, NodeImage, RegistryImage, Sink};

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
use image_service_http::response::{Body, no_body};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Pieces of an answer that wait for whoever reads them.
const PIECES: usize = 8;

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
    let capabilities = Capabilities::new(config, &Lasting::default())?;
    if let Some(trouble) = capabilities.ignore_file.trouble() {
        tell(format_args!("warning: {trouble}"));
    }
    Ok((Arc::new(Service::new(&composition, Arc::new(capabilities), on_stderr)?), harbor))
}

/// Asks all sources, and gives what arrives to the sink at once: a listing may be larger than the memory. Returns the sink, and
/// what failed. To want no Harbor is no failure: the item about it, which old clients of the JSON know, is in the bytes only.
///
/// # Errors
///
/// When the composition itself failed, or the sink.
pub(super) async fn ask<S: Sink>(service: &Arc<Service>, harbor: &Harbor, sink: S) -> Result<(S, Vec<Failure>)> {
    let read = read(service, "/images", move |pieces| reader::read(pieces, sink)).await;
    let (sink, mut failures) = read.context("listing the images")??;
    if harbor.is_off() {
        failures.retain(|failure| failure.source != protocol::HARBOR || failure.error != protocol::HARBOR_OFF);
    }
    Ok((sink, failures))
}

/// Asks the composition with a GET of this path, and reads its answer as it arrives, in a thread that may block.
///
/// # Errors
///
/// When the composition failed, or refused. What the reader says of the answer is its own.
pub(super) async fn read<T: Send + 'static>(
    service: &Arc<Service>,
    path: &str,
    reader: impl FnOnce(mpsc::Receiver<Bytes>) -> T + Send + 'static,
) -> Result<T> {
    let mut body = answer(service, path).await?;
    let (pieces, arriving) = mpsc::channel(PIECES);
    let reading = tokio::task::spawn_blocking(move || reader(arriving));
    let mut broken = None;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                let Ok(piece) = frame.into_data() else { continue };
                if pieces.send(piece).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                broken = Some(anyhow::Error::from_boxed(error));
                break;
            }
        }
    }
    drop(pieces);
    let read = reading.await?;
    // Why the answer ended early says more than that it did.
    broken.map_or(Ok(read), Err)
}

/// How many rows a listing has, and what failed.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) node_rows: usize,
    pub(super) registry_rows: usize,
    pub(super) errors: Vec<Failure>,
}

impl Counted {
    /// What failed of Harbor.
    pub(super) fn failures_of_harbor(&self) -> impl Iterator<Item = &Failure> {
        self.errors.iter().filter(|failure| failure.source == protocol::HARBOR)
    }
}

impl Sink for Counted {
    fn node(&mut self, _: NodeImage) -> Result<()> {
        self.node_rows += 1;
        Ok(())
    }

    fn registry(&mut self, _: RegistryImage) -> Result<()> {
        self.registry_rows += 1;
        Ok(())
    }
}

/// Asks all sources, and counts.
///
/// # Errors
///
/// When the composition itself failed.
pub(super) async fn count(service: &Arc<Service>, harbor: &Harbor) -> Result<Counted> {
    let (counted, errors) = ask(service, harbor, Counted::default()).await?;
    Ok(Counted { errors, ..counted })
}

async fn answer(service: &Arc<Service>, path: &str) -> Result<Body> {
    let request = Request::get(format!("http://localhost{path}")).body(no_body())?;
    let response = Arc::clone(service).handle(request).await?;
    let status = response.status();
    if !status.is_success() {
        bail!("the composition answered {status} to GET {path}");
    }
    Ok(response.into_body())
}
