//! The comparison of what nodes have with what the registry has: matching, verdicts, queries, and the answers of `/inventory` and
//! `/compare`.
//!
//! Pure logic without I/O. A caller
//!
//! 1. makes a [`Builder`] and gives it the rows of the registry as they arrive ([`Builder::push`]);
//! 2. gives it the nodes' images and the end of the listing ([`Builder::finish`]), and has an [`Inventory`];
//! 3. asks the registry what the listing left open ([`Inventory::open_questions`], [`Inventory::answer`]).

#![forbid(unsafe_code)]

mod artifacts;
mod config;
mod digest;
mod disagreement;
mod evidence;
mod hosts;
mod inventory;
mod judge;
mod location;
mod lookups;
mod matching;
mod names;
mod node_rows;
mod node_set;
mod outdated;
mod reference;
mod row;
mod verdict;
mod version_tag;

pub use config::{Config, Outdated};
pub use inventory::{Builder, Inventory};
pub use lookups::{Answer, Question};
pub use row::{RegistryArtifact, Row, RowNumber};
pub use verdict::{Counts, Reason, Verdict, Verdicts};

#[cfg(test)]
mod tests;
