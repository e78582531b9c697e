//! One process of crictl: a fixed argument vector, a clean environment, a time limit and an output limit.

use super::hanging::{Hanging, Stuck};
use super::output::{read, read_and_drain};
use super::refusal;
use super::search_path;
use crate::sources::crictl::error::{Error, ErrorKind};
use image_model::crictl;
use image_model::types::Image;
use image_service_config::duration::after;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Longest wait for the rest of the output once crictl has ended. What crictl printed is in the pipes then; a process that it
/// left behind may keep them open for ever.
const REST_TIMEOUT: Duration = Duration::from_millis(200);
/// Longest wait for the end of a process after it was killed.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);
/// Shortest time for the disk to answer. What crictl printed in time counts.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// Kills the process group when it is dropped, unless all of it has ended.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // This fails for a process of another user, which ends when its pipe closes.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process to run.
pub(super) struct Process<'a> {
    pub(super) command: &'a [String],
    /// Most bytes of its output.
    pub(super) max_bytes: usize,
}

/// What a process did.
enum Outcome {
    /// It ended.
    Ended(ExitStatus),
    /// It printed too much.
    TooLarge,
}

impl Process<'_> {
    /// Runs it and returns the images that it printed.
    pub(super) async fn images(&self, end: Instant, hanging: &Hanging) -> Result<Vec<Image>, Error> {
        if let Some(error) = hanging.error() {
            return Err(error);
        }
        let shown = self.command.join(" ");
        let begun = Instant::now();
        // Some microseconds of the limit have passed.
        let seconds = (end.saturating_duration_since(begun).as_secs_f64() * 100.0).round() / 100.0;
        let command = self.command.to_vec();
        let mut child = self.in_time(end, hanging, move || spawn(&command)).await?;
        let mut group = ProcessGroup(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
        let (mut output, mut stderr) = (Vec::new(), Vec::new());
        let work = self.follow(&mut child, &mut output, &mut stderr);
        let outcome = tokio::time::timeout_at(end.into(), work).await;
        if let Ok(Ok((Outcome::Ended(status), complete))) = outcome {
            if complete {
                group.0 = None;
            }
            return self.in_time(end, hanging, move || read_images(&shown, status, output, &stderr)).await;
        }
        group.kill();
        let id = child.id().unwrap_or_default();
        let stuck = match tokio::time::timeout(KILL_TIMEOUT, child.wait()).await {
            Ok(_) => None,
            Err(_) => {
                let stuck = Stuck {
                    what: format!("`{shown}` (process {id})"),
                    remedy: format!("is the container runtime hanging? As root, `kill {id}` ends it"),
                    begun,
                };
                Some(hanging.watch(stuck, async move { child.wait().await }))
            }
        };
        Err(match outcome {
            Ok(Err(error)) => Error::new(ErrorKind::Unavailable, format!("`{shown}` could not be read ({error})"), ""),
            Ok(Ok(_)) => Error::new(
                ErrorKind::Malformed,
                format!("`{shown}` printed more than {} bytes and was stopped", self.max_bytes),
                "limits_config.max_crictl_bytes sets the limit",
            ),
            Err(_) => stuck.unwrap_or_else(|| {
                let cause = format!("`{shown}` did not end within {seconds} s and was stopped");
                Error::new(ErrorKind::TimedOut, cause, "is the container runtime hanging?")
            }),
        })
    }

    /// Runs what looks at the disk in a thread that may block, until `end` or [`LEAST_TIME`] at least: nobody waits for a disk
    /// that does not answer.
    async fn in_time<T: Send + 'static>(
        &self,
        end: Instant,
        hanging: &Hanging,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let mut working = tokio::task::spawn_blocking(work);
        match tokio::time::timeout_at(end.max(after(begun, LEAST_TIME)).into(), &mut working).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panicked)) => Err(Error::new(ErrorKind::Internal, panicked.to_string(), "")),
            Err(_) => {
                let stuck = Stuck {
                    what: format!("the start of {}", self.command[0]),
                    remedy: "is its disk reachable, and that of each folder of PATH?".to_owned(),
                    begun,
                };
                // What it gives is dropped, which ends the process.
                Err(hanging.watch(stuck, working))
            }
        }
    }

    /// Collects the output until the process ends or prints too much, and whether nobody else can add to it.
    async fn follow(
        &self,
        child: &mut Child,
        output: &mut Vec<Vec<u8>>,
        stderr: &mut Vec<Vec<u8>>,
    ) -> io::Result<(Outcome, bool)> {
        let (stdout_pipe, stderr_pipe) = (child.stdout.take(), child.stderr.take());
        let reading = async {
            // Both at once, so that crictl never waits for room in a pipe. Too much output ends the reading at once.
            tokio::try_join!(
                async {
                    let is_all = read(stdout_pipe, self.max_bytes, output).await.map_err(Some)?;
                    if is_all { Ok(()) } else { Err(None) }
                },
                async { read_and_drain(stderr_pipe, stderr).await.map_err(Some) }
            )
        };
        tokio::pin!(reading);
        let (read, status) = tokio::select! {
            read = &mut reading => (Some(read), None),
            status = child.wait() => (None, Some(status?)),
        };
        let read = match read {
            Some(read) => Some(read),
            None => tokio::time::timeout(REST_TIMEOUT, &mut reading).await.ok(),
        };
        match read {
            Some(Err(None)) => Ok((Outcome::TooLarge, false)),
            Some(Err(Some(error))) => Err(error),
            complete => {
                let status = match status {
                    Some(status) => status,
                    None => child.wait().await?,
                };
                Ok((Outcome::Ended(status), complete.is_some()))
            }
        }
    }
}

