//! Sizes, written and read as `crictl images` prints them: decimal units, three significant digits, no space.

use humansize::{DECIMAL, FormatSizeOptions, format_size};
use std::cell::RefCell;

/// The units of `crictl images`, each a thousand times the one before it.
const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// Neighbouring powers of ten whose texts are cached at a time.
const CACHED_POWERS: u32 = 4;

thread_local! {
    /// A cache of texts by their three digits, each with its size: there are few, and many rows share them.
    static WRITTEN: RefCell<Vec<(u64, Text)>> = const { RefCell::new(Vec::new()) };
}

/// Writes a number of bytes as `crictl images` prints it.
///
/// crictl divides by 1000 in floating point and prints `%.3g`; rounding here follows the same steps, so that the last
/// digit agrees. It differs where crictl prints `1e+03MB`: we print `1GB`.
///
/// ```
/// use image_model::size;
/// assert_eq!(size::human(117_000_000), "117MB");
/// assert_eq!(size::human(1_073_741_824), "1.07GB");
/// ```
pub fn human(bytes: u64) -> String {
    String::from_utf8_lossy(Text::of(bytes).bytes()).into_owned()
}

/// The text of [`human`], without a heap allocation: `18.4EB` is the longest.
#[derive(Clone, Copy, Default)]
pub(crate) struct Text {
    bytes: [u8; 7],
    length: u8,
}

impl Text {
    pub(crate) fn of(bytes: u64) -> Self {
        let rounded = three_digits(bytes);
        WRITTEN.with_borrow_mut(|written| {
            let power = rounded.checked_ilog10().unwrap_or_default().saturating_sub(2);
            let place = (rounded / 10_u64.pow(power)) as usize + 1000 * (power % CACHED_POWERS) as usize;
            if place >= written.len() {
                // `u64::MAX` marks an empty place, as no rounded size is that large.
                written.resize(place + 1, (u64::MAX, Self::default()));
            }
            let (size, text) = &mut written[place];
            if *size != rounded {
                (*size, *text) = (rounded, Self::new(&write(rounded)));
            }
            *text
        })
    }

    fn new(text: &str) -> Self {
        let mut bytes = [0; 7];
        let length = text.len().min(bytes.len());
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        Self { bytes, length: length as u8 }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Writes a number with at most three significant digits.
fn write(rounded: u64) -> String {
    let options = FormatSizeOptions::from(DECIMAL).space_after_value(false).decimal_places(2).decimal_zeroes(2);
    let text = format_size(rounded, options);
    let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number}{unit}")
}

/// The number rounded to three significant digits, as `%.3g` rounds the number of its unit.
fn three_digits(bytes: u64) -> u64 {
    if bytes < 1000 {
        return bytes;
    }
    let mut unit = 1000;
    while bytes / unit >= 1000 {
        unit *= 1000;
    }
    let step = match bytes / unit {
        0..10 => unit / 100,
        10..100 => unit / 10,
        _ => unit,
    };
    let (below, rest) = (bytes / step * step, bytes % step);
    // The error of a floating-point division is at most 2^-53 of the result. It matters only close to a half.
    if (2 * rest).abs_diff(step) <= bytes >> 48 {
        return three_digits_in_floating_point(bytes);
    }
    if 2 * rest < step { below } else { below + step }
}

/// The same, in the steps that crictl takes.
fn three_digits_in_floating_point(bytes: u64) -> u64 {
    let (mut scaled, mut unit) = (bytes as f64, 1_u64);
    while scaled >= 1000.0 {
        scaled /= 1000.0;
        unit *= 1000;
    }
    // One digit before the point and two after it, rounded on the exact binary value as C and Go do.
    let rounded: f64 = format!("{scaled:.2e}").parse().unwrap_or(scaled);
    // Hundredths are exact: the value has two decimals at most.
    (rounded * 100.0).round() as u64 * (unit / 1000) * 10
}

/// Reads a size that `crictl images` printed, such as `3.62kB`, `0B` or `1e+03MB`; `None` for any other text.
///
/// crictl keeps three digits, so the result is that exact: `117MB` reads as 117000000.
pub fn parse(text: &str) -> Option<u64> {
    let start = text.rfind(|c: char| c.is_ascii_digit() || c == '.')? + 1;
    let (number, unit) = text.split_at(start);
    let power = UNITS.iter().position(|candidate| *candidate == unit)?;
    let number: f64 = number.parse().ok()?;
    let bytes = number * 1000_f64.powi(i32::try_from(power).ok()?);
    (bytes.is_finite() && bytes >= 0.0 && bytes < u64::MAX as f64).then_some(bytes.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_crictl_prints_them() {
        for (bytes, text) in [
            (0, "0B"),
            (1, "1B"),
            (999, "999B"),
            (1000, "1kB"),
            (1001, "1kB"),
            (1010, "1.01kB"),
            (1500, "1.5kB"),
            (1652, "1.65kB"),
            (3621, "3.62kB"),
            (10_400, "10.4kB"),
            (100_000, "100kB"),
            (150_623, "151kB"),
            (1_200_624, "1.2MB"),
            (117_000_000, "117MB"),
            (249_600_000, "250MB"),
            (1_073_741_824, "1.07GB"),
            (999_499, "999kB"),
            (999_500, "1MB"),
            (999_999_999, "1GB"),
            (1_000_000_000, "1GB"),
            (5_000_000_000_000, "5TB"),
            (u64::MAX, "18.4EB"),
        ] {
            assert_eq!(human(bytes), text, "{bytes} bytes");
        }
    }

    #[test]
    fn rounding_agrees_with_floating_point_percent_g() {
        // 1.005, 1.015 and 8.235 lie below the half in binary, 1.125 is exact and goes to the even digit.
        for (bytes, text) in [(1005, "1kB"), (1015, "1.01kB"), (8235, "8.23kB"), (1125, "1.12kB"), (1375, "1.38kB")] {
            assert_eq!(human(bytes), text, "{bytes} bytes");
        }
    }

    #[test]
    fn whole_numbers_are_rounded_as_floating_point_is() {
        let mut seed = 1_u64;
        let anywhere = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> ((seed >> 3) % 54)
        });
        // Sizes next to a change of the third digit, and as far from it as floating point errs.
        let halves = (0..17).flat_map(|power| (100..1000).map(move |digits| (2 * digits + 1) * 5 * 10_u64.pow(power)));
        let near = halves.flat_map(|half| {
            let error = half >> 48;
            [0, 1, 2, 3, error / 2, error, error + 1, error + 2]
                .into_iter()
                .flat_map(move |far| [half.saturating_sub(far), half.saturating_add(far)])
        });
        for bytes in near.chain(anywhere.take(200_000)).filter(|bytes| *bytes >= 1000).chain([u64::MAX]) {
            assert_eq!(three_digits(bytes), three_digits_in_floating_point(bytes), "{bytes} bytes");
        }
    }

    #[test]
    fn a_printed_size_reads_back_to_the_same_text() {
        for bytes in [0, 7, 999, 1652, 3621, 150_623, 1_200_624, 999_999_999, 1_073_741_824, 5_120_000_000_000] {
            let text = human(bytes);
            assert_eq!(parse(&text).map(human).as_deref(), Some(text.as_str()));
        }
        assert_eq!(parse("1e+03MB"), Some(1_000_000_000));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "B", "kB", "12", "12 kB", "12XB", "-1kB", "NaNB", "1e400B", "infB"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
