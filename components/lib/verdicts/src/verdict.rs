//! The verdicts, and their order. Their words for people are in components/page/verdicts.json.

use std::fmt;

/// What a comparison says of a reference on a node, or of an artifact that is on no node.
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
    /// All of them, in the order of answers.
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

    /// All of them, the worst first: whoever sorts by verdict sees at the top what somebody should look at.
    pub const WORST_FIRST: [Self; 9] = [
        Self::Missing,
        Self::Drifted,
        Self::Untagged,
        Self::Unknown,
        Self::Outdated,
        Self::InSync,
        Self::Proxied,
        Self::Foreign,
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
        Verdict::WORST_FIRST.get(self.rank()).copied()
    }

    /// The place of the worst one among all; behind them where there is none.
    pub(crate) fn rank(self) -> usize {
        let all = Verdict::WORST_FIRST;
        all.into_iter().position(|verdict| self.contains(verdict)).unwrap_or(all.len())
    }

    /// The verdicts, in the order of answers.
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
    fn each_verdict_has_a_label_of_its_own_that_reads_back() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::of_label(verdict.label()), Some(verdict));
        }
        assert_eq!(Verdict::of_label("nonsense"), None);
    }

    #[test]
    fn each_verdict_has_a_place_in_both_orders() {
        for (rank, verdict) in Verdict::WORST_FIRST.into_iter().enumerate() {
            assert!(Verdicts::from(verdict).rank() == rank && Verdict::ALL.contains(&verdict), "{verdict}");
        }
    }

    #[test]
    fn the_worst_verdict_comes_first() {
        let verdicts = Verdicts::from_iter([Verdict::Foreign, Verdict::Drifted]);
        assert_eq!(verdicts.worst(), Some(Verdict::Drifted));
        assert_eq!(Verdicts::from_iter([Verdict::InSync, Verdict::Unknown]).worst(), Some(Verdict::Unknown));
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
