//! Tags that are versions, and which of two is newer.
//!
//! By hand: tags are no semantic versions. `15`, `3.10-alpine` and `2025.01.02.1` are none, and crates for them read only those.

use crate::config::Outdated;
use std::cmp::Ordering;

/// Words of a version before its release.
const BEFORE_RELEASE: [&str; 14] = [
    "alpha",
    "beta",
    "rc",
    "pre",
    "preview",
    "dev",
    "snapshot",
    "canary",
    "nightly",
    "milestone",
    "cr",
    "ea",
    "a",
    "b",
];

/// Digits from which a word of hexadecimal digits is a commit or a digest.
const MIN_HASH: usize = 7;

/// A tag that is a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VersionTag<'a> {
    /// What is before the first number, such as `v`.
    prefix: &'a str,
    numbers: Vec<&'a str>,
    /// What is between the numbers.
    separators: Vec<u8>,
    /// Of a version before its release: its word and its numbers.
    before_release: Option<(&'a str, Vec<&'a str>)>,
    /// What is behind it, such as `-alpine`.
    suffix: &'a str,
}

impl<'a> VersionTag<'a> {
    /// Reads a tag; `None` where it is no version.
    pub(crate) fn read(tag: &'a str) -> Option<Self> {
        if is_hash(tag) || [".sig", ".att", ".sbom"].iter().any(|end| tag.ends_with(end)) {
            return None;
        }
        let first = tag.find(|c: char| c.is_ascii_digit())?;
        let (prefix, rest) = tag.split_at(first);
        let (numbers, separators, rest) = numbers(rest);
        if is_hash(&tag[first..]) || prefix.trim_end_matches(['-', '.', '_', ':']) == "sha256" || prefix == "sha" {
            return None;
        }
        let (before_release, suffix) = before_release(rest);
        Some(Self { prefix, numbers, separators, before_release, suffix })
    }

    /// How far the other one is ahead; `None` where it is not newer, or of another shape.
    ///
    /// `15` and `15.12` are comparable, as the second says more about the first.
    pub(crate) fn distance(&self, newer: &Self) -> Option<Outdated> {
        let same_shape = self.prefix == newer.prefix
            && self.suffix == newer.suffix
            && newer.separators.starts_with(&self.separators)
            && (self.numbers.len() == newer.numbers.len() || starts_with(&newer.numbers, &self.numbers))
            && (self.before_release.is_some() || newer.before_release.is_none());
        if !same_shape || newer.compare(self) != Ordering::Greater {
            return None;
        }
        let equal =
            self.numbers.iter().zip(&newer.numbers).take_while(|(one, other)| compare_numbers(one, other).is_eq());
        Some(match equal.count() {
            0 => Outdated::Major,
            1 if newer.numbers.len() > 1 => Outdated::Minor,
            _ => Outdated::Patch,
        })
    }

    /// The order of two versions of the same shape.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        compare_all(&self.numbers, &other.numbers).then_with(|| match (&self.before_release, &other.before_release) {
            (None, None) => Ordering::Equal,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((word, numbers)), Some((other_word, other_numbers))) => {
                word.cmp(other_word).then_with(|| compare_all(numbers, other_numbers))
            }
        })
    }
}

/// The numbers at the beginning of a text, which begins with a digit, the separators between them, and the rest.
fn numbers(text: &str) -> (Vec<&str>, Vec<u8>, &str) {
    let (mut numbers, mut separators) = (Vec::new(), Vec::new());
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        numbers.push(&rest[..end]);
        rest = &rest[end..];
        match rest.as_bytes() {
            [separator @ (b'.' | b'-' | b'_'), b'0'..=b'9', ..] => {
                separators.push(*separator);
                rest = &rest[1..];
            }
            _ => return (numbers, separators, rest),
        }
    }
}

