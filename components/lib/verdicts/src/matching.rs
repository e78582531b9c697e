//! Which artifacts of the registry belong to which references on nodes: one pass over the repositories that nodes use.

use crate::artifacts::Artifacts;
use crate::digest::Digest;
use crate::location::Location;
use crate::node_rows::NodeRow;
use std::collections::{HashMap, HashSet};

/// What nodes have of one repository.
#[derive(Default)]
struct Wanted<'a> {
    tags: HashMap<&'a str, Vec<usize>>,
    digests: HashMap<Digest, Vec<usize>>,
    /// Digests that are on a node, whatever reference leads to them.
    present: HashSet<Digest>,
}

/// For each row its tag and its place in Harbor, where it has them.
pub(crate) type Sought<'a> = (Option<&'a str>, Option<&'a Location>);

/// Finds the artifacts of each row, and says of each artifact whether a node has it.
pub(crate) fn match_rows(artifacts: &Artifacts, rows: &mut [NodeRow], sought: &[Sought<'_>]) -> Vec<bool> {
    let wanted = wanted(rows, sought);
    let mut on_a_node = vec![false; artifacts.all().len()];
    for repository in 0..artifacts.repositories() {
        let Some(wanted) = wanted.get(artifacts.full_name(repository)) else { continue };
        for artifact in artifacts.of_repository(repository) {
            let digests =
                std::iter::once(artifacts.digest(artifact)).chain(artifacts.children(artifact).iter().copied());
            for digest in digests {
                on_a_node[artifact as usize] |= wanted.present.contains(&digest);
                for row in wanted.digests.get(&digest).into_iter().flatten() {
                    let holders = &mut rows[*row].holders;
                    if holders.last() != Some(&artifact) {
                        holders.push(artifact);
                    }
                }
            }
            for tag in artifacts.tags(artifact) {
                for row in wanted.tags.get(tag).into_iter().flatten() {
                    rows[*row].tagged.get_or_insert(artifact);
                }
            }
        }
    }
    on_a_node
}

fn wanted<'a>(rows: &[NodeRow], sought: &[Sought<'a>]) -> HashMap<&'a str, Wanted<'a>> {
    let mut wanted: HashMap<&str, Wanted<'_>> = HashMap::new();
    for (index, (row, (tag, location))) in rows.iter().zip(sought).enumerate() {
        let Some(location) = location else { continue };
        let of_repository = wanted.entry(&location.full).or_default();
        if let Some(tag) = tag {
            of_repository.tags.entry(tag).or_default().push(index);
        }
        for digest in row.judged_digests() {
            of_repository.digests.entry(*digest).or_default().push(index);
        }
        of_repository.present.extend(&row.digests);
    }
    wanted
}
