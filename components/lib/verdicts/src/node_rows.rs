//! The references of all nodes' images: one row for each reference and image id.

use crate::artifacts::Artifacts;
use crate::digest::{Digest, Digests};
use crate::reason::Reason;
use crate::reference::{Parts, Place};
use crate::verdict::Verdicts;
use image_model::id;
use image_model::types::{Group, Image, NodeListing};
use std::collections::{HashMap, HashSet};

/// Most digests of one image in one repository. Real images have a few.
const MAX_DIGESTS: usize = 64;

/// Where the text of a reference is, so that no row copies it.
#[derive(Clone, Copy, Debug)]
struct TextAt {
    group: u32,
    image: u32,
    /// The number of the repo tag; of the repo digest, behind all tags; none where the image has no name.
    index: Option<u32>,
}

impl TextAt {
    fn get<'a>(&self, nodes: &'a NodeListing) -> Option<&'a str> {
        let image = &nodes.groups[self.group as usize].images[self.image as usize];
        let index = self.index? as usize;
        match index.checked_sub(image.repo_tags.len()) {
            None => image.repo_tags.get(index).map(String::as_str),
            Some(index) => image.repo_digests.get(index).map(String::as_str),
        }
    }
}

/// A reference on nodes.
#[derive(Debug)]
pub(crate) struct NodeRow {
    text: TextAt,
    text_length: usize,
    repository_length: usize,
    has_tag: bool,
    /// Of a reference by digest.
    pub(crate) own_digest: Option<Digest>,
    /// The digests of this repository.
    pub(crate) digests: Vec<Digest>,
    pub(crate) bytes: u64,
    pub(crate) pinned: bool,
    /// The groups of nodes that have it, in order.
    pub(crate) groups: Vec<u32>,
    /// The artifact that the tag names now.
    pub(crate) tagged: Option<u32>,
    /// The artifacts that have the digest, or are an index of it.
    pub(crate) holders: Vec<u32>,
    /// Whether Harbor itself says that there is no such tag, and of how many of the digests it says so.
    pub(crate) tag_absent: bool,
    pub(crate) absent_digests: usize,
    pub(crate) verdicts: Verdicts,
    pub(crate) reason: Option<Reason>,
    /// The number of a newer tag.
    pub(crate) newer: Option<u32>,
}

impl NodeRow {
    fn image<'a>(&self, nodes: &'a NodeListing) -> &'a Image {
        &nodes.groups[self.text.group as usize].images[self.text.image as usize]
    }

    /// The reference as the runtime gives it; `None` where the image has no name.
    pub(crate) fn reference<'a>(&self, nodes: &'a NodeListing) -> Option<&'a str> {
        let text = self.text.get(nodes)?;
        Some(&text[..self.text_length])
    }

    /// With the registry, as the runtime gives it.
    pub(crate) fn repository<'a>(&self, nodes: &'a NodeListing) -> Option<&'a str> {
        Some(&self.reference(nodes)?[..self.repository_length])
    }

    pub(crate) fn tag<'a>(&self, nodes: &'a NodeListing) -> Option<&'a str> {
        if !self.has_tag {
            return None;
        }
        let behind = &self.reference(nodes)?[self.repository_length + 1..];
        Some(behind.split_once('@').map_or(behind, |(tag, _)| tag))
    }

    /// The id as `crictl images` prints it.
    pub(crate) fn image_id<'a>(&self, nodes: &'a NodeListing) -> &'a str {
        id::short(&self.image(nodes).id)
    }

    /// The digests by which it is judged: its own, or those of its repository.
    pub(crate) fn judged_digests(&self) -> &[Digest] {
        self.own_digest.as_ref().map_or(&self.digests, std::slice::from_ref)
    }

    /// Whether Harbor itself says that it has none of the digests.
    pub(crate) fn digests_absent(&self) -> bool {
        self.absent_digests >= self.judged_digests().len()
    }

    /// The artifact to show: the one that the tag names, or the one that has the digest.
    pub(crate) fn artifact(&self, artifacts: &Artifacts) -> Option<u32> {
        let own = |artifact: &&u32| self.judged_digests().contains(&artifacts.digest(**artifact));
        self.tagged.or_else(|| self.holders.iter().find(own).or(self.holders.first()).copied())
    }
}

