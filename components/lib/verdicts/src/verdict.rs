//! The verdicts, and what each of them means.

use std::fmt;

/// What a comparison says of a reference on a node, or of an artifact that is on no node. The worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Verdict {
    /// From our Harbor, which has neither the tag nor the digest.
    Missing,
    /// The same reference is not the same image.
    Drifted,
    /// Harbor has the digest, but no longer under this tag.
    Untagged,
    /// A newer comparable tag exists in the same repository. It stands beside another verdict.
    Outdated,
    /// A pull gives the same image.
    InSync,
    /// From a proxy cache that does not hold the digest.
    Proxied,
    /// From another registry.
    Foreign,
    /// It can't be told.
    Unknown,
    /// In Harbor, and on no node that answered.
    OnNoNode,
}

impl Verdict {
    /// All of them, the worst first.
    pub const ALL: [Self; 9] = [
        Self::Missing,
        Self::Drifted,
        Self::Untagged,
        Self::Outdated,
        Self::InSync,
        Self::Proxied,
        Self::Foreign,
        Self::Unknown,
        Self::OnNoNode,
    ];

    /// Its name in answers and queries.
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Drifted => "drifted",
            Self::Untagged => "untagged",
            Self::Outdated => "outdated",
            Self::InSync => "in_sync",
            Self::Proxied => "proxied",
            Self::Foreign => "foreign",
            Self::Unknown => "unknown",
            Self::OnNoNode => "on_no_node",
        }
    }

    /// The verdict with this name.
    pub fn of_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.label() == label)
    }

    /// What it means and what to do, in one sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Missing => {
                "Harbor has neither this tag nor this digest, so no node can pull the image again: push it once more \
                 from a node that has it, or stop using it."
            }
            Self::Drifted => {
                "The same name is another image elsewhere, in Harbor or on another node: pull the image again, or use \
                 it by its digest."
            }
            Self::Untagged => {
                "Harbor still has this image, but no longer under this name: give it a tag before retention or garbage \
                 collection removes it, or use a tag that leads to it."
            }
            Self::Outdated => {
                "The repository has a newer tag of the same kind: update when you are ready, nothing is broken."
            }
            Self::InSync => "A pull gives the same image: there is nothing to do.",
            Self::Proxied => {
                "The image came through a proxy cache that does not hold it: Harbor would ask the upstream registry \
                 again, so copy the image to a project of yours if you depend on it."
            }
            Self::Foreign => {
                "The image is from another registry, so Harbor says nothing about it: add the registry to \
                 harbor_config.mirrors or harbor_config.registry_hosts if Harbor has its images."
            }
            Self::Unknown => "It can't be told, for the reason beside the row: remove that reason and look again.",
            Self::OnNoNode => {
                "No node that answered has this image: make sure that nothing needs it, also what is not running now, \
                 before you delete it."
            }
        }
    }

    fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.label())
    }
}

/// Some of the verdicts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Verdicts(u16);

impl Verdicts {
    /// No verdict.
    pub const NONE: Self = Self(0);

    /// Adds a verdict.
    pub fn insert(&mut self, verdict: Verdict) {
        self.0 |= verdict.bit();
    }

    /// Whether the verdict is one of these.
    pub fn contains(self, verdict: Verdict) -> bool {
        self.0 & verdict.bit() != 0
    }

    /// Whether a verdict is in both.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The worst one.
    pub fn worst(self) -> Option<Verdict> {
        self.iter().next()
    }

    /// The verdicts, the worst first.
    pub fn iter(self) -> impl Iterator<Item = Verdict> {
        Verdict::ALL.into_iter().filter(move |verdict| self.contains(*verdict))
    }
}

impl From<Verdict> for Verdicts {
    fn from(verdict: Verdict) -> Self {
        Self(verdict.bit())
    }
}

impl FromIterator<Verdict> for Verdicts {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut all = Self::NONE;
        verdicts.into_iter().for_each(|verdict| all.insert(verdict));
        all
    }
}

impl fmt::Debug for Verdicts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

/// How many rows have each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts([u64; Verdict::ALL.len()]);

impl Counts {
    /// Counts a row with these verdicts.
    pub fn add(&mut self, verdicts: Verdicts) {
        self.add_many(verdicts, 1);
    }

    /// Counts this number of rows, each with these verdicts.
    pub fn add_many(&mut self, verdicts: Verdicts, rows: u64) {
        for verdict in verdicts.iter() {
            self.0[verdict as usize] += rows;
        }
    }

    /// The rows with this verdict.
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.0[verdict as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_a_label_of_its_own_that_reads_back_and_one_sentence() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::of_label(verdict.label()), Some(verdict));
            assert_eq!(verdict.sentence().matches('.').count(), verdict.sentence().matches("_config.").count() + 1);
            assert!(verdict.sentence().ends_with('.'));
        }
        assert_eq!(Verdict::of_label("nonsense"), None);
    }

    #[test]
    fn the_worst_verdict_comes_first() {
        let verdicts = Verdicts::from_iter([Verdict::Foreign, Verdict::Drifted]);
        assert_eq!(verdicts.worst(), Some(Verdict::Drifted));
        assert_eq!(verdicts.iter().map(Verdict::label).collect::<Vec<_>>(), ["drifted", "foreign"]);
        assert!(Verdicts::NONE.is_empty());
    }

    #[test]
    fn a_row_counts_once_for_each_of_its_verdicts() {
        let mut counts = Counts::default();
        counts.add(Verdicts::from_iter([Verdict::InSync, Verdict::Outdated]));
        counts.add_many(Verdict::InSync.into(), 2);
        assert_eq!((counts.of(Verdict::InSync), counts.of(Verdict::Outdated), counts.of(Verdict::Missing)), (3, 1, 0));
    }
}
