//! The crictl capability: asks the node's container runtime which images it has, over its socket or through `crictl`.

mod answer;
mod cri;
mod endpoints;
mod error;
mod exec;
mod search;
mod socket_access;

pub use answer::Answer;
pub use error::{Error, ErrorKind};
pub use exec::Hanging;

use crate::joined::Joined;
use exec::Exec;
use image_model::limits::{MAX_IMAGE_NAMES, MAX_IMAGES};
use image_service_config as config;
use image_service_http::shared::Shared;
use image_service_telemetry::metrics;
use image_service_telemetry::panics::{self, Panicked};
use image_service_telemetry::source::Source;
use image_service_telemetry::source_health::SourceHealth;
use search::Search;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

/// Asks the node in the way that the configuration says.
#[derive(Debug)]
pub struct Crictl {
    made_of: MadeOf,
    search: Arc<Search>,
    /// The question under way: an answer takes memory, and the runtime's work. Where crictl runs as root, this program can't stop it:
    /// each further process would stay too.
    joined: Joined<Result<Answer, Error>>,
    health: SourceHealth,
}

/// The settings that make another one of it.
#[derive(Clone, Debug, PartialEq)]
struct MadeOf {
    config: config::Crictl,
    max_bytes: usize,
}

impl Crictl {
    /// The capability for this configuration: the one in use, where it is the same. It does not ask the node yet. `hanging` knows a
    /// process of crictl that does not end, whatever configuration began it.
    pub fn new(
        config: &config::Crictl,
        limits: &config::Limits,
        in_use: &Shared<Self>,
        hanging: &Hanging,
    ) -> Arc<Self> {
        let made_of = MadeOf { config: config.clone(), max_bytes: limits.max_crictl_bytes };
        let Ok(crictl) = in_use.get_or_make(
            |present| present.made_of == made_of,
            |_| {
                let MadeOf { config, max_bytes } = made_of.clone();
                let exec = Exec::new(config.clone(), max_bytes, hanging.clone());
                let search = Arc::new(Search::new(config, max_bytes, exec));
                let made_of = made_of.clone();
                let health = SourceHealth::of(Source::Containerd);
                Ok::<_, Infallible>(Self { made_of, search, joined: Joined::default(), health })
            },
        );
        crictl
    }

    /// When the node last answered and last failed.
    pub fn health(&self) -> &SourceHealth {
        &self.health
    }

    /// Asks for all images of the node. All who ask at the same time share one question.
    ///
    /// # Errors
    ///
    /// See [`Error`]. It names all ways that were tried.
    pub async fn ask(&self) -> Result<Answer, Error> {
        let begun = Instant::now();
        let outcome = self.answer().await;
        metrics::source_answered(Source::Containerd, begun.elapsed());
        match &outcome {
            Ok(_) => self.health.answered(),
            Err(error) => self.health.failed(error.kind().into(), error.to_string()),
        }
        outcome
    }

    /// The answer to the question under way, or to a new one.
    async fn answer(&self) -> Result<Answer, Error> {
        let search = Arc::clone(&self.search);
        let outcome = self.joined.ask(|| or_panicked(async move { listable(search.answer().await?) })).await;
        outcome.unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, Panicked.to_string(), "")))
    }
}

/// The answer, unless a listing can't show all of it.
fn listable(answer: Answer) -> Result<Answer, Error> {
    let refused = |cause| Err(Error::new(ErrorKind::Malformed, cause, "remove unused ones"));
    if answer.images.len() > MAX_IMAGES {
        return refused(format!("the node has more than the {MAX_IMAGES} images that are listed"));
    }
    let names = answer.images.iter().map(|image| image.repo_tags.len() + image.repo_digests.len()).sum::<usize>();
    if names > MAX_IMAGE_NAMES {
        return refused(format!(
            "the node's images have more than the {MAX_IMAGE_NAMES} tags and digests that are listed"
        ));
    }
    Ok(answer)
}

/// The outcome of a question. A panic on the way to it is a failure of the node only, so that the rows of Harbor arrive.
async fn or_panicked<T>(question: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let outcome = panics::catch(question).await;
    outcome.unwrap_or_else(|panicked| Err(Error::new(ErrorKind::Internal, panicked.to_string(), "")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_service_telemetry::source::FailureKind;
    use std::path::Path;

    #[tokio::test]
    async fn all_who_ask_at_the_same_time_wait_for_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let counter = folder.path().join("runs");
        let script = format!("echo run >> {}; sleep 0.2; echo '{{\"images\":[]}}'", counter.display());
        let config = serde_json::json!({"crictl_config": {"mode": "exec", "command": ["sh", "-c", script]}});
        let (config, _) = config::parse(&config.to_string(), Path::new("/")).unwrap();
        let crictl = Crictl::new(&config.crictl, &config.limits, &Shared::default(), &Hanging::default());
        let (one, other) = tokio::join!(crictl.ask(), crictl.ask());
        assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
        assert_eq!(std::fs::read_to_string(&counter).unwrap(), "run\n");
        crictl.ask().await.unwrap();
        assert_eq!(std::fs::read_to_string(&counter).unwrap(), "run\nrun\n");
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_of_the_node() {
        let failed = or_panicked::<()>(async { panic!("told to") }).await.unwrap_err();
        assert_eq!((failed.kind(), FailureKind::from(failed.kind())), (ErrorKind::Internal, FailureKind::Other));
        assert!(failed.to_string().starts_with("the program failed (a bug; the log has"), "{failed}");
        assert_eq!(or_panicked(async { Ok(7) }).await.unwrap(), 7);
    }
}
