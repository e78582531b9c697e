//! Reads the rows of one page within a bound of memory: three bytes of JSON can be a row or a tag of many more.

use crate::dedup::UniqueKey;
use crate::memory::MAX_PAGE_BYTES;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The rows of one page. Harbor writes some empty lists as `null`.
pub(crate) struct PageRows<T> {
    /// The rows, without those that are empty; none where they are too large.
    pub(crate) rows: Vec<T>,
    /// All rows of the page.
    pub(crate) count: usize,
    /// About the memory of the rows.
    pub(crate) bytes: usize,
}

impl<T> PageRows<T> {
    /// Whether the rows take more than [`MAX_PAGE_BYTES`].
    pub(crate) fn are_too_large(&self) -> bool {
        self.bytes > MAX_PAGE_BYTES
    }
}

impl<'de, T: Deserialize<'de> + UniqueKey> Deserialize<'de> for PageRows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowsVisitor(PhantomData))
    }
}

struct RowsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + UniqueKey> Visitor<'de> for RowsVisitor<T> {
    type Value = PageRows<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<PageRows<T>, E> {
        Ok(PageRows { rows: Vec::new(), count: 0, bytes: 0 })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<PageRows<T>, A::Error> {
        let mut page = PageRows { rows: Vec::new(), count: 0, bytes: 0 };
        while let Some(row) = items.next_element::<T>()? {
            page.count += 1;
            if row.is_empty() {
                continue;
            }
            page.bytes = page.bytes.saturating_add(row.bytes());
            if page.are_too_large() {
                page.rows = Vec::new();
                while items.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
            page.rows.push(row);
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Artifact;

    fn read(text: &str) -> PageRows<Artifact> {
        serde_json::from_str(text).unwrap()
    }

    fn page_of(row: &str, count: usize) -> String {
        format!("[{}]", vec![row; count].join(","))
    }

    #[test]
    fn empty_rows_and_empty_tags_take_no_memory() {
        let page = read(&page_of("{}", 100_000));
        assert_eq!((page.rows.len(), page.count, page.bytes), (0, 100_000, 0));
        let page = read(&format!(r#"[{{"digest":"sha256:1","tags":{}}}]"#, page_of("{}", 1_000_000)));
        assert_eq!(page.rows[0].tags.as_ref().unwrap().capacity(), 0);
        assert!(page.bytes < 1_000);
        assert_eq!(read("null").count, 0);
    }

    #[test]
    fn rows_and_tags_beyond_the_bound_are_not_kept() {
        let tags = page_of(r#"{"name":"t"}"#, 500_000);
        for text in [
            format!(r#"[{{"digest":"sha256:1","tags":{tags}}}]"#),
            page_of(r#"{"digest":"sha256:1"}"#, 500_000),
            format!(r#"[{{"digest":"{}","tags":{}}}]"#, "d".repeat(100_000), page_of(r#"{"name":"t"}"#, 1_000)),
        ] {
            let page = read(&text);
            assert!(page.are_too_large() && page.rows.is_empty());
        }
        let page = read(&page_of(&format!(r#"{{"digest":"sha256:{:064}","tags":[{{"name":"1.0"}}]}}"#, 1), 10_000));
        assert!(!page.are_too_large() && page.rows.len() == 10_000);
    }
}
