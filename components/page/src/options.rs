//! What the operator set for the page.

#![forbid(unsafe_code)]

use serde::Serialize;
use std::collections::BTreeMap;

/// The settings of the page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Options {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// Names of people for names of machines: a node, or the host of a registry.
    pub(crate) labels: BTreeMap<String, String>,
    /// Without the page all requests are passed on.
    #[serde(skip)]
    pub(crate) is_off: bool,
}

impl Options {
    /// The settings by their keys; the world `page-component` in wit/worlds.wit lists them. Labels that are no JSON object of texts count as none: the
    /// host has checked what an operator wrote.
    pub(crate) fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let text = |key| get(key).filter(|text| !text.is_empty());
        Self {
            title: text("page-title").unwrap_or_else(|| "Image Service".to_owned()),
            subtitle: text("page-subtitle").unwrap_or_default(),
            labels: text("page-labels").and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
            is_off: text("page").is_some_and(|value| value == "off"),
        }
    }

    /// What people call a node or a registry.
    pub(crate) fn label<'a>(&'a self, name: &'a str) -> &'a str {
        self.labels.get(name).map_or(name, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(settings: &[(&str, &str)]) -> Options {
        Options::read(|key| settings.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_settings_the_page_is_on_and_has_the_name_of_the_program() {
        let options = options(&[("page-subtitle", "")]);
        assert_eq!((options.title.as_str(), options.subtitle.as_str(), options.is_off), ("Image Service", "", false));
        assert_eq!(options.label("node-7"), "node-7");
    }

    #[test]
    fn title_subtitle_labels_and_off_are_read() {
        let options = options(&[
            ("page-title", "Images"),
            ("page-subtitle", "Bonn"),
            ("page-labels", "{\"node-7\":\"GPU\"}"),
            ("page", "off"),
        ]);
        assert_eq!((options.title.as_str(), options.subtitle.as_str(), options.is_off), ("Images", "Bonn", true));
        assert_eq!(options.label("node-7"), "GPU");
    }

    #[test]
    fn labels_that_are_no_texts_count_as_none() {
        assert!(options(&[("page-labels", "{\"a\":1}")]).labels.is_empty());
    }
}
