//! Harbor's points in time, as it writes them, and its clock.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MS_A_DAY: i64 = 86_400_000;

/// A point in time in UTC, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// What Harbor writes for a time that never was.
    pub const NEVER: Self = Self(-62_135_596_800_000);
    /// The beginning of 2025, when numbered artifacts begin.
    pub const BEGIN_OF_2025: Self = Self(1_735_689_600_000);

    /// The machine's time.
    pub fn now() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, milliseconds))
    }

    /// Reads what Harbor writes, such as `2026-11-26T01:04:00.123Z`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_filter(text.strip_suffix('Z')?)
    }

    /// Reads what Harbor accepts in a filter: no `Z` and no offset, perhaps fractions of a second.
    pub(super) fn parse_filter(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T')?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [year, month, day] = numbers(date, '-')?;
        let [hour, minute, second] = numbers(time, ':')?;
        let fraction: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
        valid.then_some(())?;
        let seconds = hour * 3600 + minute * 60 + second;
        Some(Self(days_of(year, month, day) * MS_A_DAY + seconds * 1000 + fraction))
    }

    /// So much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(milliseconds(duration)))
    }

    /// So much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(milliseconds(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, time) = (self.0.div_euclid(MS_A_DAY), self.0.rem_euclid(MS_A_DAY));
        let [year, month, day] = date_of(day);
        let (hour, minute, second) = (time / 3_600_000, time / 60_000 % 60, time / 1000 % 60);
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", time % 1000)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no time of Harbor's")))
    }
}

/// Harbor's clock: the machine's, perhaps set wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// Milliseconds that it is ahead of the machine's.
    ahead: i64,
}

impl Clock {
    pub(super) fn showing(time: Timestamp) -> Self {
        Self { ahead: time.0 - Timestamp::now().0 }
    }

    pub(super) fn now(self) -> Timestamp {
        Timestamp(Timestamp::now().0 + self.ahead)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Three numbers between separators.
fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let numbers: Option<Vec<i64>> = text.split(separator).map(|part| part.parse().ok().filter(|n| *n >= 0)).collect();
    numbers?.try_into().ok()
}

/// Days from the beginning of 1970 to a date. Years are counted from March, so that a leap day is a year's last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The date so many days after the beginning of 1970.
fn date_of(days: i64) -> [i64; 3] {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    [era * 400 + year + i64::from(month <= 2), month, day]
}
