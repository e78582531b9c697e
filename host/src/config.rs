//! config.json: what operators write, with defaults filled in and paths made absolute.

mod file;
mod find;

pub use file::{load, parse};
pub use find::find;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that the program can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// `crictl_config`.
    pub crictl: Crictl,
    /// `harbor_config`.
    pub harbor: Harbor,
    /// `app_config`.
    pub app: App,
    /// `cache_config`.
    pub cache: Cache,
    /// `node_api`: the token that it asks for, where it is on.
    pub node_api: Option<Secret>,
    /// A composition to run instead of the built-in one.
    pub composition: Option<PathBuf>,
}

/// How the node is asked, and which of its images are left out.
#[derive(Clone, Debug)]
pub struct Crictl {
    /// Which way to ask.
    pub mode: CrictlMode,
    /// The runtime's socket, where one is configured.
    pub endpoint: Option<PathBuf>,
    /// The argument vector to run instead of the default one.
    pub command: Option<Vec<String>>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// images_to_ignore.txt.
    pub ignore_file: PathBuf,
}

/// Ways to ask the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrictlMode {
    /// The first socket that may be opened, else `crictl`.
    #[default]
    Auto,
    /// The runtime's socket.
    Cri,
    /// The program `crictl`.
    Exec,
}

/// Which Harbor is asked, and how.
#[derive(Clone, Debug)]
pub struct Harbor {
    /// Its address; empty when there is no Harbor.
    pub url: String,
    /// Who logs in.
    pub user: String,
    /// That user's password.
    pub password: Secret,
    /// The one project to list; empty for all.
    pub project: String,
    /// Rows asked for at a time, 1 to 100.
    pub page_size: usize,
    /// Whether Harbor's certificate has to be trusted.
    pub verify_ssl: bool,
    /// Certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Requests under way at a time.
    pub max_concurrency: usize,
    /// How long one request may take.
    pub timeout: Duration,
}

impl Harbor {
    /// Whether url, user and password are all there.
    pub fn is_complete(&self) -> bool {
        !self.url.is_empty() && !self.user.is_empty() && !self.password.0.is_empty()
    }

    /// Whether none of the three is: no Harbor is meant to be listed.
    pub fn is_unset(&self) -> bool {
        self.url.is_empty() && self.user.is_empty() && self.password.0.is_empty()
    }
}

/// How long answers are given out again.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Seconds that an answer is good; 0 for no cache.
    pub lifetime: u32,
    /// Seconds that it is given out after that, while a newer one is fetched.
    pub stale_while_revalidate: u32,
    /// Bytes of all answers that are kept.
    pub max_bytes: usize,
}

impl Cache {
    /// The answer's `Cache-Control`; nothing where there is no cache.
    pub fn control(&self) -> Option<String> {
        let Self { lifetime, stale_while_revalidate, .. } = self;
        (*lifetime > 0).then(|| format!("max-age={lifetime}, stale-while-revalidate={stale_while_revalidate}"))
    }
}

/// Where to listen, how to write JSON and logs.
#[derive(Clone, Debug)]
pub struct App {
    /// The name or address to listen on.
    pub host: String,
    /// The port to listen on; 0 for any that is free.
    pub port: u16,
    /// How long a composition may take to begin an answer.
    pub response_timeout: Duration,
    /// Whether JSON is indented.
    pub pretty: bool,
    /// What is logged to stderr.
    pub log_level: Level,
    /// Where else logs go.
    pub log_file: Option<LogFile>,
}

/// A log file that is rotated as Python's `RotatingFileHandler` does.
#[derive(Clone, Debug)]
pub struct LogFile {
    /// The file that is written; older ones stand beside it as `.1`, `.2`, ….
    pub path: PathBuf,
    /// Bytes after which a new file is begun; 0 for never.
    pub max_bytes: usize,
    /// How many older files are kept.
    pub backups: usize,
    /// What is logged there.
    pub level: Level,
}

/// How much is logged.
pub type Level = tracing::level_filters::LevelFilter;

/// Text that is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself; what it is used for should make clear that it goes nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(secret)" })
    }
}
