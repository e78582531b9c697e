//! A repository, and its artifacts from the newest to the oldest.

use super::artifacts::{Artifact, Artifacts, IMAGE, seconds_of_2025};
use super::stored::{Stored, Tag};
use super::timestamp::Timestamp;
use std::cmp::Reverse;

/// A repository, and what Harbor knows of it.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    pub(super) id: u64,
    /// With the project.
    pub(super) name: String,
    pub(super) project: u64,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) pulls: u64,
    /// Newest first, and newer than the numbered ones.
    own: Vec<Stored>,
    /// So many as [`Artifact::numbered`] makes, which take no memory until one of them changes.
    numbered: usize,
    /// The id of the first numbered one.
    first: u64,
    /// Images of indexes: no list has them.
    children: Vec<Stored>,
    /// The number of the artifact that is pushed next.
    next: usize,
}

/// Where an artifact is in its repository.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Own(usize),
    Numbered(usize),
}

impl Repository {
    pub(super) fn new(id: u64, name: &str, project: u64, time: Timestamp) -> Self {
        Self {
            id,
            name: name.to_owned(),
            project,
            created: time,
            updated: time,
            pulls: 0,
            own: Vec::new(),
            numbered: 0,
            first: 0,
            children: Vec::new(),
            next: 0,
        }
    }

    /// Puts these in place of what is there. `ids` are the last ids of an artifact and of a tag.
    pub(super) fn fill(&mut self, artifacts: &Artifacts, ids: (&mut u64, &mut u64)) {
        let (artifact_id, tag_id) = ids;
        (self.own, self.children, self.numbered) = (Vec::new(), Vec::new(), 0);
        match artifacts {
            Artifacts::Numbered(count) => {
                (self.numbered, self.first, self.next) = (*count, *artifact_id + 1, *count);
                *artifact_id += *count as u64;
            }
            Artifacts::These(artifacts) => {
                for artifact in artifacts.iter().rev() {
                    self.add(artifact, (&mut *artifact_id, &mut *tag_id));
                }
                self.next = artifacts.iter().map(|artifact| artifact.pushed + 1).max().unwrap_or(0);
            }
        }
    }

    /// Adds an artifact as it was pushed. Its tags leave those that had them.
    pub(super) fn add(&mut self, artifact: &Artifact, (artifact_id, tag_id): (&mut u64, &mut u64)) -> &mut Stored {
        for tag in &artifact.tags {
            self.take_tag(tag);
        }
        let mut next = || {
            *artifact_id += 1;
            *artifact_id
        };
        let (stored, children) = Stored::of(artifact, &mut next, tag_id);
        self.children.extend(children);
        self.keep(stored)
    }

    /// Keeps an artifact that has its ids and times already.
    pub(super) fn keep(&mut self, stored: Stored) -> &mut Stored {
        self.own.insert(0, stored);
        &mut self.own[0]
    }

    /// Keeps an image of an index.
    pub(super) fn keep_child(&mut self, stored: Stored) {
        self.children.push(stored);
    }

    /// Puts the artifacts in their order after times were changed.
    pub(super) fn sort(&mut self) {
        self.own.sort_by_key(|stored| Reverse((stored.pushed, stored.id)));
    }

