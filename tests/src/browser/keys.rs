//! Keys without a character of their own, as WebDriver writes them (section 17.4.2).

/// A key without a character of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are on the keys")]
pub enum Key {
    Backspace = 0xE003,
    Tab = 0xE004,
    Enter = 0xE007,
    Shift = 0xE008,
    Control = 0xE009,
    Alt = 0xE00A,
    Escape = 0xE00C,
    PageUp = 0xE00E,
    PageDown = 0xE00F,
    End = 0xE010,
    Home = 0xE011,
    Left = 0xE012,
    Up = 0xE013,
    Right = 0xE014,
    Down = 0xE015,
    Delete = 0xE017,
}

impl From<Key> for char {
    fn from(key: Key) -> Self {
        // All are in Unicode's area for private use.
        Self::from_u32(key as u32).unwrap_or_default()
    }
}
