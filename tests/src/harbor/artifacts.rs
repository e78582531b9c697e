//! What a test puts into repositories.

use super::timestamp::Timestamp;
use std::time::Duration;

/// The media type of a plain image's config, by which Harbor knows it.
pub const IMAGE: &str = "application/vnd.oci.image.config.v1+json";
/// The media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a Helm chart's config.
pub const CHART: &str = "application/vnd.cncf.helm.config.v1+json";

/// An artifact in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// `sha256:…`
    pub digest: String,
    /// Bytes; Harbor leaves zero out.
    pub size: u64,
    /// Its tags; untagged without any.
    pub tags: Vec<String>,
    /// Seconds since the beginning of 2025.
    pub pushed: usize,
    /// Seconds since the beginning of 2025; never pulled without any.
    pub pulled: Option<usize>,
    /// As Harbor reads it from the manifest: [`IMAGE`], [`INDEX`], [`CHART`] or another.
    pub media_type: String,
    /// The platform's architecture.
    pub architecture: String,
    /// The images of an index. No list has them; they answer by digest.
    pub children: Vec<Artifact>,
}

/// The artifacts of a repository.
#[derive(Clone, Debug)]
pub enum Artifacts {
    /// So many as [`Artifact::numbered`] makes, when they are asked for.
    Numbered(usize),
    /// These, newest first.
    These(Vec<Artifact>),
}

impl From<usize> for Artifacts {
    fn from(count: usize) -> Self {
        Self::Numbered(count)
    }
}

impl From<Vec<Artifact>> for Artifacts {
    fn from(artifacts: Vec<Artifact>) -> Self {
        Self::These(artifacts)
    }
}

impl Artifact {
    /// The one that was pushed `number` seconds after the beginning of 2025, 1.5 MB with the tag `v` and the number.
    pub fn numbered(number: usize) -> Self {
        Self {
            digest: format!("sha256:{number:064x}"),
            size: 1_500_000,
            tags: vec![format!("v{number}")],
            pushed: number,
            pulled: None,
            media_type: IMAGE.to_owned(),
            architecture: "amd64".to_owned(),
            children: Vec::new(),
        }
    }

    /// The same without tags.
    #[must_use]
    pub fn untagged(self) -> Self {
        Self { tags: Vec::new(), ..self }
    }

    /// The same with this tag and no other.
    #[must_use]
    pub fn tagged(self, tag: &str) -> Self {
        Self { tags: vec![tag.to_owned()], ..self }
    }

    /// An index of numbered images, one for each of these architectures. Its size is theirs and 500 bytes of its own.
    pub fn index(number: usize, architectures: &[&str]) -> Self {
        // Numbers that no numbered artifact reaches.
        let digest = |place: usize| format!("sha256:{:064x}", (1_u128 << 64) + ((number as u128) << 8) + place as u128);
        let child = |(place, architecture): (usize, &&str)| Self {
            digest: digest(place + 1),
            architecture: (*architecture).to_owned(),
            ..Self::numbered(number).untagged()
        };
        let children: Vec<Self> = architectures.iter().enumerate().map(child).collect();
        let size = children.iter().map(|child| child.size).sum::<u64>() + 500;
        Self { digest: digest(0), size, media_type: INDEX.to_owned(), children, ..Self::numbered(number) }
    }

    /// A Helm chart.
    pub fn chart(number: usize) -> Self {
        Self { size: 577, media_type: CHART.to_owned(), ..Self::numbered(number) }
    }
}

/// So many seconds after the beginning of 2025.
pub(super) fn seconds_of_2025(seconds: usize) -> Timestamp {
    Timestamp::BEGIN_OF_2025.plus(Duration::from_secs(seconds as u64))
}
