//! The program `crictl`: one fixed argument vector, a clean environment, a time limit and an output limit.

use super::error::{Error, ErrorKind};
use image_model::crictl;
use image_model::types::Image;
use image_service_config as config;
use image_service_config::duration::deadline;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// The preferred command, because its JSON is exact.
const JSON_COMMAND: [&str; 6] = ["sudo", "-n", "crictl", "images", "-o", "json"];
/// The only command that the documented sudoers rule allows: a rule with arguments allows exactly these.
const TABLE_COMMAND: [&str; 4] = ["sudo", "-n", "crictl", "images"];

/// Bytes of one read.
const READ_BYTES: u64 = 1024 * 1024;
/// Most bytes of crictl's stderr that an error may show.
const MAX_STDERR: u64 = 16 * 1024;

/// Runs crictl and returns its images with the command that printed them. `table_worked` remembers which default command
/// worked.
pub(super) async fn images(
    config: &config::Crictl,
    max_bytes: usize,
    table_worked: &AtomicBool,
) -> Result<(Vec<Image>, Vec<String>), Error> {
    let end = deadline(config.timeout);
    if let Some(command) = &config.command {
        return Ok((run(command, config, max_bytes, end).await?, command.clone()));
    }
    let (json, table) = (JSON_COMMAND.map(str::to_owned), TABLE_COMMAND.map(str::to_owned));
    let remembered = table_worked.load(Ordering::Relaxed);
    let (first, second) = if remembered { (&table[..], &json[..]) } else { (&json[..], &table[..]) };
    match run(first, config, max_bytes, end).await {
        Ok(images) => Ok((images, first.to_vec())),
        // The other command would hang, or print the same garbage.
        Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Malformed) => Err(error),
        Err(_) => {
            let images = run(second, config, max_bytes, end).await?;
            table_worked.store(!remembered, Ordering::Relaxed);
            Ok((images, second.to_vec()))
        }
    }
}

/// Kills the process group when it is dropped, unless the process has ended by itself.
struct ProcessGroup(Option<Pid>);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // This fails for a process of another user, which ends when its pipe closes.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn run(command: &[String], config: &config::Crictl, max_bytes: usize, end: Instant) -> Result<Vec<Image>, Error> {
    let shown = command.join(" ");
    let mut process = Command::new(&command[0]);
    process.args(&command[1..]).env_clear().env("LC_ALL", "C");
    if let Some(path) = std::env::var_os("PATH") {
        process.env("PATH", path);
    }
    let mut child = process
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| cannot_start(&shown, &command[0], &error))?;
    let mut group = ProcessGroup(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (output, stderr_output) = tokio::join!(read(stdout, max_bytes as u64), read_and_drain(stderr));
        let output = output?;
        if output.len() > max_bytes {
            return Ok((None, output, stderr_output?));
        }
        Ok::<_, io::Error>((Some(child.wait().await?), output, stderr_output?))
    };
    let outcome = tokio::time::timeout_at(end.into(), work).await;
    let (status, output, stderr_output) = match outcome {
        Err(_) => {
            return Err(Error::timed_out(format!(
                "`{shown}` did not end within {} s and was stopped; is the container runtime hanging?",
                config.timeout.as_secs_f64()
            )));
        }
        Ok(Err(error)) => return Err(Error::unavailable(format!("`{shown}` could not be read ({error})"))),
        Ok(Ok((None, ..))) => {
            return Err(Error::malformed(format!(
                "`{shown}` printed more than {max_bytes} bytes and was stopped; limits_config.max_crictl_bytes sets the limit"
            )));
        }
        Ok(Ok((Some(status), output, stderr_output))) => (status, output, stderr_output),
    };
    group.0 = None;
    if !status.success() {
        return Err(failed(&shown, status, &stderr_output));
    }
    crictl::parse(&String::from_utf8_lossy(&output))
        .map_err(|error| Error::malformed(format!("`{shown}` printed something else than images: {error}")))
}

