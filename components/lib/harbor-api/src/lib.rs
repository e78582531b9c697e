//! A listing of Harbor through its API v2.0: the requests, their order, and the rows that they give.
//!
//! Pure logic without I/O. It reaches Harbor through the trait [`api::Api`], which the component `harbor` implements over
//! HTTP. [`listing`] plans the requests, `paging` reads lists that change meanwhile, `rows` puts artifacts in order, and
//! [`config`] reads the operator's settings.

#![forbid(unsafe_code)]

pub mod api;
mod artifact;
pub mod config;
mod costs;
mod dedup;
pub mod error;
mod error_body;
pub mod in_memory;
pub mod listing;
mod memory;
mod page;
mod paging;
mod progress;
mod repository_name;
mod rows;
mod scope;
mod session;
mod sink;
pub mod store;
pub mod version;
mod word;
