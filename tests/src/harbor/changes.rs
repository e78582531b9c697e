//! What happens to Harbor's contents while it runs. Each change of a repository moves its `update_time` where Harbor marks
//! changes: seen one by one on a real Harbor 2.16. A pull moves it in older versions, too.

use super::artifacts::Artifact;
use super::contents::Contents;
use super::repository::Repository;
use super::stored::Tag;
use super::timestamp::Timestamp;
use std::time::Duration;

/// A proxy cache keeps the tag so long after the artifact, as recorded.
const CACHED_TAG_LATER: Duration = Duration::from_secs(10);

impl Contents {
    /// Pushes an artifact, whose tags move to it. Returns its digest. What the repository had under this digest goes.
    pub(super) fn push(&mut self, name: &str, artifact: Option<Artifact>) -> String {
        let now = self.clock.now();
        self.push_at(name, artifact, now)
    }

    /// The same with another `update_time` than now: a push that waited for its quota was stamped before.
    pub(super) fn push_at(&mut self, name: &str, artifact: Option<Artifact>, stamp: Timestamp) -> String {
        let (now, marks_changes) = (self.clock.now(), self.version.marks_changes());
        let (mut artifact_id, mut tag_id) = (self.last.artifact, self.last.tag);
        let repository = self.repository(name, now);
        let artifact = artifact.unwrap_or_else(|| Artifact::numbered(repository.take_number()));
        repository.delete_duplicate(&artifact.digest);
        let stored = repository.add(&artifact, (&mut artifact_id, &mut tag_id));
        stored.pushed = now;
        stored.tags.iter_mut().for_each(|tag| tag.pushed = now);
        if marks_changes {
            repository.updated = stamp;
        }
        (self.last.artifact, self.last.tag) = (artifact_id, tag_id);
        artifact.digest
    }

    /// Pushes the next numbered artifact under this tag and no other.
    pub(super) fn push_tagged(&mut self, name: &str, tag: &str) -> String {
        let now = self.clock.now();
        let number = self.repository(name, now).take_number();
        self.push(name, Some(Artifact::numbered(number).tagged(tag)))
    }

    /// Keeps an artifact of a proxy cache, pulled for the first time.
    pub(super) fn fill(&mut self, name: &str, artifact: Artifact) -> String {
        let digest = self.push(name, Some(artifact));
        let now = self.clock.now();
        if let Some(repository) = self.existing(name) {
            repository.pulls += 1;
            if let Some(stored) = repository.find_mut(&digest) {
                stored.pulled = now;
                for tag in &mut stored.tags {
                    (tag.pushed, tag.pulled) = (now.plus(CACHED_TAG_LATER), now.plus(CACHED_TAG_LATER));
                }
            }
        }
        digest
    }

    /// Moves a tag to an artifact, or adds it.
    pub(super) fn put_tag(&mut self, name: &str, reference: &str, tag: &str) {
        let now = self.clock.now();
        let id = self.last.tag + 1;
        self.change(name, |repository| {
            let moved = repository.take_tag(tag);
            if let Some(stored) = repository.find_mut(reference) {
                let id = moved.map_or(id, |tag| tag.id);
                stored.tags.push(Tag { id, name: tag.to_owned(), pushed: now, pulled: Timestamp::NEVER });
            }
        });
        self.last.tag = id;
    }

    pub(super) fn delete_tag(&mut self, name: &str, tag: &str) {
        self.change(name, |repository| drop(repository.take_tag(tag)));
    }

    pub(super) fn delete_artifact(&mut self, name: &str, reference: &str) {
        self.change(name, |repository| {
            repository.delete(reference);
        });
    }

    pub(super) fn delete_newest(&mut self, name: &str) {
        self.change(name, Repository::delete_newest);
    }

    pub(super) fn create_project(&mut self, name: &str, public: bool) {
        let now = self.clock.now();
        self.project(name, now).public = public;
    }

    /// Deletes a project with all that is in it. A real Harbor wants its repositories to be deleted first.
    pub(super) fn delete_project(&mut self, name: &str) {
        let repositories: Vec<String> = self.repositories_of(name).map(|own| own.name.clone()).collect();
        for repository in repositories {
            self.remove(&repository);
        }
        self.projects.remove(name);
    }

    /// Pulls an artifact by tag or digest.
    pub(super) fn pull(&mut self, name: &str, reference: &str) {
        let now = self.clock.now();
        let Some(repository) = self.existing(name) else { return };
        let Some(stored) = repository.find_mut(reference) else { return };
        stored.pulled = now;
        stored.tags.iter_mut().filter(|tag| tag.name == reference).for_each(|tag| tag.pulled = now);
        repository.pulls += 1;
        repository.updated = now;
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Repository)) {
        let (now, marks_changes) = (self.clock.now(), self.version.marks_changes());
        let Some(repository) = self.existing(name) else { return };
        change(repository);
        if marks_changes {
            repository.updated = now;
        }
    }
}
