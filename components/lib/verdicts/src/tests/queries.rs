//! Filters, orders and pages.

use super::world::*;
use crate::{Inventory, Query};
use image_model::types::*;
use proptest::prelude::*;

fn rows(inventory: &Inventory, query: &str) -> Vec<String> {
    let page = inventory.page(&Query::parse(query).unwrap());
    page.rows.iter().map(|number| reference(&inventory.row(*number))).collect()
}

fn small() -> Inventory {
    let mut big = pulled("bbbbbbbbbbbbb", "h.example/team/Pytorch", "2.3", "ab12cd");
    big.size = 5000;
    let mut app = artifact("5", &["9"], &[]);
    app.pushed = Some(1);
    World::new(
        vec![
            node("a", vec![big, pulled("c", "quay.io/tool", "1", "2")]),
            node("b", vec![pulled("c", "quay.io/tool", "1", "2"), image("d", &[], &[])]),
        ],
        vec![repository("team/app", vec![app]), repository("team/new", vec![artifact("6", &["1"], &[])])],
    )
    .inventory()
}

const TORCH: &str = "h.example/team/Pytorch:2.3";
const TOOL: &str = "quay.io/tool:1";
const APP: &str = "h.example/team/app:9";
const NEW: &str = "h.example/team/new:1";
const NO_NAME: &str = "";

#[test]
fn filters_choose_rows() {
    let inventory = small();
    for (query, expected) in [
        ("", &[TORCH, APP, NEW, TOOL, NO_NAME][..]),
        ("q=pytorch", &[TORCH]),
        ("q=TEAM+2.3", &[TORCH]),
        ("q=team+nothing", &[]),
        ("q=torch:2", &[TORCH]),
        ("q=ab12cd", &[TORCH]),
        ("q=bbbbbbb", &[TORCH]),
        ("q=team&q=AB12CD", &[TORCH]),
        ("source=containerd", &[TORCH, TOOL, NO_NAME]),
        ("source=harbor", &[APP, NEW]),
        ("source=harbor,containerd", &[TORCH, APP, NEW, TOOL, NO_NAME]),
        ("node=a", &[TORCH, TOOL]),
        ("node=b", &[TOOL, NO_NAME]),
        ("node=a,b&verdict=foreign", &[TOOL]),
        ("node=nowhere", &[]),
        ("project=team", &[TORCH, APP, NEW]),
        ("project=tea", &[]),
        ("registry=quay.io", &[TOOL]),
        ("registry=H.EXAMPLE:443", &[TORCH, APP, NEW]),
        ("verdict=missing&verdict=foreign", &[TORCH, TOOL]),
        ("tag=1", &[NEW, TOOL]),
        ("tag=1&project=team", &[NEW]),
    ] {
        assert_eq!(rows(&inventory, query), expected, "{query}");
    }
}

#[test]
fn rows_are_sorted_by_each_column_in_both_directions() {
    let inventory = small();
    for (sort, expected) in [
        ("name", [TORCH, APP, NEW, TOOL, NO_NAME]),
        ("size", [TOOL, NO_NAME, APP, NEW, TORCH]),
        ("nodes", [APP, NEW, TORCH, NO_NAME, TOOL]),
        ("pushed", [TORCH, TOOL, NO_NAME, APP, NEW]),
        ("verdict", [TORCH, NO_NAME, TOOL, APP, NEW]),
        ("digest", [TOOL, APP, NEW, TORCH, NO_NAME]),
    ] {
        assert_eq!(rows(&inventory, &format!("sort={sort}")), expected, "{sort}");
        let mut expected = expected;
        expected.reverse();
        assert_eq!(rows(&inventory, &format!("sort={sort}&order=desc")), expected, "{sort}, descending");
    }
}

#[test]
fn counts_are_of_all_pages_and_of_all_verdicts() {
    let inventory = small();
    let page = inventory.page(&Query::parse("q=team&verdict=missing&limit=1").unwrap());
    assert_eq!((page.rows.len(), page.total, page.next), (1, 1, None));
    assert_eq!((page.counts.of(crate::Verdict::Missing), page.counts.of(crate::Verdict::OnNoNode)), (1, 2));
}

#[test]
fn a_cursor_of_another_query_is_refused() {
    let next = small().page(&Query::parse("limit=1").unwrap()).next.unwrap();
    assert!(Query::parse(&format!("limit=2&cursor={next}")).is_ok());
    for query in ["q=a&", "sort=size&", "order=desc&", "node=a&"] {
        let error = Query::parse(&format!("{query}cursor={next}")).unwrap_err();
        assert_eq!((error.parameter.as_str(), error.problem), ("cursor", crate::Problem::OtherQuery));
    }
}

