//! Artifacts as Harbor describes them, and the rows that they give.

use crate::paging::Keyed;
use crate::{Image, Repository};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
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
    push_time: Option<PushTime>,
    /// With the project; since Harbor 2.12.
    #[serde(default)]
    pub(crate) repository_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Tag {
    #[serde(default)]
    name: String,
}

/// When an artifact was pushed, in seconds and nanoseconds; `None` where the text does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PushTime(Option<(i64, u32)>);

impl<'de> Deserialize<'de> for PushTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = PushTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PushTime, E> {
                let time = OffsetDateTime::parse(text, &Rfc3339).ok();
                Ok(PushTime(time.map(|time| (time.unix_timestamp(), time.nanosecond()))))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Keyed for Artifact {
    fn key(&self) -> (Option<&str>, &str) {
        (self.repository_name.as_deref(), &self.digest)
    }
}

/// An artifact among those of its repository, which only some versions name.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct InOneRepository(pub(crate) Artifact);

impl Keyed for InOneRepository {
    fn key(&self) -> (Option<&str>, &str) {
        (None, &self.0.digest)
    }
}

/// A repository's project and its name in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) project: String,
    /// Without the project.
    pub(crate) name: String,
}

impl Name {
    /// From Harbor's name for it, which begins with the project's.
    pub(crate) fn new(project: &str, name: &str) -> Self {
        Self { project: project.to_owned(), name: name_in(project, name).to_owned() }
    }

    /// `project/name`, as errors name it.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.project, self.name)
    }
}

/// The name of a repository inside its project.
fn name_in<'a>(project: &str, name: &'a str) -> &'a str {
    name.strip_prefix(project).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name)
}

/// Where an artifact stands in its repository: newest first; the digest settles equal times.
fn place(artifact: &Artifact) -> (Reverse<Option<(i64, u32)>>, &str) {
    (Reverse(artifact.push_time.and_then(|PushTime(time)| time)), &artifact.digest)
}

