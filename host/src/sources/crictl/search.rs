//! The way to the node's images: the sockets in their order, then `crictl`. The first that answers is asked first from then on.

use super::answer::Answer;
use super::cri::{self, Failure};
use super::endpoints::Endpoints;
use super::error::{Error, ErrorKind};
use super::exec::Exec;
use image_service_config::duration::deadline;
use image_service_config::{Crictl, CrictlMode};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A way to ask the node.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Socket(PathBuf),
    Exec,
}

/// Finds the way that works, and remembers it until it stops working.
#[derive(Debug)]
pub(super) struct Search {
    config: Crictl,
    /// Most bytes of an answer over a socket.
    max_bytes: usize,
    exec: Exec,
    remembered: Mutex<Option<Way>>,
}

impl Search {
    pub(super) fn new(config: Crictl, max_bytes: usize, exec: Exec) -> Self {
        Self { config, max_bytes, exec, remembered: Mutex::default() }
    }

    /// The images, by the first way that gives them.
    pub(super) async fn answer(&self) -> Result<Answer, Error> {
        let end = deadline(self.config.timeout);
        if self.config.mode == CrictlMode::Exec {
            return self.exec.answer(end).await;
        }
        let Endpoints { sockets, mistakes } = match &self.config.endpoint {
            Some(endpoint) => Endpoints { sockets: vec![endpoint.clone()], mistakes: Vec::new() },
            None => Endpoints::read().await,
        };
        let mut tried = Tried { mistakes, ..Tried::default() };
        // What worked before gets all of the time: the others would have answered for another runtime.
        let remembered = self.remembered().clone();
        match &remembered {
            Some(Way::Socket(path)) if sockets.contains(path) => {
                if let Some(outcome) = self.over_socket(path, end, &mut tried).await {
                    return outcome;
                }
            }
            Some(Way::Exec) => match self.exec.answer(end).await {
                Ok(answer) => return Ok(self.remember(Way::Exec, answer)),
                Err(error) => tried.exec = Some(error),
            },
            _ => {}
        }
        *self.remembered() = None;
        let left: Vec<&PathBuf> =
            sockets.iter().filter(|path| remembered != Some(Way::Socket((*path).clone()))).collect();
        for (index, path) in left.iter().enumerate() {
            let Some(end) = share(end, &left[index + 1..]) else { break };
            if let Some(outcome) = self.over_socket(path, end, &mut tried).await {
                return outcome;
            }
        }
        if self.config.mode == CrictlMode::Auto && tried.exec.is_none() && Instant::now() < end {
            match self.exec.answer(end).await {
                // A socket that fails at once costs nothing, and is the better way when it works again.
                Ok(answer) if tried.no_time_lost() => return Ok(answer),
                Ok(answer) => return Ok(self.remember(Way::Exec, answer)),
                Err(error) => tried.exec = Some(error),
            }
        }
        Err(tried.error())
    }

    /// Asks a socket. `None` where another way may be the node's; `tried` then knows why.
    async fn over_socket(&self, path: &Path, end: Instant, tried: &mut Tried) -> Option<Result<Answer, Error>> {
        match cri::images(path, end, self.max_bytes).await {
            Ok(images) => {
                let answer = Answer { images: images.into(), way: format!("the socket {}", path.display()) };
                Some(Ok(self.remember(Way::Socket(path.to_owned()), answer)))
            }
            // The node's runtime may answer the next time; the images of another one would be wrong.
            Err(Failure::Runtime(error)) => Some(Err(std::mem::take(tried).after(error))),
            Err(Failure::NoRuntime(error)) => {
                tried.failed.push(error);
                None
            }
            Err(Failure::Missing) => {
                tried.missing.push(path.display().to_string());
                None
            }
        }
    }