/// Reads at most one byte more than the limit.
async fn read(pipe: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let Some(pipe) = pipe else { return Ok(Vec::new()) };
    let mut pipe = pipe.take(limit.saturating_add(1));
    // A growing list would be copied at each doubling, and would need four times the memory.
    let mut pieces = Vec::new();
    loop {
        let mut piece = Vec::new();
        (&mut pipe).take(READ_BYTES).read_to_end(&mut piece).await?;
        if piece.is_empty() {
            return Ok(pieces.concat());
        }
        pieces.push(piece);
    }
}

/// Keeps the beginning of stderr. Reads the rest too, so that crictl never waits for room in the pipe.
async fn read_and_drain(mut pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let bytes = read(pipe.as_mut(), MAX_STDERR).await?;
    if let Some(pipe) = &mut pipe {
        tokio::io::copy(pipe, &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
}

fn cannot_start(shown: &str, program: &str, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::unavailable(format!(
            "`{shown}` can't be run: {program} is not installed; install it, set crictl_config.command, or set \
             crictl_config.endpoint to the runtime's socket"
        )),
        io::ErrorKind::PermissionDenied => {
            Error::denied(format!("`{shown}` can't be run: {program} may not be executed by this user"))
        }
        _ => Error::unavailable(format!("`{shown}` can't be run: {error}")),
    }
}

fn failed(shown: &str, status: ExitStatus, stderr_output: &[u8]) -> Error {
    let text = String::from_utf8_lossy(stderr_output);
    let said: String =
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(300).collect();
    let said = if said.is_empty() { "it said nothing".to_owned() } else { said };
    let lower = said.to_ascii_lowercase();
    let denied = ["password is required", "not allowed", "permission denied", "may not run"];
    if denied.iter().any(|words| lower.contains(words)) {
        Error::denied(format!(
            "`{shown}` is not permitted ({status}: {said}); allow /usr/bin/crictl images in sudoers with NOPASSWD, or set \
             crictl_config.endpoint to the runtime's socket"
        ))
    } else {
        Error::unavailable(format!("`{shown}` failed ({status}: {said})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MAX_OUTPUT: usize = 1024 * 1024;

    fn config(script: &str, timeout: Duration) -> config::Crictl {
        config::Crictl {
            mode: config::CrictlMode::Exec,
            endpoint: None,
            command: Some(["sh", "-c", script].map(str::to_owned).to_vec()),
            timeout,
            ignore_file: "none".into(),
        }
    }

    async fn outcome(script: &str) -> Result<Vec<Image>, Error> {
        Ok(images(&config(script, Duration::from_secs(20)), MAX_OUTPUT, &AtomicBool::new(false)).await?.0)
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
        assert_eq!(kind("echo a password is required >&2; exit 1").await, ErrorKind::Denied);
        assert_eq!(kind("echo garbage").await, ErrorKind::Malformed);
    }

    #[tokio::test]
    async fn endless_output_is_stopped() {
        let error = outcome("yes").await.unwrap_err();
        assert!(error.kind() == ErrorKind::Malformed && error.to_string().contains("stopped"), "{error}");
    }

    #[tokio::test]
    async fn a_time_out_ends_the_whole_process_group() {
        let folder = std::env::temp_dir().join(format!("image-service-group-{}", std::process::id()));
        let script = format!("sleep 60 & echo $! > {}; wait", folder.display());
        let error = images(&config(&script, Duration::from_millis(500)), MAX_OUTPUT, &AtomicBool::new(false))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        let child = std::fs::read_to_string(&folder).unwrap();
        std::fs::remove_file(&folder).unwrap();
        for _ in 0..200 {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the process that crictl had started still runs");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let mut config = config("", Duration::from_secs(1));
        config.command = Some(vec!["/nonexistent/crictl".to_owned()]);
        let error = images(&config, MAX_OUTPUT, &AtomicBool::new(false)).await.unwrap_err().to_string();
        assert!(error.contains("/nonexistent/crictl is not installed"), "{error}");
    }
}
