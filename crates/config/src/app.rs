//! `app_config`: the address to listen on, time limits, JSON and logs.

use crate::duration::{self, DEFAULT_LIMIT};
use crate::log::{Level, Log, LogFile, LogFormat};
use anyhow::{Result, bail};
use serde::Deserialize;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 5375;

/// The address to listen on, time limits, JSON and logs.
#[derive(Clone, Debug, PartialEq)]
pub struct App {
    /// The name or address to listen on.
    pub host: String,
    /// The port to listen on; 0 for any that is free.
    pub port: u16,
    /// How long a composition may take to begin an answer.
    pub response_timeout: Duration,
    /// How long requests under way may take after the signal to end.
    pub shutdown_timeout: Duration,
    /// Whether JSON is indented.
    pub pretty: bool,
    /// The level, format and places of the log.
    pub log: Log,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Section {
    host: Option<String>,
    port: Option<u16>,
    debug: Option<bool>,
    log_file: Option<PathBuf>,
    log_max_bytes: Option<usize>,
    log_backup_count: Option<usize>,
    log_format: Option<LogFormat>,
    log_level_app: Option<String>,
    log_level_file_handler: Option<String>,
    jsonify_prettyprint_regular: Option<bool>,
    response_timeout: Option<f64>,
    shutdown_timeout: Option<f64>,
}

impl Section {
    pub(crate) fn read(self, folder: &Path) -> Result<App> {
        let debug = self.debug.unwrap_or_default();
        let default_level = if debug { Level::DEBUG } else { Level::INFO };
        let level = |key, name: Option<String>| name.map_or(Ok(default_level), |name| python_level(key, &name));
        let file_level = level("app_config.log_level_file_handler", self.log_level_file_handler)?;
        if let Some(host) = &self.host {
            check_host(host)?;
        }
        Ok(App {
            host: self.host.filter(|host| !host.is_empty()).unwrap_or_else(|| DEFAULT_HOST.to_owned()),
            port: self.port.unwrap_or(DEFAULT_PORT),
            response_timeout: duration::limit("app_config.response_timeout", self.response_timeout, DEFAULT_LIMIT)?,
            shutdown_timeout: duration::limit("app_config.shutdown_timeout", self.shutdown_timeout, DEFAULT_LIMIT)?,
            pretty: self.jsonify_prettyprint_regular.unwrap_or_default(),
            log: Log {
                level: level("app_config.log_level_app", self.log_level_app)?,
                format: self.log_format.unwrap_or_default(),
                file: self.log_file.filter(|path| !path.as_os_str().is_empty()).map(|path| LogFile {
                    path: folder.join(path),
                    max_bytes: self.log_max_bytes.unwrap_or_default(),
                    backups: self.log_backup_count.unwrap_or_default(),
                    level: file_level,
                }),
            },
        })
    }
}

/// Refuses a host with its port, which would be an address of another form.
fn check_host(host: &str) -> Result<()> {
    match host.rsplit_once(':') {
        Some((name, port)) if host.parse::<Ipv6Addr>().is_err() && !host.ends_with(']') => bail!(
            "app_config.host is {host:?}; write {:?}, and the port as app_config.port: {port}",
            if name.is_empty() { "0.0.0.0" } else { name }
        ),
        _ => Ok(()),
    }
}

/// Python's level names, which existing files use.
fn python_level(key: &str, name: &str) -> Result<Level> {
    Ok(match name.to_ascii_uppercase().as_str() {
        "NOTSET" => Level::TRACE,
        "DEBUG" => Level::DEBUG,
        "INFO" => Level::INFO,
        "WARNING" | "WARN" => Level::WARN,
        "ERROR" | "CRITICAL" | "FATAL" => Level::ERROR,
        _ => bail!("{key} is {name:?}; it can be DEBUG, INFO, WARNING, ERROR or CRITICAL"),
    })
}
