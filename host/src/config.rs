//! config.json: what operators write, with defaults filled in and paths made absolute. One file a section, with its keys
//! as they stand in the file (`Section`) and what they come to.

mod access;
mod app;
mod cache;
mod crictl;
mod file;
mod find;
mod harbor;
mod limits;
mod node_api;
mod secret;

pub use access::{Access, Cors, Tls};
pub use app::{App, Level, LogFile, LogFormat};
pub use cache::Cache;
pub use crictl::{Crictl, CrictlMode};
pub use file::{load, parse};
pub use find::find;
pub use harbor::Harbor;
pub use limits::Limits;
pub use secret::Secret;
pub(crate) use secret::read_by_all;

use anyhow::{Result, anyhow, bail};
use std::path::PathBuf;
use std::time::Duration;

/// Seconds.
const DEFAULT_TIMEOUT: f64 = 30.0;

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
    /// `limits_config`.
    pub limits: Limits,
    /// `access_config`.
    pub access: Access,
    /// `node_api`: the file with the tokens that it asks for, where it is on.
    pub node_api: Option<PathBuf>,
    /// A composition to run instead of the built-in one.
    pub composition: Option<PathBuf>,
}

/// A time limit of so many seconds.
fn seconds(key: &str, value: Option<f64>, default: f64) -> Result<Duration> {
    match value.unwrap_or(default) {
        seconds if seconds > 0.0 => {
            Duration::try_from_secs_f64(seconds).map_err(|error| anyhow!("{key} is {seconds} seconds: {error}"))
        }
        seconds => bail!("{key} is {seconds}; it needs to be more than 0 seconds"),
    }
}