    /// The number of the next artifact.
    pub(super) fn take_number(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// The artifacts that lists have.
    pub(super) fn count(&self) -> usize {
        self.own.len() + self.numbered
    }

    /// All rows of Harbor's table of artifacts.
    pub(super) fn stored_count(&self) -> usize {
        let accessories: usize = self.own.iter().map(|stored| stored.accessories.len()).sum();
        self.count() + self.children.len() + accessories
    }

    /// The place of the artifact before which so many newer ones come.
    pub(super) fn place(&self, newer: usize) -> Place {
        match newer.checked_sub(self.own.len()) {
            None => Place::Own(newer),
            Some(newer) => Place::Numbered(self.numbered.saturating_sub(newer + 1)),
        }
    }

    /// Time of the push, and id.
    pub(super) fn age(&self, place: Place) -> (Timestamp, u64) {
        match place {
            Place::Own(at) => (self.own[at].pushed, self.own[at].id),
            Place::Numbered(number) => (seconds_of_2025(number), self.first + number as u64),
        }
    }

    pub(super) fn is_tagged(&self, place: Place) -> bool {
        match place {
            Place::Own(at) => !self.own[at].tags.is_empty(),
            Place::Numbered(_) => true,
        }
    }

    /// Whether no list has an untagged artifact.
    pub(super) fn all_tagged(&self) -> bool {
        self.own.iter().all(|stored| !stored.tags.is_empty())
    }

    pub(super) fn at(&self, place: Place) -> Stored {
        match place {
            Place::Own(at) => self.own[at].clone(),
            Place::Numbered(number) => self.numbered(number),
        }
    }

    /// The artifact with this tag or digest, and the images of indexes by digest.
    pub(super) fn find(&self, reference: &str) -> Option<Stored> {
        let fits = |stored: &&Stored| stored.digest == reference || stored.has_tag(reference);
        let own = self.own.iter().chain(&self.children).find(fits).cloned();
        own.or_else(|| self.number_of(reference).map(|number| self.numbered(number)))
    }

    /// The numbered artifact that still has its place and this tag or digest.
    fn number_of(&self, reference: &str) -> Option<usize> {
        let number = match reference.strip_prefix("sha256:") {
            Some(hex) => usize::from_str_radix(hex, 16).ok()?,
            None => reference.strip_prefix('v')?.parse().ok()?,
        };
        let stored = (number < self.numbered).then(|| self.numbered(number))?;
        (stored.digest == reference || stored.has_tag(reference)).then_some(number)
    }

    /// The same, to be changed.
    pub(super) fn find_mut(&mut self, reference: &str) -> Option<&mut Stored> {
        self.write_out();
        let fits = |stored: &&mut Stored| stored.digest == reference || stored.has_tag(reference);
        self.own.iter_mut().chain(&mut self.children).find(fits)
    }

    /// Takes a tag away from the artifact that has it.
    pub(super) fn take_tag(&mut self, tag: &str) -> Option<Tag> {
        if self.number_of(tag).is_some() {
            self.write_out();
        }
        let stored = self.own.iter_mut().find(|stored| stored.has_tag(tag))?;
        let at = stored.tags.iter().position(|own| own.name == tag)?;
        Some(stored.tags.remove(at))
    }

    /// Deletes an artifact. Says whether it was there.
    pub(super) fn delete(&mut self, reference: &str) -> bool {
        self.write_out();
        let before = self.own.len();
        self.own.retain(|stored| stored.digest != reference && !stored.has_tag(reference));
        let kept =
            |child: &Stored| self.own.iter().any(|own| own.references.iter().any(|of| of.digest == child.digest));
        self.children.retain(kept);
        self.own.len() < before
    }

    /// Makes room for a push of a digest that is there already: Harbor has one artifact a digest.
    pub(super) fn delete_duplicate(&mut self, digest: &str) {
        if self.find(digest).is_some() {
            self.delete(digest);
        }
    }

    /// Deletes the newest artifact.
    pub(super) fn delete_newest(&mut self) {
        if self.own.is_empty() {
            self.numbered = self.numbered.saturating_sub(1);
        } else {
            self.own.remove(0);
        }
    }

    /// Gives the numbered artifacts a place of their own, so that they can change.
    fn write_out(&mut self) {
        let numbered: Vec<Stored> = (0..self.numbered).rev().map(|number| self.numbered(number)).collect();
        self.own.extend(numbered);
        self.numbered = 0;
    }

    fn numbered(&self, number: usize) -> Stored {
        let (id, pushed) = (self.first + number as u64, seconds_of_2025(number));
        let tag = Tag { id, name: format!("v{number}"), pushed, pulled: Timestamp::NEVER };
        Stored {
            id,
            digest: format!("sha256:{number:064x}"),
            size: 1_500_000,
            media_type: IMAGE.to_owned(),
            architecture: "amd64".to_owned(),
            pushed,
            pulled: Timestamp::NEVER,
            tags: vec![tag],
            references: Vec::new(),
            accessories: Vec::new(),
        }
    }
}
