//! `crictl_config`: how the program asks the node, and which images the listing leaves out.

use crate::duration::{self, DEFAULT_LIMIT};
use crate::regular_file;
use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of the ignore file beside the config file.
const IGNORE_FILE: &str = "images_to_ignore.txt";

/// How the program asks the node, and which images the listing leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct Crictl {
    /// The way to ask.
    pub mode: CrictlMode,
    /// The runtime's socket, where one is configured.
    pub endpoint: Option<PathBuf>,
    /// The program and arguments to run instead of the default.
    pub command: Option<Vec<String>>,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// The ignore file, `images_to_ignore.txt` by default.
    pub ignore_file: PathBuf,
}

/// Ways to ask the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrictlMode {
    /// The first socket that the program may open, else `crictl`.
    #[default]
    Auto,
    /// The runtime's socket.
    Cri,
    /// The program `crictl`.
    Exec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Section {
    ignore_file_path: Option<PathBuf>,
    mode: Option<CrictlMode>,
    endpoint: Option<String>,
    command: Option<Vec<String>>,
    timeout: Option<f64>,
}

impl Section {
    pub(crate) fn read(self, folder: &Path, warnings: &mut Vec<String>) -> Result<Crictl> {
        if self.command.as_ref().is_some_and(|command| command.is_empty() || command[0].is_empty()) {
            bail!(
                "crictl_config.command is empty; name a program and its arguments, such as [\"crictl\", \"images\", \"-o\", \"json\"]"
            );
        }
        Ok(Crictl {
            mode: self.mode.unwrap_or_default(),
            endpoint: self.endpoint.filter(|endpoint| !endpoint.is_empty()).map(|text| socket(&text)).transpose()?,
            command: self.command,
            timeout: duration::limit("crictl_config.timeout", self.timeout, DEFAULT_LIMIT)?,
            ignore_file: ignore_file(self.ignore_file_path, folder, warnings),
        })
    }
}

/// The ignore file. That the default is not there is a choice; that a configured one is not there is a mistake.
fn ignore_file(configured: Option<PathBuf>, folder: &Path, warnings: &mut Vec<String>) -> PathBuf {
    let Some(configured) = configured.filter(|path| !path.as_os_str().is_empty()) else {
        return folder.join(IGNORE_FILE);
    };
    let path = folder.join(&configured);
    if matches!(regular_file::absent(regular_file::metadata(&path)), Ok(None)) {
        let beside = configured.file_name().map(|name| folder.join(name));
        let beside = beside.filter(|beside| *beside != path && regular_file::exists(beside));
        let meant = match beside {
            Some(beside) => format!("is {} meant?", beside.display()),
            None => "relative paths begin at the config file's folder".to_owned(),
        };
        let shown = path.display();
        warnings.push(format!("crictl_config.ignore_file_path: there is no {shown}, so no image is left out; {meant}"));
    }
    path
}

fn socket(endpoint: &str) -> Result<PathBuf> {
    socket_path(endpoint).ok_or_else(|| {
        anyhow!(
            "crictl_config.endpoint {endpoint:?} is no Unix socket; write it as unix:///run/containerd/containerd.sock"
        )
    })
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
    fn a_configured_ignore_file_that_is_not_there_is_a_warning_with_the_one_that_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let warnings = |text: &str| {
            let text = format!(r#"{{"crictl_config": {{"ignore_file_path": {text}}}}}"#);
            crate::parse(&text, folder.path()).unwrap().1
        };
        assert_eq!(warnings("\"\""), [""; 0]);
        assert!(warnings(r#""../x.txt""#)[0].ends_with("relative paths begin at the config file's folder"));
        std::fs::write(folder.path().join("x.txt"), "").unwrap();
        let meant = format!("is {} meant?", folder.path().join("x.txt").display());
        assert!(warnings(r#""../x.txt""#)[0].ends_with(&meant));
        assert_eq!(warnings(r#""x.txt""#), [""; 0]);
    }

    #[test]
    fn endpoints_are_unix_sockets() {
        assert_eq!(socket_path("unix:///run/x.sock"), Some("/run/x.sock".into()));
        assert_eq!(socket_path("/run/x.sock"), Some("/run/x.sock".into()));
        assert_eq!(socket_path("tcp://127.0.0.1:1"), None);
        assert_eq!(socket_path("unix://relative"), None);
    }
}