    fn remember(&self, way: Way, answer: Answer) -> Answer {
        *self.remembered() = Some(way);
        answer
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Option<Way>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a socket's share of the time: those that hang must leave some to the others. `None` where the time is over.
fn share(end: Instant, others: &[&PathBuf]) -> Option<Instant> {
    let now = Instant::now();
    let left = end.checked_duration_since(now).filter(|left| !left.is_zero())?;
    let others = u32::try_from(others.iter().filter(|path| path.exists()).count()).unwrap_or(u32::MAX);
    now.checked_add(left.checked_div(others.saturating_add(1))?)
}

/// What was tried in vain.
#[derive(Debug, Default)]
struct Tried {
    /// The sockets that are there, in order.
    failed: Vec<Error>,
    /// What is wrong with crictl's configuration.
    mistakes: Vec<Error>,
    /// The sockets that are not there.
    missing: Vec<String>,
    exec: Option<Error>,
}

impl Tried {
    fn no_time_lost(&self) -> bool {
        self.failed.iter().all(|error| error.kind() != ErrorKind::TimedOut)
    }

    /// This error of the node's runtime, and what was tried before.
    fn after(self, error: Error) -> Error {
        with_others(error, &self.failed)
    }

    /// All of it as one error, the likeliest cause first.
    fn error(self) -> Error {
        let Self { failed, mistakes, missing, exec } = self;
        let missing = (!missing.is_empty()).then(|| {
            let cause = format!("there is no socket {}", missing.join(", "));
            Error::new(ErrorKind::Unavailable, cause, "start the container runtime or set crictl_config.endpoint")
        });
        // A refusal of sudo says nothing about the runtime, and without a runtime crictl fails anyway.
        let (found, failed_exec): (Vec<Error>, Vec<Error>) =
            exec.into_iter().partition(|error| matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Malformed));
        let mut errors = failed.into_iter().chain(mistakes).chain(found).chain(missing).chain(failed_exec);
        let Some(cause) = errors.next() else {
            let cause = "the time was over before any way to the node's images had been tried";
            return Error::new(ErrorKind::TimedOut, cause, "crictl_config.timeout sets it");
        };
        with_others(cause, &errors.collect::<Vec<_>>())
    }
}

fn with_others(cause: Error, others: &[Error]) -> Error {
    others.iter().fold(cause, |cause, other| cause.also_tried(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, cause: &str) -> Error {
        Error::new(kind, cause, "help")
    }

    #[test]
    fn a_socket_that_is_there_is_the_cause_before_missing_ones_and_refusals_of_sudo() {
        let tried = Tried {
            failed: vec![error(ErrorKind::Denied, "b is closed"), error(ErrorKind::Unavailable, "c is dead")],
            missing: vec!["/a".to_owned(), "/d".to_owned()],
            exec: Some(error(ErrorKind::Denied, "sudo refuses")),
            ..Tried::default()
        };
        let error = tried.error();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert_eq!(
            error.to_string(),
            "b is closed; help; also tried: c is dead; also tried: there is no socket /a, /d; also tried: sudo refuses; help"
        );
    }

    #[test]
    fn without_any_socket_the_missing_runtime_is_the_cause() {
        let tried =
            |exec| Tried { missing: vec!["/a".to_owned()], exec: Some(exec), ..Tried::default() }.error().to_string();
        let text = tried(error(ErrorKind::Unavailable, "sudo is not installed"));
        assert!(text.starts_with("there is no socket /a; start") && text.ends_with("sudo is not installed"), "{text}");
        let text = tried(error(ErrorKind::TimedOut, "crictl hangs"));
        assert!(text.starts_with("crictl hangs; help; also tried: there is no socket /a"), "{text}");
    }

    #[test]
    fn sockets_share_the_time_with_those_after_them_that_exist() {
        let end = deadline(std::time::Duration::from_secs(40));
        let (root, missing) = (PathBuf::from("/"), PathBuf::from("/nonexistent"));
        let seconds = |others: &[&PathBuf]| {
            share(end, others).unwrap().saturating_duration_since(Instant::now()).as_secs_f64().round()
        };
        assert_eq!((seconds(&[]), seconds(&[&missing]), seconds(&[&root, &missing, &root])), (40.0, 40.0, 13.0));
        assert_eq!(share(Instant::now(), &[]), None);
    }
}
