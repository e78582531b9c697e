//! Harbor's password: which of the places that may have it counts.

use crate::environment::Environment;
use crate::regular_file;
use crate::secret::Secret;
use crate::setting::{Origin, Setting};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// The key of the password.
const KEY: &str = "harbor_config.password";
/// The name of systemd's credential that holds it.
const CREDENTIAL: &str = "harbor_password";

/// What the section, with its variables, says of the password and of the login beside it.
pub(crate) struct Configured {
    pub(crate) password: Secret,
    pub(crate) file: Option<PathBuf>,
    pub(crate) has_url: bool,
    pub(crate) has_user: bool,
}

/// Where a password may be besides.
pub(crate) struct Places<'a> {
    pub(crate) environment: &'a Environment,
    /// Where the values of the section come from.
    pub(crate) settings: &'a mut Vec<Setting>,
}

impl Places<'_> {
    /// The password. A variable comes before systemd's credential, and that before the file.
    pub(crate) fn password(self, configured: Configured, folder: &Path, warnings: &mut Vec<String>) -> Result<Secret> {
        let Configured { password, file, has_url, has_user } = configured;
        if self.settings.iter().any(|setting| setting.key == KEY && setting.from != Origin::File) {
            // A password alone may be there for other programs.
            return Ok(if has_url || has_user { password } else { Secret::default() });
        }
        if !has_url {
            return Ok(password);
        }
        let credential = self.environment.value("CREDENTIALS_DIRECTORY");
        let credential =
            credential.map(|folder| Path::new(folder).join(CREDENTIAL)).filter(|path| regular_file::exists(path));
        if let Some(path) = credential {
            let read = Secret::from_file("the credential", &path, warnings)?;
            self.settings.retain(|setting| setting.key != KEY);
            let (key, replaces_file) = (KEY.to_owned(), !password.is_empty() || file.is_some());
            self.settings.push(Setting {
                key,
                shown: Setting::hidden(),
                from: Origin::Credential(path),
                replaces_file,
            });
            return Ok(read);
        }
        let Some(path) = file else { return Ok(password) };
        if !password.is_empty() {
            warnings
                .push("harbor_config.password has no effect, as password_file takes precedence; remove it".to_owned());
        }
        Secret::from_file("harbor_config.password_file", &folder.join(path), warnings)
    }
}
