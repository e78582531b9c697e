//! The files of the page, as `cargo xtask page` built them. Their names carry a checksum, so browsers may keep them for ever.

#![forbid(unsafe_code)]

use std::sync::LazyLock;

/// A file of the page.
#[derive(Debug)]
pub(crate) struct Asset {
    /// The name with its checksum, such as `app-0a1b2c3d.js`.
    pub(crate) name: String,
    pub(crate) content_type: &'static str,
    pub(crate) bytes: &'static [u8],
}

/// The files that the HTML names.
pub(crate) struct Assets {
    pub(crate) script: Asset,
    /// Chooses the theme before the first paint.
    pub(crate) theme: Asset,
    pub(crate) style: Asset,
    pub(crate) icon: Asset,
    /// The licences of the libraries in the script.
    pub(crate) licences: Asset,
}

/// The files of this build.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    script: Asset::new("app", "js", include_bytes!("../assets/app.js")),
    theme: Asset::new("theme", "js", include_bytes!("../assets/theme.js")),
    style: Asset::new("style", "css", include_bytes!("../assets/style.css")),
    icon: Asset::new("icon", "svg", include_bytes!("../assets/icon.svg")),
    licences: Asset::new("licences", "txt", include_bytes!("../assets/licences.txt")),
});

impl Asset {
    fn new(stem: &str, ending: &str, bytes: &'static [u8]) -> Self {
        let content_type = match ending {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
        Self { name: format!("{stem}-{:08x}.{ending}", crc32c::crc32c(bytes)), content_type, bytes }
    }

    /// The path from the page.
    pub(crate) fn path(&self) -> String {
        format!("assets/{}", self.name)
    }
}

impl Assets {
    /// A file by its name.
    pub(crate) fn find(&self, name: &str) -> Option<&Asset> {
        let Self { script, theme, style, icon, licences } = self;
        [script, theme, style, icon, licences].into_iter().find(|asset| asset.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_name_with_the_checksum_and_by_no_other() {
        let name = &ASSETS.script.name;
        assert_eq!(ASSETS.find(name).unwrap().content_type, "text/javascript; charset=utf-8");
        for other in ["", "app.js", "app-00000000.js", "../Cargo.toml"] {
            assert!(ASSETS.find(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn another_content_has_another_name() {
        assert_ne!(Asset::new("a", "js", b"1").name, Asset::new("a", "js", b"2").name);
    }

    #[test]
    fn nothing_of_the_page_names_another_host() {
        for asset in [&ASSETS.script, &ASSETS.theme, &ASSETS.style, &ASSETS.icon] {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            for (at, _) in text.match_indices("://") {
                let before = text[..at].chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect::<String>();
                let after: String = text[at..].chars().take(16).collect();
                // Namespaces of XML are names, not places; nobody fetches them.
                assert!(after.starts_with("://www.w3.org/"), "{} has {before}{after}", asset.name);
            }
        }
    }
}