/// Puts artifacts of one repository in order; of several in one place, the last one counts.
fn order(artifacts: &mut Vec<Artifact>) {
    artifacts.sort_by(|one, other| place(one).cmp(&place(other)));
    artifacts.dedup_by(|later, earlier| {
        let same = place(later) == place(earlier);
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
}

/// Adds one row for each tag, in order; none for an untagged artifact.
fn add_rows(images: &mut Vec<Image>, artifact: Artifact) {
    let Artifact { mut digest, size, tags, .. } = artifact;
    let mut tags = tags.unwrap_or_default();
    tags.sort();
    let mut left = tags.len();
    for tag in tags {
        left -= 1;
        images.push(Image {
            tag: tag.name,
            digest: if left == 0 { std::mem::take(&mut digest) } else { digest.clone() },
            size: size.unwrap_or_default(),
        });
    }
}

/// The rows of artifacts that are in order; `None` where no artifact has a tag.
fn rows(repository: &Name, artifacts: impl ExactSizeIterator<Item = Artifact>) -> Option<Repository> {
    let mut images = Vec::with_capacity(artifacts.len());
    artifacts.for_each(|artifact| add_rows(&mut images, artifact));
    let Name { project, name } = repository;
    (!images.is_empty()).then(|| Repository { project: project.clone(), name: name.clone(), images })
}

/// All rows of one repository, in order.
pub(crate) fn ordered(repository: &Name, mut artifacts: Vec<Artifact>) -> Option<Repository> {
    order(&mut artifacts);
    rows(repository, artifacts.into_iter())
}

/// All rows of one project whose artifacts name their repositories, in order; `None` where one does not.
pub(crate) fn ordered_by_repository(project: &str, artifacts: Vec<Artifact>) -> Option<Vec<Repository>> {
    let mut repositories: BTreeMap<String, Vec<Artifact>> = BTreeMap::new();
    for mut artifact in artifacts {
        let full_name = artifact.repository_name.take()?;
        let name = name_in(project, &full_name);
        match repositories.get_mut(name) {
            Some(artifacts) => artifacts.push(artifact),
            None => drop(repositories.insert(name.to_owned(), vec![artifact])),
        }
    }
    let named =
        repositories.into_iter().map(|(name, artifacts)| (Name { project: project.to_owned(), name }, artifacts));
    Some(named.filter_map(|(repository, artifacts)| ordered(&repository, artifacts)).collect())
}

/// Puts artifacts in order as they come: Harbor sends them newest first, but leaves open how equal times are ordered.
///
/// Holds back as many as two pages, so that a long repository is listed in a memory that does not grow with it.
pub(crate) struct Window {
    held: Vec<Artifact>,
    capacity: usize,
}

impl Window {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { held: Vec::new(), capacity }
    }

    /// Takes artifacts in, and gives the rows of those that are due.
    pub(crate) fn push(&mut self, repository: &Name, artifacts: Vec<Artifact>) -> Option<Repository> {
        self.held.extend(artifacts);
        order(&mut self.held);
        let due = self.held.len().saturating_sub(self.capacity);
        rows(repository, self.held.drain(..due))
    }

    /// Gives all other rows.
    pub(crate) fn drain(self, repository: &Name) -> Option<Repository> {
        rows(repository, self.held.into_iter())
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
            push_time: serde_json::from_value(time.into()).unwrap(),
            repository_name: None,
        }
    }

    fn shown(repositories: impl IntoIterator<Item = Repository>) -> Vec<String> {
        let shown = |Repository { project, name, images }: Repository| {
            images.into_iter().map(move |image| format!("{project}/{name}:{}@{}", image.tag, image.digest))
        };
        repositories.into_iter().flat_map(shown).collect()
    }

    fn app() -> Name {
        Name::new("p", "p/app")
    }

    #[test]
    fn each_tag_is_a_row_and_an_untagged_artifact_is_none() {
        let untagged: Artifact =
            serde_json::from_str(r#"{"digest":"sha256:b","tags":null,"push_time":"2025-01-01T00:00:00Z"}"#).unwrap();
        let rows = ordered(&app(), vec![artifact("sha256:a", "2025-01-01T00:00:00Z", &["2", "1"]), untagged]);
        assert_eq!(shown(rows), ["p/app:1@sha256:a", "p/app:2@sha256:a"]);
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
        assert_eq!(
            rows.unwrap().images.iter().map(|row| row.tag.as_str()).collect::<Vec<_>>(),
            ["d", "b", "a", "c", "e"]
        );
    }

    #[test]
    fn equal_times_are_ordered_by_digest() {
        let time = "2025-01-01T00:00:00Z";
        let rows = ordered(&app(), vec![artifact("sha256:b", time, &["b"]), artifact("sha256:a", time, &["a"])]);
        assert_eq!(shown(rows), ["p/app:a@sha256:a", "p/app:b@sha256:b"]);
    }

    #[test]
    fn an_artifact_without_size_counts_zero_bytes() {
        let bare: Artifact = serde_json::from_str(r#"{"digest":"sha256:b","tags":[{"name":"x"}]}"#).unwrap();
        assert_eq!(ordered(&app(), vec![bare]).unwrap().images[0].size, 0);
    }

    #[test]
    fn a_repository_without_tags_has_no_rows() {
        assert_eq!(ordered(&app(), vec![artifact("sha256:a", "2025-01-01T00:00:00Z", &[])]), None);
    }

    #[test]
    fn a_repository_is_named_without_its_project() {
        assert_eq!(Name::new("a", "a/b/c").name, "b/c");
        assert_eq!(Name::new("a", "a/b/c").full_name(), "a/b/c");
        assert_eq!(Name::new("a", "ab/c").name, "ab/c");
    }

    #[test]
    fn a_project_is_ordered_by_repository_in_bytes() {
        let in_repository = |name: &str| Artifact {
            repository_name: Some(name.into()),
            ..artifact("sha256:a", "2025-01-01T00:00:00Z", &["t"])
        };
        let rows =
            ordered_by_repository("p", vec![in_repository("p/ab"), in_repository("p/a-b"), in_repository("p/a/b")]);
        assert_eq!(shown(rows.unwrap()), ["p/a-b:t@sha256:a", "p/a/b:t@sha256:a", "p/ab:t@sha256:a"]);
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
        assert_eq!(shown(rows), shown(ordered(&app(), artifacts)));
    }
}
