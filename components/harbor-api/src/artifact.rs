//! Artifacts as Harbor describes them, and the rows that they give.

use crate::Image;
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What a row needs of an artifact; Harbor sends far more.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Artifact {
    #[serde(default)]
    pub(crate) digest: String,
    /// Bytes; Harbor leaves zero out.
    #[serde(default)]
    size: Option<u64>,
    /// `null` for an untagged artifact.
    #[serde(default)]
    tags: Option<Vec<Tag>>,
    #[serde(default)]
    push_time: Option<String>,
    /// With the project; since Harbor 2.12.
    #[serde(default)]
    pub(crate) repository_name: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Tag {
    #[serde(default)]
    name: String,
}

/// A project and a repository in it, for the rows of its artifacts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Repository {
    pub(crate) project: String,
    /// Without the project.
    pub(crate) name: String,
}

impl Repository {
    /// From Harbor's name for it, which begins with the project's.
    pub(crate) fn new(project: &str, name: &str) -> Self {
        let name = name.strip_prefix(project).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
        Self { project: project.to_owned(), name: name.to_owned() }
    }

    /// `project/name`, as errors name it.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.project, self.name)
    }
}

/// Where an artifact stands in its repository: newest first; the digest settles equal times.
type Place = (Reverse<i128>, String);

fn place(artifact: &Artifact) -> Place {
    let time = artifact.push_time.as_deref().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    (Reverse(time.map_or(i128::MIN, OffsetDateTime::unix_timestamp_nanos)), artifact.digest.clone())
}

/// One row for each tag, in order; none for an untagged artifact.
fn rows(repository: &Repository, artifact: Artifact) -> impl Iterator<Item = Image> {
    let mut tags: Vec<String> = artifact.tags.unwrap_or_default().into_iter().map(|tag| tag.name).collect();
    tags.sort();
    let size = artifact.size.unwrap_or_default();
    tags.into_iter().map(move |tag| Image {
        project: repository.project.clone(),
        repository: repository.name.clone(),
        tag,
        digest: artifact.digest.clone(),
        size,
    })
}

/// All rows of one repository, in order.
pub(crate) fn ordered(repository: &Repository, artifacts: Vec<Artifact>) -> Vec<Image> {
    let mut window = Window::new(usize::MAX);
    window.push(repository, artifacts);
    window.drain(repository)
}

/// All rows of one project whose artifacts name their repositories, in order; `None` where one does not.
pub(crate) fn ordered_by_repository(project: &str, artifacts: Vec<Artifact>) -> Option<Vec<Image>> {
    let mut repositories: BTreeMap<Repository, Vec<Artifact>> = BTreeMap::new();
    for artifact in artifacts {
        let repository = Repository::new(project, artifact.repository_name.as_deref()?);
        repositories.entry(repository).or_default().push(artifact);
    }
    Some(repositories.into_iter().flat_map(|(repository, artifacts)| ordered(&repository, artifacts)).collect())
}

/// Puts artifacts in order as they come: Harbor sends them newest first, but leaves open how equal times are ordered.
///
/// Holds back as many as two pages, so that a long repository is listed in a memory that does not grow with it.
pub(crate) struct Window {
    held: BTreeMap<Place, Artifact>,
    capacity: usize,
}