/// All rows of the nodes. Images with the same reference and id are one row, also where one node gave a short id.
pub(crate) fn collect(nodes: &NodeListing, digests: &mut Digests) -> Vec<NodeRow> {
    let mut rows = Rows { nodes, rows: Vec::new(), by_key: HashMap::new() };
    for (group, Group { images, .. }) in nodes.groups.iter().enumerate() {
        for (image, _) in images.iter().enumerate() {
            rows.add_image(group as u32, image as u32, digests);
        }
    }
    let mut rows = rows.rows;
    for row in &mut rows {
        row.digests.sort_by_key(|digest| digests.text(*digest));
        row.digests.dedup();
    }
    rows
}

/// A text of an image, and where its repository is; `None` where it names none.
fn named(text: &str) -> Option<(Parts<'_>, Place<'_>)> {
    let parts = Parts::of(text)?;
    Some((parts, Place::of(parts.repository)))
}

/// An item with its number, where there is one.
fn present<T>((number, item): (usize, &Option<T>)) -> Option<(usize, &T)> {
    Some((number, item.as_ref()?))
}

struct Rows<'a> {
    nodes: &'a NodeListing,
    rows: Vec<NodeRow>,
    by_key: HashMap<(Option<&'a str>, &'a str), usize>,
}

impl<'a> Rows<'a> {
    fn add_image(&mut self, group: u32, number: u32, digests: &mut Digests) {
        let image = &self.nodes.groups[group as usize].images[number as usize];
        let at = |index| TextAt { group, image: number, index };
        let of_tags: Vec<_> = image.repo_tags.iter().map(|text| named(text)).collect();
        let of_digests: Vec<_> = image.repo_digests.iter().map(|text| named(text)).collect();
        let tagged: HashSet<&Place<'_>> = of_tags.iter().flatten().map(|(_, place)| place).collect();
        let mut by_place: HashMap<&Place<'_>, Vec<Digest>> = HashMap::new();
        for (parts, place) in of_digests.iter().flatten() {
            by_place.entry(place).or_default().extend(parts.digest.and_then(|digest| digests.read(digest)));
        }
        // Each row of the repository has them all. So many are no real image's, and what can't be told is unknown.
        by_place.retain(|_, digests| digests.len() <= MAX_DIGESTS);
        let of_place = |place| by_place.get(place).cloned().unwrap_or_default();
        for (index, (parts, place)) in of_tags.iter().enumerate().filter_map(present) {
            let mut of_repository = of_place(place);
            of_repository.extend(parts.digest.and_then(|digest| digests.read(digest)));
            self.add(at(Some(index as u32)), parts, None, of_repository);
        }
        for (index, (parts, place)) in of_digests.iter().enumerate().filter_map(present) {
            if !tagged.contains(place) {
                let own = parts.digest.and_then(|digest| digests.read(digest));
                self.add(at(Some((image.repo_tags.len() + index) as u32)), parts, own, of_place(place));
            }
        }
        let named = tagged.len() + of_digests.iter().flatten().count() > 0;
        if !named {
            let nothing = Parts { repository: "", tag: None, digest: None };
            self.add(at(None), &nothing, None, Vec::new());
        }
    }

    fn add(&mut self, text: TextAt, parts: &Parts<'a>, own_digest: Option<Digest>, digests: Vec<Digest>) {
        let nodes = self.nodes;
        let image = &nodes.groups[text.group as usize].images[text.image as usize];
        // What is behind the repository counts only where it is a tag or a digest: crictl's table has short digests.
        let mut text_length = parts.repository.len();
        if let Some(tag) = parts.tag {
            text_length += 1 + tag.len();
        }
        if own_digest.is_some() {
            text_length = text.get(nodes).map_or(text_length, str::len);
        }
        let row = NodeRow {
            text,
            text_length,
            repository_length: parts.repository.len(),
            has_tag: parts.tag.is_some(),
            own_digest: own_digest.filter(|_| parts.tag.is_none()),
            digests,
            bytes: image.size,
            pinned: image.pinned,
            groups: vec![text.group],
            tagged: None,
            holders: Vec::new(),
            tag_absent: false,
            absent_digests: 0,
            verdicts: Verdicts::NONE,
            reason: None,
            newer: None,
        };
        let next = self.rows.len();
        let index = *self.by_key.entry((row.reference(nodes), row.image_id(nodes))).or_insert(next);
        match self.rows.get_mut(index) {
            None => self.rows.push(row),
            Some(known) => {
                if known.groups.last() != Some(&text.group) {
                    known.groups.push(text.group);
                }
                known.digests.extend(row.digests);
                known.pinned |= row.pinned;
                // A table of crictl has three digits of it, and the answer must not depend on which node comes first.
                known.bytes = known.bytes.max(row.bytes);
            }
        }
    }
}
