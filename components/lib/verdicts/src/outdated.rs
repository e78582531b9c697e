//! Newer tags in the repositories that nodes use.

use crate::artifacts::Artifacts;
use crate::config::Outdated;
use crate::location::Location;
use crate::node_rows::NodeRow;
use crate::verdict::Verdict;
use crate::version_tag::VersionTag;
use std::collections::HashMap;

/// Adds [`Verdict::Outdated`] to the rows for whose tag there is a newer one, at most this far ahead.
///
/// The reference of a row is `sought` by its tag and its place in Harbor; a row without them has no newer tag.
pub(crate) fn mark(
    artifacts: &Artifacts,
    limit: Outdated,
    rows: &mut [NodeRow],
    sought: &[(Option<&str>, Option<&Location>)],
) {
    let mut by_repository: HashMap<&str, Vec<(usize, &str)>> = HashMap::new();
    for (index, (tag, location)) in sought.iter().enumerate() {
        if let (Some(tag), Some(location)) = (tag, location) {
            by_repository.entry(&location.full).or_default().push((index, tag));
        }
    }
    if limit == Outdated::Off || by_repository.is_empty() {
        return;
    }
    let mut numbers: HashMap<&str, Vec<u32>> = HashMap::new();
    for repository in 0..artifacts.repositories() {
        if let Some((name, _)) = by_repository.get_key_value(artifacts.full_name(repository)) {
            numbers.entry(name).or_default().push(repository);
        }
    }
    for (name, of_repository) in &by_repository {
        let repositories = numbers.get(name).into_iter().flatten();
        let all = repositories.flat_map(|repository| artifacts.of_repository(*repository));
        let mut versions: Vec<_> = all
            .filter(|artifact| artifacts.is_image(*artifact))
            .flat_map(|artifact| artifacts.tag_numbers(artifact))
            .filter_map(|number| Some((VersionTag::read(artifacts.tag(number))?, number)))
            .collect();
        // The newest first: the first one that is not too far ahead is the one to name.
        versions.sort_by(|(one, _), (other, _)| other.compare(one));
        for (index, tag) in of_repository {
            let row = &mut rows[*index];
            row.newer = newer(artifacts, limit, tag, &row.holders, &versions);
            if row.newer.is_some() {
                row.verdicts.insert(Verdict::Outdated);
            }
        }
    }
}

fn newer(
    artifacts: &Artifacts,
    limit: Outdated,
    tag: &str,
    holders: &[u32],
    versions: &[(VersionTag<'_>, u32)],
) -> Option<u32> {
    let current = VersionTag::read(tag)?;
    // `15` that is the same image as `15.12` is as new as that.
    let exact = holders.iter().flat_map(|holder| artifacts.tags(*holder)).filter_map(VersionTag::read);
    let exact: Vec<_> = exact.filter(|version| current.distance(version).is_some()).collect();
    let mut ahead = versions.iter().take_while(|(version, _)| version.compare(&current).is_gt());
    let found = ahead.find(|(version, _)| {
        current.distance(version).is_some_and(|distance| distance <= limit)
            && exact.iter().all(|exact| version.compare(exact).is_gt())
    });
    found.map(|(_, number)| *number)
}
