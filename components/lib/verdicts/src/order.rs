//! The order of rows. It is total: no two rows have the same key.

use crate::cursor::Cursor;
use crate::digest::DigestText;
use crate::inventory::Inventory;
use crate::query::{Query, Sort};
use crate::row::Row;
use std::cmp::Ordering;

/// A number in the order of the rows, which settles most comparisons. Rows with the same one are compared by their [`Key`]s.
pub(crate) fn rough(inventory: &Inventory, sort: Sort, row: &Row<'_>) -> u64 {
    match sort {
        Sort::Name => u64::from(rank(inventory, row)),
        Sort::Digest => row.digests().next().map_or(u64::MAX, |digest| digest.rough()),
        // Few verdicts and few numbers of nodes: many rows have the same one.
        Sort::Verdict | Sort::Nodes => number(sort, row) << 32 | u64::from(rank(inventory, row)),
        Sort::Size | Sort::Pushed => number(sort, row),
    }
}

fn rank(inventory: &Inventory, row: &Row<'_>) -> u32 {
    row.name().map_or(u32::MAX, |name| inventory.names.rank(name))
}

fn number(sort: Sort, row: &Row<'_>) -> u64 {
    match sort {
        Sort::Name | Sort::Digest => 0,
        Sort::Size => row.bytes(),
        Sort::Nodes => row.node_count(),
        Sort::Pushed => row.artifact().and_then(|artifact| artifact.pushed()).unwrap_or_default(),
        Sort::Verdict => row.verdicts().rank() as u64,
    }
}

/// What rows are compared by, in this order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    /// The size, the number of nodes, and so on, where rows are sorted by these.
    number: u64,
    first_digest: Option<DigestText<'a>>,
    /// The place of the repository among all names; the last one for an image without a name.
    rank: u32,
    tag: Option<&'a str>,
    id: Option<&'a str>,
    digest: Option<DigestText<'a>>,
}

impl<'a> Key<'a> {
    pub(crate) fn of_row(inventory: &Inventory, sort: Sort, row: &Row<'a>) -> Self {
        Self {
            number: number(sort, row),
            first_digest: if sort == Sort::Digest { row.digests().next() } else { None },
            rank: rank(inventory, row),
            tag: row.tag(),
            id: row.image_id(),
            digest: row.own_digest(),
        }
    }

    pub(crate) fn of_cursor(inventory: &Inventory, cursor: &'a Cursor) -> Self {
        let digest = |text: &'a Option<String>| DigestText::read(text.as_deref()?);
        Self {
            number: cursor.number,
            first_digest: digest(&cursor.first_digest),
            rank: cursor.name.as_deref().map_or(u32::MAX, |name| inventory.names.rank_of(name)),
            tag: cursor.tag.as_deref(),
            id: cursor.id.as_deref(),
            digest: digest(&cursor.digest),
        }
    }

    /// The cursor of this row.
    pub(crate) fn cursor(&self, query: &Query, row: &Row<'_>) -> Cursor {
        let mut cursor = Cursor::new(query.hash());
        cursor.number = self.number;
        cursor.first_digest = self.first_digest.map(|digest| digest.to_string());
        cursor.name = row.repository().map(str::to_owned);
        cursor.tag = self.tag.map(str::to_owned);
        cursor.id = self.id.map(str::to_owned);
        cursor.digest = self.digest.map(|digest| digest.to_string());
        cursor
    }

    /// What is missing comes last.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let Self { number, first_digest, rank, tag, id, digest } = self;
        number
            .cmp(&other.number)
            .then_with(|| last(first_digest).cmp(&last(&other.first_digest)))
            .then_with(|| rank.cmp(&other.rank))
            .then_with(|| last(tag).cmp(&last(&other.tag)))
            .then_with(|| last(id).cmp(&last(&other.id)))
            .then_with(|| last(digest).cmp(&last(&other.digest)))
    }
}

fn last<T: Copy>(part: &Option<T>) -> (bool, Option<T>) {
    (part.is_none(), *part)
}
