//! From the nodes' images to rows: one for each tag, in order.

use crate::reference::{self, Name};
use crate::types::{Group, Image};

/// A row: one tag of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRow {
    /// As the runtime gives it.
    pub id: String,
    /// With its registry, such as `registry.k8s.io/pause`; `None` where the image has no name.
    pub repository: Option<String>,
    /// `None` where the image has no tag.
    pub tag: Option<String>,
    /// Bytes.
    pub size: u64,
}

/// The rows of all nodes. An image that several groups have gives its rows once.
pub fn rows_of_groups(mut groups: Vec<Group>) -> Vec<ImageRow> {
    match groups.len() {
        1 => rows(groups.remove(0).images),
        _ => {
            let mut rows = rows(groups.into_iter().flat_map(|group| group.images).collect());
            rows.dedup_by(|later, earlier| key(later) == key(earlier));
            rows
        }
    }
}

/// One row for each tag of each image, ordered by repository, tag and id.
pub fn rows(images: Vec<Image>) -> Vec<ImageRow> {
    let mut rows = Vec::with_capacity(images.len());
    for Image { mut id, repo_tags, repo_digests, size, .. } in images {
        let names = reference::names(repo_tags, &repo_digests);
        let count = names.len();
        for (index, Name { repository, tag }) in names.into_iter().enumerate() {
            let id = if index + 1 == count { std::mem::take(&mut id) } else { id.clone() };
            rows.push(ImageRow { id, repository, tag, size });
        }
    }
    // The size settles the order of two images with one id, so that equal inventories give equal bytes.
    rows.sort_by(|one, other| key(one).cmp(&key(other)).then(one.size.cmp(&other.size)));
    rows
}

fn key(row: &ImageRow) -> impl Ord + '_ {
    reference::sort_key(row.repository.as_deref(), row.tag.as_deref(), &row.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, tags: &[&str], digests: &[&str]) -> Image {
        let strings = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Image { id: id.into(), repo_tags: strings(tags), repo_digests: strings(digests), size: 1000, pinned: false }
    }

    fn shown(rows: &[ImageRow]) -> Vec<(Option<&str>, Option<&str>, &str)> {
        rows.iter().map(|row| (row.repository.as_deref(), row.tag.as_deref(), row.id.as_str())).collect()
    }

    #[test]
    fn each_tag_is_a_row_and_rows_are_ordered_with_missing_names_last() {
        let rows = rows(vec![
            image("sha256:3", &[], &[]),
            image("sha256:2", &["b:2", "localhost:5000/a:1", "b:1"], &["b@sha256:d"]),
            image("sha256:1", &[], &["a@sha256:e"]),
        ]);
        assert_eq!(
            shown(&rows),
            [
                (Some("a"), None, "sha256:1"),
                (Some("b"), Some("1"), "sha256:2"),
                (Some("b"), Some("2"), "sha256:2"),
                (Some("localhost:5000/a"), Some("1"), "sha256:2"),
                (None, None, "sha256:3"),
            ]
        );
    }

    #[test]
    fn the_order_of_rows_does_not_depend_on_the_order_of_images() {
        let one = image("sha256:1", &["shared:1"], &[]);
        let other = image("sha256:2", &["shared:1"], &[]);
        let forward = rows(vec![one.clone(), other.clone()]);
        let backward = rows(vec![other, one]);
        assert_eq!(shown(&forward), shown(&backward));
    }

    #[test]
    fn an_image_of_several_groups_gives_its_rows_once() {
        let group = |images| Group { nodes: Vec::new(), images };
        let shared = image("sha256:1", &["a:1"], &[]);
        let rows =
            rows_of_groups(vec![group(vec![shared.clone()]), group(vec![shared, image("sha256:2", &["a:1"], &[])])]);
        assert_eq!(shown(&rows), [(Some("a"), Some("1"), "sha256:1"), (Some("a"), Some("1"), "sha256:2")]);
    }
}
