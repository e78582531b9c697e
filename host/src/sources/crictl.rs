//! The crictl capability: asks the node's container runtime which images it has, over its socket or through `crictl`.

mod cri;
mod error;
mod exec;

pub use error::{Error, ErrorKind};

use image_model::limits::{MAX_IMAGE_NAMES, MAX_IMAGES};
use image_model::types::Image;
use image_service_config::{self as config, socket_path};
use image_service_telemetry::metrics;
use image_service_telemetry::panics;
use image_service_telemetry::source::Source;
use image_service_telemetry::source_health::SourceHealth;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use tokio::net::UnixStream;

/// The sockets that runtimes use by default, in crictl's order.
const DEFAULT_SOCKETS: [&str; 3] =
    ["/run/containerd/containerd.sock", "/run/crio/crio.sock", "/var/run/cri-dockerd.sock"];

/// Asks the node in the way that the configuration says.
#[derive(Debug)]
pub struct Crictl {
    config: config::Crictl,
    /// Most bytes of the output of crictl, and of an answer over the socket.
    max_bytes: usize,
    /// Whether the plain table worked when JSON had failed: the documented sudoers rule allows only the table.
    table_worked: AtomicBool,
    health: Arc<SourceHealth>,
}

/// The answer of the node.
#[derive(Debug)]
pub struct Answer {
    /// All its images.
    pub images: Vec<Image>,
    /// The way that the program asked it, such as `the socket /run/containerd/containerd.sock`.
    pub way: String,
}

impl Crictl {
    /// The capability for this configuration. It does not ask the node yet. Later requests report their outcome to `health`.
    pub fn new(config: config::Crictl, limits: &config::Limits, health: Arc<SourceHealth>) -> Self {
        Self { config, max_bytes: limits.max_crictl_bytes, table_worked: AtomicBool::new(false), health }
    }

    /// Asks for all images of the node.
    ///
    /// # Errors
    ///
    /// See [`Error`]. In mode `auto`, the error also names the sockets that could not be opened.
    pub async fn ask(&self) -> Result<Answer, Error> {
        let begun = Instant::now();
        let outcome = or_panicked(self.answer()).await;
        metrics::source_answered(Source::Containerd, begun.elapsed());
        match &outcome {
            Ok(_) => self.health.answered(Source::Containerd),
            Err(error) => self.health.failed(Source::Containerd, error.kind().into(), error.to_string()),
        }
        outcome
    }

    async fn answer(&self) -> Result<Answer, Error> {
        let answer = match self.config.mode {
            config::CrictlMode::Exec => self.over_exec().await,
            config::CrictlMode::Cri => match self.open().await {
                Ok(socket) => self.over_socket(socket).await,
                Err(closed) => Err(cri::no_open_socket(&closed)),
            },
            config::CrictlMode::Auto => match self.open().await {
                Ok(socket) => self.over_socket(socket).await,
                Err(closed) => self
                    .over_exec()
                    .await
                    .map_err(|error| error.after(&format!("tried because {}", cri::no_open_socket(&closed)))),
            },
        }?;
        if answer.images.len() > MAX_IMAGES {
            return Err(Error::malformed(format!(
                "the node has {} images, more than the {MAX_IMAGES} that are listed; remove unused ones",
                answer.images.len()
            )));
        }
        let names = answer.images.iter().map(|image| image.repo_tags.len() + image.repo_digests.len()).sum::<usize>();
        if names > MAX_IMAGE_NAMES {
            return Err(Error::malformed(format!(
                "the node's images have {names} tags and digests, more than the {MAX_IMAGE_NAMES} that are listed; remove unused \
                 ones"
            )));
        }
        Ok(answer)
    }

    async fn over_socket(&self, (path, stream): (PathBuf, UnixStream)) -> Result<Answer, Error> {
        let images = cri::images(&path, stream, self.config.timeout, self.max_bytes).await?;
        Ok(Answer { images, way: format!("the socket {}", path.display()) })
    }

    async fn over_exec(&self) -> Result<Answer, Error> {
        let (images, command) = exec::images(&self.config, self.max_bytes, &self.table_worked).await?;
        Ok(Answer { images, way: format!("`{}`", command.join(" ")) })
    }

    /// The configured socket, or the first socket of crictl's settings or defaults that opens.
    async fn open(&self) -> Result<(PathBuf, UnixStream), Vec<cri::ClosedSocket>> {
        let mut closed = Vec::new();
        for path in self.sockets() {
            match UnixStream::connect(&path).await {
                Ok(stream) => return Ok((path, stream)),
                Err(error) => closed.push(cri::ClosedSocket { path, error }),
            }
        }
        Err(closed)
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

/// The outcome of a question. A panic on the way to it is a failure of the node only, so that the rows of Harbor arrive.
async fn or_panicked<T>(question: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let outcome = panics::catch(question).await;
    outcome.unwrap_or_else(|panicked| Err(Error::internal(panicked.to_string())))
}

/// The endpoints of crictl's own configuration.
fn crictl_yaml(path: &Path) -> Vec<String> {
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let documents = yaml_rust2::YamlLoader::load_from_str(&text).unwrap_or_default();
    let Some(settings) = documents.first() else { return Vec::new() };
    ["image-endpoint", "runtime-endpoint"]
        .into_iter()
        .filter_map(|key| settings[key].as_str().filter(|value| !value.is_empty()).map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_service_telemetry::source::FailureKind;

    #[tokio::test]
    async fn a_panic_is_a_failure_of_the_node() {
        let failed = or_panicked::<()>(async { panic!("told to") }).await.unwrap_err();
        assert_eq!((failed.kind(), FailureKind::from(failed.kind())), (ErrorKind::Internal, FailureKind::Other));
        assert!(failed.to_string().starts_with("the program failed (a bug; the log has"), "{failed}");
        assert_eq!(or_panicked(async { Ok(7) }).await.unwrap(), 7);
    }
}
