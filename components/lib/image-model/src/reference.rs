//! Image references: from repo tags and repo digests to the repository and tag of each row.

use crate::NONE;

/// The repository and tag of one row. `None` where the image has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The repository with its registry, such as `registry.k8s.io/pause`.
    pub repository: Option<String>,
    /// The tag, such as `3.9`.
    pub tag: Option<String>,
}

/// Splits `repository:tag` at the last colon; a registry's port is not a tag.
///
/// ```
/// use image_model::reference::split;
/// assert_eq!(split("localhost:5000/team/app:1.2"), ("localhost:5000/team/app", Some("1.2")));
/// assert_eq!(split("localhost:5000/team/app"), ("localhost:5000/team/app", None));
/// ```
pub fn split(reference: &str) -> (&str, Option<&str>) {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (reference, None),
    }
}

/// The names under which an image is listed: one for each repo tag. An image without repo tags has one name: the repository
/// of its first repo digest and no tag, or neither where it has no repo digest.
pub fn names(repo_tags: Vec<String>, repo_digests: &[String]) -> Vec<Name> {
    let from_digest = || {
        let digest = repo_digests.first()?;
        present(digest.split_once('@').map_or(digest.as_str(), |(name, _)| name))
    };
    if repo_tags.is_empty() {
        return vec![Name { repository: from_digest(), tag: None }];
    }
    repo_tags
        .into_iter()
        .map(|mut reference| {
            let (repository, tag) = split(&reference);
            let (length, tag) = (repository.len(), tag.and_then(present));
            reference.truncate(length);
            Name { repository: present(reference).or_else(from_digest), tag }
        })
        .collect()
}

/// The part; `None` where it is empty or `<none>`: some runtimes write `<none>:<none>` where there is no tag.
fn present(part: impl AsRef<str> + Into<String>) -> Option<String> {
    (!matches!(part.as_ref(), "" | NONE)).then(|| part.into())
}

/// The order of rows: by repository, then tag, then id; rows without one of these come last.
///
/// crictl's own comparison mixes tags, digests and ids, and is no total order. This one is, so that the same inventory
/// always gives the same bytes.
pub fn sort_key<'a>(
    repository: Option<&'a str>,
    tag: Option<&'a str>,
    id: &'a str,
) -> (bool, Option<&'a str>, bool, Option<&'a str>, &'a str) {
    (repository.is_none(), repository, tag.is_none(), tag, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    fn name(repository: Option<&str>, tag: Option<&str>) -> Name {
        Name { repository: repository.map(str::to_owned), tag: tag.map(str::to_owned) }
    }

    #[test]
    fn each_repo_tag_is_a_row() {
        assert_eq!(
            names(strings(&["docker.io/library/multi:1.0", "localhost:5000/multi:latest"]), &[]),
            [name(Some("docker.io/library/multi"), Some("1.0")), name(Some("localhost:5000/multi"), Some("latest"))]
        );
    }

    #[test]
    fn an_untagged_image_is_named_by_its_first_digest() {
        assert_eq!(
            names(Vec::new(), &strings(&["docker.io/library/bydigest@sha256:e388", "other@sha256:e388"])),
            [name(Some("docker.io/library/bydigest"), None)]
        );
    }

    #[test]
    fn an_image_with_neither_tag_nor_digest_has_no_name() {
        assert_eq!(names(Vec::new(), &[]), [name(None, None)]);
    }

    #[test]
    fn the_text_none_means_a_missing_part() {
        assert_eq!(names(strings(&["<none>:<none>"]), &strings(&["a@sha256:1"])), [name(Some("a"), None)]);
        assert_eq!(names(strings(&["<none>:<none>"]), &[]), [name(None, None)]);
    }

    #[test]
    fn rows_are_ordered_with_missing_parts_last() {
        let mut rows = [
            (None, None, "1"),
            (Some("b"), None, "2"),
            (Some("b"), Some("1"), "4"),
            (Some("b"), Some("1"), "3"),
            (Some("a"), None, "5"),
        ];
        rows.sort_by_key(|(repository, tag, id)| sort_key(*repository, *tag, id));
        assert_eq!(rows.map(|(_, _, id)| id), ["5", "3", "4", "2", "1"]);
    }
}
