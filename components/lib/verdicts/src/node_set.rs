//! Names of nodes, folded as ClusterShell's `nodeset --fold` writes them: `gpu-[1-41,43]`.
//!
//! By hand: ClusterShell is Python, and no Rust crate of it is kept.

use std::collections::BTreeMap;

/// Digits of the longest number that is folded. A longer one is text.
const MAX_DIGITS: usize = 18;

/// Folds names. Names that differ in one number share an item; zeros in front of a number are kept.
pub(crate) fn fold<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut patterns: BTreeMap<Vec<&str>, Vec<Vec<&str>>> = BTreeMap::new();
    for name in names {
        let (literals, numbers) = split(name);
        patterns.entry(literals).or_default().push(numbers);
    }
    let mut folded = Vec::new();
    for (literals, numbers) in patterns {
        for ranges in fold_axes(numbers) {
            let mut text = literals[0].to_owned();
            for (range, literal) in ranges.iter().zip(&literals[1..]) {
                text.push_str(range);
                text.push_str(literal);
            }
            folded.push(text);
        }
    }
    folded
}

/// The texts between the numbers of a name, one more than it has numbers, and the numbers.
fn split(name: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut literals, mut numbers) = (Vec::new(), Vec::new());
    let mut rest = name;
    let mut literal_end = 0;
    loop {
        let Some(start) = rest[literal_end..].find(|c: char| c.is_ascii_digit()).map(|at| at + literal_end) else {
            literals.push(rest);
            return (literals, numbers);
        };
        let end = rest[start..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |at| at + start);
        if end - start > MAX_DIGITS {
            literal_end = end;
            continue;
        }
        literals.push(&rest[..start]);
        numbers.push(&rest[start..end]);
        (rest, literal_end) = (&rest[end..], 0);
    }
}

/// Joins names along one number after another, the last number first.
fn fold_axes(names: Vec<Vec<&str>>) -> Vec<Vec<String>> {
    let axes = names.first().map_or(0, Vec::len);
    let mut folded: Vec<Vec<String>> =
        names.into_iter().map(|numbers| numbers.into_iter().map(str::to_owned).collect()).collect();
    for axis in (0..axes).rev() {
        let mut by_others: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
        for mut name in folded {
            let number = name.remove(axis);
            by_others.entry(name).or_default().push(number);
        }
        folded = by_others
            .into_iter()
            .map(|(mut name, numbers)| {
                name.insert(axis, ranges(numbers));
                name
            })
            .collect();
    }
    // In the order of the numbers and not of their digits.
    folded.sort_by(|one, other| one.iter().map(|text| key(text)).cmp(other.iter().map(|text| key(text))));
    folded
}

fn key(text: &str) -> (u64, &str) {
    let digits = text.trim_start_matches('[');
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    (digits[..end].parse().unwrap_or_default(), text)
}

/// `7` for one number, `[1-3,7]` for several.
fn ranges(mut numbers: Vec<String>) -> String {
    numbers.sort_by(|one, other| key(one).0.cmp(&key(other).0).then(one.len().cmp(&other.len())));
    numbers.dedup();
    if let [one] = &*numbers {
        return one.clone();
    }
    let mut text = String::from("[");
    let mut start = 0;
    while start < numbers.len() {
        let mut end = start;
        while end + 1 < numbers.len() && follows(&numbers[start], &numbers[end], &numbers[end + 1]) {
            end += 1;
        }
        if start > 0 {
            text.push(',');
        }
        text.push_str(&numbers[start]);
        if end > start {
            text.push('-');
            text.push_str(&numbers[end]);
        }
        start = end + 1;
    }
    text.push(']');
    text
}

/// Whether a range from `start` to `before` goes on with `next`. A range whose start has a zero in front is that wide all along.
fn follows(start: &str, before: &str, next: &str) -> bool {
    let width = if start.starts_with('0') { start.len() } else { 0 };
    before.parse::<u64>().is_ok_and(|number| format!("{:0width$}", number + 1) == next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn nodes_are_folded_as_clustershell_writes_them() {
        for (names, folded) in [
            (&["gpu-1"][..], &["gpu-1"][..]),
            (&["gpu-2", "gpu-1", "gpu-3"], &["gpu-[1-3]"]),
            (&["gpu-9", "gpu-10", "gpu-12"], &["gpu-[9-10,12]"]),
            (&["gpu-08", "gpu-09", "gpu-10"], &["gpu-[08-10]"]),
            (&["n099", "n100", "n101"], &["n[099-101]"]),
            (&["n1", "n01"], &["n[1,01]"]),
            (&["gpu-1.example", "gpu-2.example", "login"], &["gpu-[1-2].example", "login"]),
            (&["r1-n1", "r1-n2", "r2-n1", "r2-n2", "r3-n7"], &["r[1-2]-n[1-2]", "r3-n7"]),
            (&["node1-ib0", "node2-ib0"], &["node[1-2]-ib0"]),
            (&["1", "2"], &["[1-2]"]),
            (&["a", "b"], &["a", "b"]),
            (&["n1234567890123456789", "n1234567890123456790"], &["n1234567890123456789", "n1234567890123456790"]),
            (&[], &[]),
        ] {
            assert_eq!(fold(names.iter().copied()), folded, "{names:?}");
        }
        let names: Vec<String> = (1..=41).chain([43]).map(|number| format!("gpu-{number}")).collect();
        assert_eq!(fold(names.iter().map(String::as_str)), ["gpu-[1-41,43]"]);
    }

    /// All names of a folded item.
    fn expand(item: &str) -> Vec<String> {
        let Some((before, rest)) = item.split_once('[') else { return vec![item.to_owned()] };
        let (list, after) = rest.split_once(']').unwrap();
        let mut names = Vec::new();
        for part in list.split(',') {
            let (start, end) = part.split_once('-').unwrap_or((part, part));
            let width = if start.starts_with('0') { start.len() } else { 0 };
            for number in start.parse::<u64>().unwrap()..=end.parse().unwrap() {
                names.extend(expand(after).iter().map(|after| format!("{before}{number:0width$}{after}")));
            }
        }
        names
    }

    proptest! {
        #[test]
        fn folded_names_stand_for_the_same_nodes(names in proptest::collection::btree_set("[ab]{0,1}[0-9]{1,3}(-[0-9]{1,2})?", 0..40)) {
            let folded = fold(names.iter().map(String::as_str));
            let expanded: Vec<String> = folded.iter().flat_map(|item| expand(item)).collect();
            prop_assert_eq!(expanded.len(), names.len());
            prop_assert_eq!(expanded.into_iter().collect::<BTreeSet<_>>(), names);
        }
    }
}