impl Window {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { held: BTreeMap::new(), capacity }
    }

    /// Takes artifacts in, and gives the rows of those that are due.
    pub(crate) fn push(&mut self, repository: &Repository, artifacts: Vec<Artifact>) -> Vec<Image> {
        self.held.extend(artifacts.into_iter().map(|artifact| (place(&artifact), artifact)));
        let mut due = Vec::new();
        while self.held.len() > self.capacity
            && let Some((_, artifact)) = self.held.pop_first()
        {
            due.extend(rows(repository, artifact));
        }
        due
    }

    /// Gives all other rows.
    pub(crate) fn drain(self, repository: &Repository) -> Vec<Image> {
        self.held.into_values().flat_map(|artifact| rows(repository, artifact)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(digest: &str, time: &str, tags: &[&str]) -> Artifact {
        Artifact {
            digest: digest.into(),
            size: Some(1),
            tags: Some(tags.iter().map(|name| Tag { name: (*name).to_owned() }).collect()),
            push_time: Some(time.into()),
            repository_name: None,
        }
    }

    fn shown(rows: &[Image]) -> Vec<String> {
        rows.iter().map(|row| format!("{}/{}:{}@{}", row.project, row.repository, row.tag, row.digest)).collect()
    }

    fn app() -> Repository {
        Repository::new("p", "p/app")
    }

    #[test]
    fn each_tag_is_a_row_and_an_untagged_artifact_is_none() {
        let untagged: Artifact =
            serde_json::from_str(r#"{"digest":"sha256:b","tags":null,"push_time":"2025-01-01T00:00:00Z"}"#).unwrap();
        let rows = ordered(&app(), vec![artifact("sha256:a", "2025-01-01T00:00:00Z", &["2", "1"]), untagged]);
        assert_eq!(shown(&rows), ["p/app:1@sha256:a", "p/app:2@sha256:a"]);
    }

    #[test]
    fn newer_artifacts_come_first_whatever_the_length_of_their_fractions() {
        let rows = ordered(
            &app(),
            vec![
                artifact("sha256:c", "2025-01-01T00:00:00Z", &["c"]),
                artifact("sha256:b", "2025-01-01T00:00:00.1Z", &["b"]),
                artifact("sha256:a", "2025-01-01T00:00:00.09Z", &["a"]),
                artifact("sha256:d", "2025-01-01T01:00:00.5+01:00", &["d"]),
                artifact("sha256:e", "", &["e"]),
            ],
        );
        assert_eq!(rows.iter().map(|row| row.tag.as_str()).collect::<Vec<_>>(), ["d", "b", "a", "c", "e"]);
    }

    #[test]
    fn equal_times_are_ordered_by_digest() {
        let time = "2025-01-01T00:00:00Z";
        let rows = ordered(&app(), vec![artifact("sha256:b", time, &["b"]), artifact("sha256:a", time, &["a"])]);
        assert_eq!(shown(&rows), ["p/app:a@sha256:a", "p/app:b@sha256:b"]);
    }

    #[test]
    fn an_artifact_without_size_counts_zero_bytes() {
        let bare: Artifact = serde_json::from_str(r#"{"digest":"sha256:b","tags":[{"name":"x"}]}"#).unwrap();
        assert_eq!(ordered(&app(), vec![bare])[0].size, 0);
    }

    #[test]
    fn a_repository_is_named_without_its_project() {
        assert_eq!(Repository::new("a", "a/b/c").name, "b/c");
        assert_eq!(Repository::new("a", "a/b/c").full_name(), "a/b/c");
        assert_eq!(Repository::new("a", "ab/c").name, "ab/c");
    }

    #[test]
    fn a_project_is_ordered_by_repository_in_bytes() {
        let in_repository = |name: &str| Artifact {
            repository_name: Some(name.into()),
            ..artifact("sha256:a", "2025-01-01T00:00:00Z", &["t"])
        };
        let rows =
            ordered_by_repository("p", vec![in_repository("p/ab"), in_repository("p/a-b"), in_repository("p/a/b")]);
        assert_eq!(shown(&rows.unwrap()), ["p/a-b:t@sha256:a", "p/a/b:t@sha256:a", "p/ab:t@sha256:a"]);
        assert!(ordered_by_repository("p", vec![artifact("sha256:a", "", &[])]).is_none());
    }

    #[test]
    fn a_window_gives_the_same_order_as_the_whole_when_it_spans_the_disorder() {
        let artifacts: Vec<Artifact> = (0..50)
            .map(|n| {
                artifact(
                    &format!("sha256:{:02}", (n * 7) % 10),
                    &format!("2025-01-01T00:00:{:02}Z", 59 - n / 5),
                    &["t"],
                )
            })
            .collect();
        let mut window = Window::new(10);
        let mut rows = Vec::new();
        for page in artifacts.chunks(5) {
            rows.extend(window.push(&app(), page.to_vec()));
        }
        rows.extend(window.drain(&app()));
        assert_eq!(shown(&rows), shown(&ordered(&app(), artifacts)));
    }
}
