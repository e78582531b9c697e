//! An image as the container runtime knows it, and the error of malformed output.

use std::fmt;

/// An image as the container runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The id, `sha256:` and 64 hexadecimal digits; from the plain table only 13 digits.
    pub id: String,
    /// `repository:tag`, one for each tag.
    pub repo_tags: Vec<String>,
    /// `repository@digest`; from the plain table without its digest where the table has none.
    pub repo_digests: Vec<String>,
    /// Bytes; from the plain table exact to three digits.
    pub size: u64,
    /// Whether the runtime keeps the image from garbage collection; `false` where the output does not say.
    pub pinned: bool,
}

/// Output that is not from `crictl images`. Its text says what the output has, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub(super) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// Converts [`Image`](crate::crictl::Image) to and from a generated type with the same fields: the record `crictl.image` of
/// wit/inventory.wit in a component's or the host's bindings, or the CRI's message.
#[macro_export]
macro_rules! convert_crictl_image {
    ($generated:path) => {
        impl From<$crate::crictl::Image> for $generated {
            fn from(image: $crate::crictl::Image) -> Self {
                let $crate::crictl::Image { id, repo_tags, repo_digests, size, pinned } = image;
                Self { id, repo_tags, repo_digests, size, pinned }
            }
        }

        impl From<$generated> for $crate::crictl::Image {
            fn from(image: $generated) -> Self {
                let $generated { id, repo_tags, repo_digests, size, pinned } = image;
                Self { id, repo_tags, repo_digests, size, pinned }
            }
        }
    };
}
