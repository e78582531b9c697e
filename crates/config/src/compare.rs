//! `compare_config`: what counts as a difference between nodes and Harbor, and how often the program looks by itself.

use crate::duration;
use crate::seconds::Seconds;
use anyhow::{Result, bail};
use serde::Deserialize;
use std::time::Duration;

/// The values of `outdated`.
const OUTDATED: [&str; 4] = ["off", "patch", "minor", "major"];

/// What counts as a difference, and how often the program looks by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Compare {
    /// How far apart two tags may be, so that the older one is outdated: `off`, `patch`, `minor` or `major`.
    pub outdated: String,
    /// How often the program looks by itself; `None` for never.
    pub refresh: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Section {
    outdated: Option<String>,
    refresh: Option<Seconds>,
}

impl Section {
    pub(crate) fn read(self) -> Result<Compare> {
        let outdated = self.outdated.unwrap_or_else(|| OUTDATED[0].to_owned());
        if !OUTDATED.contains(&outdated.as_str()) {
            bail!("compare_config.outdated is {outdated:?}; it can be {}", OUTDATED.join(", "));
        }
        let refresh = self.refresh.map(|Seconds(seconds)| seconds).filter(|seconds| *seconds > 0);
        Ok(Compare { outdated, refresh: refresh.map(|seconds| duration::from_secs(seconds.into())) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(key: &str, value: &str) -> Result<Compare> {
        let text = format!(r#"{{"compare_config": {{"{key}": {value}}}}}"#);
        Ok(crate::parse(&text, Path::new("/"))?.0.compare)
    }

    fn outdated(value: &str) -> Result<String> {
        Ok(read("outdated", value)?.outdated)
    }

    #[test]
    fn the_program_looks_by_itself_where_refresh_has_seconds() {
        let refresh = |value| read("refresh", value).unwrap().refresh;
        assert_eq!((refresh("null"), refresh("0"), refresh("60")), (None, None, Some(Duration::from_secs(60))));
        assert!(read("refresh", "1.5").is_err());
    }

    #[test]
    fn outdated_is_off_or_a_level() {
        assert_eq!(outdated("null").unwrap(), "off");
        assert_eq!(outdated("\"minor\"").unwrap(), "minor");
        assert!(outdated("\"all\"").unwrap_err().to_string().contains("off, patch, minor, major"));
    }
}
