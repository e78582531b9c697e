//! Reading config.json: the keys as they stand in the file, and what is wrong with them.

use super::{App, Cache, Config, Crictl, CrictlMode, Harbor, Level, LogFile, Secret};
use anyhow::{Context, Result, anyhow, bail};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 5375;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// Harbor answers 422 to more.
const MAX_PAGE_SIZE: usize = 100;
const DEFAULT_CONCURRENCY: usize = 8;
/// Seconds.
const DEFAULT_LIFETIME: u32 = 5;
/// Twice the answer of a registry with 100,000 tags.
const DEFAULT_CACHE: usize = 32 * 1024 * 1024;

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    crictl_config: Option<Object<CrictlSection>>,
    harbor_config: Option<Object<HarborSection>>,
    app_config: Option<Object<AppSection>>,
    cache_config: Option<Object<CacheSection>>,
    node_api: Option<Object<NodeApiSection>>,
    composition: Option<PathBuf>,
}

/// A JSON object. By themselves, structs are also read from lists, which would be taken for their values in order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CrictlSection {
    ignore_file_path: Option<PathBuf>,
    mode: Option<CrictlMode>,
    endpoint: Option<String>,
    command: Option<Vec<String>>,
    timeout: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HarborSection {
    url: Option<String>,
    #[serde(alias = "username")]
    user: Option<String>,
    password: Option<String>,
    project_name: Option<String>,
    page_size: Option<usize>,
    verify_ssl: Option<bool>,
    ca_file: Option<PathBuf>,
    max_concurrency: Option<usize>,
    timeout: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AppSection {
    host: Option<String>,
    port: Option<u16>,
    debug: Option<bool>,
    log_file: Option<PathBuf>,
    log_max_bytes: Option<usize>,
    log_backup_count: Option<usize>,
    log_level_app: Option<String>,
    log_level_file_handler: Option<String>,
    jsonify_prettyprint_regular: Option<bool>,
    response_timeout: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CacheSection {
    lifetime: Option<u32>,
    stale_while_revalidate: Option<u32>,
    max_bytes: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeApiSection {
    enabled: Option<bool>,
    token_file: Option<PathBuf>,
}

/// Reads the file, or takes the defaults where there is none. Also returns warnings, a sentence each.
///
/// # Errors
///
/// When the file can't be read, is no JSON (with line and column), or a value is none that its key can have.
pub fn load(path: Option<&Path>) -> Result<(Config, Vec<String>)> {
    let Some(path) = path else { return parse("{}", Path::new("")) };
    let named = || format!("config file {}", path.display());
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} can't be read; check the path and its permissions", named()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (config, warnings) = parse(&text, folder).with_context(named)?;
    Ok((config, warnings.into_iter().map(|warning| format!("{}: {warning}", named())).collect()))
}

/// Reads the text of a config file that stands in `folder`, which relative paths begin at.
///
/// # Errors
///
/// As [`load`].
pub fn parse(text: &str, folder: &Path) -> Result<(Config, Vec<String>)> {
    let mut warnings = Vec::new();
    let file = deserialize(text, &mut warnings)?;
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let config = Config {
        crictl: crictl(section(file.crictl_config), &folder)?,
        harbor: harbor(section(file.harbor_config), &folder, &mut warnings)?,
        app: app(section(file.app_config), &folder)?,
        cache: cache(section(file.cache_config)),
        node_api: node_api(section(file.node_api), &folder)?,
        composition: file.composition.filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path)),
    };
    Ok((config, warnings))
}

fn section<T: Default>(section: Option<Object<T>>) -> T {
    section.map(|section| section.0).unwrap_or_default()
}

