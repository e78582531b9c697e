//! Numbers and truth values, and how they read in quotes.

use std::fmt::Display;
use std::str::FromStr;

/// A number of config.json.
pub(super) trait Scalar: FromStr + Display {
    /// What is expected, in words.
    fn kind() -> String;

    /// Reads the digits of JSON.
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

macro_rules! whole {
    ($($type:ty)*) => {
        $(impl Scalar for $type {
            fn kind() -> String {
                match <$type>::BITS {
                    8 | 16 | 32 => format!("a whole number from {} to {}", <$type>::MIN, <$type>::MAX),
                    _ => "a whole number, 0 or more".to_owned(),
                }
            }
        })*
    };
}

whole! { u8 u16 u32 u64 }

impl Scalar for i64 {
    fn kind() -> String {
        "a whole number".to_owned()
    }
}

impl Scalar for f64 {
    fn kind() -> String {
        "a number".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

/// `true` and `false`, also as Python writes them.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
