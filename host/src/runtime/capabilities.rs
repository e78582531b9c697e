//! The capabilities of every instance: the node, Harbor, the store and settings, from the configuration.

use crate::sources::Lasting;
use crate::sources::crictl::Crictl;
use crate::sources::harbor::HarborClient;
use crate::sources::ignore_file::IgnoreFile;
use crate::sources::store::Store;
use anyhow::Result;
use image_model::setting;
use image_service_config::{Config, Harbor, Limits};
use std::sync::Arc;

/// The capabilities of every instance.
pub struct Capabilities {
    config: Config,
    /// The node.
    pub crictl: Arc<Crictl>,
    /// Harbor.
    pub harbor: Arc<HarborClient>,
    /// The images that the listing leaves out.
    pub(crate) ignore_file: Arc<IgnoreFile>,
    /// What the host keeps for components.
    pub(super) store: Store,
    /// The name of the node that `crictl` asks.
    node_name: String,
}

impl Capabilities {
    /// The capabilities that a configuration grants. It asks no source yet. `lasting` holds what outlives a reload.
    ///
    /// # Errors
    ///
    /// When the client of Harbor or the folder of the store can't be prepared.
    pub fn new(config: Config, lasting: &Lasting) -> Result<Self> {
        Ok(Self {
            crictl: Crictl::new(&config.crictl, &config.limits, &lasting.crictl, &lasting.hanging),
            harbor: HarborClient::new(&config.harbor, &config.limits, &lasting.harbor)?,
            store: Store::new(&config, &lasting.stores)?,
            ignore_file: lasting.ignore_files.open(&config.crictl.ignore_file),
            node_name: node_name(),
            config,
        })
    }

    /// The configuration that grants them.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether both grant the same, of the same sources.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.config == other.config
            && self.node_name == other.node_name
            && Arc::ptr_eq(&self.crictl, &other.crictl)
            && Arc::ptr_eq(&self.harbor, &other.harbor)
    }

    /// The limits of instances.
    pub(super) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// The value of a key of the interface `settings`; wit/inventory.wit lists the keys.
    pub(super) async fn setting(&self, key: &str) -> Option<String> {
        let harbor = &self.config.harbor;
        match key {
            "harbor-url" => Some(harbor.url.clone()),
            // The password stays in the host. The component only learns that the host adds a login.
            "harbor-auth" => harbor_auth(harbor).map(str::to_owned),
            setting::STYLE => Some(setting::CONFIG.to_owned()),
            "harbor-project" => Some(harbor.project.clone()),
            "harbor-page-size" => Some(harbor.page_size.to_string()),
            "harbor-max-concurrency" => Some(harbor.max_concurrency.to_string()),
            "harbor-listing-timeout" => Some(harbor.listing_timeout.as_secs_f64().to_string()),
            "harbor-full-listing-interval" => Some(harbor.full_listing_interval.to_string()),
            "registry-hosts" => Some(harbor.registry_hosts.join(",")),
            "mirrors" => {
                let mirrors = harbor.mirrors.iter().map(|(host, project)| format!("{host}={project}"));
                Some(mirrors.collect::<Vec<_>>().join(","))
            }
            "outdated" => Some(self.config.compare.outdated.clone()),
            "query-max-age" => Some(self.config.cache.lifetime.to_string()),
            "page" => Some(if self.config.page.off { "off" } else { "on" }.to_owned()),
            "page-title" => Some(self.config.page.title.clone()),
            "page-subtitle" => Some(self.config.page.subtitle.clone()),
            "page-labels" => serde_json::to_string(&self.config.page.labels).ok(),
            "node-name" => Some(self.node_name.clone()),
            "images-to-ignore" => self.ignore_file.text().await.map(|text| text.to_string()),
            "images-to-ignore-name" => Some(self.config.crictl.ignore_file.display().to_string()),
            "cache-control" => self.config.cache.control(),
            "stale-if-error" => Some(self.config.cache.stale_if_error.to_string()),
            "stale-max-bytes" => Some(self.config.cache.max_stale_bytes.to_string()),
            "json-pretty" => Some(self.config.app.pretty.to_string()),
            _ => None,
        }
    }
}

/// How components send requests to Harbor; `None` where there is no Harbor.
fn harbor_auth(harbor: &Harbor) -> Option<&'static str> {
    match () {
        () if harbor.is_off() => None,
        () if harbor.is_anonymous() => Some("anonymous"),
        () if harbor.is_complete() => Some("host"),
        () => Some("incomplete"),
    }
}

/// The node's name in its cluster, which a Pod's manifest gives by the downward API; else the machine's own name.
fn node_name() -> String {
    let given = std::env::var("NODE_NAME").ok().filter(|name| !name.is_empty());
    given.unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}
