//! The comparison of what nodes have with what the registry has: matching, verdicts, queries, and the answers of `/inventory` and
//! `/compare`.
//!
//! Pure logic without I/O. A caller
//!
//! 1. makes a [`Builder`] and gives it the rows of the registry as they arrive ([`Builder::push`]);
//! 2. gives it the nodes' images and the end of the listing ([`Builder::finish`]), and has an [`Inventory`];
//! 3. asks the registry what the listing left open ([`Inventory::open_questions`], [`Inventory::answer`]);
//! 4. reads the query ([`Query::parse`]), chooses rows ([`Inventory::page`], or [`Inventory::whole`] where all are wanted), and
//!    compares the ETag ([`Inventory::entity_tag`]);
//! 5. writes the answer ([`InventoryDocument`]), or the sums ([`Inventory::compare`], [`ComparisonDocument`]).

#![forbid(unsafe_code)]

mod artifacts;
mod comparison;
mod comparison_document;
mod config;
mod csv_row;
mod cursor;
mod digest;
mod disagreement;
mod document;
mod entity_tag;
mod evidence;
mod filter;
mod hosts;
mod inventory;
mod json;
mod judge;
mod location;
mod lookups;
mod matching;
mod names;
mod node_rows;
mod node_set;
mod order;
mod outdated;
mod page;
mod query;
mod query_error;
mod reason;
mod reference;
mod row;
mod source_state;
mod summary;
mod verdict;
mod version_tag;

pub use comparison::{Comparison, Share, SharedRows};
pub use comparison_document::ComparisonDocument;
pub use config::{Config, Outdated};
pub use document::{Document, Format, InventoryDocument};
pub use inventory::{Builder, Inventory};
pub use lookups::{Answer, Question};
pub use page::Page;
pub use query::{DEFAULT_LIMIT, MAX_LIMIT, Query};
pub use query_error::{Problem, QueryError};
pub use reason::Reason;
pub use row::{RegistryArtifact, Row, RowNumber};
pub use source_state::{NodeSummary, RegistryState};
pub use summary::VerdictSummary;
pub use verdict::{Counts, Verdict, Verdicts};

#[cfg(test)]
mod tests;
