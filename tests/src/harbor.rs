//! A double of Harbor: the API v2.0 as Harbor 2.8, 2.12 and 2.16 answer it, on a free port, at what it costs a real one, with
//! outages and faults where a test wants them. `tests/e2e/harbor_double.rs` compares it with recorded answers of all three.

mod account;
mod altered;
mod answer;
mod answers;
mod artifacts;
mod builder;
mod changes;
mod contents;
mod cost;
mod double;
mod fault;
mod info;
mod listener;
mod lists;
mod outage;
mod plan;
mod processors;
mod project;
mod query;
mod recorded_rows;
mod recording;
mod repository;
mod request;
mod rows;
mod running;
mod stored;
mod timestamp;
mod version;

pub use account::Role;
pub use artifacts::{Artifact, Artifacts, CHART, IMAGE, INDEX};
pub use builder::HarborBuilder;
pub use cost::{Costs, RequestKind, Spent};
pub use fault::Fault;
pub use outage::Outage;
pub use recording::{Recorded, Recording};
pub use request::HarborRequest;
pub use running::{Backup, Harbor, config_for};
pub use timestamp::Timestamp;
pub use version::{PASSWORD, USER, Version};
