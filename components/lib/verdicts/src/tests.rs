//! Tests of the whole comparison: real nodes beside a real Harbor, the table of verdicts row by row, and properties.

mod answers;
mod disagreeing_nodes;
mod lookups;
mod outdated;
mod properties;
mod queries;
mod real_harbor;
mod verdict_table;
mod world;
