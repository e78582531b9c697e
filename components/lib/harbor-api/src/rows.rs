//! From the artifacts that Harbor lists to rows, in order.

use crate::artifact::{ListedArtifact, Time};
use crate::repository_name::{RepositoryName, name_in};
use image_model::types::{Artifact, Detail, Repository};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The order of the artifacts of one repository: newest first; the digest settles equal times.
fn sort_key(artifact: &ListedArtifact) -> (Reverse<Option<(i64, u32)>>, &str) {
    (Reverse(artifact.push_time.and_then(|Time(time)| time)), &artifact.digest)
}

/// Sorts artifacts of one repository. Of several with one key, the last one stays.
fn sort(artifacts: &mut Vec<ListedArtifact>) {
    artifacts.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
    artifacts.dedup_by(|later, earlier| {
        let same = sort_key(later) == sort_key(earlier);
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
}

/// The row of an artifact, with as many of its fields as are wanted; `None` where no row is.
fn row(artifact: ListedArtifact, detail: Detail) -> Option<Artifact> {
    let ListedArtifact { digest, size, tags, kind, media_type, push_time, pull_time, references, .. } = artifact;
    let mut tags: Vec<String> = tags.into_iter().map(|tag| tag.name).collect();
    tags.sort();
    let row = Artifact { digest, size: size.unwrap_or_default(), tags, ..Artifact::default() };
    match detail {
        Detail::Tags => (!row.tags.is_empty()).then_some(row),
        Detail::All => Some(Artifact {
            kind: kind.into_string(),
            media_type: media_type.into_string(),
            pushed: push_time.and_then(Time::milliseconds),
            pulled: pull_time.and_then(Time::milliseconds),
            children: references.into_iter().map(|child| child.child_digest).collect(),
            ..row
        }),
    }
}

/// The rows of sorted artifacts; `None` where there are none.
fn rows_of_sorted(
    repository: &RepositoryName,
    artifacts: impl Iterator<Item = ListedArtifact>,
    detail: Detail,
) -> Option<Repository> {
    let artifacts: Vec<Artifact> = artifacts.filter_map(|artifact| row(artifact, detail)).collect();
    (!artifacts.is_empty()).then(|| repository.with(artifacts))
}

/// All rows of one repository, in order.
pub(crate) fn rows(mut artifacts: Vec<ListedArtifact>, detail: Detail) -> Vec<Artifact> {
    sort(&mut artifacts);
    artifacts.into_iter().filter_map(|artifact| row(artifact, detail)).collect()
}

/// Rows without the fields that a listing of tags does not have.
pub(crate) fn tags_only(repositories: &mut Vec<Repository>) {
    for repository in repositories.iter_mut() {
        repository.artifacts.retain_mut(|artifact| {
            let Artifact { digest, size, tags, .. } = std::mem::take(artifact);
            *artifact = Artifact { digest, size, tags, ..Artifact::default() };
            !artifact.tags.is_empty()
        });
    }
    repositories.retain(|repository| !repository.artifacts.is_empty());
}

/// The artifacts of a project by the name of their repository; `None` where one does not name its repository.
pub(crate) fn by_repository(
    project: &str,
    artifacts: Vec<ListedArtifact>,
) -> Option<BTreeMap<String, Vec<ListedArtifact>>> {
    let mut repositories: BTreeMap<String, Vec<ListedArtifact>> = BTreeMap::new();
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
    buffered: Vec<ListedArtifact>,
    capacity: usize,
    detail: Detail,
}

impl SortWindow {
    pub(crate) fn new(capacity: usize, detail: Detail) -> Self {
        Self { buffered: Vec::new(), capacity, detail }
    }

    /// Adds artifacts, and returns the rows of those that leave the window.
    pub(crate) fn push(&mut self, repository: &RepositoryName, artifacts: Vec<ListedArtifact>) -> Option<Repository> {
        self.buffered.extend(artifacts);
        sort(&mut self.buffered);
        let leaving = self.buffered.len().saturating_sub(self.capacity);
        rows_of_sorted(repository, self.buffered.drain(..leaving), self.detail)
    }

    /// Returns all other rows.
    pub(crate) fn drain(self, repository: &RepositoryName) -> Option<Repository> {
        rows_of_sorted(repository, self.buffered.into_iter(), self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Tag;

    fn artifact(digest: &str, time: &str, tags: &[&str]) -> ListedArtifact {
        ListedArtifact {
            digest: digest.into(),
            size: Some(1),
            tags: tags.iter().map(|name| Tag { name: (*name).to_owned() }).collect(),
            push_time: serde_json::from_value(time.into()).unwrap(),
            ..ListedArtifact::default()
        }
    }

    fn shown(repositories: impl IntoIterator<Item = Repository>) -> Vec<String> {
        let shown = |Repository { project, name, artifacts }: Repository| {
            artifacts.into_iter().map(move |row| format!("{project}/{name}:{}@{}", row.tags.join(","), row.digest))
        };
        repositories.into_iter().flat_map(shown).collect()
    }

    fn app() -> RepositoryName {
        RepositoryName::new("p", "p/app")
    }

    fn rows_of_app(artifacts: Vec<ListedArtifact>) -> Option<Repository> {
        Some(app().with(rows(artifacts, Detail::Tags)))
    }

    #[test]
    fn tags_are_in_order_and_an_untagged_artifact_is_a_row_only_where_all_are_wanted() {
        let untagged: ListedArtifact =
            serde_json::from_str(r#"{"digest":"sha256:b","tags":null,"push_time":"2025-01-01T00:00:00Z"}"#).unwrap();
        let artifacts = vec![artifact("sha256:a", "2025-01-01T00:00:00Z", &["2", "1"]), untagged];
        assert_eq!(shown(rows_of_app(artifacts.clone())), ["p/app:1,2@sha256:a"]);
        let all = app().with(rows(artifacts, Detail::All));
        assert_eq!(shown([all.clone()]), ["p/app:1,2@sha256:a", "p/app:@sha256:b"]);
        let mut tags = vec![all, app().with(vec![Artifact::default()])];
        tags_only(&mut tags);
        assert_eq!(shown(tags), ["p/app:1,2@sha256:a"]);
    }

    #[test]
    fn a_row_has_the_fields_of_its_artifact() {
        // As Harbor 2.16 gives an index that nobody pulled.
        let artifact: ListedArtifact = serde_json::from_str(
            r#"{"digest":"sha256:9","size":2148,"tags":[{"name":"2.0"}],"type":"IMAGE",
                "media_type":"application/vnd.oci.image.index.v1+json","push_time":"2026-11-26T00:56:10.891Z",
                "pull_time":"0001-01-01T00:00:00.000Z",
                "references":[{"child_digest":"sha256:7"},{"child_digest":"sha256:8"}]}"#,
        )
        .unwrap();
        let row = Artifact {
            digest: "sha256:9".to_owned(),
            size: 2148,
            tags: vec!["2.0".to_owned()],
            kind: "IMAGE".to_owned(),
            media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
            pushed: Some(1_795_654_570_891),
            pulled: None,
            children: vec!["sha256:7".to_owned(), "sha256:8".to_owned()],
        };
        assert_eq!(rows(vec![artifact], Detail::All), [row]);
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
            rows.unwrap().artifacts.iter().map(|row| row.tags[0].as_str()).collect::<Vec<_>>(),
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
        let bare: ListedArtifact = serde_json::from_str(r#"{"digest":"sha256:b","tags":[{"name":"x"}]}"#).unwrap();
        assert_eq!(rows(vec![bare], Detail::Tags)[0].size, 0);
    }

    #[test]
    fn a_repository_without_tags_has_no_rows_of_tags() {
        assert_eq!(rows(vec![artifact("sha256:a", "2025-01-01T00:00:00Z", &[])], Detail::Tags), []);
    }

    #[test]
    fn the_artifacts_of_a_project_are_told_apart_by_repository_in_the_order_of_bytes() {
        let in_repository = |name: &str| ListedArtifact {
            repository_name: Some(name.into()),
            ..artifact("sha256:a", "2025-01-01T00:00:00Z", &["t"])
        };
        let found = by_repository("p", vec![in_repository("p/ab"), in_repository("p/a-b"), in_repository("p/a/b")]);
        assert_eq!(found.unwrap().into_keys().collect::<Vec<_>>(), ["a-b", "a/b", "ab"]);
        assert!(by_repository("p", vec![artifact("sha256:a", "", &[])]).is_none());
    }

    #[test]
    fn a_window_that_spans_the_disorder_sorts_like_the_whole() {
        let artifacts: Vec<ListedArtifact> = (0..50)
            .map(|n| {
                artifact(
                    &format!("sha256:{:02}", (n * 7) % 10),
                    &format!("2025-01-01T00:00:{:02}Z", 59 - n / 5),
                    &["t"],
                )
            })
            .collect();
        let mut window = SortWindow::new(10, Detail::Tags);
        let mut rows = Vec::new();
        for page in artifacts.chunks(5) {
            rows.extend(window.push(&app(), page.to_vec()));
        }
        rows.extend(window.drain(&app()));
        assert_eq!(shown(rows), shown(rows_of_app(artifacts)));
    }
}
