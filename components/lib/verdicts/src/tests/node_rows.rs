//! From the images of nodes to their rows.

use super::world::{self, image};
use crate::digest::Digests;
use crate::node_rows::collect;
use image_model::types::{Group, Image, NodeListing};

fn listing(groups: Vec<Vec<Image>>) -> NodeListing {
    let group = |(number, images): (usize, Vec<Image>)| -> Group { world::node(&format!("n{number}"), images) };
    NodeListing { groups: groups.into_iter().enumerate().map(group).collect(), failures: Vec::new() }
}

/// Reference, tag, image id, number of digests, groups.
type Shown<'a> = (Option<&'a str>, Option<&'a str>, &'a str, usize, Vec<u32>);

fn shown(nodes: &NodeListing) -> Vec<Shown<'_>> {
    let rows = collect(nodes, &mut Digests::default());
    rows.iter()
        .map(|row| (row.reference(nodes), row.tag(nodes), row.image_id(nodes), row.digests.len(), row.groups.clone()))
        .collect()
}

#[test]
fn an_image_of_three_tags_is_three_rows_with_the_digests_of_their_own_repository() {
    let nodes =
        listing(vec![vec![image("sha256:1", &["a:1", "a:2", "b:1"], &["a@sha256:x", "b@sha256:y", "b@sha256:z"])]]);
    assert_eq!(
        shown(&nodes),
        [
            (Some("a:1"), Some("1"), "1", 1, vec![0]),
            (Some("a:2"), Some("2"), "1", 1, vec![0]),
            (Some("b:1"), Some("1"), "1", 2, vec![0]),
        ]
    );
}

#[test]
fn a_repo_digest_is_a_reference_where_its_repository_has_no_tag_on_that_id() {
    let nodes = listing(vec![vec![image("1", &["nginx:1"], &["docker.io/library/nginx@sha256:x", "b@sha256:y"])]]);
    assert_eq!(
        shown(&nodes),
        [(Some("nginx:1"), Some("1"), "1", 1, vec![0]), (Some("b@sha256:y"), None, "1", 1, vec![0])]
    );
}

#[test]
fn rows_of_a_table_have_names_without_digests() {
    let nodes = listing(vec![vec![
        image("20faf770514bd", &["a:1"], &[]),
        image("30faf770514bd", &[], &["b"]),
        image("40faf770514bd", &[], &["c@e6f1816883972"]),
        image("50faf770514bd", &[], &[]),
        image("60faf770514bd", &["<none>:<none>"], &["<none>@<none>"]),
    ]]);
    assert_eq!(
        shown(&nodes),
        [
            (Some("a:1"), Some("1"), "20faf770514bd", 0, vec![0]),
            (Some("b"), None, "30faf770514bd", 0, vec![0]),
            (Some("c"), None, "40faf770514bd", 0, vec![0]),
            (None, None, "50faf770514bd", 0, vec![0]),
            (None, None, "60faf770514bd", 0, vec![0]),
        ]
    );
}

#[test]
fn the_same_reference_and_id_on_several_nodes_is_one_row() {
    let long = "sha256:20faf770514bd13c4041b33f2218046a836d658a9c5407a5e8841730a6a65171";
    let nodes = listing(vec![
        vec![image(long, &["a:1"], &["a@sha256:x"])],
        vec![image("20faf770514bd", &["a:1"], &[]), image("other", &["a:1"], &["a@sha256:x"])],
    ]);
    assert_eq!(
        shown(&nodes),
        [(Some("a:1"), Some("1"), "20faf770514bd", 1, vec![0, 1]), (Some("a:1"), Some("1"), "other", 1, vec![1]),]
    );
}

#[test]
fn so_many_digests_that_no_real_image_has_them_count_for_nothing() {
    let image_with = |count: usize| {
        let digests: Vec<String> = (0..count).map(|number| format!("a@sha256:{number}")).collect();
        image("1", &["a:1", "a:2"], &digests.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let counts = |count| shown(&listing(vec![vec![image_with(count)]])).iter().map(|row| row.3).collect::<Vec<_>>();
    assert_eq!(counts(64), [64, 64]);
    assert_eq!(counts(65), [0, 0]);
}
