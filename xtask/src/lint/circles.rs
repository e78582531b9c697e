//! Files of one crate that use each other in a circle.
//!
//! A small check of our own: `cargo modules dependencies --acyclic` does the same with the whole of rust-analyzer, some 400
//! crates, which take longer to build than the program.

use super::modules::{Files, Place};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// A message for each circle: its files below `root`, and which of them uses which.
pub(super) fn circles(crate_files: &Files, root: &Path) -> Vec<String> {
    let name = |file: usize| {
        let path = &crate_files.files[file];
        path.strip_prefix(root).unwrap_or(path).display()
    };
    let mut messages = Vec::new();
    for circle in components(crate_files) {
        let mut message = format!("{} files use each other in a circle:", circle.len());
        for ((from, to), Place { line, path }) in &crate_files.arrows {
            if circle.contains(from) && circle.contains(to) {
                let _ = write!(message, "\n  {}:{line} uses {} ({path})", name(*from), name(*to));
            }
        }
        messages.push(message);
    }
    messages
}

/// The sets of files that reach each other, of two files or more.
fn components(files: &Files) -> Vec<BTreeSet<usize>> {
    let reached: Vec<BTreeSet<usize>> = (0..files.files.len()).map(|from| reached(files, from)).collect();
    let mut found: Vec<BTreeSet<usize>> = Vec::new();
    for from in 0..reached.len() {
        let circle: BTreeSet<usize> = reached[from].iter().copied().filter(|to| reached[*to].contains(&from)).collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

/// All files that arrows lead to from this one. A file in a circle is among them.
fn reached(files: &Files, from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(next) = waiting.pop() {
        for (_, to) in files.arrows.range((next, 0)..=(next, usize::MAX)).map(|(arrow, _)| arrow) {
            if reached.insert(*to) {
                waiting.push(*to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn messages(arrows: &[(usize, usize)]) -> Vec<String> {
        let place = Place { line: 7, path: "crate::x::Y".to_owned() };
        let files = Files {
            files: ["/r/a.rs", "/r/b.rs", "/r/c.rs", "/r/d.rs"].map(PathBuf::from).to_vec(),
            arrows: arrows.iter().map(|arrow| (*arrow, place.clone())).collect(),
        };
        circles(&files, Path::new("/r"))
    }

    #[test]
    fn arrows_that_do_not_lead_back_are_no_circle() {
        assert_eq!(messages(&[(0, 1), (0, 2), (1, 2), (2, 3)]), [] as [&str; 0]);
    }

    #[test]
    fn a_circle_is_named_once_with_its_arrows_only() {
        let message = "3 files use each other in a circle:\n  a.rs:7 uses b.rs (crate::x::Y)\n  \
                       b.rs:7 uses c.rs (crate::x::Y)\n  c.rs:7 uses a.rs (crate::x::Y)";
        assert_eq!(messages(&[(0, 1), (1, 2), (2, 0), (3, 0)]), [message]);
    }

    #[test]
    fn two_circles_are_two_messages() {
        assert_eq!(messages(&[(0, 1), (1, 0), (2, 3), (3, 2), (1, 2)]).len(), 2);
    }
}
