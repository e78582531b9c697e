//! The artifacts of the registry, as small as a comparison can use them: a hundred thousand of them take some 10 MB.

use crate::digest::{Digest, Digests};
use image_model::types::{Artifact, Repository};
use std::ops::Range;

/// What Harbor calls an image. It has other words for charts, signatures and so on.
const IMAGE: &str = "IMAGE";

/// Stands for an instant that is not known.
const NEVER: u64 = u64::MAX;

/// All artifacts, by repository.
#[derive(Debug, Default)]
pub(crate) struct Artifacts {
    repositories: Vec<StoredRepository>,
    artifacts: Vec<StoredArtifact>,
    /// The text of all tags, and where each tag ends.
    tag_text: String,
    tag_ends: Vec<u32>,
    children: Vec<Digest>,
}

#[derive(Debug)]
struct StoredRepository {
    /// `project/name`.
    full: String,
    project_length: usize,
    artifacts: Range<u32>,
}

#[derive(Debug)]
struct StoredArtifact {
    digest: Digest,
    repository: u32,
    size: u64,
    pushed: u64,
    pulled: u64,
    tags: Range<u32>,
    children: Range<u32>,
    is_image: bool,
}

impl Artifacts {
    /// Adds a repository, or more artifacts of the last one.
    pub(crate) fn push(&mut self, digests: &mut Digests, repository: Repository) {
        let Repository { project, name, artifacts } = repository;
        if !self.repositories.last().is_some_and(|last| last.is(&project, &name)) {
            self.add_repository(&project, &name);
        }
        self.artifacts.reserve(artifacts.len());
        for artifact in artifacts {
            self.add(digests, artifact);
        }
        let end = self.artifacts.len() as u32;
        if let Some(last) = self.repositories.last_mut() {
            last.artifacts.end = end;
        }
    }

    /// Adds an artifact that no list gave, and gives its number.
    pub(crate) fn push_found(
        &mut self,
        digests: &mut Digests,
        (project, name): (&str, &str),
        artifact: Artifact,
    ) -> Option<u32> {
        self.add_repository(project, name);
        let number = self.artifacts.len() as u32;
        self.add(digests, artifact).then_some(number)
    }

    fn add_repository(&mut self, project: &str, name: &str) {
        let start = self.artifacts.len() as u32;
        self.repositories.push(StoredRepository {
            full: format!("{project}/{name}"),
            project_length: project.len(),
            artifacts: start..start,
        });
    }

    /// Adds an artifact to the last repository. Nothing can be compared with an artifact that has no digest.
    fn add(&mut self, digests: &mut Digests, artifact: Artifact) -> bool {
        let Some(digest) = digests.read(&artifact.digest) else { return false };
        let first_tag = self.tag_ends.len() as u32;
        for tag in &artifact.tags {
            self.tag_text.push_str(tag);
            self.tag_ends.push(self.tag_text.len() as u32);
        }
        let first_child = self.children.len() as u32;
        self.children.extend(artifact.children.iter().filter_map(|child| digests.read(child)));
        self.artifacts.push(StoredArtifact {
            digest,
            repository: self.repositories.len().saturating_sub(1) as u32,
            size: artifact.size,
            pushed: artifact.pushed.unwrap_or(NEVER),
            pulled: artifact.pulled.unwrap_or(NEVER),
            tags: first_tag..self.tag_ends.len() as u32,
            children: first_child..self.children.len() as u32,
            is_image: artifact.kind == IMAGE,
        });
        true
    }

    /// The number of repositories. One that came in several parts, apart from each other, counts several times.
    pub(crate) fn repositories(&self) -> u32 {
        self.repositories.len() as u32
    }

    /// The artifacts of a repository.
    pub(crate) fn of_repository(&self, repository: u32) -> Range<u32> {
        self.repositories[repository as usize].artifacts.clone()
    }

    /// `project/name`.
    pub(crate) fn full_name(&self, repository: u32) -> &str {
        &self.repositories[repository as usize].full
    }

    /// The project, and the name inside it.
    pub(crate) fn name(&self, repository: u32) -> (&str, &str) {
        let repository = &self.repositories[repository as usize];
        (&repository.full[..repository.project_length], &repository.full[repository.project_length + 1..])
    }

    /// All artifacts.
    pub(crate) fn all(&self) -> Range<u32> {
        0..self.artifacts.len() as u32
    }

