//! From artifacts to rows: one for each tag, in order.

use crate::artifact::{Artifact, Time};
use crate::repository_name::{RepositoryName, name_in};
use image_model::types::{HarborImage, HarborRepository};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The order of the artifacts of one repository: newest first; the digest settles equal times.
fn sort_key(artifact: &Artifact) -> (Reverse<Option<(i64, u32)>>, &str) {
    (Reverse(artifact.push_time.and_then(|Time(time)| time)), &artifact.digest)
}

/// Sorts artifacts of one repository. Of several with one key, the last one stays.
fn sort(artifacts: &mut Vec<Artifact>) {
    artifacts.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
    artifacts.dedup_by(|later, earlier| {
        let same = sort_key(later) == sort_key(earlier);
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
}

/// Appends one row for each tag, in order, and none for an untagged artifact.
fn append_rows(images: &mut Vec<HarborImage>, artifact: Artifact) {
    let Artifact { mut digest, size, mut tags, .. } = artifact;
    tags.sort();
    let mut remaining = tags.len();
    for tag in tags {
        remaining -= 1;
        images.push(HarborImage {
            tag: tag.name,
            digest: if remaining == 0 { std::mem::take(&mut digest) } else { digest.clone() },
            size: size.unwrap_or_default(),
        });
    }
}

/// The rows of sorted artifacts; `None` where no artifact has a tag.
fn rows_of_sorted(
    repository: &RepositoryName,
    artifacts: impl ExactSizeIterator<Item = Artifact>,
) -> Option<HarborRepository> {
    let mut images = Vec::with_capacity(artifacts.len());
    artifacts.for_each(|artifact| append_rows(&mut images, artifact));
    let RepositoryName { project, name } = repository;
    (!images.is_empty()).then(|| HarborRepository { project: project.clone(), name: name.clone(), images })
}

/// All rows of one repository, in order.
pub(crate) fn images(mut artifacts: Vec<Artifact>) -> Vec<HarborImage> {
    sort(&mut artifacts);
    let mut images = Vec::with_capacity(artifacts.len());
    artifacts.into_iter().for_each(|artifact| append_rows(&mut images, artifact));
    images
}

/// The artifacts of a project by the name of their repository; `None` where one does not name its repository.
pub(crate) fn by_repository(project: &str, artifacts: Vec<Artifact>) -> Option<BTreeMap<String, Vec<Artifact>>> {
    let mut repositories: BTreeMap<String, Vec<Artifact>> = BTreeMap::new();
    for mut artifact in artifacts {
        let full_name = artifact.repository_name.take()?;
        let name = name_in(project, &full_name);
        match repositories.get_mut(name) {
            Some(artifacts) => artifacts.push(artifact),
            None => drop(repositories.insert(name.to_owned(), vec![artifact])),
        }
    }
    Some(repositories)
}

/// Sorts the artifacts of one repository as they arrive. Harbor sends them newest first, but in any order where times are
/// equal.
///
/// The window buffers as many artifacts as its capacity, so the memory for a long repository does not grow with it.
pub(crate) struct SortWindow {
    buffered: Vec<Artifact>,
    capacity: usize,
}

impl SortWindow {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { buffered: Vec::new(), capacity }
    }

    /// Adds artifacts, and returns the rows of those that leave the window.
    pub(crate) fn push(&mut self, repository: &RepositoryName, artifacts: Vec<Artifact>) -> Option<HarborRepository> {
        self.buffered.extend(artifacts);
        sort(&mut self.buffered);
        let leaving = self.buffered.len().saturating_sub(self.capacity);
        rows_of_sorted(repository, self.buffered.drain(..leaving))
    }

    /// Returns all other rows.
    pub(crate) fn drain(self, repository: &RepositoryName) -> Option<HarborRepository> {
        rows_of_sorted(repository, self.buffered.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Tag;

    fn artifact(digest: &str, time: &str, tags: &[&str]) -> Artifact {
        Artifact {
            digest: digest.into(),
            size: Some(1),
            tags: tags.iter().map(|name| Tag { name: (*name).to_owned() }).collect(),
            push_time: serde_json::from_value(time.into()).unwrap(),
            repository_name: None,
        }
    }

    fn shown(repositories: impl IntoIterator<Item = HarborRepository>) -> Vec<String> {
        let shown = |HarborRepository { project, name, images }: HarborRepository| {
            images.into_iter().map(move |image| format!("{project}/{name}:{}@{}", image.tag, image.digest))
        };
        repositories.into_iter().flat_map(shown).collect()
    }

    fn app() -> RepositoryName {
        RepositoryName::new("p", "p/app")
    }

    fn rows_of_app(artifacts: Vec<Artifact>) -> Option<HarborRepository> {
        let RepositoryName { project, name } = app();
        Some(HarborRepository { project, name, images: images(artifacts) })
    }

    #[test]
    fn each_tag_is_a_row_and_an_untagged_artifact_is_none() {
        let untagged: Artifact =
            serde_json::from_str(r#"{"digest":"sha256:b","tags":null,"push_time":"2025-01-01T00:00:00Z"}"#).unwrap();
        let rows = rows_of_app(vec![artifact("sha256:a", "2025-01-01T00:00:00Z", &["2", "1"]), untagged]);
        assert_eq!(shown(rows), ["p/app:1@sha256:a", "p/app:2@sha256:a"]);
    }

    #[test]
    fn newer_artifacts_come_first_whatever_the_length_of_their_fractions() {
        let rows = rows_of_app(vec![
            artifact("sha256:c", "2025-01-01T00:00:00Z", &["c"]),
            artifact("sha256:b", "2025-01-01T00:00:00.1Z", &["b"]),
            artifact("sha256:a", "2025-01-01T00:00:00.09Z", &["a"]),
            artifact("sha256:d", "2025-01-01T01:00:00.5+01:00", &["d"]),
            artifact("sha256:e", "", &["e"]),
        ]);
        assert_eq!(
            rows.unwrap().images.iter().map(|row| row.tag.as_str()).collect::<Vec<_>>(),
            ["d", "b", "a", "c", "e"]
        );
    }

    #[test]
    fn equal_times_are_ordered_by_digest() {
        let time = "2025-01-01T00:00:00Z";
        let rows = rows_of_app(vec![artifact("sha256:b", time, &["b"]), artifact("sha256:a", time, &["a"])]);
        assert_eq!(shown(rows), ["p/app:a@sha256:a", "p/app:b@sha256:b"]);
    }

    #[test]
    fn an_artifact_without_size_counts_zero_bytes() {
        let bare: Artifact = serde_json::from_str(r#"{"digest":"sha256:b","tags":[{"name":"x"}]}"#).unwrap();
        assert_eq!(images(vec![bare])[0].size, 0);
    }

    #[test]
    fn a_repository_without_tags_has_no_rows() {
        assert_eq!(images(vec![artifact("sha256:a", "2025-01-01T00:00:00Z", &[])]), []);
    }

    #[test]
    fn the_artifacts_of_a_project_are_told_apart_by_repository_in_the_order_of_bytes() {
        let in_repository = |name: &str| Artifact {
            repository_name: Some(name.into()),
            ..artifact("sha256:a", "2025-01-01T00:00:00Z", &["t"])
        };
        let found = by_repository("p", vec![in_repository("p/ab"), in_repository("p/a-b"), in_repository("p/a/b")]);
        assert_eq!(found.unwrap().into_keys().collect::<Vec<_>>(), ["a-b", "a/b", "ab"]);
        assert!(by_repository("p", vec![artifact("sha256:a", "", &[])]).is_none());
    }

    #[test]
    fn a_window_that_spans_the_disorder_sorts_like_the_whole() {
        let artifacts: Vec<Artifact> = (0..50)
            .map(|n| {
                artifact(
                    &format!("sha256:{:02}", (n * 7) % 10),
                    &format!("2025-01-01T00:00:{:02}Z", 59 - n / 5),
                    &["t"],
                )
            })
            .collect();
        let mut window = SortWindow::new(10);
        let mut rows = Vec::new();
        for page in artifacts.chunks(5) {
            rows.extend(window.push(&app(), page.to_vec()));
        }
        rows.extend(window.drain(&app()));
        assert_eq!(shown(rows), shown(rows_of_app(artifacts)));
    }
}
