//! What is wrong with a value, with the key or the variable that has it.

use serde::de::{Error, Expected, Unexpected};
use std::fmt;

/// What is wrong with a value.
#[derive(Debug)]
pub(crate) struct Problem {
    message: String,
    /// Whether the message names the key.
    is_whole: bool,
}

impl Problem {
    /// A message that names the key.
    pub(crate) fn whole(message: String) -> Self {
        Self { message, is_whole: true }
    }

    /// The same with the key in front, if it is not there yet.
    pub(crate) fn at(self, key: &str) -> Self {
        if self.is_whole { self } else { Self::whole(format!("{key}: {}", self.message)) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// serde's own words name types of Rust, so these messages have others.
impl Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), is_whole: false }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format!("invalid type: {}, expected {expected}", Found(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format!("invalid value: {}, expected {expected}", Found(found)))
    }
}

struct Found<'a>(Unexpected<'a>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unexpected::Bool(value) => write!(f, "{value}"),
            Unexpected::Unsigned(number) => write!(f, "{number}"),
            Unexpected::Signed(number) => write!(f, "{number}"),
            Unexpected::Float(number) => write!(f, "{number}"),
            Unexpected::Str(text) => write!(f, "the text {text:?}"),
            Unexpected::Unit | Unexpected::Option => f.write_str("null"),
            Unexpected::Seq => f.write_str("a list"),
            Unexpected::Map => f.write_str("an object"),
            _ => f.write_str("something else"),
        }
    }
}
