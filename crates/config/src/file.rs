//! Reads config.json: its keys, and the errors and warnings about them.

use crate::config::Config;
use crate::secret::world_readable_warning;
use crate::{access, app, cache, compare, crictl, harbor, limits, node_api, page};
use anyhow::{Context, Result, anyhow};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    crictl_config: Option<Object<crictl::Section>>,
    harbor_config: Option<Object<harbor::Section>>,
    app_config: Option<Object<app::Section>>,
    cache_config: Option<Object<cache::Section>>,
    compare_config: Option<Object<compare::Section>>,
    limits_config: Option<Object<limits::Section>>,
    access_config: Option<Object<access::Section>>,
    page_config: Option<Object<page::Page>>,
    node_api: Option<Object<node_api::Section>>,
    composition: Option<PathBuf>,
}

/// A JSON object. serde also reads a struct from a list, as its fields in order; this type refuses lists.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            /// A string in the place of an object may be a misplaced secret, so the error does not repeat it.
            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<T, E> {
                Err(E::custom("invalid type: a string, expected an object"))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }

        // `deserialize_map` would repeat a string in its error.
        deserializer.deserialize_any(Members(PhantomData)).map(Self)
    }
}

/// Reads the file, or takes the defaults where there is none. Also returns warnings, a sentence each.
///
/// # Errors
///
/// When the file can't be read or is no JSON (with line and column), or a key has an invalid value.
pub fn load(path: Option<&Path>) -> Result<(Config, Vec<String>)> {
    let Some(path) = path else { return parse("{}", Path::new("")) };
    let named = || format!("config file {}", path.display());
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .with_context(|| format!("{} can't be read; check the path and its permissions", named()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let Read { config, warnings, holds_a_secret } = read(&text, folder).with_context(named)?;
    let mut warnings: Vec<String> = warnings.into_iter().map(|warning| format!("{}: {warning}", named())).collect();
    if holds_a_secret && let Some(warning) = world_readable_warning(&named(), path) {
        warnings.push(format!("{warning}, or put the password into a file that harbor_config.password_file names"));
    }
    Ok((config, warnings))
}

/// Reads the text of a config file in `folder`, where relative paths start.
///
/// # Errors
///
/// As [`load`].
pub fn parse(text: &str, folder: &Path) -> Result<(Config, Vec<String>)> {
    let Read { config, warnings, .. } = read(text, folder)?;
    Ok((config, warnings))
}

/// The result of reading a text.
struct Read {
    config: Config,
    warnings: Vec<String>,
    /// Whether the text itself holds a secret.
    holds_a_secret: bool,
}

fn read(text: &str, folder: &Path) -> Result<Read> {
    let mut warnings = Vec::new();
    let file = deserialize(text, &mut warnings)?;
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let harbor = section(file.harbor_config);
    let holds_a_secret = harbor.holds_a_secret();
    let config = Config {
        crictl: section(file.crictl_config).read(&folder)?,
        harbor: harbor.read(&folder, &mut warnings)?,
        app: section(file.app_config).read(&folder)?,
        cache: section(file.cache_config).read(&folder),
        compare: section(file.compare_config).read()?,
        limits: section(file.limits_config).read()?,
        access: section(file.access_config).read(&folder)?,
        page: section(file.page_config),
        node_api: section(file.node_api).read(&folder)?,
        composition: file.composition.filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path)),
    };
    if config.harbor.listing_timeout >= config.limits.answer_timeout {
        warnings.push(format!(
            "harbor_config.listing_timeout has no effect, as limits_config.answer_timeout ends answers after {} s already",
            config.limits.answer_timeout.as_secs_f64()
        ));
    }
    Ok(Read { config, warnings, holds_a_secret })
}

fn section<T: Default>(section: Option<Object<T>>) -> T {
    section.map(|section| section.0).unwrap_or_default()
}

