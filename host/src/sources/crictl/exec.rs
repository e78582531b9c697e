//! The program `crictl`, as root or through sudo.

mod hanging;
mod output;
mod process;
mod refusal;
mod search_path;

pub use hanging::Hanging;

use super::answer::Answer;
use super::error::{Error, ErrorKind};
use image_service_config::Crictl;
use process::Process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The preferred arguments, because crictl's JSON is exact.
const JSON: [&str; 4] = ["crictl", "images", "-o", "json"];
/// The only arguments that the documented sudoers rule allows: a rule with arguments allows exactly these.
const TABLE: [&str; 2] = ["crictl", "images"];

/// Asks crictl, with the configured command or its own ones.
#[derive(Debug)]
pub(super) struct Exec {
    config: Crictl,
    max_bytes: usize,
    /// Whether the plain table worked when JSON had failed: the documented sudoers rule allows only the table.
    table_worked: AtomicBool,
    hanging: Hanging,
}

impl Exec {
    /// Runs the configured command, or crictl's. `hanging` knows the process that did not end, also over a reload.
    pub(super) fn new(config: Crictl, max_bytes: usize, hanging: Hanging) -> Self {
        Self { config, max_bytes, table_worked: AtomicBool::new(false), hanging }
    }

    /// The images, until `end`.
    pub(super) async fn answer(&self, end: Instant) -> Result<Answer, Error> {
        if let Some(command) = &self.config.command {
            return self.run(command.clone(), end).await;
        }
        let (json, table) = (command(&JSON), command(&TABLE));
        let remembered = self.table_worked.load(Ordering::Relaxed);
        let (first, second) = if remembered { (table, json) } else { (json, table) };
        match self.run(first, end).await {
            Ok(answer) => Ok(answer),
            // The other command would hang, or print the same garbage.
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Malformed) => Err(error),
            Err(_) => {
                let answer = self.run(second, end).await?;
                self.table_worked.store(!remembered, Ordering::Relaxed);
                Ok(answer)
            }
        }
    }

    async fn run(&self, command: Vec<String>, end: Instant) -> Result<Answer, Error> {
        let process = Process { command: &command, max_bytes: self.max_bytes };
        let images = process.images(end, &self.hanging).await?;
        Ok(Answer { images: Arc::new(images), way: format!("`{}`", command.join(" ")) })
    }
}

/// The command with these arguments. Root needs no sudo, which many machines don't have.
fn command(arguments: &[&str]) -> Vec<String> {
    let sudo: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["sudo", "-n"] };
    sudo.iter().chain(arguments).map(|&argument| argument.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_service_config::CrictlMode;
    use image_service_config::duration::deadline;
    use std::time::Duration;

    fn exec(command: &[&str], timeout: Duration) -> Exec {
        let config = Crictl {
            mode: CrictlMode::Exec,
            endpoint: None,
            command: Some(command.iter().map(|&argument| argument.to_owned()).collect()),
            timeout,
            ignore_file: "none".into(),
        };
        Exec::new(config, 1024 * 1024, Hanging::default())
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let exec = exec(&["/nonexistent/crictl"], Duration::from_secs(1));
        let error = exec.answer(deadline(Duration::from_secs(1))).await.unwrap_err().to_string();
        assert!(error.contains("/nonexistent/crictl is not installed"), "{error}");
    }
}
