//! The option `--config`, and the configuration of a command.

use anyhow::Result;
use clap::Args;
use image_service_config::{self as config, Config, Setting};
use std::path::{Path, PathBuf};

/// The option `--config`.
#[derive(Args)]
pub(super) struct ConfigFile {
    /// The config file [default: the one that IMAGE_SERVICE_CONFIG names, else the first of ./config/config.json,
    /// ./config.json and /etc/image-service/config.json that exists, else built-in defaults].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// A configuration, with its file and its warnings.
pub(super) struct Loaded {
    pub(super) config: Config,
    /// Its file; `None` for the defaults.
    pub(super) file: Option<PathBuf>,
    /// Warnings about it, a sentence each.
    pub(super) warnings: Vec<String>,
    /// Where its values come from, but for the defaults.
    pub(super) settings: Vec<Setting>,
}

impl ConfigFile {
    pub(super) fn load(&self) -> Result<Loaded> {
        let file = config::find(self.config.as_deref());
        let (config, warnings, settings) = config::load(file.as_deref())?;
        Ok(Loaded { config, file, warnings, settings })
    }
}

/// The configuration of `--demo`: the defaults. It reads no file, and no variable.
pub(super) fn demo_config() -> Result<Loaded> {
    let (config, warnings) = config::parse("{}", Path::new(""))?;
    Ok(Loaded { config, file: None, warnings, settings: Vec::new() })
}