/// The word and the numbers before a release, and what is behind them: `-rc.1-alpine` is `rc`, `1` and `-alpine`.
fn before_release(text: &str) -> (Option<(&str, Vec<&str>)>, &str) {
    let start = text.strip_prefix(['-', '.', '_']).unwrap_or(text);
    let end = start.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(start.len());
    let (word, behind) = start.split_at(end);
    if !BEFORE_RELEASE.iter().any(|known| known.eq_ignore_ascii_case(word)) {
        return (None, text);
    }
    let number = match behind.as_bytes() {
        [b'.' | b'-' | b'_', b'0'..=b'9', ..] => &behind[1..],
        _ => behind,
    };
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return (Some((word, Vec::new())), behind);
    }
    let (numbers, _, suffix) = numbers(number);
    (Some((word, numbers)), suffix)
}

/// Whether a word is a commit or a digest. One of digits alone is a number, such as a date.
fn is_hash(word: &str) -> bool {
    word.len() >= MIN_HASH
        && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && word.bytes().any(|byte| !byte.is_ascii_digit())
}

fn starts_with(numbers: &[&str], start: &[&str]) -> bool {
    numbers.len() >= start.len() && numbers.iter().zip(start).all(|(one, other)| compare_numbers(one, other).is_eq())
}

fn compare_all(one: &[&str], other: &[&str]) -> Ordering {
    let pairs = one.iter().zip(other).map(|(one, other)| compare_numbers(one, other));
    pairs.fold(Ordering::Equal, Ordering::then).then(one.len().cmp(&other.len()))
}

/// Numbers of any width.
fn compare_numbers(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outdated::{Major, Minor, Patch};

    fn distance(current: &str, newer: &str) -> Option<Outdated> {
        VersionTag::read(current)?.distance(&VersionTag::read(newer)?)
    }

    #[test]
    fn newer_tags_of_the_same_shape_are_so_far_ahead() {
        for (current, newer, level) in [
            ("1.2.3", "1.2.4", Patch),
            ("1.2.3", "1.3.0", Minor),
            ("1.2.3", "2.0.0", Major),
            ("3.9", "3.10", Minor),
            ("v1", "v2", Major),
            ("15", "15.12", Minor),
            ("15", "17", Major),
            ("15.2", "15.2.1", Patch),
            ("1.2.3.4", "1.2.3.5", Patch),
            ("1.25-alpine", "1.26-alpine", Minor),
            ("2025-01-31", "2025-02-01", Minor),
            ("20250131", "20250201", Major),
            ("1.99999999999999999999999", "1.100000000000000000000000", Minor),
            ("1.09", "1.10", Minor),
            ("1.3.0-rc1", "1.3.0-rc2", Patch),
            ("1.3.0-rc.9", "1.3.0-rc.10", Patch),
            ("1.3.0-beta2", "1.3.0-rc1", Patch),
            ("1.3.0-rc1", "1.3.0", Patch),
            ("1.3.0-rc1", "1.4.0", Minor),
            ("1.3.0-rc1-alpine", "1.3.0-alpine", Patch),
            ("1.0rc1", "1.0", Patch),
        ] {
            assert_eq!(distance(current, newer), Some(level), "{current} and {newer}");
            assert_eq!(distance(newer, current), None, "{newer} and {current}");
        }
    }

    #[test]
    fn tags_of_other_shapes_are_not_compared() {
        for (current, newer) in [
            ("1.2", "v1.3"),
            ("1.2", "1.3-alpine"),
            ("1.2-alpine", "1.3"),
            ("1.2", "2.0.1"),
            ("15", "17.2"),
            ("1.2.3", "1.2-4"),
            ("1.2.3", "1.2.4-rc1"),
            ("1.2.3", "1.3.0-beta"),
            ("1.2", "1.2"),
            ("1.2", "1.02"),
            ("1.25-alpine3.18", "1.26-alpine3.19"),
        ] {
            assert_eq!(distance(current, newer), None, "{current} and {newer}");
        }
    }

    #[test]
    fn signatures_digests_and_words_are_no_versions() {
        let digest = format!("sha256-{}", "1".repeat(64));
        for tag in [
            "latest",
            "stable",
            "",
            "3f2a1bc",
            "1234abc",
            &digest,
            &format!("{digest}.sig"),
            "1.2.att",
            "1.0.sbom",
            "main-3f2a1bc",
        ] {
            assert_eq!(VersionTag::read(tag), None, "{tag}");
        }
        assert!(VersionTag::read("v1.2.3").is_some());
    }
}
