//! Where each value comes from, for `image-service check`.

use std::fmt;
use std::path::PathBuf;

/// A value that counts, and where it comes from.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The key with its section.
    pub key: String,
    /// The value as people read it, never a secret's.
    pub shown: String,
    /// Where it comes from.
    pub from: Origin,
    /// Whether config.json has another value, which does not count.
    pub replaces_file: bool,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// config.json.
    File,
    /// A variable of the environment.
    Variable(String),
    /// A credential of systemd.
    Credential(PathBuf),
}

impl Setting {
    /// What stands in place of a value that is not shown.
    pub(crate) fn hidden() -> String {
        "(not shown)".to_owned()
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, from ", self.key, self.shown)?;
        match &self.from {
            Origin::File => f.write_str("config.json"),
            Origin::Variable(name) => write!(f, "the variable {name}"),
            Origin::Credential(path) => write!(f, "the credential {}", path.display()),
        }?;
        f.write_str(if self.replaces_file { " and not config.json" } else { "" })
    }
}
