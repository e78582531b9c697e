//! The real program over HTTP, one sentence a test.

mod audit;
mod config;
mod demo;
mod harbor_double;
mod harbor_faults;
mod http;
mod node;
mod registry;
mod scale;
mod tls;