/// Reads JSON. An unknown key is a warning, a wrong type an error that names the key.
fn deserialize(text: &str, warnings: &mut Vec<String>) -> Result<File> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let file: Option<Object<File>> = {
        let deserializer = serde_path_to_error::Deserializer::new(&mut json, &mut track);
        serde_ignored::deserialize(deserializer, |key| {
            // serde_ignored writes an `Option` as a `?` in the path.
            let key = key.to_string().replace(".?", "").trim_start_matches("?.").to_owned();
            warnings.push(format!("the key {key} is unknown and has no effect; is it spelled right?"));
        })
        .map_err(|error: serde_json::Error| {
            let key = track.path().to_string();
            if error.is_syntax() && error.to_string().starts_with("number out of range") {
                // The number itself is not repeated, as it may stand in the place of a secret.
                anyhow!("{key}: {error}; no key takes a number as large as this")
            } else if error.is_syntax() || error.is_eof() {
                anyhow!("not valid JSON: {error}")
            } else if key == "." {
                anyhow!("{error}")
            } else {
                anyhow!("{key}: {error}")
            }
        })?
    };
    json.end().map_err(|error| anyhow!("not valid JSON: {error}"))?;
    Ok(file.map(|file| file.0).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CrictlMode, Level};
    use std::time::Duration;

    fn parsed(text: &str) -> (Config, Vec<String>) {
        parse(text, Path::new("/etc/image-service")).unwrap()
    }

    fn error(text: &str) -> String {
        format!("{:#}", parse(text, Path::new("/etc/image-service")).unwrap_err())
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        let (config, warnings) = parsed("{}");
        assert_eq!((config.app.host.as_str(), config.app.port), ("127.0.0.1", 5375));
        assert_eq!(config.crictl.mode, CrictlMode::Auto);
        assert_eq!(config.crictl.ignore_file, Path::new("/etc/image-service/images_to_ignore.txt"));
        assert_eq!(config.crictl.timeout, Duration::from_secs(30));
        assert_eq!((config.harbor.page_size, config.harbor.max_concurrency), (100, 8));
        assert_eq!(config.cache.control().unwrap(), "max-age=5, stale-while-revalidate=5");
        assert!(config.harbor.verify_ssl && !config.harbor.is_complete());
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn a_file_of_the_flask_service_works_unchanged() {
        let (config, warnings) = parsed(
            r#"{
            "crictl_config": {"ignore_file_path": "ignore.txt"},
            "harbor_config": {"url": "https://harbor.example.com", "username": "robot$ci", "password": "s3cret",
                "project_name": "", "page_size": 50, "verify_ssl": false},
            "app_config": {"host": "0.0.0.0", "port": 5375, "debug": false, "log_file": "logs/app.log",
                "log_max_bytes": 10000, "log_backup_count": 3, "log_level_app": "INFO",
                "log_level_file_handler": "WARNING", "jsonify_prettyprint_regular": true}
            }"#,
        );
        assert_eq!(warnings, [""; 0]);
        assert!(config.harbor.is_complete() && !config.harbor.verify_ssl);
        assert_eq!((config.harbor.user.as_str(), config.harbor.page_size), ("robot$ci", 50));
        let log = config.app.log.file.unwrap();
        assert_eq!(log.path, Path::new("/etc/image-service/logs/app.log"));
        assert_eq!((log.max_bytes, log.backups, log.level), (10_000, 3, Level::WARN));
        assert!(config.app.pretty);
    }

    #[test]
    fn the_password_is_never_shown() {
        let (config, _) = parsed(r#"{"harbor_config": {"password": "s3cret"}}"#);
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn no_error_repeats_a_value_in_the_place_of_a_secret() {
        for value in ["12345", "true", "1.5", "[12345]", r#"{"a": 12345}"#, "-12345"] {
            let error = error(&format!(r#"{{"harbor_config": {{"password": {value}}}}}"#));
            assert!(error.starts_with("harbor_config.password: invalid type, expected a string in quotes"), "{error}");
            assert!(!error.contains("12345") && !error.contains("true"), "{error}");
        }
        let error = error(r#"{"harbor_config": "robot:s3cret"}"#);
        assert!(error.starts_with("harbor_config: invalid type") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_a_warning_that_names_it() {
        let (_, warnings) = parsed(r#"{"harbor_config": {"urll": "x"}, "extra": 1}"#);
        assert!(warnings[0].contains("key harbor_config.urll is"), "{warnings:?}");
        assert!(warnings[1].contains("key extra is"), "{warnings:?}");
    }

    #[test]
    fn a_wrong_type_names_its_key() {
        assert!(error(r#"{"app_config": {"port": "5375"}}"#).starts_with("app_config.port: invalid type"));
        assert!(error(r#"{"app_config": {"port": 70000}}"#).starts_with("app_config.port: invalid value"));
        assert!(error(r#"{"crictl_config": {"mode": "ssh"}}"#).contains("`auto`, `cri`, `exec`"));
        assert!(error("[]").contains("expected an object"));
        assert!(error(r#"{"app_config": ["0.0.0.0", 80]}"#).starts_with("app_config: invalid type: sequence"));
    }

    #[test]
    fn broken_json_is_refused_with_line_and_column() {
        assert!(error("{\n  \"app_config\": {,}\n}").contains("line 2 column 18"));
        assert!(error("{} x").contains("line 1 column 4"));
        assert!(error("").contains("line 1 column 0"));
        assert!(
            error(r#"{"app_config": {"response_timeout": NaN}}"#).starts_with("not valid JSON: expected value at line")
        );
    }

    #[test]
    fn a_number_too_large_for_any_key_is_refused_with_its_key_and_place() {
        for (key, number) in [("response_timeout", "1e400"), ("port", "-1e400")] {
            let error = error(&format!(r#"{{"app_config": {{"{key}": {number}}}}}"#));
            assert!(error.starts_with(&format!("app_config.{key}: number out of range at line 1 column ")), "{error}");
            assert!(!error.contains("e400"), "it may be a secret: {error}");
        }
    }

    #[test]
    fn invalid_values_are_refused_with_their_key() {
        assert!(error(r#"{"harbor_config": {"url": "harbor.example.com"}}"#).contains("https://harbor.example.com"));
        assert!(error(r#"{"harbor_config": {"page_size": 0}}"#).contains("1 to 100"));
        assert!(error(r#"{"harbor_config": {"max_concurrency": 0}}"#).contains("max_concurrency"));
        assert!(error(r#"{"harbor_config": {"timeout": 0}}"#).contains("harbor_config.timeout"));
        assert!(error(r#"{"crictl_config": {"command": []}}"#).contains("crictl_config.command"));
        assert!(error(r#"{"crictl_config": {"endpoint": "tcp://1.2.3.4"}}"#).contains("unix:///"));
        assert!(error(r#"{"app_config": {"log_level_app": "LOUD"}}"#).contains("LOUD"));
    }

    #[test]
    fn a_lifetime_of_0_turns_the_cache_off() {
        let control = |section: &str| parsed(&format!(r#"{{"cache_config": {section}}}"#)).0.cache.control();
        assert_eq!(control(r#"{"lifetime": 60}"#).unwrap(), "max-age=60, stale-while-revalidate=60");
        assert_eq!(
            control(r#"{"lifetime": 60, "stale_while_revalidate": 0}"#).unwrap(),
            "max-age=60, stale-while-revalidate=0"
        );
        assert_eq!(control(r#"{"lifetime": 0}"#), None);
    }

    #[test]
    fn ports_from_0_to_65535_are_accepted() {
        for port in [0, 65535] {
            assert_eq!(parsed(&format!(r#"{{"app_config": {{"port": {port}}}}}"#)).0.app.port, port);
        }
    }

    #[test]
    fn a_page_size_above_harbors_limit_is_lowered_with_a_warning() {
        let (config, warnings) = parsed(r#"{"harbor_config": {"page_size": 500}}"#);
        assert_eq!(config.harbor.page_size, 100);
        assert_eq!(warnings.len(), 1);
    }
}