/// From JSON, with each unknown key as a warning and each wrong type as an error that names its key.
fn deserialize(text: &str, warnings: &mut Vec<String>) -> Result<File> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let file: Option<Object<File>> = {
        let deserializer = serde_path_to_error::Deserializer::new(&mut json, &mut track);
        serde_ignored::deserialize(deserializer, |key| {
            // Sections may be missing, which shows as a `?` in the path.
            let key = key.to_string().replace(".?", "").trim_start_matches("?.").to_owned();
            warnings.push(format!("the key {key} is unknown and has no effect; is it spelled right?"));
        })
        .map_err(|error: serde_json::Error| {
            let key = track.path().to_string();
            if error.is_syntax() || error.is_eof() {
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

fn crictl(section: CrictlSection, folder: &Path) -> Result<Crictl> {
    if section.command.as_ref().is_some_and(|command| command.is_empty() || command[0].is_empty()) {
        bail!(
            "crictl_config.command is empty; name a program and its arguments, such as [\"crictl\", \"images\", \"-o\", \"json\"]"
        );
    }
    Ok(Crictl {
        mode: section.mode.unwrap_or_default(),
        endpoint: section.endpoint.filter(|endpoint| !endpoint.is_empty()).map(|text| socket(&text)).transpose()?,
        command: section.command,
        timeout: seconds("crictl_config.timeout", section.timeout)?,
        ignore_file: folder.join(section.ignore_file_path.unwrap_or_else(|| "images_to_ignore.txt".into())),
    })
}

fn socket(endpoint: &str) -> Result<PathBuf> {
    crate::crictl::socket_path(endpoint).ok_or_else(|| {
        anyhow!(
            "crictl_config.endpoint {endpoint:?} is no Unix socket; write it as unix:///run/containerd/containerd.sock"
        )
    })
}

fn harbor(section: HarborSection, folder: &Path, warnings: &mut Vec<String>) -> Result<Harbor> {
    let url = section.url.unwrap_or_default().trim().to_owned();
    if !url.is_empty() {
        // What may hold a login is not repeated.
        let shown = if url.contains('@') { String::new() } else { format!(" {url:?}") };
        crate::outbound::Origin::of(&url).with_context(|| format!("harbor_config.url{shown}"))?;
    }
    let page_size = match section.page_size.unwrap_or(MAX_PAGE_SIZE) {
        0 => bail!("harbor_config.page_size is 0; it can be 1 to {MAX_PAGE_SIZE}"),
        size if size > MAX_PAGE_SIZE => {
            warnings.push(format!(
                "harbor_config.page_size is {size}, more than Harbor answers; {MAX_PAGE_SIZE} is used instead"
            ));
            MAX_PAGE_SIZE
        }
        size => size,
    };
    let max_concurrency = section.max_concurrency.unwrap_or(DEFAULT_CONCURRENCY);
    if max_concurrency == 0 {
        bail!("harbor_config.max_concurrency is 0; it needs to be 1 or more");
    }
    Ok(Harbor {
        url,
        user: section.user.unwrap_or_default(),
        password: Secret::from(section.password.unwrap_or_default()),
        project: section.project_name.unwrap_or_default(),
        page_size,
        verify_ssl: section.verify_ssl.unwrap_or(true),
        ca_file: section.ca_file.filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path)),
        max_concurrency,
        timeout: seconds("harbor_config.timeout", section.timeout)?,
    })
}

fn app(section: AppSection, folder: &Path) -> Result<App> {
    let debug = section.debug.unwrap_or_default();
    let default_level = if debug { Level::DEBUG } else { Level::INFO };
    let level = |key, name: Option<String>| name.map_or(Ok(default_level), |name| python_level(key, &name));
    let file_level = level("app_config.log_level_file_handler", section.log_level_file_handler)?;
    Ok(App {
        host: section.host.filter(|host| !host.is_empty()).unwrap_or_else(|| DEFAULT_HOST.to_owned()),
        port: section.port.unwrap_or(DEFAULT_PORT),
        response_timeout: seconds("app_config.response_timeout", section.response_timeout)?,
        pretty: section.jsonify_prettyprint_regular.unwrap_or_default(),
        log_level: level("app_config.log_level_app", section.log_level_app)?,
        log_file: section.log_file.filter(|path| !path.as_os_str().is_empty()).map(|path| LogFile {
            path: folder.join(path),
            max_bytes: section.log_max_bytes.unwrap_or_default(),
            backups: section.log_backup_count.unwrap_or_default(),
            level: file_level,
        }),
    })
}

fn cache(section: CacheSection) -> Cache {
    let lifetime = section.lifetime.unwrap_or(DEFAULT_LIFETIME);
    Cache {
        lifetime,
        stale_while_revalidate: section.stale_while_revalidate.unwrap_or(lifetime),
        max_bytes: section.max_bytes.unwrap_or(DEFAULT_CACHE),
    }
}

/// The token of the node API, where it is on.
fn node_api(section: NodeApiSection, folder: &Path) -> Result<Option<Secret>> {
    if !section.enabled.unwrap_or_default() {
        return Ok(None);
    }
    let Some(path) = section.token_file.filter(|path| !path.as_os_str().is_empty()) else {
        bail!("node_api is enabled without a token_file; name a file that holds the token that clients send");
    };
    let path = folder.join(path);
    let named = || format!("node_api.token_file {}", path.display());
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} can't be read", named()))?;
    let token = text.trim();
    if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
        bail!("{} holds no token: one line of printable ASCII without spaces is needed", named());
    }
    Ok(Some(Secret::from(token.to_owned())))
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

fn seconds(key: &str, value: Option<f64>) -> Result<Duration> {
    match value {
        None => Ok(DEFAULT_TIMEOUT),
        Some(seconds) if seconds > 0.0 => {
            Duration::try_from_secs_f64(seconds).map_err(|error| anyhow!("{key} is {seconds} seconds: {error}"))
        }
        Some(seconds) => bail!("{key} is {seconds}; it needs to be more than 0 seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let log = config.app.log_file.unwrap();
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
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
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
        assert!(error(r#"{"cache_config": {"lifetime": -1}}"#).starts_with("cache_config.lifetime: invalid value"));
    }

    #[test]
    fn ports_from_0_to_65535_are_accepted() {
        for port in [0, 65535] {
            assert_eq!(parsed(&format!(r#"{{"app_config": {{"port": {port}}}}}"#)).0.app.port, port);
        }
    }

    #[test]
    fn larger_pages_than_harbors_are_cut_with_a_warning() {
        let (config, warnings) = parsed(r#"{"harbor_config": {"page_size": 500}}"#);
        assert_eq!(config.harbor.page_size, 100);
        assert_eq!(warnings.len(), 1);
    }
}
