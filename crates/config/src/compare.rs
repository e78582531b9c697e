//! `compare_config`: what counts as a difference between nodes and Harbor.

use anyhow::{Result, bail};
use serde::Deserialize;

/// The values of `outdated`.
const OUTDATED: [&str; 4] = ["off", "patch", "minor", "major"];

/// What counts as a difference between nodes and Harbor.
#[derive(Clone, Debug)]
pub struct Compare {
    /// How far apart two tags may be, so that the older one is outdated: `off`, `patch`, `minor` or `major`.
    pub outdated: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Section {
    outdated: Option<String>,
}

impl Section {
    pub(crate) fn read(self) -> Result<Compare> {
        let outdated = self.outdated.unwrap_or_else(|| OUTDATED[0].to_owned());
        if !OUTDATED.contains(&outdated.as_str()) {
            bail!("compare_config.outdated is {outdated:?}; it can be {}", OUTDATED.join(", "));
        }
        Ok(Compare { outdated })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn outdated(value: &str) -> anyhow::Result<String> {
        let text = format!(r#"{{"compare_config": {{"outdated": {value}}}}}"#);
        Ok(crate::parse(&text, Path::new("/"))?.0.compare.outdated)
    }

    #[test]
    fn outdated_is_off_or_a_level() {
        assert_eq!(outdated("null").unwrap(), "off");
        assert_eq!(outdated("\"minor\"").unwrap(), "minor");
        assert!(outdated("\"all\"").unwrap_err().to_string().contains("off, patch, minor, major"));
    }
}
