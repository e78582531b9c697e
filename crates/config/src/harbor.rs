//! `harbor_config`: which Harbor the program asks, and how.

use crate::duration::{self, DEFAULT_LIMIT};
use crate::origin::Origin;
use crate::password::{Configured, Places};
use crate::proxy::{self, Route};
use crate::seconds::Seconds;
use crate::secret::Secret;
use anyhow::{Context, Result, bail};
use image_model::harbor_url::{self, HarborUrl};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The largest page that Harbor accepts; it answers 422 to a larger one.
const MAX_PAGE_SIZE: usize = 100;
const DEFAULT_CONCURRENCY: usize = 8;
/// The default of `listing_timeout`, in seconds.
const DEFAULT_LISTING_TIMEOUT: f64 = 120.0;
/// The default of `full_listing_interval`, in seconds.
const DEFAULT_FULL_LISTING_INTERVAL: u32 = 3600;
const DEFAULT_RETRIES: usize = 3;
const MAX_RETRIES: usize = 10;

/// Which Harbor the program asks, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Harbor {
    /// Its address; empty when there is no Harbor.
    pub url: String,
    /// The origin of that address, the only one that components may send requests to; `None` where there is no Harbor.
    pub origin: Option<Origin>,
    /// How the program reaches it.
    pub route: Route,
    /// The user to log in as.
    pub user: String,
    /// That user's password.
    pub password: Secret,
    /// Whether the program asks for what Harbor shows to everybody, without a login.
    pub anonymous: bool,
    /// The one project to list; empty for all.
    pub project: String,
    /// Rows of one page, 1 to 100.
    pub page_size: usize,
    /// Whether the program checks Harbor's certificate.
    pub verify_ssl: bool,
    /// Certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Most requests under way at a time, for one listing.
    pub max_concurrency: usize,
    /// Longest time for one request, all its tries together.
    pub timeout: Duration,
    /// Longest time for the whole listing. After it the answer has the rows that have arrived.
    pub listing_timeout: Duration,
    /// Seconds between two listings that read all of Harbor. In between, a listing reads what changed, where Harbor marks changes.
    /// With 0, each listing reads all.
    pub full_listing_interval: u32,
    /// How often the program tries a request again after a failure that may pass.
    pub retries: usize,
    /// More names by which nodes pull from this Harbor, each with its port where it has one.
    pub registry_hosts: Vec<String>,
    /// Registries that nodes pull through this Harbor: the host of each, and the proxy-cache project that mirrors it.
    pub mirrors: BTreeMap<String, String>,
}

impl Harbor {
    /// Whether url, user and password are all set, and the login counts.
    pub fn is_complete(&self) -> bool {
        !self.anonymous && self.lacks().is_empty()
    }

    /// Whether the program asks Harbor without a login, as the operator wants.
    pub fn is_anonymous(&self) -> bool {
        self.anonymous && self.lacks().is_empty()
    }

    /// Whether nothing is set of which a Harbor needs one, so that the operator wants no Harbor.
    pub fn is_off(&self) -> bool {
        self.url.is_empty() && self.user.is_empty() && self.password.is_empty() && !self.anonymous
    }

