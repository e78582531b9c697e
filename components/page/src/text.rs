//! How names, sizes and ages read. Names come from strangers: a character that has no shape is written as its number.

#![forbid(unsafe_code)]

use image_model::visible::is_invisible;

/// A name in which nothing is invisible, and nothing changes the order of what follows: `‹U+202E›` for such a character.
pub(crate) fn visible(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        if is_invisible(character) {
            text.push_str(&format!("\u{2039}U+{:04X}\u{203a}", u32::from(character)));
        } else {
            text.push(character);
        }
    }
    text
}

/// A text cut in its middle, so that at most `most` characters are left.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let kept = most.saturating_sub(1);
    let tail = kept / 2;
    let head = text.chars().take(kept.saturating_sub(tail));
    head.chain(['…']).chain(text.chars().skip(length.saturating_sub(tail))).collect()
}

/// Bytes, such as `117 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let text = image_model::size::human(bytes);
    let unit = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    format!("{} {}", &text[..unit], &text[unit..])
}

/// Seconds as an age: `12 s`, `3 min`, `5 h`, `3 d`.
pub(crate) fn age(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min", whole / 60),
        3600..172_800 => format!("{} h", whole / 3600),
        _ => format!("{} d", whole / 86_400),
    }
}

/// A number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Parts of a sentence: `a, b and c`.
pub(crate) fn list(parts: &[String]) -> String {
    match parts {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => parts.concat(),
    }
}

/// The first digits of a digest.
pub(crate) fn short_digest(digest: &str) -> String {
    digest.rsplit(':').next().unwrap_or_default().chars().take(8).collect()
}

/// The parts of a repository: the registry's host, the folders, and the last name.
pub(crate) fn repository_parts(repository: &str) -> (&str, &str, &str) {
    let host = match repository.find('/') {
        Some(slash) if repository[..slash].contains(['.', ':']) || &repository[..slash] == "localhost" => {
            &repository[..=slash]
        }
        _ => "",
    };
    let rest = &repository[host.len()..];
    let last = rest.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    (host, &rest[..last], &rest[last..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_shape_is_written_as_its_number() {
        assert_eq!(visible("app\u{202e}gnp.exe"), "app‹U+202E›gnp.exe");
        assert_eq!(visible("a\n\u{1b}[31m\u{200b}\u{2066}\u{ad}"), "a‹U+000A›‹U+001B›[31m‹U+200B›‹U+2066›‹U+00AD›");
        assert_eq!(visible("\u{e0041}\u{e000}\u{feff}\u{7f}"), "‹U+E0041›‹U+E000›‹U+FEFF›‹U+007F›");
        assert_eq!(
            visible("harbor.example.com/team/app:1.2 日本 فريق 🦀"),
            "harbor.example.com/team/app:1.2 日本 فريق 🦀"
        );
    }

    #[test]
    fn a_long_name_is_cut_in_its_middle() {
        assert_eq!(cut("abcdefghij", 10), "abcdefghij");
        assert_eq!(cut("abcdefghijk", 10), "abcde…hijk");
        assert_eq!(cut(&"é".repeat(200), 9).chars().count(), 9);
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            (count(0), count(999), count(1000), count(1_234_567)),
            ("0".into(), "999".into(), "1,000".into(), "1,234,567".into())
        );
        assert_eq!((plural(1, "image"), plural(0, "image")), ("1 image".into(), "0 images".into()));
        assert_eq!((bytes(117_000_000), bytes(0)), ("117 MB".into(), "0 B".into()));
        assert_eq!(
            (age(12.7), age(3599.0), age(90_000.0), age(-1.0)),
            ("12 s".into(), "59 min".into(), "25 h".into(), "0 s".into())
        );
    }

    #[test]
    fn a_repository_has_a_host_only_where_one_is_named() {
        assert_eq!(
            repository_parts("harbor.example.com/team/search/app"),
            ("harbor.example.com/", "team/search/", "app")
        );
        assert_eq!(repository_parts("localhost:5000/app"), ("localhost:5000/", "", "app"));
        assert_eq!(repository_parts("library/nginx"), ("", "library/", "nginx"));
        assert_eq!(repository_parts("nginx"), ("", "", "nginx"));
        assert_eq!(repository_parts(""), ("", "", ""));
    }
}