    pub(crate) fn repository(&self, artifact: u32) -> u32 {
        self.artifacts[artifact as usize].repository
    }

    pub(crate) fn digest(&self, artifact: u32) -> Digest {
        self.artifacts[artifact as usize].digest
    }

    pub(crate) fn size(&self, artifact: u32) -> u64 {
        self.artifacts[artifact as usize].size
    }

    /// Milliseconds since 1970.
    pub(crate) fn pushed(&self, artifact: u32) -> Option<u64> {
        Some(self.artifacts[artifact as usize].pushed).filter(|instant| *instant != NEVER)
    }

    /// Milliseconds since 1970.
    pub(crate) fn pulled(&self, artifact: u32) -> Option<u64> {
        Some(self.artifacts[artifact as usize].pulled).filter(|instant| *instant != NEVER)
    }

    pub(crate) fn is_image(&self, artifact: u32) -> bool {
        self.artifacts[artifact as usize].is_image
    }

    /// The numbers of an artifact's tags.
    pub(crate) fn tag_numbers(&self, artifact: u32) -> Range<u32> {
        self.artifacts[artifact as usize].tags.clone()
    }

    /// The tag of a number.
    pub(crate) fn tag(&self, number: u32) -> &str {
        let start = number.checked_sub(1).map_or(0, |before| self.tag_ends[before as usize]);
        &self.tag_text[start as usize..self.tag_ends[number as usize] as usize]
    }

    /// The tags of an artifact.
    pub(crate) fn tags(&self, artifact: u32) -> impl Iterator<Item = &str> {
        self.tag_numbers(artifact).map(|number| self.tag(number))
    }

    pub(crate) fn children(&self, artifact: u32) -> &[Digest] {
        let children = &self.artifacts[artifact as usize].children;
        &self.children[children.start as usize..children.end as usize]
    }

    /// Whether the artifact has this digest, or is an index of it.
    pub(crate) fn holds(&self, artifact: u32, digest: Digest) -> bool {
        self.digest(artifact) == digest || self.children(artifact).contains(&digest)
    }
}

impl StoredRepository {
    fn is(&self, project: &str, name: &str) -> bool {
        self.full.len() == project.len() + 1 + name.len()
            && self.project_length == project.len()
            && self.full.starts_with(project)
            && self.full.ends_with(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(digest: &str, tags: &[&str]) -> Artifact {
        Artifact {
            digest: digest.to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            kind: IMAGE.to_owned(),
            pushed: Some(1),
            children: vec!["sha256:child".to_owned()],
            ..Artifact::default()
        }
    }

    fn repository(name: &str, artifacts: Vec<Artifact>) -> Repository {
        Repository { project: "team".to_owned(), name: name.to_owned(), artifacts }
    }

    #[test]
    fn a_repository_that_comes_in_several_parts_is_one() {
        let (mut artifacts, mut digests) = (Artifacts::default(), Digests::default());
        artifacts.push(&mut digests, repository("a/b", vec![artifact("sha256:1", &["x", "y"])]));
        artifacts.push(&mut digests, repository("a/b", vec![artifact("sha256:2", &[])]));
        artifacts.push(&mut digests, repository("c", vec![artifact("sha256:3", &["z"])]));
        assert_eq!(artifacts.repositories(), 2);
        assert_eq!(artifacts.of_repository(0), 0..2);
        assert_eq!(artifacts.name(0), ("team", "a/b"));
        assert_eq!(artifacts.full_name(1), "team/c");
        assert_eq!(artifacts.tags(0).collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(artifacts.tags(1).count(), 0);
        assert_eq!(artifacts.tags(2).collect::<Vec<_>>(), ["z"]);
        assert_eq!((artifacts.pushed(0), artifacts.pulled(0)), (Some(1), None));
        assert!(artifacts.holds(2, digests.read("sha256:child").unwrap()));
    }

    #[test]
    fn an_artifact_without_a_digest_is_left_out() {
        let (mut artifacts, mut digests) = (Artifacts::default(), Digests::default());
        artifacts.push(&mut digests, repository("a", vec![artifact("", &["x"])]));
        assert_eq!(artifacts.all(), 0..0);
        assert_eq!(artifacts.push_found(&mut digests, ("team", "b"), artifact("", &[])), None);
    }
}
