//! Chromium, chromedriver, what both need of the system, and fonts: of Debian, unpacked below the target folder.

use crate::debian;
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Two fonts, so that pages look the same on each machine: one for text, and one for code and signs.
const PACKAGES: [&str; 4] = ["chromium", "chromium-driver", "fonts-dejavu-core", "fonts-inter"];

/// Tells fontconfig of these fonts and no others. Its cache stays beside them.
const FONTS: &str = r#"<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{packages}/usr/share/fonts</dir>
  <cachedir>{packages}/fontconfig</cachedir>
  <match target="pattern">
    <test name="family" compare="eq"><string>monospace</string></test>
    <edit name="family" mode="assign" binding="strong"><string>DejaVu Sans Mono</string></edit>
  </match>
  <match target="pattern">
    <test name="family" compare="not_eq"><string>DejaVu Sans Mono</string></test>
    <edit name="family" mode="append" binding="strong"><string>Inter</string><string>DejaVu Sans</string></edit>
  </match>
</fontconfig>
"#;

/// An unpacked Chromium.
pub(super) struct Chromium(PathBuf);

impl Chromium {
    /// Fetches it, once a target folder; `None` where it can't be had, which is said on stderr.
    pub(super) fn fetch() -> Result<Option<Self>> {
        let Some(packages) = debian::packages("chromium", &PACKAGES)? else { return Ok(None) };
        let chromium = Self(packages);
        if !chromium.browser().exists() {
            debian::skip("the package chromium has no Chromium; Ubuntu's is a snap")?;
            return Ok(None);
        }
        Ok(Some(chromium))
    }

    /// The program itself: the script in its place knows only `/usr`.
    pub(super) fn browser(&self) -> PathBuf {
        self.0.join("usr/lib/chromium/chromium")
    }

    /// chromedriver, with a home, temporary files and a list of fonts in `folder`.
    pub(super) fn driver(&self, folder: &Path) -> Result<Command> {
        let packages = self.0.to_str();
        ensure!(packages.is_some(), "the path of the target folder is no text");
        let fonts = folder.join("fonts.conf");
        std::fs::write(&fonts, FONTS.replace("{packages}", packages.unwrap_or_default()))?;
        let mut command = Command::new(self.0.join("usr/bin/chromedriver"));
        command
            .env("LD_LIBRARY_PATH", std::env::join_paths(self.libraries())?)
            .env("FONTCONFIG_FILE", fonts)
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
        for variable in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
            command.env(variable, folder);
        }
        Ok(command)
    }

    /// The folders of the libraries that this system lacks: `usr/lib/x86_64-linux-gnu` and such, and folders in there.
    fn libraries(&self) -> Vec<PathBuf> {
        let folders = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
        };
        let all = folders(&self.0.join("usr/lib"));
        let mut machines: Vec<_> = all.into_iter().filter(|path| path.to_string_lossy().contains("-linux-")).collect();
        machines.extend(machines.clone().iter().flat_map(|machine| folders(machine)));
        machines
    }
}
