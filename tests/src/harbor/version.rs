//! Which Harbor the double is, and whom it knows.

/// The user that the double knows.
pub const USER: &str = "robot$ci";
/// That user's password.
pub const PASSWORD: &str = "s3cret";

/// Which Harbor the double is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Without `/projects/{project}/artifacts`.
    V2_8,
    /// With it.
    V2_12,
}
