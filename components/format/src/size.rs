//! Sizes, written and read as `crictl images` prints them: decimal units, three significant digits, no space.

use humansize::{DECIMAL, FormatSizeOptions, format_size};

/// The units of `crictl images`, each a thousand times the one before it.
const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// Writes a number of bytes as `crictl images` prints it.
///
/// crictl divides by 1000 in floating point and prints `%.3g`; rounding here follows the same steps, so that the last
/// digit agrees. It differs where crictl prints `1e+03MB`: we print `1GB`.
///
/// ```
/// use image_service_format::size;
/// assert_eq!(size::human(117_000_000), "117MB");
/// assert_eq!(size::human(1_073_741_824), "1.07GB");
/// ```
pub fn human(bytes: u64) -> String {
    let options = FormatSizeOptions::from(DECIMAL).space_after_value(false).decimal_places(2).decimal_zeroes(2);
    let text = format_size(three_digits(bytes), options);
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

/// Reads a size that `crictl images` printed, such as `3.62kB`, `0B` or `1e+03MB`; `None` where it is none.
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
    fn sizes_read_as_crictl_prints_them() {
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
    fn a_printed_size_reads_back_to_the_same_text() {
        for bytes in [0, 7, 999, 1652, 3621, 150_623, 1_200_624, 999_999_999, 1_073_741_824, 5_120_000_000_000] {
            let text = human(bytes);
            assert_eq!(parse(&text).map(human).as_deref(), Some(text.as_str()));
        }
        assert_eq!(parse("1e+03MB"), Some(1_000_000_000));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "B", "kB", "12", "12 kB", "12XB", "-1kB", "NaNB", "1e400B", "infB"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
