//! A whole number of seconds in config.json, where 0 has a meaning.

use crate::reader::SECONDS;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A whole number of seconds. The error of another value says what is allowed.
pub(crate) struct Seconds(pub(crate) u32);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of seconds")
            }

            fn visit_u32<E: Error>(self, seconds: u32) -> Result<Seconds, E> {
                Ok(Seconds(seconds))
            }
        }

        deserializer.deserialize_newtype_struct(SECONDS, Number)
    }
}
