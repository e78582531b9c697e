//! The labels of what the store of the host counts: where it keeps bytes, and how commits to it end.

/// Where the store keeps something.
#[derive(Clone, Copy, Debug)]
pub enum StorePlace {
    /// In memory, until the program ends.
    Memory,
    /// In a file of `cache_config.state_dir`.
    Disk,
}

impl StorePlace {
    pub(super) const ALL: [Self; 2] = [Self::Memory, Self::Disk];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }
}

/// How a commit ended.
#[derive(Clone, Copy, Debug)]
pub enum CommitOutcome {
    /// The store has it.
    Committed,
    /// Another commit was quicker.
    Conflict,
    /// There is no room for it.
    Full,
    /// It breaks a bound of the contract.
    TooLarge,
    /// The store could not be used.
    Failed,
}

impl CommitOutcome {
    pub(super) const ALL: [Self; 5] = [Self::Committed, Self::Conflict, Self::Full, Self::TooLarge, Self::Failed];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Conflict => "conflict",
            Self::Full => "full",
            Self::TooLarge => "too_large",
            Self::Failed => "failed",
        }
    }
}