/// A row of the node, or of the registry: a repository, a tag, a digest.
type Item = (bool, u8, u8, u8);

fn inventory(items: &[Item]) -> Inventory {
    let mut images = Vec::new();
    let mut repositories = std::collections::BTreeMap::<String, Vec<Artifact>>::new();
    for (on_node, name, tag, end) in items {
        let (tag, end) = (tag.to_string(), format!("{end:x}"));
        if *on_node {
            let mut image = match name % 4 {
                0 => image(&end, &[], &[]),
                1 => image(&end, &[], &[&format!("quay.io/r{name}@{}", digest(&end))]),
                _ => pulled(&end, &format!("h.example/team/r{name}"), &tag, &end),
            };
            image.size = u64::from(*name) % 3;
            images.push(image);
        } else {
            let mut artifact = artifact(&end, &[&tag], &[]);
            (artifact.size, artifact.pushed) = (u64::from(*name) % 3, Some(u64::from(*name) % 2));
            let artifacts = repositories.entry(format!("team/r{name}")).or_default();
            // A repository has a digest once.
            if artifacts.iter().all(|other| other.digest != artifact.digest) {
                artifacts.push(artifact);
            }
        }
    }
    let repositories = repositories.into_iter().map(|(name, artifacts)| repository(&name, artifacts)).collect();
    World::new(vec![node("n", images)], repositories).inventory()
}

/// All of a row that a client can tell rows apart by.
fn identity(inventory: &Inventory, number: crate::RowNumber) -> String {
    let row = inventory.row(number);
    format!("{} {:?} {:?}", reference(&row), row.image_id(), row.own_digest())
}

fn items(size: usize) -> impl Strategy<Value = Vec<Item>> {
    proptest::collection::vec((any::<bool>(), 0_u8..6, 0_u8..3, 0_u8..20), 0..size)
}

const SORTS: [&str; 6] = ["name", "size", "nodes", "pushed", "verdict", "digest"];

proptest! {
    #[test]
    fn pages_in_a_row_are_the_whole_list(items in items(40), limit in 1_u32..7, sort in 0..SORTS.len(), descending: bool) {
        let inventory = inventory(&items);
        let query = format!("sort={}&order={}", SORTS[sort], if descending { "desc" } else { "asc" });
        let whole = inventory.whole(&Query::parse(&query).unwrap());
        prop_assert_eq!(whole.total as usize, whole.rows.len());
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = inventory.page(&Query::parse(&format!("{query}&limit={limit}&cursor={cursor}")).unwrap());
            prop_assert_eq!(page.total, whole.total);
            prop_assert!(page.rows.len() <= limit as usize);
            rows.extend(page.rows);
            match page.next {
                Some(next) => cursor = next,
                None => break,
            }
        }
        prop_assert_eq!(rows, whole.rows);
    }

    #[test]
    fn no_row_that_stays_comes_twice_or_is_lost_when_rows_change_between_pages(
        stay in items(20), first in items(20), second in items(20), limit in 1_u32..7, descending: bool,
    ) {
        // A listing that has other rows at each page, and some that stay.
        let with = |items: &[Item]| inventory(&[&stay, items].concat());
        let inventories = [with(&first), with(&second), with(&[])];
        let query = format!("order={}&limit={limit}", if descending { "desc" } else { "asc" });
        let (mut seen, mut cursor, mut page_number) = (Vec::new(), String::new(), 0);
        loop {
            let inventory = &inventories[page_number % inventories.len()];
            page_number += 1;
            let page = inventory.page(&Query::parse(&format!("{query}&cursor={cursor}")).unwrap());
            seen.extend(page.rows.iter().map(|number| identity(inventory, *number)));
            match page.next {
                Some(next) => cursor = next,
                None => break,
            }
        }
        let identities = |inventory: &Inventory| -> Vec<String> {
            let whole = inventory.whole(&Query::default());
            whole.rows.into_iter().map(|number| identity(inventory, number)).collect()
        };
        let all: Vec<_> = inventories.iter().map(identities).collect();
        for row in &all[2] {
            if all.iter().all(|rows| rows.contains(row)) {
                prop_assert_eq!(seen.iter().filter(|seen| *seen == row).count(), 1, "{}", row);
            }
        }
    }
}
