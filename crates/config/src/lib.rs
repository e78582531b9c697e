//! config.json: what operators write, with defaults filled in and paths made absolute.
//!
//! Each section has a file of its own: its keys in config.json (`Section`), and the values that they become.

#![forbid(unsafe_code)]

mod access;
mod app;
mod cache;
mod compare;
mod config;
mod crictl;
pub mod duration;
mod environment;
mod file;
mod find;
mod harbor;
mod limits;
mod log;
mod no_proxy;
mod node_api;
mod origin;
mod page;
mod password;
mod place;
mod proxy;
mod reader;
pub mod regular_file;
mod seconds;
mod secret;
mod setting;
mod token_file;
mod tree;

pub use access::{Access, Cors, Tls};
pub use app::App;
pub use cache::Cache;
pub use compare::Compare;
pub use config::Config;
pub use crictl::{Crictl, CrictlMode, socket_path};
pub use file::{load, parse};
pub use find::find;
pub use harbor::Harbor;
pub use limits::Limits;
pub use log::{Level, Log, LogFile, LogFormat};
pub use origin::Origin;
pub use page::Page;
pub use proxy::{Proxy, Route};
pub use secret::{Secret, world_readable_warning};
pub use setting::{Origin as SettingOrigin, Setting};
pub use token_file::TokenFile;
