//! All sections of config.json together.

use crate::access::Access;
use crate::app::App;
use crate::cache::Cache;
use crate::compare::Compare;
use crate::crictl::Crictl;
use crate::harbor::Harbor;
use crate::limits::Limits;
use crate::page::Page;
use std::path::PathBuf;

/// The whole configuration, with defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `crictl_config`.
    pub crictl: Crictl,
    /// `harbor_config`.
    pub harbor: Harbor,
    /// `app_config`.
    pub app: App,
    /// `cache_config`.
    pub cache: Cache,
    /// `compare_config`.
    pub compare: Compare,
    /// `limits_config`.
    pub limits: Limits,
    /// `access_config`.
    pub access: Access,
    /// `page_config`.
    pub page: Page,
    /// `node_api`: the file with its tokens, where it is on.
    pub node_api: Option<PathBuf>,
    /// A composition to run instead of the built-in one.
    pub composition: Option<PathBuf>,
}
