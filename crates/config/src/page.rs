//! `page_config`: the page at `GET /`.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The page at `GET /`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Page {
    /// Whether there is none.
    pub off: bool,
    /// What stands above all; the program's name where it is empty.
    pub title: String,
    /// What stands beside it, such as the name of the cluster.
    pub subtitle: String,
    /// What people call a node or a registry, by its name.
    pub labels: BTreeMap<String, String>,
}
