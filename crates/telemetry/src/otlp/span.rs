//! One span of a trace.

use std::time::{Duration, SystemTime};

/// A span: one operation of a trace, with its begin and its duration.
pub(crate) struct Span {
    pub(crate) trace: u128,
    pub(crate) id: u64,
    pub(crate) parent: Option<u64>,
    pub(crate) state: Option<String>,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) begun: SystemTime,
    pub(crate) took: Duration,
    pub(crate) attributes: Vec<(&'static str, String)>,
    /// The status of an HTTP answer.
    pub(crate) status: Option<u16>,
    pub(crate) outcome: Outcome,
}

/// Whose side of an exchange a span is.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Work inside the program.
    Internal,
    /// A request that the program answers.
    Server,
    /// A request that the program sends.
    Client,
}

/// How a span ended.
pub enum Outcome {
    /// It succeeded.
    Success,
    /// It failed, with a description that may be empty.
    Failed(String),
}