/// Starts the command.
fn spawn(command: &[String]) -> Result<Child, Error> {
    // By its whole path: where PATH is set and the system has to look, the library copies the tables of all memory (fork), which
    // takes some twenty times as long.
    let program = &command[0];
    let mut process = Command::new(search_path::executable(program).unwrap_or_else(|| program.into()));
    process.arg0(program).args(&command[1..]).env_clear().env("LC_ALL", "C");
    if let Some(path) = std::env::var_os("PATH") {
        process.env("PATH", path);
    }
    let child = process
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    child.map_err(|error| search_path::cannot_start(&command.join(" "), program, &error))
}

fn read_images(shown: &str, status: ExitStatus, output: Vec<Vec<u8>>, stderr: &[Vec<u8>]) -> Result<Vec<Image>, Error> {
    if !status.success() {
        return Err(refusal::failed(shown, status, &String::from_utf8_lossy(&stderr.concat())));
    }
    let bytes = output.concat();
    drop(output);
    crictl::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| {
        Error::new(ErrorKind::Malformed, format!("`{shown}` printed something else than images: {error}"), "")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_service_config::duration::deadline;

    const MAX_OUTPUT: usize = 1024 * 1024;

    async fn within(script: &str, timeout: Duration) -> Result<Vec<Image>, Error> {
        let command = ["sh", "-c", script].map(str::to_owned);
        let process = Process { command: &command, max_bytes: MAX_OUTPUT };
        process.images(deadline(timeout), &Hanging::default()).await
    }

    async fn outcome(script: &str) -> Result<Vec<Image>, Error> {
        within(script, Duration::from_secs(20)).await
    }

    async fn ended(id: &str) {
        for _ in 0..200 {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("process {id} still runs");
    }

    #[tokio::test]
    async fn warnings_on_stderr_are_ignored_on_success() {
        let images = outcome("echo careful >&2; echo '{\"images\":[{\"id\":\"sha256:1\",\"size\":\"7\"}]}'").await;
        assert_eq!(images.unwrap()[0].size, 7);
    }

    #[tokio::test]
    async fn an_error_shows_the_stderr_of_crictl() {
        let error = outcome("echo no runtime >&2; exit 3").await.unwrap_err().to_string();
        assert!(error.contains("no runtime") && error.contains('3'), "{error}");
        let kind = async |script: &str| outcome(script).await.unwrap_err().kind();
        assert_eq!(kind("echo garbage").await, ErrorKind::Malformed);
    }

    #[tokio::test]
    async fn output_of_many_pieces_is_put_together() {
        let error = outcome("yes | head -c 300000").await.unwrap_err();
        assert!(error.to_string().contains("something else than images"), "{error}");
        let image = r#"{"id":"sha256:1","size":"7"}"#;
        let script = format!("echo '{{\"images\":[{image}'; yes ',{image}' | head -n 9000; echo ']}}'");
        assert_eq!(outcome(&script).await.unwrap().len(), 9001);
    }

    #[tokio::test]
    async fn endless_output_is_stopped() {
        let error = outcome("yes").await.unwrap_err();
        assert!(error.kind() == ErrorKind::Malformed && error.to_string().contains("stopped"), "{error}");
    }

    #[tokio::test]
    async fn a_time_out_ends_the_whole_process_group() {
        let folder = tempfile::tempdir().unwrap();
        let child = folder.path().join("child");
        let script = format!("sleep 60 & echo $! > {}; wait", child.display());
        let error = within(&script, Duration::from_millis(500)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        ended(&std::fs::read_to_string(&child).unwrap()).await;
    }

    #[tokio::test]
    async fn a_process_that_crictl_leaves_behind_with_its_stdout_costs_nobody_the_time_out() {
        let folder = tempfile::tempdir().unwrap();
        let child = folder.path().join("child");
        let script = format!("sleep 60 & echo $! > {}; echo '{{\"images\":[]}}'", child.display());
        let begun = Instant::now();
        assert_eq!(outcome(&script).await.unwrap().len(), 0);
        assert!(begun.elapsed() < Duration::from_secs(10));
        ended(&std::fs::read_to_string(&child).unwrap()).await;
    }
}
