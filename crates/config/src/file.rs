//! Reads config.json and the environment: all sections, and the errors and warnings about them.

use crate::config::Config;
use crate::environment::{self, Environment};
use crate::password::Places;
use crate::place;
use crate::reader::{Notes, Reader};
use crate::regular_file::{self, MAX_CONFIG};
use crate::secret::world_readable_warning;
use crate::setting::Setting;
use crate::tree::Tree;
use crate::{access, app, cache, compare, crictl, harbor, limits, node_api, page};
use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    crictl_config: Option<crictl::Section>,
    harbor_config: Option<harbor::Section>,
    app_config: Option<app::Section>,
    cache_config: Option<cache::Section>,
    compare_config: Option<compare::Section>,
    limits_config: Option<limits::Section>,
    access_config: Option<access::Section>,
    page_config: Option<page::Page>,
    node_api: Option<node_api::Section>,
    composition: Option<PathBuf>,
}

/// Reads the file, or takes the defaults where there is none, and the variables of the environment, which take precedence. Also
/// returns warnings, a sentence each, and where each value comes from.
///
/// # Errors
///
/// When it is no regular file, can't be read or is no JSON (with line and column), or a key has an invalid value.
pub fn load(path: Option<&Path>) -> Result<(Config, Vec<String>, Vec<Setting>)> {
    let environment = Environment::of_process();
    let Some(path) = path else {
        let read = read("{}", Path::new(""), &environment)?;
        let warnings = [read.warnings, read.of_environment, dangers(&read.config)].concat();
        return Ok((read.config, warnings, read.settings));
    };
    let named = || format!("config file {}", path.display());
    let text = regular_file::read_text(path, MAX_CONFIG)
        .with_context(|| format!("{} can't be read; check the path and its permissions", named()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let read = read(&text, folder, &environment).with_context(|| match environment.names() {
        names if names.is_empty() => named(),
        names => format!("{} with the environment ({})", named(), names.join(", ")),
    })?;
    let mut warnings: Vec<String> = read.warnings.iter().map(|warning| format!("{}: {warning}", named())).collect();
    if read.holds_a_secret
        && let Some(warning) = world_readable_warning(&named(), path)
    {
        warnings.push(format!("{warning}, or put the password into a file that harbor_config.password_file names"));
    }
    warnings.extend(read.of_environment);
    warnings.extend(dangers(&read.config));
    Ok((read.config, warnings, read.settings))
}

/// What others could do with this configuration. `serve`, `list`, `compare` and `check` warn of it alike.
fn dangers(config: &Config) -> Vec<String> {
    config.harbor.danger().into_iter().chain(config.cache.danger()).collect()
}

/// Reads the text of a config file in `folder`, where relative paths start, and nothing of the environment.
///
/// # Errors
///
/// As [`load`].
pub fn parse(text: &str, folder: &Path) -> Result<(Config, Vec<String>)> {
    let Read { config, warnings, .. } = read(text, folder, &Environment::default())?;
    Ok((config, warnings))
}

/// The result of reading a text.
struct Read {
    config: Config,
    warnings: Vec<String>,
    /// Warnings about variables.
    of_environment: Vec<String>,
    settings: Vec<Setting>,
    /// Whether the text itself holds a secret.
    holds_a_secret: bool,
}

fn read(text: &str, folder: &Path, environment: &Environment) -> Result<Read> {
    let tree = Tree::read(text)?;
    read_tree(&tree, folder, environment).map_err(|error| located(error, text, environment))
}

/// The error with the place in the text of the key that it begins with, unless a variable has the value that counts.
fn located(error: anyhow::Error, text: &str, environment: &Environment) -> anyhow::Error {
    let message = format!("{error:#}");
    let key = message.split([' ', ':', ';', ',']).next().unwrap_or_default();
    match place::of_key(text, key).filter(|_| environment.variable_of(key).is_none()) {
        Some(place) => anyhow!("{message} ({place})"),
        None => error,
    }
}

fn read_tree(tree: &Tree, folder: &Path, environment: &Environment) -> Result<Read> {
    let notes = RefCell::new(Notes::default());
    let file = File::deserialize(Reader::new(tree, environment, &notes)).map_err(|error| anyhow!("{error}"))?;
    let Notes { of_file: mut warnings, mut of_environment, mut settings, keys } = notes.into_inner();
    of_environment.extend(environment.unknown(&keys).into_iter().map(|name| {
        format!(
            "the variable {name} is no key of config.json and has no effect; a key's variable is such as {}",
            environment::name_of("harbor_config.url")
        )
    }));
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let passwords = Places { environment, settings: &mut settings };
    let config = Config {
        crictl: file.crictl_config.unwrap_or_default().read(&folder, &mut warnings)?,
        harbor: file.harbor_config.unwrap_or_default().read(&folder, passwords, &mut warnings)?,
        app: file.app_config.unwrap_or_default().read(&folder)?,
        cache: file.cache_config.unwrap_or_default().read(&folder),
        compare: file.compare_config.unwrap_or_default().read()?,
        limits: file.limits_config.unwrap_or_default().read()?,
        access: file.access_config.unwrap_or_default().read(&folder)?,
        page: file.page_config.unwrap_or_default(),
        node_api: file.node_api.unwrap_or_default().read(&folder)?,
        composition: file.composition.filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path)),
    };
    if config.harbor.listing_timeout >= config.limits.answer_timeout {
        warnings.push(format!(
            "harbor_config.listing_timeout has no effect, as limits_config.answer_timeout ends answers after {} s already",
            config.limits.answer_timeout.as_secs_f64()
        ));
    }
    let text = |key| tree.text(&["harbor_config", key]);
    let holds_a_secret = !text("password").is_empty() || text("proxy").contains('@');
    Ok(Read { config, warnings, of_environment, settings, holds_a_secret })
}

#[cfg(test)]
mod tests;
