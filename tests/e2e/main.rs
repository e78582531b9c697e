//! The real program over HTTP, one sentence a test.

mod audit;
mod demo;
mod node;
mod registry;
