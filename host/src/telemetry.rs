//! What the program tells of itself: logs, metrics, traces.
//!
//! - [`log`]: lines for people, programs and the journal;
//! - `request`: one request and its line in the log;
//! - `tally`: what a listing came to;
//! - `trace`: which trace a request belongs to; `random`: numbers for ids;
//! - `work`: what an instance does for a request;
//! - `source`: how each source stands;
//! - `metrics`: what is counted; `process`: what the system says of this process;
//! - `spans`: what takes how long, for those who collect traces; [`otlp`]: how it gets to them.

pub mod log;
pub(crate) mod metrics;
pub mod otlp;
mod process;
mod random;
pub(crate) mod request;
pub(crate) mod source;
mod spans;
pub(crate) mod tally;
mod trace;
pub(crate) mod work;
