//! Tests of the whole comparison: real nodes beside a real Harbor, the table of verdicts row by row, and properties.

mod answers;
mod comparison;
mod disagreeing_nodes;
mod entity_tags;
mod failures;
mod lookups;
mod node_rows;
mod outdated;
mod properties;
mod queries;
mod query_texts;
mod real_harbor;
mod strangers;
mod verdict_table;
mod world;
