//! The rows of both sources as records of the store, and back.

#![forbid(unsafe_code)]

use image_model::types::{Artifact, Group, Image, ListingEnd, Node, NodeState, Project, Registry, Repository};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use stored_rows::{Chunks, Cursor};

/// A record of the store.
#[derive(Serialize, Deserialize)]
enum Record<'a> {
    /// Begins a group of nodes.
    Group,
    /// The name of a node of the group.
    Node(Cow<'a, str>),
    /// An image of the group.
    Image(Cow<'a, Image>),
    /// Begins a repository: its project, and its name there.
    Repository(Cow<'a, str>, Cow<'a, str>),
    /// An artifact of the repository.
    Artifact(Cow<'a, Artifact>),
    /// What the registry says of itself.
    Registry(Cow<'a, Registry>),
    Project(Cow<'a, Project>),
}

/// The records of the nodes' images.
pub(crate) fn of_nodes(groups: &[Group]) -> Chunks {
    let mut rows = Chunks::default();
    for Group { nodes, images } in groups {
        rows.push(&Record::Group);
        nodes.iter().for_each(|node| rows.push(&Record::Node(Cow::Borrowed(&node.name))));
        images.iter().for_each(|image| rows.push(&Record::Image(Cow::Borrowed(image))));
    }
    rows
}

/// The nodes as they were `age` seconds ago.
pub(crate) fn nodes(rows: &Chunks, age: u64) -> Vec<Group> {
    let (mut groups, mut cursor): (Vec<Group>, _) = (Vec::new(), Cursor::default());
    while let Some(record) = rows.next::<Record<'_>>(&mut cursor) {
        match (record, groups.last_mut()) {
            (Record::Group, _) => groups.push(Group { nodes: Vec::new(), images: Vec::new() }),
            (Record::Node(name), Some(group)) => {
                group.nodes.push(Node { name: name.into_owned(), state: NodeState::Stale, age: Some(age) });
            }
            (Record::Image(image), Some(group)) => group.images.push(image.into_owned()),
            // Another version wrote them.
            _ => {}
        }
    }
    groups
}

/// Appends artifacts of the registry.
pub(crate) fn push_repository(rows: &mut Chunks, Repository { project, name, artifacts }: Repository) {
    rows.push(&Record::Repository(Cow::Owned(project), Cow::Owned(name)));
    artifacts.into_iter().for_each(|artifact| rows.push(&Record::Artifact(Cow::Owned(artifact))));
}

/// Appends what the end of a listing tells, apart from its failures and its method.
pub(crate) fn push_end(rows: &mut Chunks, end: &ListingEnd) {
    end.registry.iter().for_each(|registry| rows.push(&Record::Registry(Cow::Borrowed(registry))));
    end.projects.iter().for_each(|project| rows.push(&Record::Project(Cow::Borrowed(project))));
}

/// A listing of the registry that is read from records.
#[derive(Default)]
pub(crate) struct Replay {
    rows: Chunks,
    cursor: Cursor,
    /// The repository whose artifacts are being read.
    current: Option<(String, String)>,
    /// What the end tells, as far as it was read.
    pub(crate) end: ListingEnd,
}

impl Replay {
    pub(crate) fn new(rows: Chunks) -> Self {
        Self { rows, ..Self::default() }
    }

    /// The next repositories, of `least` artifacts or more together; at the end, the rest.
    pub(crate) fn next(&mut self, least: usize) -> Vec<Repository> {
        let (mut batch, mut count): (Vec<Repository>, _) = (Vec::new(), 0);
        let mut is_in_batch = false;
        while count < least
            && let Some(record) = self.rows.next::<Record<'_>>(&mut self.cursor)
        {
            match record {
                Record::Repository(project, name) => {
                    self.current = Some((project.into_owned(), name.into_owned()));
                    is_in_batch = false;
                }
                Record::Artifact(artifact) => {
                    count += 1;
                    match (batch.last_mut().filter(|_| is_in_batch), &self.current) {
                        (Some(repository), _) => repository.artifacts.push(artifact.into_owned()),
                        (None, Some((project, name))) => {
                            let (project, name) = (project.clone(), name.clone());
                            batch.push(Repository { project, name, artifacts: vec![artifact.into_owned()] });
                            is_in_batch = true;
                        }
                        (None, None) => {}
                    }
                }
                Record::Registry(registry) => self.end.registry = Some(registry.into_owned()),
                Record::Project(project) => self.end.projects.push(project.into_owned()),
                Record::Group | Record::Node(_) | Record::Image(_) => {}
            }
        }
        batch
    }

    /// The records.
    pub(crate) fn into_rows(self) -> Chunks {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_read_back_with_their_age() {
        let image = Image {
            id: "sha256:1".to_owned(),
            repo_tags: vec!["a:1".to_owned()],
            repo_digests: vec!["a@sha256:2".to_owned()],
            size: 7,
            pinned: true,
        };
        let node = |name: &str, state, age| Node { name: name.to_owned(), state, age };
        let groups = |state, age| {
            let nodes = vec![node("a", state, age), node("b", state, age)];
            [Group { nodes, images: vec![image.clone()] }, Group { nodes: vec![node("c", state, age)], images: vec![] }]
        };
        let rows = of_nodes(&groups(NodeState::Answered, Some(0)));
        assert_eq!(nodes(&rows, 5), groups(NodeState::Stale, Some(5)));
    }

    #[test]
    fn a_listing_reads_back_in_batches_of_any_size() {
        let artifact = |number: usize| Artifact { digest: format!("sha256:{number}"), ..Artifact::default() };
        let repository = |name: &str, count| Repository {
            project: "p".to_owned(),
            name: name.to_owned(),
            artifacts: (0..count).map(artifact).collect(),
        };
        let project = Project { name: "p".to_owned(), proxy_cache: true, complete: true };
        let registry = Registry { version: Some("v2.16.0".to_owned()), hosts: vec![], login_counts: true };
        let end = ListingEnd { registry: Some(registry), projects: vec![project], ..ListingEnd::default() };
        for least in [1, 2, 3, 100] {
            let mut rows = Chunks::default();
            [repository("a", 3), repository("b", 1)]
                .into_iter()
                .for_each(|rows_of| push_repository(&mut rows, rows_of));
            push_end(&mut rows, &end);
            let mut replay = Replay::new(rows);
            let batches: Vec<_> =
                std::iter::from_fn(|| Some(replay.next(least)).filter(|batch| !batch.is_empty())).collect();
            let names: Vec<String> = batches
                .iter()
                .flatten()
                .flat_map(|rows| rows.artifacts.iter().map(|artifact| format!("{}@{}", rows.name, artifact.digest)))
                .collect();
            assert_eq!(names, ["a@sha256:0", "a@sha256:1", "a@sha256:2", "b@sha256:0"], "{least}");
            assert_eq!(replay.end, end);
        }
    }
}
