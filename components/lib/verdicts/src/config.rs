//! What the operator says about the comparison.

/// How far apart two tags may be for `outdated`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outdated {
    /// No image is `outdated`.
    #[default]
    Off,
    /// Only the third number, or one after it, differs.
    Patch,
    /// The second number may differ.
    Minor,
    /// Any number may differ.
    Major,
}

impl Outdated {
    /// The value of `compare_config.outdated`; `None` for any other text.
    pub fn of_text(text: &str) -> Option<Self> {
        Some(match text {
            "off" => Self::Off,
            "patch" => Self::Patch,
            "minor" => Self::Minor,
            "major" => Self::Major,
            _ => return None,
        })
    }

    /// The text of the value.
    pub fn text(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

/// What the operator says about the comparison.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `harbor_config.url`. Without it Harbor is off, and there are no verdicts.
    pub url: Option<String>,
    /// Whether Harbor is asked without a login on purpose. Then a listing without login counts.
    pub anonymous: bool,
    /// `harbor_config.registry_hosts`: more names by which nodes pull from Harbor, each with its port where it has one.
    pub registry_hosts: Vec<String>,
    /// `harbor_config.mirrors`: a registry's host, and the proxy-cache project that mirrors it.
    pub mirrors: Vec<(String, String)>,
    /// `compare_config.outdated`.
    pub outdated: Outdated,
}
