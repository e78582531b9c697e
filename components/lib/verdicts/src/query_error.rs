//! Why a query is refused.

use thiserror::Error;

/// A query is refused: which parameter is wrong, what is wrong with it, and what is allowed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("The parameter {parameter} {problem}. Allowed: {allowed}.")]
pub struct QueryError {
    /// The name of the parameter, as it came.
    pub parameter: String,
    /// What is wrong with it.
    pub problem: Problem,
    /// What is allowed.
    pub allowed: String,
}

/// What is wrong with a parameter.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Problem {
    /// There is no such parameter.
    #[error("does not exist")]
    Unknown,
    /// It came more than once.
    #[error("came more than once")]
    Repeated,
    /// Its value is none of those that are allowed.
    #[error("can't be {0:?}")]
    Value(String),
    /// It is of another query.
    #[error("belongs to another query")]
    OtherQuery,
}

/// The longest value that an error repeats, in characters.
const SHOWN: usize = 80;

impl QueryError {
    pub(crate) fn new(parameter: &str, problem: Problem, allowed: impl Into<String>) -> Self {
        Self { parameter: cut(parameter), problem, allowed: allowed.into() }
    }

    pub(crate) fn value(parameter: &str, value: &str, allowed: impl Into<String>) -> Self {
        Self::new(parameter, Problem::Value(cut(value)), allowed)
    }
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
