//! Which Harbor the double is, and in what the versions differ.

/// The robot that every double knows.
pub const USER: &str = "robot$ci";
/// That robot's secret.
pub const PASSWORD: &str = "s3cret";

/// Which Harbor the double is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 2.8.4, without `/projects/{project}/artifacts`.
    V2_8,
    /// 2.12.4, with it.
    V2_12,
    /// 2.16.0, which marks changes in `update_time`.
    V2_16,
}

impl Version {
    /// As `harbor_version` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2_8 => "v2.8.4-ad3e767d51",
            Self::V2_12 => "v2.12.4-6b4981d4dd",
            Self::V2_16 => "v2.16.0-c50c7ddd6e",
        }
    }

    /// Whether it has `/projects/{project}/artifacts`, and names repository and type in each artifact.
    pub(super) fn lists_projects(self) -> bool {
        self >= Self::V2_12
    }

    /// Whether only those who are logged in see the version.
    pub(super) fn hides_its_name(self) -> bool {
        self >= Self::V2_16
    }

    /// Whether each change of a repository moves its `update_time`. In older versions only a pull does, as the recording of
    /// 2.12 shows (`team/upd`). The recording of 2.8 has no pull; the double assumes the same.
    pub(super) fn marks_changes(self) -> bool {
        self >= Self::V2_16
    }

    /// Whether `/repositories` shows robots their private projects. Told of older Harbors, not recorded.
    pub(super) fn shows_robots_private_repositories(self) -> bool {
        self >= Self::V2_16
    }
}
