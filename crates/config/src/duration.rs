//! Times from outside: each number of seconds that a file, a variable or a header names becomes a `Duration` here.
//!
//! Arithmetic on times panics where the result has no place: `Instant::now() + Duration::MAX` does. No time from here is longer
//! than [`LONGEST`], which has a place on every clock. The lint forbids the forms that panic (clippy.toml).

use anyhow::{Result, bail};
use std::time::{Duration, Instant, SystemTime};

/// The longest time from outside: some 31 years, which is for ever to a program.
pub const LONGEST: Duration = Duration::from_secs(1_000_000_000);
/// The shortest time limit: timers count milliseconds.
pub const SHORTEST_LIMIT: Duration = Duration::from_millis(1);
/// The default of most time limits, in seconds.
pub(crate) const DEFAULT_LIMIT: f64 = 30.0;

/// The configured time limit, or the default.
pub(crate) fn limit(key: &str, seconds: Option<f64>, default: f64) -> Result<Duration> {
    let seconds = seconds.unwrap_or(default);
    // No number that is not finite has a duration.
    match Duration::try_from_secs_f64(seconds) {
        Ok(limit) if (SHORTEST_LIMIT..=LONGEST).contains(&limit) => Ok(limit),
        _ => {
            let (shortest, longest) = (SHORTEST_LIMIT.as_secs_f64(), LONGEST.as_secs());
            bail!("{key} is {seconds:?}; it can be {shortest} to {longest} seconds")
        }
    }
}

/// So many seconds, [`LONGEST`] where there are more.
pub fn from_secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(LONGEST)
}

/// So many milliseconds, [`LONGEST`] where there are more.
pub fn from_millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds).min(LONGEST)
}

/// The wait that a `Retry-After` asks for (RFC 9110, section 10.2.3): seconds or a date, [`LONGEST`] at most. `None` where the
/// value is neither.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has room for are a long time, too.
        return Some(value.parse().map_or(LONGEST, from_secs));
    }
    // A date in the past means now.
    let wait = httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default();
    Some(wait.min(LONGEST))
}

/// The time at which a limit that begins now is over. A limit longer than [`LONGEST`] counts as that.
pub fn deadline(limit: Duration) -> Instant {
    after(Instant::now(), limit)
}

/// The time at which a limit that began at `start` is over, in the same way.
pub fn after(start: Instant, limit: Duration) -> Instant {
    // A clock has room for 31 years more.
    start.checked_add(limit.min(LONGEST)).unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(seconds: f64) -> String {
        limit("section.key", Some(seconds), DEFAULT_LIMIT).unwrap_err().to_string()
    }

    #[test]
    fn a_time_limit_is_a_millisecond_to_31_years() {
        let accepted = |seconds| limit("section.key", seconds, DEFAULT_LIMIT).unwrap();
        assert_eq!(accepted(None), Duration::from_secs(30));
        assert_eq!(accepted(Some(1.5)), Duration::from_millis(1500));
        assert_eq!((accepted(Some(0.001)), accepted(Some(1e9))), (SHORTEST_LIMIT, LONGEST));
        for (seconds, shown) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (-1.0, "-1.0"),
            (1e-300, "1e-300"),
            (1e9 + 1.0, "1000000001.0"),
            (1e19, "1e19"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(error(seconds), format!("section.key is {shown}; it can be 0.001 to 1000000000 seconds"));
        }
    }

    fn parsed(text: &str) -> Option<Duration> {
        // Sun, 06 Nov 1994 08:49:37 GMT
        retry_after(text, SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(784_111_777)).unwrap())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(parsed("7"), Some(Duration::from_secs(7)));
        assert_eq!(parsed(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(parsed("Sun, 06 Nov 1994 08:49:40 GMT"), Some(Duration::from_secs(3)));
        assert_eq!(parsed("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        for nonsense in ["soon", "-1", "+1", "", "1.5", "1e3", "٣"] {
            assert_eq!(parsed(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn no_wait_that_a_server_asks_for_is_longer_than_31_years() {
        for long in ["9223372036854775807", "18446744073709551615", "18446744073709551616", &"9".repeat(1000)] {
            assert_eq!(parsed(long), Some(LONGEST), "{long}");
        }
        assert_eq!(parsed("Fri, 31 Dec 9999 23:59:59 GMT"), Some(LONGEST));
    }

    #[test]
    fn any_limit_has_a_deadline() {
        assert!(deadline(Duration::ZERO) <= Instant::now());
        assert!(deadline(Duration::MAX).duration_since(Instant::now()) > Duration::from_secs(999_999_000));
    }
}
