//! The crictl capability: asks the node's container runtime which images it has, over its socket or through `crictl`.

mod cri;
mod exec;

use crate::config;
use image_service_format::crictl::Image;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use thiserror::Error;

/// The sockets that runtimes use by default, in crictl's order.
const DEFAULT_SOCKETS: [&str; 3] =
    ["/run/containerd/containerd.sock", "/run/crio/crio.sock", "/var/run/cri-dockerd.sock"];

/// Images that one answer may have.
const MAX_IMAGES: usize = 10_000;

/// Why there is no list. Each message says what was tried, on what, what came back, and what to do.
#[derive(Debug, Error)]
pub enum Error {
    /// No runtime or no crictl answers there.
    #[error("{0}")]
    Unavailable(String),
    /// It is there, but may not be asked.
    #[error("{0}")]
    Denied(String),
    /// It did not answer in time and was stopped.
    #[error("{0}")]
    TimedOut(String),
    /// It answered something else than a list of images.
    #[error("{0}")]
    Malformed(String),
}

/// Asks the node as the configuration says.
#[derive(Debug)]
pub struct Crictl {
    config: config::Crictl,
    /// Whether the plain table worked where JSON had not: under the documented sudoers rule only it is allowed.
    table_worked: AtomicBool,
}

impl Crictl {
    /// A capability for this configuration; nothing is asked yet.
    pub fn new(config: config::Crictl) -> Self {
        Self { config, table_worked: AtomicBool::new(false) }
    }

    /// All images of the node.
    ///
    /// # Errors
    ///
    /// See [`Error`]. In mode `auto`, sockets that could not be opened are named beside what failed in the end.
    pub async fn images(&self) -> Result<Vec<Image>, Error> {
        let images = match self.config.mode {
            config::CrictlMode::Exec => exec::images(&self.config, &self.table_worked).await,
            config::CrictlMode::Cri => self.over_first_socket().await,
            config::CrictlMode::Auto => match self.open().await {
                Ok((path, stream)) => cri::images(&path, stream, self.config.timeout).await,
                Err(_) => exec::images(&self.config, &self.table_worked).await,
            },
        }?;
        if images.len() > MAX_IMAGES {
            return Err(Error::Malformed(format!(
                "the node has {} images, more than the {MAX_IMAGES} that are listed; remove unused ones",
                images.len()
            )));
        }
        Ok(images)
    }

    async fn over_first_socket(&self) -> Result<Vec<Image>, Error> {
        let (path, stream) = self.open().await?;
        cri::images(&path, stream, self.config.timeout).await
    }

    /// The configured socket, or the first that can be opened of those that crictl's settings or defaults name.
    async fn open(&self) -> Result<(PathBuf, tokio::net::UnixStream), Error> {
        let mut failure = None;
        for path in self.sockets() {
            match cri::connect(&path).await {
                Ok(stream) => return Ok((path, stream)),
                // A socket that may not be opened says more than one that is not there.
                Err(error) if failure.is_none() || matches!(error, Error::Denied(_)) => failure = Some(error),
                Err(_) => {}
            }
        }
        Err(failure.unwrap_or_else(|| Error::Unavailable("no socket of a container runtime is known".to_owned())))
    }

    fn sockets(&self) -> Vec<PathBuf> {
        if let Some(endpoint) = &self.config.endpoint {
            return vec![endpoint.clone()];
        }
        let named = ["IMAGE_SERVICE_ENDPOINT", "CONTAINER_RUNTIME_ENDPOINT"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .chain(crictl_yaml(Path::new("/etc/crictl.yaml")))
            .filter_map(|endpoint| socket_path(&endpoint));
        let named: Vec<PathBuf> = named.collect();
        if named.is_empty() { DEFAULT_SOCKETS.iter().map(PathBuf::from).collect() } else { named }
    }
}

/// The endpoints that crictl's own configuration names.
fn crictl_yaml(path: &Path) -> Vec<String> {
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let documents = yaml_rust2::YamlLoader::load_from_str(&text).unwrap_or_default();
    let Some(settings) = documents.first() else { return Vec::new() };
    ["image-endpoint", "runtime-endpoint"]
        .into_iter()
        .filter_map(|key| settings[key].as_str().filter(|value| !value.is_empty()).map(str::to_owned))
        .collect()
}

/// The path of `unix:///…`, or of a bare absolute path as crictl also takes it.
pub fn socket_path(endpoint: &str) -> Option<PathBuf> {
    let path = endpoint.strip_prefix("unix://").unwrap_or(endpoint);
    path.starts_with('/').then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_unix_sockets() {
        assert_eq!(socket_path("unix:///run/x.sock"), Some("/run/x.sock".into()));
        assert_eq!(socket_path("/run/x.sock"), Some("/run/x.sock".into()));
        assert_eq!(socket_path("tcp://127.0.0.1:1"), None);
        assert_eq!(socket_path("unix://relative"), None);
    }
}