    /// The keys that are not set, without which Harbor can't be asked.
    pub fn lacks(&self) -> Vec<&'static str> {
        let needed = [
            (self.url.is_empty(), "url"),
            (self.user.is_empty() && !self.anonymous, "user"),
            (self.password.is_empty() && !self.anonymous, "password"),
        ];
        needed.into_iter().filter_map(|(lacks, key)| lacks.then_some(key)).collect()
    }

    /// What an incomplete configuration lacks, as a sentence; `None` where it is complete, or there is no Harbor.
    pub fn what_is_missing(&self) -> Option<String> {
        let lacks = self.lacks();
        let anonymous = match lacks.contains(&"url") {
            true => "",
            false => ", or \"anonymous\": true where the projects to list are public",
        };
        let set = format!("set {}{anonymous}", if lacks.len() == 1 { "it" } else { "them" });
        (!self.is_off() && !lacks.is_empty())
            .then(|| format!("Harbor is not asked, as harbor_config lacks {}; {set}", lacks.join(" and ")))
    }

    /// How others could get the login, or take Harbor's place, as a sentence.
    pub fn danger(&self) -> Option<String> {
        if self.is_complete() && self.url.starts_with("http://") {
            let danger = "the password travels unencrypted to an http:// address; use https:// if Harbor supports it";
            return Some(danger.to_owned());
        }
        let gets = if self.is_complete() { "gets the password" } else { "counts as Harbor" };
        (!self.verify_ssl && self.url.starts_with("https://")).then(|| {
            format!(
                "verify_ssl is false, so any server that answers {gets}; set ca_file to Harbor's own authority instead"
            )
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Section {
    url: Option<String>,
    proxy: Option<Secret>,
    #[serde(alias = "username")]
    user: Option<String>,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    anonymous: Option<bool>,
    project_name: Option<String>,
    page_size: Option<usize>,
    verify_ssl: Option<bool>,
    ca_file: Option<PathBuf>,
    max_concurrency: Option<usize>,
    timeout: Option<f64>,
    listing_timeout: Option<f64>,
    full_listing_interval: Option<Seconds>,
    retries: Option<usize>,
    registry_hosts: Option<Vec<String>>,
    mirrors: Option<BTreeMap<String, String>>,
}

impl Section {
    pub(crate) fn read(self, folder: &Path, passwords: Places<'_>, warnings: &mut Vec<String>) -> Result<Harbor> {
        let has = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let configured = Configured {
            has_url: has(&self.url),
            has_user: has(&self.user),
            password: self.password.unwrap_or_default(),
            file: self.password_file.filter(|path| !path.as_os_str().is_empty()),
        };
        let password = passwords.password(configured, folder, warnings)?;
        let (url, origin) = address(self.url.unwrap_or_default().trim(), warnings)?;
        let route = match url::Url::parse(&url) {
            Ok(to) => proxy::route(self.proxy.as_ref(), &to, |name| std::env::var(name).ok(), warnings)?,
            Err(_) => Route::Direct,
        };
        let page_size = match self.page_size.unwrap_or(MAX_PAGE_SIZE) {
            0 => bail!("harbor_config.page_size is 0; it can be 1 to {MAX_PAGE_SIZE}"),
            size if size > MAX_PAGE_SIZE => {
                warnings.push(format!(
                    "harbor_config.page_size is {size}, more than Harbor accepts; the program uses {MAX_PAGE_SIZE} instead"
                ));
                MAX_PAGE_SIZE
            }
            size => size,
        };
        let max_concurrency = self.max_concurrency.unwrap_or(DEFAULT_CONCURRENCY);
        if max_concurrency == 0 {
            bail!("harbor_config.max_concurrency is 0; it needs to be 1 or more");
        }
        let retries = self.retries.unwrap_or(DEFAULT_RETRIES);
        if retries > MAX_RETRIES {
            bail!("harbor_config.retries is {retries}; it can be 0 to {MAX_RETRIES}");
        }
        let harbor = Harbor {
            url,
            origin,
            route,
            user: self.user.unwrap_or_default(),
            password,
            anonymous: self.anonymous.unwrap_or_default(),
            project: self.project_name.unwrap_or_default(),
            page_size,
            verify_ssl: self.verify_ssl.unwrap_or(true),
            ca_file: self.ca_file.filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path)),
            max_concurrency,
            timeout: duration::limit("harbor_config.timeout", self.timeout, DEFAULT_LIMIT)?,
            listing_timeout: duration::limit(
                "harbor_config.listing_timeout",
                self.listing_timeout,
                DEFAULT_LISTING_TIMEOUT,
            )?,
            full_listing_interval: self
                .full_listing_interval
                .map_or(DEFAULT_FULL_LISTING_INTERVAL, |Seconds(seconds)| seconds),
            retries,
            registry_hosts: self
                .registry_hosts
                .unwrap_or_default()
                .into_iter()
                .map(|host| registry_host("registry_hosts", &host))
                .collect::<Result<_>>()?,
            mirrors: self
                .mirrors
                .unwrap_or_default()
                .into_iter()
                .map(|(host, project)| Ok((registry_host("mirrors", &host)?, mirror_project(&host, project)?)))
                .collect::<Result<_>>()?,
        };
        if harbor.anonymous && (!harbor.user.is_empty() || !harbor.password.is_empty()) {
            warnings.push(
                "harbor_config.anonymous is true, so the program does not use user and password; remove the one or the others"
                    .to_owned(),
            );
        }
        warnings.extend(harbor.what_is_missing());
        Ok(harbor)
    }
}

/// Harbor's address, and its origin; nothing where there is no Harbor.
fn address(text: &str, warnings: &mut Vec<String>) -> Result<(String, Option<Origin>)> {
    if text.is_empty() {
        return Ok((String::new(), None));
    }
    // An address with an @ may hold a login, which no message must repeat.
    let shown = if text.contains('@') { String::new() } else { format!(" {text:?}") };
    let named = || format!("harbor_config.url{shown}");
    let HarborUrl { base, is_page } = harbor_url::read(text).map_err(anyhow::Error::msg).with_context(named)?;
    let origin = Origin::parse(&base).with_context(named)?;
    if is_page {
        warnings.push(format!(
            "{} is the address of a page of Harbor's portal, as a browser shows it; write {base:?} instead, which the program \
             uses now",
            named()
        ));
    }
    Ok((base, Some(origin)))
}

/// The host of a registry as references have it, such as `harbor.example.com:8443`.
fn registry_host(key: &str, host: &str) -> Result<String> {
    let host = host.trim();
    if host.is_empty() || host.contains(|c: char| "/,=@?#".contains(c) || c.is_whitespace()) {
        bail!(
            "harbor_config.{key} has {host:?}; write the host as in a pull reference, with its port if it has one, such as \
             \"harbor.example.com:8443\""
        );
    }
    Ok(host.to_owned())
}

/// The proxy-cache project that mirrors a registry.
fn mirror_project(host: &str, project: String) -> Result<String> {
    if project.is_empty() || project.contains(|c: char| "/,=".contains(c) || c.is_whitespace()) {
        bail!("harbor_config.mirrors has the project {project:?} for {host}; write the name of a proxy-cache project");
    }
    Ok(project)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harbor_is_off_or_complete_or_says_what_it_lacks() {
        let read = |text: &str| crate::parse(&format!(r#"{{"harbor_config": {text}}}"#), Path::new("/")).unwrap();
        for (text, is_off, lacks) in [
            (r#"{"url": "", "user": "", "password": "", "project_name": ""}"#, true, ""),
            (r#"{"page_size": 50}"#, true, ""),
            (r#"{"url": "https://h", "user": "u", "password": "p"}"#, false, ""),
            (r#"{"url": "https://h", "anonymous": true}"#, false, ""),
            (r#"{"url": "https://h"}"#, false, "lacks user and password; set them, or \"anonymous\": true"),
            (r#"{"url": "https://h", "user": "u"}"#, false, "lacks password; set it, or"),
            (r#"{"anonymous": true}"#, false, "lacks url; set it"),
        ] {
            let (config, warnings) = read(text);
            assert_eq!(config.harbor.is_off(), is_off, "{text}");
            assert_eq!(warnings.len(), usize::from(!lacks.is_empty()), "{text}: {warnings:?}");
            assert!(lacks.is_empty() || warnings[0].contains(lacks), "{warnings:?}");
        }
        let (config, warnings) = read(r#"{"url": "https://h", "user": "u", "password": "p", "anonymous": true}"#);
        assert!(config.harbor.is_anonymous() && !config.harbor.is_complete());
        assert!(warnings[0].contains("does not use user and password"), "{warnings:?}");
    }

    #[test]
    fn an_address_copied_from_the_portal_is_told_as_that_and_cut_to_harbors() {
        let read = |url: &str| crate::parse(&format!(r#"{{"harbor_config": {{"url": "{url}"}}}}"#), Path::new("/"));
        let (config, warnings) = read("https://h:8443/harbor/projects?page=1").unwrap();
        assert_eq!(config.harbor.url, "https://h:8443");
        let [warning, _lacks_login] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(
            warning.contains("page of Harbor's portal") && warning.contains("write \"https://h:8443\""),
            "{warning}"
        );
        let error = format!("{:#}", read("h:8443/harbor/projects").unwrap_err());
        assert!(error.contains("harbor_config.url") && error.contains("write it as https://h:8443"), "{error}");
        assert_eq!(read("https://h/api/v2.0").unwrap().0.harbor.url, "https://h");
    }

    #[test]
    fn hosts_of_references_and_mirrors_are_read_and_addresses_refused() {
        let read = |text: &str| crate::parse(&format!(r#"{{"harbor_config": {text}}}"#), Path::new("/"));
        let text = r#"{"registry_hosts": ["node:9443"], "mirrors": {"docker.io": "hub"}}"#;
        let harbor = read(text).unwrap().0.harbor;
        assert_eq!(harbor.registry_hosts, ["node:9443"]);
        assert_eq!(harbor.mirrors.get("docker.io").map(String::as_str), Some("hub"));
        for (text, part) in [
            (r#"{"registry_hosts": ["https://h"]}"#, "write the host as in a pull reference"),
            (r#"{"mirrors": {"docker.io/library": "hub"}}"#, "harbor_config.mirrors"),
            (r#"{"mirrors": {"docker.io": "a/b"}}"#, "proxy-cache project"),
        ] {
            assert!(read(text).unwrap_err().to_string().contains(part), "{text}");
        }
    }
}
